/* cmd_latents.c - `drgen encode` and `drgen decode`: sounds to latents and back. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "drgen.h"
#include "weights_tools/prepared_pt.h"
#include "weights_tools/stop.h"

typedef struct {
    const char *input, *output, *model;
    uint64_t seed;
    int mean, chunked, threads, quiet, help, bits;
    progress p;
    opts parsed;
} command;

static const opt encode_table[] = {
    {"output", NULL, 'o', OPT_TEXT, offsetof(command, output), 0, 0, "FILE", "latents to write (.safetensors)"},
    {"mean", NULL, 0, OPT_FLAG, offsetof(command, mean), 0, 0, NULL,
     "the mean instead of a random draw: nearest to the sound"},
    {"seed", NULL, 0, OPT_SEED, offsetof(command, seed), 0, 4294967295.0, "N",
     "of the draw (default 0); the same numbers as torch"},
    {"chunked", NULL, 0, OPT_FLAG, offsetof(command, chunked), 0, 0, NULL,
     "encode windows of 128 frames one by one, as the original does when it prepares songs"},
    {"model", NULL, 'm', OPT_TEXT, offsetof(command, model), 0, 0, "DIR", "model folder (default: the one built in)"},
    {"threads", NULL, 't', OPT_INT, offsetof(command, threads), 0, 256, "N", "default: one per core"},
    {"quiet", NULL, 'q', OPT_FLAG, offsetof(command, quiet), 0, 0, NULL, "nothing on standard error but errors"},
    {"help", NULL, 'h', OPT_FLAG, offsetof(command, help), 0, 0, NULL, "this text"},
};

static const opt decode_table[] = {
    {"output", NULL, 'o', OPT_TEXT, offsetof(command, output), 0, 0, "FILE",
     "sound to write: .wav .flac .ogg .opus .mp3"},
    {"bits", NULL, 0, OPT_INT, offsetof(command, bits), 16, 32, "N",
     "of WAV and FLAC: 16, 24; in WAV 32, floats at their own level"},
    {"seed", NULL, 0, OPT_SEED, offsetof(command, seed), 0, 4294967295.0, "N",
     "draw the latents anew from their mean and scale"},
    {"model", NULL, 'm', OPT_TEXT, offsetof(command, model), 0, 0, "DIR", "model folder (default: the one built in)"},
    {"threads", NULL, 't', OPT_INT, offsetof(command, threads), 0, 256, "N", "default: one per core"},
    {"quiet", NULL, 'q', OPT_FLAG, offsetof(command, quiet), 0, 0, NULL, "nothing on standard error but errors"},
    {"help", NULL, 'h', OPT_FLAG, offsetof(command, help), 0, 0, NULL, "this text"},
};

static const char encode_usage[] =
    "usage: drgen encode SOUND -o latents.safetensors\n\n"
    "Turns a sound into what songs are made of: latents, 64 numbers for every 2048 samples. Any format,\n"
    "rate and channels: it is brought to 44.1 kHz, mono is doubled. `drgen decode` turns them back.\n"
    "The file holds the tensors \"latent\", and \"mean\" and \"scale\", which it was drawn from.\n";
static const char decode_usage[] =
    "usage: drgen decode LATENTS -o song.wav\n\n"
    "Turns latents back into sound: a file of `drgen encode`, a song of a dataset (`drgen prepare`), or a\n"
    "latent.pt of the original. Louder than full scale is turned down to it, except in 32-bit WAV.\n";

static int fail(command *c, int code, const char *message)
{
    progress_clear(&c->p);
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

/* A failure about the input: its name in front, where the message does not begin with it. */
static int fail_input(command *c, const drgen_err *err)
{
    int stopped = stop_asked();
    if (stopped) return fail(c, 128 + stopped, "stopped; nothing was written");
    char message[sizeof err->message + 512];
    if (strncmp(err->message, "sound:", 6) != 0 && strncmp(err->message, "latents:", 8) != 0)
        return fail(c, 1, err->message);
    snprintf(message, sizeof message, "%.500s: %s", c->input, strchr(err->message, ':') + 2);
    return fail(c, 1, message);
}

static int on_progress(drgen_phase phase, int done, int total, void *user)
{
    command *c = user;
    progress_update(&c->p, phase, done, total);
    return stop_asked();
}

static drgen *open_model(command *c, drgen_err *err)
{
    drgen_config config = drgen_config_default();
    config.model_dir = c->model;
    config.threads = c->threads;
    drgen *g = drgen_open(&config, err);
    if (g && !c->quiet && drgen_get_info(g).model_note[0]) progress_say(&c->p, "%s", drgen_get_info(g).model_note);
    return g;
}

