/* cmd_judge.c - `drgen judge`: how near songs of the built-in model's kind come to what their words ask for. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "cli/read_text.h"
#include "drgen.h"
#include "weights_tools/stop.h"

typedef struct {
    const char *input, *model, *prompt, *lyrics;
    int held_out, seen, listen, frames, steps, threads;
    double cfg, sway, length, bpm;
    uint64_t seed;
    int composer, bars, json, quiet, help;
    progress p;
    opts parsed;
} command;

#define AT(member) offsetof(command, member)

static const opt table[] = {
    {.kind = OPT_GROUP, .help = "One song:"},
    {"prompt", NULL, 'p', OPT_TEXT, AT(prompt), 0, 0, "TEXT", "the prompt it was made from; its keywords count"},
    {"lyrics", NULL, 'l', OPT_TEXT, AT(lyrics), 0, 0, "FILE", "its lyrics (default: none); - reads standard input"},
    {"length", NULL, 0, OPT_REAL, AT(length), 1, 3600, "SECONDS", "it was made with (default: that of its latents)"},
    {"bpm", NULL, 0, OPT_REAL, AT(bpm), 30, 300, "N", "plain lyrics were timed with"},
    {.kind = OPT_GROUP, .help = "The model; N songs of random keywords and lyrics:"},
    {"held-out", NULL, 0, OPT_INT, AT(held_out), 1, 100000, "N", "of pairs of genre and mood that training never saw"},
    {"seen", NULL, 0, OPT_INT, AT(seen), 1, 100000, "N", "of pairs that it saw"},
    {"listen", NULL, 0, OPT_INT, AT(listen), 1, 100000, "N",
     "of any keywords; decoded, and their tempo and drums found\n"
     "from the sound alone (16 steps unless --steps says otherwise)"},
    {"composer", NULL, 0, OPT_FLAG, AT(composer), 0, 0, NULL, "the songs the model learns from instead: the best possible"},
    {"frames", NULL, 0, OPT_INT, AT(frames), 1, 1 << 20, "N", "length in frames of 46 ms (default: 512)"},
    {"steps", NULL, 0, OPT_INT, AT(steps), 2, 1000, "N", "points on the time grid (default: 32)"},
    {"cfg", NULL, 0, OPT_REAL, AT(cfg), 0, 100, "X", "strength of the guidance (default: 1)"},
    {"sway", NULL, 0, OPT_REAL, AT(sway), -1, 1, "X", "default: -1"},
    {"seed", NULL, 0, OPT_SEED, AT(seed), 0, 4294967295.0, "N", "of keywords, lyrics and noise (default: 7)"},
    {.kind = OPT_GROUP, .help = "How:"},
    {"bars", NULL, 0, OPT_FLAG, AT(bars), 0, 0, NULL, "exit with 3 when a bar is missed"},
    {"json", NULL, 0, OPT_FLAG, AT(json), 0, 0, NULL, "the scores as JSON"},
    {"model", NULL, 'm', OPT_TEXT, AT(model), 0, 0, "DIR", "model folder (default: the one built in)"},
    {"threads", NULL, 't', OPT_INT, AT(threads), 0, 256, "N", "default: one per core"},
    {"quiet", NULL, 'q', OPT_FLAG, AT(quiet), 0, 0, NULL, "nothing on standard error but errors"},
    {"help", NULL, 'h', OPT_FLAG, AT(help), 0, 0, NULL, "this text"},
};

enum { MISSED_BAR = 3 };

static int fail(command *c, int code, const char *message)
{
    progress_clear(&c->p);
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

static int on_progress(drgen_phase phase, int done, int total, void *user)
{
    command *c = user;
    progress_update(&c->p, phase, done, total);
    return stop_asked();
}

static void on_log(int level, const char *line, void *user)
{
    command *c = user;
    if (level == DRGEN_LOG_WARNING) progress_say(&c->p, "%s", line);
}

/* ---- the result */

static void print_bar(const drgen_score *s)
{
    char bar[32];
    if (!isfinite(s->most)) snprintf(bar, sizeof bar, ">= %g", s->least);
    else if (!isfinite(s->least)) snprintf(bar, sizeof bar, "<= %g", s->most);
    else snprintf(bar, sizeof bar, "%g..%g", s->least, s->most);
    printf("  %-10s %s", bar, s->missed ? "miss" : "ok");
}

static void print_table(const drgen_judgement *j)
{
    int bars = 0;
    for (int i = 0; i < DRGEN_SCORES; i++) {
        const drgen_score *s = &j->score[i];
        if (isnan(s->value)) continue;
        printf("%-12s %7.3f", s->name, s->value);
        if (s->barred) print_bar(s);
        bars += s->barred;
        putchar('\n');
    }
    printf("%d song%s, %d of %d bars missed\n", j->songs, j->songs == 1 ? "" : "s", j->missed, bars);
}

static void print_number(const char *key, double v)
{
    if (isfinite(v)) printf(",\"%s\":%.9g", key, v);
}

static void print_json(const drgen_judgement *j)
{
    printf("{\"songs\":%d,\"missed\":%d,\"scores\":{", j->songs, j->missed);
    for (int i = 0; i < DRGEN_SCORES; i++) {
        const drgen_score *s = &j->score[i];
        printf("%s\"%s\":{\"value\":", i ? "," : "", s->name);
        if (isnan(s->value)) printf("null");
        else printf("%.9g", s->value);
        print_number("least", s->least);
        print_number("most", s->most);
        if (s->barred && !isnan(s->value)) printf(",\"ok\":%s", s->missed ? "false" : "true");
        putchar('}');
    }
    puts("}}");
}

