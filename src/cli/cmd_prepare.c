/* cmd_prepare.c - `drgen prepare`: recordings with their lyrics, or the original's prepared songs, to a dataset. One
 * song that cannot be used never stops the others. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "cli/read_text.h"
#include "cli/song_files.h"
#include "drgen.h"
#include "weights_tools/prepared_pt.h"
#include "weights_tools/stop.h"

typedef struct {
    const char *input, *output, *lyrics, *style, *prompt, *prompts, *from, *model, *espeak_data, *zh_lexicon;
    int instrumental, chunked, threads, quiet, verbose, help;
    progress p;
    drgen *g;
    drgen_dataset *to;
    /* the song at hand */
    const char *name;
    size_t number, total;
    int remarks;
    double shown_at;
    /* how it went */
    size_t made, old, skipped, remarked;
    char **reasons; /* of what was skipped, owned */
} command;

static const opt table[] = {
    {"output", NULL, 'o', OPT_TEXT, offsetof(command, output), 0, 0, "DIR",
     "the dataset: a folder, made if it is not there; songs in it stay"},
    {"lyrics", NULL, 'l', OPT_TEXT, offsetof(command, lyrics), 0, 0, "DIR",
     "where NAME.lrc is for a recording NAME.wav\n(default: beside it); with time stamps"},
    {"instrumental", NULL, 0, OPT_FLAG, offsetof(command, instrumental), 0, 0, NULL, "take songs without lyrics too"},
    {"style", NULL, 's', OPT_TEXT, offsetof(command, style), 0, 0, "FILE",
     "one style for all: a vector (.npy, .safetensors)"},
    {"prompt", NULL, 'p', OPT_TEXT, offsetof(command, prompt), 0, 0, "TEXT", "one style for all, in words"},
    {"prompts", NULL, 0, OPT_TEXT, offsetof(command, prompts), 0, 0, "DIR",
     "each song's style in words, in DIR/NAME.txt"},
    {"chunked", NULL, 0, OPT_FLAG, offsetof(command, chunked), 0, 0, NULL,
     "encode in windows of 128 frames, as the original does"},
    {"from", NULL, 0, OPT_TEXT, offsetof(command, from), 0, 0, "LIST",
     "instead of recordings: the original's train.scp, whose songs are\n"
     "prepared already (lrc.pt, latent.pt, style.pt)"},
    {"model", NULL, 'm', OPT_TEXT, offsetof(command, model), 0, 0, "DIR",
     "model to train later: its autoencoder and towers are used"},
    {"threads", NULL, 't', OPT_INT, offsetof(command, threads), 0, 256, "N", "default: one per core"},
    {"espeak-data", NULL, 0, OPT_TEXT, offsetof(command, espeak_data), 0, 0, "DIR", "folder with espeak-ng-data"},
    {"zh-lexicon", NULL, 0, OPT_TEXT, offsetof(command, zh_lexicon), 0, 0, "FILE", "readings of Chinese words"},
    {"verbose", NULL, 'v', OPT_FLAG, offsetof(command, verbose), 0, 0, NULL, "every remark about the lyrics"},
    {"quiet", NULL, 'q', OPT_FLAG, offsetof(command, quiet), 0, 0, NULL, "only what was skipped"},
    {"help", NULL, 'h', OPT_FLAG, offsetof(command, help), 0, 0, NULL, "this text"},
};

static const char usage[] =
    "usage: drgen prepare FOLDER --lyrics DIR -o DATASET\n"
    "       drgen prepare --from train.scp -o DATASET\n\n"
    "Makes data to train on. Every recording in FOLDER (any format, rate and channels, folders inside\n"
    "too) becomes latents of 44.1 kHz stereo at a peak of 0.95, its lyrics timed tokens, and its middle\n"
    "ten seconds a style vector; a model without an audio tower takes styles from --style, --prompt or\n"
    "--prompts, or from NAME.npy or NAME.txt beside the recording.\n"
    "Run it again after a stop, or with more songs: what is done and unchanged is left alone. A song that\n"
    "cannot be used is skipped, and named at the end; the exit code is then 3.\n";

