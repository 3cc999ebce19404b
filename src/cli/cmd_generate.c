/* cmd_generate.c - `drgen generate`: options in, drgen.h in the middle, a sound file out. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/adapters.h"
#include "cli/cmd.h"
#include "cli/delivery.h"
#include "cli/generate_opts.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "cli/read_text.h"
#include "cli/recipe_in.h"
#include "cli/report.h"
#include "cli/style_list.h"
#include "drgen.h"

/* The signal that asked to stop, 0 before. Signal handlers can only reach statics. */
static volatile sig_atomic_t stop_signal;

typedef struct {
    generate_opts o;
    progress p;
    memory_use memory;
    double memory_at;
    char *held;       /* warnings so far, one a line: shown when the song begins, dropped when it cannot */
    size_t held_size;
    drgen *g;
    char *lyrics;
    drgen_recipe *recipe; /* or NULL */
    style_list styles;
    char prompt[1024]; /* from keywords */
    char path[4096];  /* of the result */
    int announced;
    int mastered;            /* 1: a mastering follows */
    drgen_mastering set;
    drgen_master_report done;
    drgen_qc qc;
} session;

enum { MADE_AT = 44100 }; /* Hz */

static void on_signal(int number)
{
    if (stop_signal) _exit(128 + number); /* asked twice; nothing is half written, see write_song */
    stop_signal = number;
}

static int fail(session *s, int code, const char *message)
{
    progress_clear(&s->p);
    fprintf(stderr, "drgen: %s\n", message);
    if (s->p.mode == PROGRESS_JSON) {
        fputs("{\"event\":\"error\",\"message\":", stdout);
        progress_json_text(message);
        fputs("}\n", stdout);
    }
    return code;
}

static drgen_save save_settings(const session *s)
{
    const generate_opts *o = &s->o;
    drgen_save how = drgen_save_default();
    how.bits = o->bits;
    how.quality = o->quality;
    how.truncate = !s->mastered; /* nothing has dithered the song: the original's rounding */
    how.title = o->title;
    how.artist = o->artist;
    return how;
}

static int name_output(session *s)
{
    const generate_opts *o = &s->o;
    const char *ending = s->recipe ? recipe_in_format(s->recipe) : "wav";
    if (o->output) return snprintf(s->path, sizeof s->path, "%s", o->output);
    if (o->output_dir) return snprintf(s->path, sizeof s->path, "%s/output.%s", o->output_dir, ending);
    return snprintf(s->path, sizeof s->path, "song-%llu.%s", (unsigned long long)o->seed, ending);
}

/* Takes bits and quality over from a recipe of the same format, and asks whether such a file can be. */
static int check_format(session *s, drgen_err *err)
{
    char format[8];
    delivery_format(s->path, format);
    if (s->recipe && strcmp(recipe_in_format(s->recipe), format) == 0) recipe_in_apply_format(s->recipe, &s->o);
    drgen_save how = save_settings(s);
    return drgen_save_check(s->path, 2, delivery_rate(s->path, s->o.rate, MADE_AT), &how, err) == DRGEN_OK ? 0 : -1;
}

/* Finds out now, and not after minutes of work, whether the song can be written. */
static int check_output(session *s, char *message, size_t room)
{
    const generate_opts *o = &s->o;
    drgen_err err = {0};
    if (o->output_dir && mkdir(o->output_dir, 0777) != 0 && errno != EEXIST) {
        snprintf(message, room, "%s: cannot make this folder: %s", o->output_dir, strerror(errno));
        return -1;
    }
    int n = name_output(s);
    if (o->latents && delivery_probe(o->latents, message, room) != 0) return -1;
    if (n <= 0 || (size_t)n >= sizeof s->path) snprintf(message, room, "--output: the name is empty or too long");
    else if (delivery_probe(s->path, message, room) == 0) {
        if (check_format(s, &err) == 0) return 0;
        snprintf(message, room, "%s", err.message);
    }
    return -1;
}

