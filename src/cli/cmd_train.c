/* cmd_train.c - `drgen train lora|full`: an adapter or a whole model from prepared songs. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "drgen.h"
#include "weights_tools/stop.h"

typedef struct {
    const char *dataset, *output, *model, *init, *schedule, *modules;
    double epochs, rate, decay, clip, ema, alpha, dropout, drop_cond, drop_text, drop_style, keep;
    int updates, batch, accumulate, frames, warmup, rank, held, validate, save;
    int metronome, counted, keep_text, longest;
    double long_songs;
    int resume, span, half, threads, quiet;
    uint64_t seed;
    progress p;
    double shown_at;
} command;

static const opt table[] = {
    {"output", NULL, 'o', OPT_TEXT, offsetof(command, output), 0, 0, "DIR",
     "lora: the adapter; full: a model folder. Its folder training/ has what\n--resume needs, loss.csv and loss.png"},
    {"model", NULL, 'm', OPT_TEXT, offsetof(command, model), 0, 0, "DIR",
     "model to begin from (default: the one inside the program)"},
    {"init", NULL, 0, OPT_TEXT, offsetof(command, init), 0, 0, "FILE",
     "full: begin from nothing, with the sizes in this JSON file\n(\"dim\", \"depth\"... as \"dit\" in a model.json)"},
    {"resume", NULL, 'r', OPT_FLAG, offsetof(command, resume), 0, 0, NULL, "go on where a training into DIR stopped"},
    {.kind = OPT_GROUP, .help = "How long:"},
    {"updates", "steps", 'n', OPT_INT, offsetof(command, updates), 1, 1e8, "N", "steps of the optimiser"},
    {"epochs", NULL, 0, OPT_REAL, offsetof(command, epochs), 0, 1e6, "X",
     "or passes over the songs (lora 10, full 110)"},
    {"batch", NULL, 0, OPT_INT, offsetof(command, batch), 1, 4096, "N", "songs at once (1; 4)"},
    {"accumulate", NULL, 0, OPT_INT, offsetof(command, accumulate), 1, 4096, "N", "batches an update (8; 2)"},
    {"frames", NULL, 0, OPT_INT, offsetof(command, frames), 1, 65536, "N",
     "length of a crop, 21.5 frames a second (default: the longest song's,\nat most 2048); 512 takes a fifth of the "
     "time of 2048"},
    {.kind = OPT_GROUP, .help = "Optimiser:"},
    {"rate", "lr", 0, OPT_REAL, offsetof(command, rate), 0, 10, "X", "learning rate at its highest (1e-4; 7.5e-5)"},
    {"schedule", NULL, 0, OPT_TEXT, offsetof(command, schedule), 0, 0, "NAME",
     "constant, linear, cosine, late: linear over the second half\n(cosine; linear; late)"},
    {"warmup", NULL, 0, OPT_INT, offsetof(command, warmup), -1, 1e8, "N",
     "updates over which the rate rises (a tenth; 20)"},
    {"decay", NULL, 0, OPT_REAL, offsetof(command, decay), 0, 1, "X", "weight decay (0.01)"},
    {"clip", NULL, 0, OPT_REAL, offsetof(command, clip), 0, 1e9, "X", "largest norm of a gradient, 0: any (1)"},
    {"ema", NULL, 0, OPT_REAL, offsetof(command, ema), 0, 0.999999, "X",
     "decay of the averaged weights, 0: none (0; 0.9999)"},
    {"seed", NULL, 0, OPT_SEED, offsetof(command, seed), 0, 4294967295.0, "N", "of everything that is drawn (42)"},
    {.kind = OPT_GROUP, .help = "The composer (train nano):"},
    {"metronome", NULL, 0, OPT_INT, offsetof(command, metronome), 0, 1e8, "N",
     "with --init or --counted: updates in which the text encoder learns to count (2500)"},
    {"counted", NULL, 0, OPT_INT, offsetof(command, counted), 0, 6144, "FRAMES",
     "without --init: as far as the model keeps the beat; it learns to count on\nfrom there (0: no such lesson)"},
    {"keep-text", NULL, 0, OPT_FLAG, offsetof(command, keep_text), 0, 0, NULL,
     "the text encoder stays as it is after that: what it counts that is longer\nthan the songs is not unlearned"},
    {"long-songs", NULL, 0, OPT_REAL, offsetof(command, long_songs), 0, 1, "X",
     "share of updates on songs of two, four... times --frames (0)"},
    {"longest", NULL, 0, OPT_INT, offsetof(command, longest), 1, 16, "N",
     "the most times: a power of two (4)"},
    {.kind = OPT_GROUP, .help = "Adapter:"},
    {"rank", NULL, 0, OPT_INT, offsetof(command, rank), 1, 1024, "N", "of its matrices (8)"},
    {"alpha", NULL, 0, OPT_REAL, offsetof(command, alpha), 1e-3, 1e6, "X", "its product counts alpha / rank (16)"},
    {"dropout", NULL, 0, OPT_REAL, offsetof(command, dropout), 0, 0.9, "X", "share of inputs hidden from it (0.05)"},
    {"modules", NULL, 0, OPT_TEXT, offsetof(command, modules), 0, 0, "LIST",
     "q, k, v, o, gate, up, down with commas; attention; all (attention)"},
    {.kind = OPT_GROUP, .help = "What is learned:"},
    {"span", NULL, 0, OPT_FLAG, offsetof(command, span), 0, 0, NULL,
     "learn to fill gaps, for editing (the paper's form)"},
    {"drop-cond", NULL, 0, OPT_REAL, offsetof(command, drop_cond), 0, 1, "X",
     "batches without the sound around a gap (0.3)"},
    {"drop-text", NULL, 0, OPT_REAL, offsetof(command, drop_text), 0, 1, "X", "batches without lyrics (0.1)"},
    {"drop-style", NULL, 0, OPT_REAL, offsetof(command, drop_style), 0, 1, "X", "batches without style (0.1)"},
    {"held", NULL, 0, OPT_INT, offsetof(command, held), 0, 60000, "N",
     "the dataset's last songs, kept back for validation (0: none)"},
    {"validate", NULL, 0, OPT_INT, offsetof(command, validate), 0, 1e8, "N",
     "every so many updates, 0: at the end (50)"},
    {"save", NULL, 0, OPT_INT, offsetof(command, save), 0, 1e8, "N",
     "state and result every so many updates, 0: at the end (50)"},
    {"half", NULL, 0, OPT_FLAG, offsetof(command, half), 0, 0, NULL, "full: write half-precision weights"},
    {.kind = OPT_GROUP, .help = "The machine:"},
    {"threads", NULL, 't', OPT_INT, offsetof(command, threads), 0, 256, "N", "default: one per core"},
    {"keep", NULL, 0, OPT_REAL, offsetof(command, keep), 0, 1e6, "GIB",
     "memory for activations; what needs more makes them again, a third slower (1.5)"},
    {"quiet", NULL, 'q', OPT_FLAG, offsetof(command, quiet), 0, 0, NULL, "no progress"},
};

static const char usage[] = "usage: drgen train lora DATASET -o ADAPTER [options]\n"
                            "       drgen train full DATASET -o MODEL [--init sizes.json] [options]\n"
                            "       drgen train nano -o MODEL [--init sizes.json] [options]\n\n"
                            "Trains on songs that `drgen prepare` made. lora: a small adapter beside a model's "
                            "weights, for a style, a voice or a\n"
                            "few songs. full: all weights, of the model or of a new one. nano: the same on songs of "
                            "the composer that the model\ninside the program was trained with. Stop it at any time (Ctrl-C) "
                            "and go on with --resume: the\n"
                            "result is the same to the last bit, for any number of threads.\n"
                            "Defaults in brackets: of lora, then of full, then of nano, where they differ.\n\n";

static int fail(int code, const char *message)
{
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

static void duration(char out[32], double s)
{
    if (s < 120) snprintf(out, 32, "%.0f s", s);
    else if (s < 7200) snprintf(out, 32, "%.0f min", s / 60);
    else if (s < 172800) snprintf(out, 32, "%.1f h", s / 3600);
    else snprintf(out, 32, "%.1f days", s / 86400);
}

static void show(command *c, const drgen_train_step *s)
{
    char left[32], pace[32];
    duration(left, s->left);
    if (!isnan(s->metronome)) {
        progress_say(&c->p, "metronome, update %ld of %ld: %.4f of the variance missed", s->metronome_done, s->total,
                     s->metronome);
        return;
    }
    if (isnan(s->loss)) {
        snprintf(pace, sizeof pace, s->seconds < 10 ? "%.2f s" : "%.0f s", s->seconds);
        progress_say(&c->p, "%.3g million numbers to train, %.2f GiB; %ld of %ld updates done",
                     (double)s->trained * 1e-6, (double)s->memory / (1 << 30), s->done, s->total);
        if (s->done < s->total)
            progress_say(&c->p, "about %s an update (%.0f GFLOP/s), %s in all", pace, s->gflop / fmax(s->seconds, 1e-9),
                         left);
        return;
    }
    int line = !isnan(s->validation) || s->done == s->total || (!c->p.terminal && progress_now() - c->shown_at > 10);
    if (line) {
        char validation[128] = "";
        int n = isnan(s->validation) ? 0 : snprintf(validation, sizeof validation, ", validation %.4f", s->validation);
        if (n && !isnan(s->early[0]))
            snprintf(validation + n, sizeof validation - (size_t)n, ", at times 0 .1 .2 .4: %.3f %.3f %.3f %.3f", s->early[0],
                     s->early[1], s->early[2], s->early[3]);
        progress_say(&c->p, "update %ld of %ld: loss %.4f%s, rate %.3g, gradient %.3g, %.2f s, %s left", s->done,
                     s->total, s->loss, validation, s->rate, s->norm, s->seconds, left);
        c->shown_at = progress_now();
    } else if (c->p.terminal && progress_now() - c->shown_at > 0.1) {
        fprintf(stderr, "\rupdate %ld of %ld: loss %.4f, rate %.3g, %s left\033[K", s->done, s->total, s->loss, s->rate,
                left);
        c->p.shown = 1;
        c->shown_at = progress_now();
    }
}

static int on_step(const drgen_train_step *s, void *user)
{
    command *c = user;
    if (s->news && !c->quiet) show(c, s);
    return stop_asked();
}

static int read_schedule(const char *name, int *out)
{
    static const char *const names[] = {"constant", "linear", "cosine", "late", NULL};
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0) return *out = i, 1;
    return 0;
}

static void defaults(command *c, const drgen_training *t)
{
    *c = (command){.epochs = t->epochs,
                   .batch = t->batch,
                   .accumulate = t->accumulate,
                   .rate = t->rate,
                   .warmup = (int)t->warmup,
                   .decay = t->decay,
                   .clip = t->clip,
                   .ema = t->ema,
                   .alpha = t->alpha,
                   .dropout = t->dropout,
                   .modules = t->modules,
                   .rank = t->rank,
                   .metronome = (int)t->metronome,
                   .long_songs = t->long_songs,
                   .longest = t->longest,
                   .updates = (int)t->updates,
                   .frames = t->frames,
                   .half = t->half,
                   .drop_cond = t->drop_cond,
                   .drop_text = t->drop_text,
                   .drop_style = t->drop_style,
                   .validate = (int)t->validate_every,
                   .save = (int)t->save_every,
                   .seed = t->seed,
                   .keep = (double)t->keep_memory / (1 << 30)};
}

static void apply(const command *c, drgen_training *t)
{
    t->dataset = c->dataset;
    t->output = c->output;
    t->init = c->init;
    t->resume = c->resume;
    t->updates = c->updates;
    t->epochs = c->epochs;
    t->batch = c->batch;
    t->accumulate = c->accumulate;
    t->frames = c->frames;
    t->rate = c->rate;
    t->warmup = c->warmup;
    t->decay = c->decay;
    t->clip = c->clip;
    t->ema = c->ema;
    t->rank = c->rank;
    t->alpha = c->alpha;
    t->dropout = c->dropout;
    t->modules = c->modules;
    t->span = c->span;
    t->drop_cond = c->drop_cond;
    t->drop_text = c->drop_text;
    t->drop_style = c->drop_style;
    t->held = c->held;
    t->validate_every = c->validate;
    t->save_every = c->save;
    t->half = c->half;
    t->metronome = c->metronome;
    t->counted = c->counted;
    t->longest = c->longest;
    t->keep_text = c->keep_text;
    t->long_songs = c->long_songs;
    t->seed = c->seed;
    t->keep_memory = (size_t)(c->keep * (1 << 30));
}

static int run(command *c, drgen_training *t)
{
    drgen_err err = {0};
    drgen_config config = drgen_config_default();
    config.model_dir = c->model;
    config.threads = c->threads;
    drgen *g = drgen_open(&config, &err);
    if (!g) return fail(1, err.message);
    apply(c, t);
    t->progress = on_step;
    t->progress_user = c;
    stop_on_signals();
    drgen_status status = drgen_train(g, t, &err);
    progress_clear(&c->p);
    drgen_close(g);
    if (status == DRGEN_ERR_CANCELLED) {
        fprintf(stderr, "drgen: stopped; go on with the same command and --resume\n");
        return 128 + stop_asked();
    }
    if (status != DRGEN_OK) return fail(1, err.message);
    puts(c->output);
    return 0;
}

int cmd_train(int argc, char **argv)
{
    static const char *const kinds[] = {"lora", "full", "nano"};
    int kind = 3;
    while (kind-- > 0 && !(argc > 1 && strcmp(argv[1], kinds[kind]) == 0)) {}
    int known = kind >= 0, full = kind > 0, composed = kind == 2;
    drgen_training t = drgen_training_default(known ? kind : 0);
    command c;
    defaults(&c, &t);
    opts o = {.table = table, .count = sizeof table / sizeof table[0], .word = &c.dataset};
    int skip = known ? 1 : 0;
    if (opts_parse(&o, argc - skip, argv + skip, &c) != 0) return fail(2, o.message);
    if (o.help) {
        fputs(usage, stdout);
        opts_help(&o, stdout);
        return 0;
    }
    if (!known)
        return fail(2, "train what? `drgen train lora DATASET -o ADAPTER`, `drgen train full DATASET -o MODEL` or `drgen train nano -o MODEL`");
    if (composed && c.dataset) return fail(2, "train nano takes no dataset: its songs are made as it learns");
    if (!c.dataset && !composed) return fail(2, "a dataset is needed: a folder made by `drgen prepare`");
    if (!c.output) return fail(2, "an output folder is needed: -o DIR");
    if (c.schedule && !read_schedule(c.schedule, &t.schedule)) return fail(2, "--schedule: constant, linear, cosine or late");
    if (opts_given(&o, "init") && !full) return fail(2, "--init is for `drgen train full`");
    if (c.epochs > 0 && opts_given(&o, "epochs") && c.updates)
        return fail(2, "--updates and --epochs exclude each other");
    c.p = progress_init(c.quiet ? PROGRESS_QUIET : PROGRESS_HUMAN);
    return run(&c, &t);
}