static int encode(command *c, drgen *g)
{
    drgen_err err = {0};
    drgen_audio audio = {0};
    drgen_latents latents = {0};
    drgen_encoding how = drgen_encoding_default();
    how.mean = c->mean;
    how.seed = c->seed;
    how.chunked = c->chunked;
    how.progress = on_progress;
    how.progress_user = c;
    drgen_status status = drgen_audio_read(c->input, &audio, &err);
    if (status == DRGEN_OK && audio.sample_rate != 44100)
        progress_say(&c->p, "%s: resampled from %d to 44100 Hz", c->input, audio.sample_rate);
    if (status == DRGEN_OK) status = drgen_encode(g, &audio, &how, &latents, &err);
    drgen_audio_free(&audio);
    if (status == DRGEN_OK) status = drgen_latents_write(&latents, c->output, &err);
    progress_clear(&c->p);
    if (status == DRGEN_OK) {
        progress_say(&c->p, "%zu frames of %d, %.2f s", latents.frames, latents.width,
                     (double)latents.samples / latents.rate);
        printf("%s\n", c->output);
    }
    drgen_latents_free(&latents);
    return status == DRGEN_OK ? 0 : fail_input(c, &err);
}

static int ends_with(const char *text, const char *tail)
{
    size_t a = strlen(text), b = strlen(tail);
    return a >= b && strcmp(text + a - b, tail) == 0;
}

static drgen_status read_latents(const char *path, drgen_latents *out, drgen_err *err)
{
    prepared_floats f;
    if (!ends_with(path, ".pt")) return drgen_latents_read(path, out, err);
    drgen_status status = prepared_latent(path, &f, err);
    if (status == DRGEN_OK)
        *out = (drgen_latents){.latent = f.data,
                               .frames = f.rows,
                               .samples = f.rows * 2048,
                               .width = (int)f.cols,
                               .hop = 2048,
                               .rate = 44100};
    return status;
}

/* Files of whole numbers hold nothing above full scale. */
static void turn_down(command *c, drgen_audio *a)
{
    float peak = 0;
    size_t count = a->frames * (size_t)a->channels;
    for (size_t i = 0; i < count; i++) peak = fmaxf(peak, fabsf(a->samples[i]));
    if (peak <= 1.0f || c->bits == 32) return;
    progress_say(&c->p, "peak %.3f: turned down by %.2f dB", (double)peak, 20 * log10((double)peak));
    for (size_t i = 0; i < count; i++) a->samples[i] /= peak;
}

static int decode(command *c, drgen *g)
{
    drgen_err err = {0};
    drgen_audio audio = {0};
    drgen_latents latents = {0};
    drgen_save how = drgen_save_default();
    how.bits = c->bits;
    int rate = ends_with(c->output, ".opus") ? 48000 : 44100;
    drgen_status status = drgen_save_check(c->output, 2, rate, &how, &err);
    if (status == DRGEN_OK) status = read_latents(c->input, &latents, &err);
    if (status == DRGEN_OK && opts_given(&c->parsed, "seed")) status = drgen_latents_draw(&latents, c->seed, &err);
    if (status == DRGEN_OK) status = drgen_decode(g, &latents, on_progress, c, &audio, &err);
    if (status == DRGEN_OK && rate != audio.sample_rate) status = drgen_resample(&audio, rate, &err);
    progress_clear(&c->p);
    if (status == DRGEN_OK) turn_down(c, &audio);
    if (status == DRGEN_OK) status = drgen_audio_save(&audio, c->output, &how, &err);
    if (status == DRGEN_OK) printf("%s\n", c->output);
    drgen_audio_free(&audio);
    drgen_latents_free(&latents);
    return status == DRGEN_OK ? 0 : fail_input(c, &err);
}

static int run(int argc, char **argv, const opt *table, size_t count, const char *usage,
               int (*work)(command *, drgen *))
{
    command c = {.p = progress_init(PROGRESS_HUMAN)};
    drgen_err err = {0};
    char message[160];
    c.parsed = (opts){.table = table, .count = count, .word = &c.input};
    if (opts_parse(&c.parsed, argc, argv, &c) != 0) return fail(&c, 2, c.parsed.message);
    if (c.help) {
        fputs(usage, stdout);
        opts_help(&c.parsed, stdout);
        return 0;
    }
    if (!c.input || !c.output) {
        snprintf(message, sizeof message, "%s: %s; see drgen %s --help", argv[0],
                 c.input ? "-o FILE is missing" : "what to read is missing", argv[0]);
        return fail(&c, 2, message);
    }
    c.p.mode = c.quiet ? PROGRESS_QUIET : PROGRESS_HUMAN;
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then a failed write like any other */
    stop_on_signals();
    drgen *g = open_model(&c, &err);
    int code = g ? work(&c, g) : fail(&c, 1, err.message);
    drgen_close(g);
    return fflush(stdout) != 0 && !code ? fail(&c, 1, "standard output: write failed") : code;
}

int cmd_encode(int argc, char **argv)
{
    return run(argc, argv, encode_table, sizeof encode_table / sizeof encode_table[0], encode_usage, encode);
}

int cmd_decode(int argc, char **argv)
{
    return run(argc, argv, decode_table, sizeof decode_table / sizeof decode_table[0], decode_usage, decode);
}