static int draw_seed(generate_opts *o)
{
    uint32_t seed;
    if (o->seed_given) return 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) return -1;
    o->seed = seed;
    return 0;
}

/* Lines from the library. Warnings wait until it is clear that there will be a song: an error is one line. */
static void on_log(int level, const char *line, void *user)
{
    session *s = user;
    if (level == DRGEN_LOG_DEBUG || (level == DRGEN_LOG_INFO && !s->o.verbose)) return;
    if (s->o.verbose || s->announced) {
        progress_say(&s->p, "%s", line);
        return;
    }
    size_t size = strlen(line);
    char *grown = realloc(s->held, s->held_size + size + 2);
    if (!grown) return;
    s->held = grown;
    memcpy(s->held + s->held_size, line, size);
    s->held_size += size;
    memcpy(s->held + s->held_size++, "\n", 2);
}

/* Everything the song depends on was read and is fine: say what will be made. */
static void announce(session *s)
{
    drgen_info info = drgen_get_info(s->g);
    s->announced = 1;
    if (info.model_note[0]) progress_say(&s->p, "%s", info.model_note);
    for (char *line = s->held, *end; line && (end = strchr(line, '\n')); line = end + 1)
        progress_say(&s->p, "%.*s", (int)(end - line), line);
    if (s->o.seed_given) progress_say(&s->p, "seed %llu", (unsigned long long)s->o.seed);
    else progress_insist(&s->p, "seed %llu", (unsigned long long)s->o.seed);
    if (s->p.mode == PROGRESS_JSON) {
        printf("{\"event\":\"start\",\"seed\":%llu,\"model\":", (unsigned long long)s->o.seed);
        progress_json_text(info.model_name);
        fputs("}\n", stdout);
        fflush(stdout);
    }
}

static int on_progress(drgen_phase phase, int done, int total, void *user)
{
    session *s = user;
    if (phase == DRGEN_SAMPLE && !s->announced) announce(s);
    progress_update(&s->p, phase, done, total);
    double t = progress_now();
    if (s->o.verbose && t - s->memory_at > 0.2) {
        memory_sample(&s->memory);
        s->memory_at = t;
    }
    return stop_signal != 0;
}

static void describe_machine(session *s)
{
    drgen_info i = drgen_get_info(s->g);
    progress_say(&s->p, "kernels: %s, products: %s (OpenBLAS core: %s), threads: %d", i.isa, i.gemm, i.blas,
                 i.threads);
    progress_say(&s->p, "model: %s, %.1f M parameters, %.1f MiB of weights, songs of %.0f..%.0f s", i.model_name,
                 (double)i.parameters / 1e6, (double)i.weight_bytes / 0x1p20, i.seconds_least, floor(i.seconds_most));
    if (s->o.chunked) progress_say(&s->p, "--chunked: sound is decoded in pieces in any case");
}

static void describe_run(session *s)
{
    drgen_report r = drgen_last_report(s->g);
    memory_sample(&s->memory);
    progress_say(&s->p, "time: lyrics %.2f s, style %.2f s, song %.2f s (%d evaluations of %.3f s), sound %.2f s",
                 r.seconds_text, r.seconds_style, r.seconds_sample, r.evaluations, r.seconds_per_evaluation,
                 r.seconds_decode);
    if (r.evaluations_saved) progress_say(&s->p, "approximate: %d of %d evaluations saved", r.evaluations_saved,
                                          r.evaluations + r.evaluations_saved);
    progress_say(&s->p,
                 "memory: peak %.1f MiB resident; largest seen: %.1f MiB own (work %.1f, samples %.1f), %.1f MiB in "
                 "pages of mapped files",
                 (double)s->memory.peak / 0x1p20, (double)s->memory.anon / 0x1p20, (double)r.work_bytes / 0x1p20,
                 (double)r.result_bytes / 0x1p20, (double)s->memory.file / 0x1p20);
}