/* ---- one song */

static drgen_status read_sound(command *c, drgen *g, drgen_latents *out, drgen_err *err)
{
    drgen_audio audio = {0};
    drgen_encoding how = drgen_encoding_default();
    how.mean = 1;
    how.progress = on_progress;
    how.progress_user = c;
    drgen_status status = drgen_audio_read(c->input, &audio, err);
    if (status == DRGEN_OK) status = drgen_encode(g, &audio, &how, out, err);
    drgen_audio_free(&audio);
    return status;
}

static int is_latents(const char *path)
{
    size_t n = strlen(path), tail = strlen(".safetensors");
    return n >= tail && strcmp(path + n - tail, ".safetensors") == 0;
}

static drgen_status judge_song(command *c, drgen *g, const char *lyrics, drgen_judgement *out, drgen_err *err)
{
    drgen_latents latents = {0};
    drgen_song song = drgen_song_default();
    song.prompt = c->prompt;
    song.lyrics = lyrics;
    song.seconds = c->length;
    song.bpm = c->bpm;
    drgen_status status =
        is_latents(c->input) ? drgen_latents_read(c->input, &latents, err) : read_sound(c, g, &latents, err);
    if (status == DRGEN_OK) status = drgen_judge(g, &latents, &song, out, err);
    drgen_latents_free(&latents);
    return status;
}

/* ---- the model */

static drgen_status judge_model(command *c, drgen *g, drgen_judgement *out, drgen_err *err)
{
    drgen_judging how = drgen_judging_default();
    how.songs = c->held_out + c->seen + c->listen; /* one of the three */
    how.pairs = c->held_out ? DRGEN_PAIRS_HELD_OUT : c->seen ? DRGEN_PAIRS_SEEN : DRGEN_PAIRS_ANY;
    how.listen = c->listen > 0;
    how.composer = c->composer;
    how.frames = c->frames;
    how.steps = c->listen && !opts_given(&c->parsed, "steps") ? 16 : c->steps;
    how.guidance = (float)c->cfg;
    how.sway = (float)c->sway;
    how.seed = c->seed;
    how.progress = on_progress;
    how.progress_user = c;
    return drgen_judge_model(g, &how, out, err);
}

static const char *conflict(const command *c)
{
    int modes = (c->held_out > 0) + (c->seen > 0) + (c->listen > 0);
    if (modes > 1) return "judge: --held-out, --seen and --listen exclude each other";
    if (!modes && !c->input) return "judge: a song, or one of --held-out, --seen and --listen; see drgen judge --help";
    if (modes && c->input) return "judge: a song and --held-out, --seen or --listen exclude each other";
    if (c->input && !c->prompt) return "judge: the song's prompt is missing; give it with -p";
    if (c->input && c->composer) return "judge: --composer belongs to --held-out, --seen and --listen";
    if (modes && (c->prompt || c->lyrics)) return "judge: --prompt and --lyrics belong to a song";
    return NULL;
}

static int judge(command *c)
{
    char message[512], *lyrics = NULL;
    drgen_err err = {0};
    drgen_judgement result;
    drgen_config config = drgen_config_default();
    config.model_dir = c->model;
    config.threads = c->threads;
    config.log = on_log;
    config.log_user = c;
    if (c->lyrics && !(lyrics = read_text(c->lyrics, message, sizeof message))) return fail(c, 1, message);
    drgen *g = drgen_open(&config, &err);
    drgen_status status = !g ? err.code : DRGEN_OK;
    if (g) status = c->input ? judge_song(c, g, lyrics, &result, &err) : judge_model(c, g, &result, &err);
    drgen_close(g);
    free(lyrics);
    if (stop_asked()) return fail(c, 128 + stop_asked(), "stopped");
    if (status != DRGEN_OK) return fail(c, 1, err.message);
    progress_clear(&c->p);
    if (c->json) print_json(&result);
    else print_table(&result);
    if (fflush(stdout) != 0) return fail(c, 1, "standard output: write failed");
    return c->bars && result.missed ? MISSED_BAR : 0;
}

int cmd_judge(int argc, char **argv)
{
    const drgen_judging usual = drgen_judging_default();
    command c = {.p = progress_init(PROGRESS_HUMAN), .frames = usual.frames, .steps = usual.steps, .seed = usual.seed};
    c.cfg = (double)usual.guidance;
    c.sway = (double)usual.sway;
    c.parsed = (opts){.table = table, .count = sizeof table / sizeof table[0], .word = &c.input};
    if (opts_parse(&c.parsed, argc, argv, &c) != 0) return fail(&c, 2, c.parsed.message);
    if (c.help) {
        fputs("usage: drgen judge SONG -p TEXT [-l FILE] [options]\n"
              "       drgen judge (--held-out | --seen | --listen) N [options]\n\n"
              "Scores songs by what their keywords and lyrics ask for; for models of the built-in one's\n"
              "kind. SONG: latents (drgen generate --latents, drgen encode), or a sound, which is encoded first.\n"
              "Scores that do not apply are left out.\n",
              stdout);
        opts_help(&c.parsed, stdout);
        return 0;
    }
    const char *why = conflict(&c);
    if (why) return fail(&c, 2, why);
    c.p.mode = c.quiet ? PROGRESS_QUIET : PROGRESS_HUMAN;
    stop_on_signals();
    return judge(&c);
}