static int fail(command *c, int code, const char *message)
{
    progress_clear(&c->p);
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

/* ---- what is told */

static void show(command *c, int percent)
{
    double t = progress_now();
    if (c->quiet || !c->p.terminal || t - c->shown_at < 0.1) return;
    c->shown_at = t;
    fprintf(stderr, "\r[%zu/%zu] %.60s  %d %%\033[K", c->number, c->total, c->name, percent);
    c->p.shown = 1;
}

static int on_progress(drgen_phase phase, int done, int total, void *user)
{
    command *c = user;
    if (phase == DRGEN_ENCODE && total > 0) show(c, 100 * done / total);
    return stop_asked();
}

static void on_log(int level, const char *line, void *user)
{
    command *c = user;
    if (level != DRGEN_LOG_WARNING || !c->name) return;
    c->remarks++;
    if (c->verbose) progress_say(&c->p, "%s: %s", c->name, line);
}

/* The song is left out; why, without its name where that comes first already. */
static void skip(command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void skip(command *c, const char *fmt, ...)
{
    char why[640], *text = malloc(1024);
    char **grown = realloc(c->reasons, (c->skipped + 1) * sizeof *grown);
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    if (text) snprintf(text, 1024, "%.300s: %s", c->name, why);
    if (grown) {
        c->reasons = grown;
        c->reasons[c->skipped++] = text;
    } else free(text);
}

static void count(command *c, int already)
{
    if (already) c->old++;
    else c->made++;
    if (!already && c->remarks) c->remarked++;
}

/* ---- recordings */

/* Where a recording lies. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

/* A file of this ending for the song: in dir, else beside the recording. */
static char *companion(const char *dir, const song_file *f, const char *ending)
{
    const char *last = strrchr(f->name, '/');
    char *own = folder_of(f->path);
    char *path =
        dir ? song_files_beside(dir, f->name, ending) : song_files_beside(own, last ? last + 1 : f->name, ending);
    free(own);
    return path;
}

/* The style's words or file for one song; 0 when the song is skipped. text and path are malloc'd. */
static int find_style(command *c, const song_file *f, drgen_style *out, char **text, char **path)
{
    char message[512];
    *out = (drgen_style){.weight = 1, .file = c->style, .prompt = c->prompt};
    if (c->style || c->prompt) return 1;
    if (!c->prompts && drgen_get_info(c->g).has_audio_tower) {
        out->audio = f->path;
        return 1;
    }
    if (!c->prompts && (*path = companion(NULL, f, ".npy"))) {
        out->file = *path;
        return 1;
    }
    char *words = companion(c->prompts, f, ".txt");
    if (!words && c->prompts) skip(c, "no style: %s has no text file for it", c->prompts);
    else if (!words)
        skip(c, "no style: this model cannot hear one; put words into a .txt or a vector into a .npy beside the "
                "recording, or give --prompt or --style");
    else if (!(*text = read_text(words, message, sizeof message))) skip(c, "%s", message);
    free(words);
    if (!*text) return 0;
    (*text)[strcspn(*text, "\r\n")] = '\0';
    out->prompt = *text;
    return 1;
}

/* The song's lyrics; 0 when it is skipped. */
static int find_lyrics(command *c, const song_file *f, char **text)
{
    char message[512];
    char *path = companion(c->lyrics, f, ".lrc");
    if (path && !(*text = read_text(path, message, sizeof message))) skip(c, "%s", message);
    else if (!path && !c->instrumental)
        skip(c, "no lyrics: no .lrc of its name %s%s; --instrumental takes songs without",
             c->lyrics ? "in " : "beside it", c->lyrics ? c->lyrics : "");
    free(path);
    return *text || (!path && c->instrumental);
}

static void prepare_one(command *c, const song_file *f)
{
    drgen_style style;
    drgen_err err = {0};
    char *lyrics = NULL, *words = NULL, *vector = NULL;
    int already = 0;
    if (find_lyrics(c, f, &lyrics) && find_style(c, f, &style, &words, &vector)) {
        drgen_example song = {.name = f->name,
                              .audio = f->path,
                              .lyrics = lyrics,
                              .chunked = c->chunked,
                              .progress = on_progress,
                              .progress_user = c};
        if (!style.audio) song.styles = &style, song.style_count = 1;
        drgen_status status = drgen_prepare(c->g, c->to, &song, &already, &err);
        if (status == DRGEN_OK) count(c, already);
        else if (status != DRGEN_ERR_CANCELLED) skip(c, "%s", err.message);
    }
    free(lyrics), free(words), free(vector);
}

static int prepare_folder(command *c)
{
    song_files files;
    char message[512];
    drgen_err err = {0};
    drgen_config config = drgen_config_default();
    config.model_dir = c->model;
    config.threads = c->threads;
    config.espeak_data = c->espeak_data;
    config.zh_lexicon = c->zh_lexicon;
    config.log = on_log;
    config.log_user = c;
    if (song_files_find(&files, c->input, c->output, message, sizeof message) != 0) return fail(c, 1, message);
    c->g = drgen_open(&config, &err);
    int code = !c->g ? fail(c, 1, err.message) : !drgen_get_info(c->g).has_encoder ? 1 : 0;
    if (c->g && code) {
        drgen_latents none;
        drgen_encode(c->g, &(drgen_audio){0}, NULL, &none, &err); /* says what is missing */
        fail(c, 1, err.message);
    }
    if (!code && files.count == 0) {
        snprintf(message, sizeof message, "%.400s: no recordings in this folder", c->input);
        code = fail(c, 1, message);
    }
    if (!code && drgen_dataset_open(&c->to, c->output, c->g, &err) != DRGEN_OK) code = fail(c, 1, err.message);
    c->total = files.count;
    for (size_t i = 0; i < files.count && !code && !stop_asked(); i++) {
        const song_file *f = &files.files[i];
        c->name = f->name;
        c->number = i + 1;
        c->remarks = 0;
        show(c, 0);
        if (i && strcmp(f->name, files.files[i - 1].name) == 0)
            skip(c, "%.300s has the same name as %.300s", f->path, files.files[i - 1].path);
        else prepare_one(c, f);
    }
    c->name = NULL;
    song_files_free(&files);
    return code;
}

/* ---- the original's songs */

static drgen_status read_prepared(command *c, const char *const paths[3], int *already, drgen_err *err)
{
    prepared_lyrics lyrics = {0};
    prepared_floats latent = {0}, style = {0};
    char hex[65];
    drgen_status status = prepared_fingerprint(paths[0], paths[1], paths[2], hex, err);
    if (status == DRGEN_OK && (*already = drgen_dataset_has(c->to, c->name, hex))) return DRGEN_OK;
    if (status == DRGEN_OK) status = prepared_lyrics_read(paths[0], &lyrics, err);
    if (status == DRGEN_OK) status = prepared_latent(paths[1], &latent, err);
    if (status == DRGEN_OK) status = prepared_style(paths[2], &style, err);
    if (status == DRGEN_OK) {
        drgen_latents l = {.latent = latent.data,
                           .frames = latent.rows,
                           .samples = latent.rows * 2048,
                           .width = (int)latent.cols,
                           .hop = 2048,
                           .rate = 44100};
        drgen_prepared song = {.name = c->name,
                               .source = paths[1],
                               .fingerprint = hex,
                               .latents = &l,
                               .style = style.data,
                               .style_width = style.cols,
                               .lines = lyrics.lines,
                               .line_count = lyrics.count};
        status = drgen_dataset_add(c->to, &song, err);
    }
    prepared_lyrics_free(&lyrics);
    free(latent.data), free(style.data);
    return status;
}

static void take_one(command *c, const prepared_song *s)
{
    drgen_err err = {0};
    int already = 0;
    char *paths[3] = {prepared_path(c->from, s->lyrics), prepared_path(c->from, s->latent),
                      prepared_path(c->from, s->style)};
    if (!paths[0] || !paths[1] || !paths[2]) skip(c, "out of memory");
    else if (read_prepared(c, (const char *const *)paths, &already, &err) == DRGEN_OK) count(c, already);
    else skip(c, "%s", err.message);
    for (int i = 0; i < 3; i++) free(paths[i]);
}

static int prepare_list(command *c)
{
    prepared_list list;
    drgen_err err = {0};
    if (prepared_list_read(c->from, &list, &err) != DRGEN_OK) return fail(c, 1, err.message);
    int code = drgen_dataset_open(&c->to, c->output, NULL, &err) == DRGEN_OK ? 0 : fail(c, 1, err.message);
    c->total = list.count;
    for (size_t i = 0; i < list.count && !code && !stop_asked(); i++) {
        c->name = list.songs[i].name;
        c->number = i + 1;
        show(c, 0);
        take_one(c, &list.songs[i]);
    }
    prepared_list_free(&list);
    return code;
}

/* ---- */

static int finish(command *c)
{
    int stopped = stop_asked();
    size_t all = drgen_dataset_count(c->to);
    progress_clear(&c->p);
    for (size_t i = 0; i < c->skipped; i++) fprintf(stderr, "skipped %s\n", c->reasons[i] ? c->reasons[i] : "a song");
    progress_say(&c->p, "%zu prepared, %zu already there, %zu skipped; %zu songs in %s", c->made, c->old, c->skipped,
                 all, c->output);
    if (c->remarked && !c->verbose)
        progress_say(&c->p, "%zu songs have lyrics with remarks; -v shows them as they are made", c->remarked);
    if (stopped) return fail(c, 128 + stopped, "stopped; the same command goes on where it was");
    if (c->made + c->old == 0) return fail(c, 1, "no song could be prepared");
    printf("%s\n", c->output);
    return c->skipped ? 3 : 0;
}

static const char *what_is_wrong(const command *c)
{
    if (!c->output) return "prepare: -o DATASET is missing; see drgen prepare --help";
    if (!c->input == !c->from)
        return "prepare: give the folder of the recordings, or --from LIST; see drgen prepare --help";
    if (c->from && (c->lyrics || c->style || c->prompt || c->prompts || c->model || c->chunked || c->instrumental))
        return "prepare: --from takes songs as they are; lyrics, styles and a model have no place there";
    if ((c->style != NULL) + (c->prompt != NULL) + (c->prompts != NULL) > 1)
        return "prepare: give one of --style, --prompt and --prompts";
    return NULL;
}

int cmd_prepare(int argc, char **argv)
{
    command c = {.p = progress_init(PROGRESS_HUMAN)};
    opts o = {.table = table, .count = sizeof table / sizeof table[0], .word = &c.input};
    if (opts_parse(&o, argc, argv, &c) != 0) return fail(&c, 2, o.message);
    if (c.help) {
        fputs(usage, stdout);
        opts_help(&o, stdout);
        return 0;
    }
    const char *wrong = what_is_wrong(&c);
    if (wrong) return fail(&c, 2, wrong);
    if (c.quiet) c.p.mode = PROGRESS_QUIET;
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then a failed write like any other */
    stop_on_signals();
    int code = c.from ? prepare_list(&c) : prepare_folder(&c);
    if (!code) code = finish(&c);
    drgen_dataset_close(c.to);
    drgen_close(c.g);
    for (size_t i = 0; i < c.skipped; i++) free(c.reasons[i]);
    free(c.reasons);
    return fflush(stdout) != 0 && !code ? fail(&c, 1, "standard output: write failed") : code;
}