/* The song's recipe, malloc'd; NULL with err. */
static char *make_recipe(session *s, const drgen_song *song, const drgen_audio *audio, drgen_err *err)
{
    const generate_opts *o = &s->o;
    drgen_recipe_notes notes = drgen_recipe_notes_default();
    char format[8], *text = NULL, *master = NULL;
    if (s->mastered && drgen_mastering_json(&s->set, &master, err) != DRGEN_OK) return NULL;
    notes.master_json = master;
    delivery_format(s->path, format);
    notes.title = o->title;
    notes.artist = o->artist;
    notes.format = format;
    notes.bits = o->bits;
    notes.quality = o->quality;
    notes.sample_rate = audio->sample_rate;
    notes.from = s->recipe;
    drgen_recipe_text(s->g, song, &notes, &text, err);
    free(master);
    return text;
}

/* The result lands whole or not at all, also when somebody presses Ctrl-C twice meanwhile: signals wait. */
static drgen_status write_song(session *s, const drgen_song *song, const drgen_audio *audio, drgen_err *err)
{
    sigset_t block, before;
    drgen_save how = save_settings(s);
    char *recipe = make_recipe(s, song, audio, err);
    if (!recipe) return err->code;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    sigprocmask(SIG_BLOCK, &block, &before);
    how.recipe = recipe;
    drgen_status status = drgen_audio_save(audio, s->path, &how, err);
    if (status == DRGEN_ERR_ARG) { /* all but the recipe was checked before: better a song without it than none */
        progress_insist(&s->p, "%s; written without it", err->message);
        how.recipe = NULL;
        status = drgen_audio_save(audio, s->path, &how, err);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(recipe);
    return status;
}

/* ---- finishing */

/* Which mastering, if any: what was typed, else the recipe's, else balanced. */
static int choose_master(session *s, drgen_err *err)
{
    const generate_opts *o = &s->o;
    const char *json = s->recipe ? drgen_recipe_get_notes(s->recipe)->master_json : NULL;
    s->mastered = o->master ? strcmp(o->master, "none") != 0 : !s->recipe || json != NULL;
    if (!s->mastered) return 0;
    if (drgen_mastering_preset(o->master ? o->master : "balanced", &s->set, err) != DRGEN_OK) return -1;
    if (!o->master && json && drgen_mastering_read(&s->set, json, err) != DRGEN_OK) return -1;
    if (generate_opts_given(o, "target-lufs")) s->set.target = o->target;
    if (generate_opts_given(o, "ceiling")) s->set.ceiling = o->ceiling;
    return 0;
}

/* The guidance that the model suits best. */
static double own_guidance(const drgen *g)
{
    const drgen_song open = drgen_song_default();
    return (double)drgen_song_resolve(g, &open).guidance;
}

/* Masters the song for its file, or only brings it to the file's rate. */
static drgen_status finish_song(session *s, const drgen_song *song, drgen_audio *audio, drgen_err *err)
{
    int rate = delivery_rate(s->path, s->o.rate, audio->sample_rate);
    drgen_qc_options ask = drgen_qc_default();
    if (!s->mastered) return drgen_resample(audio, rate, err);
    progress_update(&s->p, DRGEN_MASTER, 0, 1);
    s->set.bits = delivery_bits(s->path, s->o.bits);
    s->set.rate = rate == audio->sample_rate ? 0 : rate;
    drgen_status status = drgen_master(audio, &s->set, &s->done, err);
    ask.target = s->set.target;
    ask.ceiling = s->set.ceiling;
    ask.song = song;
    ask.guidance = own_guidance(s->g);
    ask.master = &s->done;
    if (status == DRGEN_OK) status = drgen_qc_run(audio, &ask, &s->qc, err);
    if (status == DRGEN_OK) progress_update(&s->p, DRGEN_MASTER, 1, 1);
    return status;
}

static void report_master(session *s)
{
    char line[256];
    report_line(line, sizeof line, &s->qc, &s->done);
    progress_say(&s->p, "mastered: %s", line);
    for (int i = 0; i < s->qc.count; i++) /* what a listener would hear; the rest is for `drgen qc` */
        if (s->qc.check[i].verdict == DRGEN_FAIL)
            progress_say(&s->p, "%s: %s, wanted %s", s->qc.check[i].name, s->qc.check[i].value, s->qc.check[i].limit);
}

/* A number, or null where there is none. */
static void json_number(const char *key, double v)
{
    if (v - v == 0) printf(",\"%s\":%.3f", key, v);
    else printf(",\"%s\":null", key);
}

static void report_song(session *s, const drgen_audio *audio, double seconds)
{
    double length = (double)audio->frames / audio->sample_rate;
    progress_say(&s->p, "%.1f s of music in %.1f s, seed %llu", length, seconds, (unsigned long long)s->o.seed);
    if (s->o.verbose) describe_run(s);
    if (s->mastered) report_master(s);
    if (s->p.mode == PROGRESS_JSON) {
        fputs("{\"event\":\"done\",\"path\":", stdout);
        progress_json_text(s->path);
        printf(",\"seed\":%llu,\"length\":%.3f,\"seconds\":%.3f", (unsigned long long)s->o.seed, length, seconds);
        if (s->mastered) {
            json_number("lufs", s->qc.figures.loudness.integrated);
            json_number("true_peak", s->qc.strict_peak);
            json_number("lra", s->qc.figures.loudness.range);
        }
        printf("}\n");
    } else printf("%s\n", s->path);
}

/* The style of the command line; that of the recipe stays when there is none. */
static int fill_style(session *s, drgen_song *song, drgen_err *err)
{
    const generate_opts *o = &s->o;
    int words = prompt_opts_given(&o->words);
    if (!words && !o->prompts.count && !o->references.count && !o->style) return 0;
    if (words) {
        if (prompt_opts_text(&o->words, o->seed, s->prompt, sizeof s->prompt, err) != DRGEN_OK) return -1;
        progress_say(&s->p, "prompt: %s", s->prompt);
        style_list_add(&s->styles, s->prompt, 0, 0);
    }
    for (int i = 0; i < o->prompts.count; i++) style_list_add(&s->styles, o->prompts.item[i], 0, 1);
    for (int i = 0; i < o->references.count; i++) style_list_add(&s->styles, o->references.item[i], 1, 1);
    song->styles = s->styles.parts;
    song->style_count = s->styles.count;
    song->style_file = o->style;
    return 0;
}

/* Which words of the prompts the model understood, for models that know a few only. */
static void tell_heard(session *s, const drgen_song *song)
{
    char heard[400], line[480];
    for (size_t i = 0; i <= song->style_count; i++) {
        const char *prompt = i < song->style_count ? song->styles[i].prompt : song->prompt;
        if (!prompt || drgen_prompt_heard(s->g, prompt, heard, sizeof heard, NULL) != DRGEN_OK || !heard[0]) continue;
        snprintf(line, sizeof line, "understood: %s", heard);
        on_log(DRGEN_LOG_WARNING, line, s);
    }
}

/* Presets were made for a guidance of 4; a model with another of its own gets as many times that. */
static double guidance_of(const session *s)
{
    return s->o.cfg_of_preset ? s->o.cfg / 4 * own_guidance(s->g) : s->o.cfg;
}

/* The song the command line asks for, on top of the recipe's. */
static int fill_song(session *s, drgen_song *song, drgen_err *err)
{
    const generate_opts *o = &s->o;
    *song = s->recipe ? *drgen_recipe_song(s->recipe) : drgen_song_default();
    if (o->lyrics || o->instrumental) song->lyrics = s->lyrics;
    if (fill_style(s, song, err) != 0) return -1;
    if (o->negative || o->negative_prompt) {
        song->negative_vector = NULL;
        song->negative_prompt = o->negative_prompt;
        song->negative_file = o->negative;
    }
    song->vocals_only = o->vocals_only;
    song->bpm = o->bpm != 0 ? o->bpm : o->words.tempo;
    song->seconds = o->length;
    song->steps = o->steps;
    song->guidance = (float)guidance_of(s);
    song->sway = (float)o->sway;
    song->guidance_from = (float)o->cfg_from;
    song->guidance_to = (float)o->cfg_to;
    song->cache = (float)o->cache;
    song->seed = o->seed;
    song->lyrics_compat = o->lyrics_compat;
    song->half_tables = o->half_tables;
    song->progress = on_progress;
    song->progress_user = s;
    return 0;
}

static int make_song(session *s)
{
    const generate_opts *o = &s->o;
    drgen_err err = {0};
    double start = progress_now();
    drgen_config config = drgen_config_default();
    config.model_dir = o->model;
    config.threads = o->threads;
    config.espeak_data = o->espeak_data;
    config.zh_lexicon = o->zh_lexicon;
    config.log = on_log;
    config.log_user = s;
    s->g = drgen_open(&config, &err);
    if (!s->g) return fail(s, 1, err.message);
    if (o->verbose) describe_machine(s);
    drgen_status worn = adapters_attach(s->g, &o->adapters, &err);
    if (worn != DRGEN_OK) return fail(s, worn == DRGEN_ERR_ARG ? 2 : 1, err.message);
    if (s->recipe && drgen_recipe_fits(s->recipe, s->g, o->any_model, &err) != DRGEN_OK) return fail(s, 1, err.message);
    drgen_song song;
    if (fill_song(s, &song, &err) != 0) return fail(s, 2, err.message);
    song = drgen_song_resolve(s->g, &song);
    tell_heard(s, &song);
    drgen_audio audio = {0};
    drgen_latents latents = {0};
    if (o->latents) song.latents = &latents;
    drgen_status status = drgen_generate(s->g, &song, &audio, &err);
    int stopped = stop_signal;
    if (status == DRGEN_OK && !stopped) status = finish_song(s, &song, &audio, &err);
    if (status == DRGEN_OK && !stopped) status = write_song(s, &song, &audio, &err);
    if (status == DRGEN_OK && !stopped && o->latents) status = drgen_latents_write(&latents, o->latents, &err);
    if (status == DRGEN_OK && !stopped) report_song(s, &audio, progress_now() - start);
    drgen_audio_free(&audio);
    drgen_latents_free(&latents);
    if (stopped) return fail(s, 128 + stopped, "stopped; nothing was written");
    return status == DRGEN_OK ? 0 : fail(s, 1, err.message);
}

static int read_recipe(session *s)
{
    drgen_err err = {0};
    s->recipe = recipe_in_open(s->o.recipe, &err);
    if (!s->recipe) return fail(s, 1, err.message);
    recipe_in_apply(s->recipe, &s->o);
    return 0;
}

int cmd_generate(int argc, char **argv)
{
    char message[512];
    session s = {0};
    s.p = progress_init(PROGRESS_HUMAN);
    if (generate_opts_parse(&s.o, argc, argv, message, sizeof message) != 0) return fail(&s, 2, message);
    if (s.o.help) {
        generate_opts_help(stdout);
        return 0;
    }
    s.p.mode = s.o.json ? PROGRESS_JSON : s.o.quiet ? PROGRESS_QUIET : PROGRESS_HUMAN;
    int code = 0;
    if (s.o.recipe) code = read_recipe(&s);
    if (!code && draw_seed(&s.o) != 0) code = fail(&s, 1, "the system gives no random numbers; choose a --seed");
    if (!code && s.o.lyrics) {
        s.lyrics = read_text(s.o.lyrics, message, sizeof message);
        if (!s.lyrics) code = fail(&s, 1, message);
    }
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then a failed write like any other */
    drgen_err err = {0};
    if (!code && choose_master(&s, &err) != 0) code = fail(&s, 2, err.message);
    if (!code && check_output(&s, message, sizeof message) != 0) code = fail(&s, 1, message);
    if (!code) code = make_song(&s);
    drgen_close(s.g);
    drgen_recipe_free(s.recipe);
    style_list_free(&s.styles);
    free(s.lyrics);
    free(s.held);
    if (fflush(stdout) != 0 && !code) code = fail(&s, 1, "standard output: write failed");
    return code;
}
