/* prepare.c - recordings, lyrics and styles to songs a model can be trained on (spec training.md section 5). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/audio.h"
#include "pipeline/conditions.h"
#include "pipeline/latents.h"
#include "pipeline/lyrics.h"
#include "pipeline/styles.h"
#include "train/dataset_write.h"

static const float prepared_peak = 0.95f; /* as the original prepared its songs */

struct drgen_dataset {
    dataset_writer *w;
};

static dataset_info info_of(const drgen *g)
{
    return (dataset_info){.latent_dim = (size_t)g->cfg.vae.latent_dim,
                          .style_dim = (size_t)g->cfg.dit.cond_dim,
                          .hop = ENGINE_HOP,
                          .rate = ENGINE_RATE};
}

drgen_status drgen_dataset_open(drgen_dataset **out, const char *dir, const drgen *g, drgen_err *err)
{
    err_clear(err);
    *out = NULL;
    drgen_dataset *d = calloc(1, sizeof *d);
    if (!d) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    dataset_info info = g ? info_of(g) : (dataset_info){0};
    drgen_status status = dataset_create(&d->w, dir, &info, err);
    if (status != DRGEN_OK) free(d);
    else *out = d;
    return status;
}

void drgen_dataset_close(drgen_dataset *d)
{
    if (!d) return;
    dataset_writer_close(d->w);
    free(d);
}

size_t drgen_dataset_count(const drgen_dataset *d)
{
    return dataset_writer_count(d->w);
}

int drgen_dataset_has(const drgen_dataset *d, const char *name, const char *fingerprint)
{
    return dataset_has(d->w, name, fingerprint);
}

/* ---- what a song was made from, in one number */

enum { HEX = 65 };

static drgen_status hash_file(const char *path, char hex[HEX], drgen_err *err)
{
    file_bytes bytes;
    ERR_TRY(file_map(&bytes, path, SIZE_MAX, err));
    file_sha256(bytes.data, bytes.size, hex);
    file_close(&bytes);
    return DRGEN_OK;
}

static void add_part(json_out *o, const char *what, const char *text)
{
    json_out_raw(o, what);
    json_out_string(o, text ? text : "-");
}

static drgen_status add_style(json_out *o, const drgen *g, const drgen_style *s, drgen_err *err)
{
    char hex[HEX] = "", weight[32];
    snprintf(weight, sizeof weight, "%.9g", (double)s->weight);
    if (s->vector) file_sha256(s->vector, (size_t)g->cfg.dit.cond_dim * sizeof *s->vector, hex);
    else if (!s->prompt) ERR_TRY(hash_file(s->audio ? s->audio : s->file, hex, err));
    add_part(o, " style ", s->prompt ? s->prompt : hex);
    add_part(o, " by ", weight);
    return DRGEN_OK;
}

/* SHA-256 of everything the result hangs on: the files' bytes, the settings, and the model (model.json has the hashes
 * of its weights). */
static drgen_status fingerprint(drgen *g, const drgen_example *song, char hex[HEX], drgen_err *err)
{
    json_out o = {0};
    file_bytes model;
    char *label = NULL;
    ERR_TRY(modeldir_file(&g->dir, "model.json", (size_t)1 << 24, &model, &label, err));
    file_sha256(model.data, model.size, hex);
    file_close(&model);
    free(label);
    add_part(&o, "song 1 model ", hex);
    drgen_status status = hash_file(song->audio, hex, err);
    add_part(&o, " audio ", hex);
    add_part(&o, " lyrics ", song->lyrics);
    add_part(&o, " chunked ", song->chunked ? "yes" : "no");
    for (size_t i = 0; i < song->style_count && song->styles && status == DRGEN_OK; i++)
        status = add_style(&o, g, &song->styles[i], err);
    if (status == DRGEN_OK && o.failed) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", song->name);
    if (status == DRGEN_OK) file_sha256(o.text, o.size, hex);
    json_out_free(&o);
    return status;
}

/* ---- a song's parts */

/* Lines that begin within the song, as the dataset keeps them; their tokens stay in from. malloc'd. */
static drgen_status keep_lines(const drgen *g, const frames_line *from, size_t count, double seconds,
                               dataset_line **out, size_t *kept, drgen_err *err)
{
    *out = calloc(count + 1, sizeof **out);
    *kept = 0;
    if (!*out) return err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    for (size_t i = 0; i < count; i++) {
        if (from[i].seconds >= seconds)
            engine_log(g, DRGEN_LOG_WARNING,
                       "line %d: starts at %.2f s, after the end of the recording (%.2f s); left out", from[i].line,
                       from[i].seconds, seconds);
        else (*out)[(*kept)++] = (dataset_line){from[i].seconds, from[i].ids, from[i].count};
    }
    return DRGEN_OK;
}

static drgen_status read_lyrics(drgen *g, const char *lyrics, frames_line **lines, size_t *count, drgen_err *err)
{
    size_t tokens = 0;
    *lines = NULL;
    *count = 0;
    if (!lyrics) return DRGEN_OK;
    if (!lyrics_is_timed(lyrics))
        return err_fail(err, DRGEN_ERR_TEXT,
                        "lyrics: no time stamps; training needs to know when each line is sung, as in [00:12.50]words");
    ERR_TRY(conditions_lines(g, lyrics, lines, count, err));
    for (size_t i = 0; i < *count; i++) tokens += (*lines)[i].count;
    if (tokens) return DRGEN_OK;
    conditions_free_lines(*lines, *count);
    *lines = NULL;
    return err_fail(err, DRGEN_ERR_TEXT, "lyrics: no line can be sung; a line looks like [00:12.50]words");
}

static drgen_status make_style(drgen *g, const drgen_example *song, float *style, drgen_err *err)
{
    const drgen_style own = {.audio = song->audio, .weight = 1};
    size_t width = (size_t)g->cfg.dit.cond_dim;
    double sum = 0;
    ERR_TRY(
        drgen_style_vector(g, song->styles ? song->styles : &own, song->styles ? song->style_count : 1, style, err));
    for (size_t i = 0; i < width; i++) sum += (double)style[i] * (double)style[i];
    if (!(sum > 1e-12)) return err_fail(err, DRGEN_ERR_ARG, "style: the vector is zero");
    for (size_t i = 0; i < width; i++) style[i] = (float)((double)style[i] / sqrt(sum));
    return DRGEN_OK;
}

static drgen_status read_sound(const char *path, float **pcm, size_t *samples, drgen_err *err)
{
    drgen_audio audio = {0};
    float peak = 0;
    *pcm = NULL;
    ERR_TRY(audio_read_all(path, &audio, err));
    drgen_status status = latents_sound(&audio, pcm, samples, err);
    drgen_audio_free(&audio);
    if (status != DRGEN_OK) return status;
    size_t count = *samples * ENGINE_CHANNELS;
    for (size_t i = 0; i < count; i++) peak = fmaxf(peak, fabsf((*pcm)[i]));
    if (!(peak > 1e-6f)) return err_fail(err, DRGEN_ERR_ARG, "sound: the recording is silent");
    for (size_t i = 0; i < count; i++) (*pcm)[i] *= prepared_peak / peak;
    return DRGEN_OK;
}

/* Everything of a song, owned. */
typedef struct {
    float *pcm, *mean, *scale, *style;
    frames_line *lines;
    dataset_line *kept;
    size_t samples, frames, line_count, kept_count;
} parts;

static drgen_status make_parts(drgen *g, const drgen_example *song, parts *p, drgen_err *err)
{
    drgen_encoding how = {.chunked = song->chunked, .progress = song->progress, .progress_user = song->progress_user};
    p->style = malloc((size_t)g->cfg.dit.cond_dim * sizeof *p->style);
    if (!p->style) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", song->name);
    ERR_TRY(read_lyrics(g, song->lyrics, &p->lines, &p->line_count, err)); /* what fails soonest comes first */
    ERR_TRY(read_sound(song->audio, &p->pcm, &p->samples, err));
    ERR_TRY(make_style(g, song, p->style, err));
    ERR_TRY(latents_encode(g, p->pcm, p->samples, &how, &p->mean, &p->scale, &p->frames, err));
    return keep_lines(g, p->lines, p->line_count, (double)(p->frames * ENGINE_HOP) / ENGINE_RATE, &p->kept,
                      &p->kept_count, err);
}

static void free_parts(parts *p)
{
    free(p->pcm), free(p->mean), free(p->scale), free(p->style), free(p->kept);
    conditions_free_lines(p->lines, p->line_count);
}

drgen_status drgen_prepare(drgen *g, drgen_dataset *to, const drgen_example *song, int *already, drgen_err *err)
{
    char hex[HEX];
    parts p = {0};
    int done = 0;
    err_clear(err);
    if (!already) already = &done;
    *already = 0;
    if (!song->name || !song->audio)
        return err_fail(err, DRGEN_ERR_ARG, "dataset: a song needs a name and a recording");
    ERR_TRY(engine_need_encoder(g, err));
    ERR_TRY(fingerprint(g, song, hex, err));
    *already = dataset_has(to->w, song->name, hex);
    if (*already) return DRGEN_OK;
    drgen_status status = make_parts(g, song, &p, err);
    if (status == DRGEN_OK) {
        dataset_info info = info_of(g);
        dataset_addition a = {.song = {.name = song->name,
                                       .frames = p.frames,
                                       .mean = p.mean,
                                       .scale = p.scale,
                                       .style = p.style,
                                       .lines = p.kept,
                                       .line_count = p.kept_count},
                              .source = song->audio,
                              .fingerprint = hex,
                              .seconds = (double)p.samples / ENGINE_RATE};
        status = dataset_add(to->w, &a, &info, err);
    }
    free_parts(&p);
    return status;
}

drgen_status drgen_dataset_add(drgen_dataset *d, const drgen_prepared *s, drgen_err *err)
{
    err_clear(err);
    const drgen_latents *l = s->latents;
    const float *mean = l->mean ? l->mean : l->latent;
    if (!mean || l->frames == 0 || l->width < 1 || l->width > DATASET_MAX_DIM || l->hop < 1 || l->rate < 1 ||
        !s->style || s->style_width < 1 || s->style_width > DATASET_MAX_DIM)
        return err_fail(err, DRGEN_ERR_ARG, "%s: latents %d and styles %zu wide make no sense",
                        s->name ? s->name : "dataset", l->width, s->style_width);
    dataset_info info = {
        .latent_dim = (size_t)l->width, .style_dim = s->style_width, .hop = (size_t)l->hop, .rate = (size_t)l->rate};
    dataset_line *lines = calloc(s->line_count + 1, sizeof *lines);
    if (!lines) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", s->name);
    for (size_t i = 0; i < s->line_count; i++)
        lines[i] = (dataset_line){s->lines[i].seconds, s->lines[i].tokens, s->lines[i].count};
    dataset_addition a = {.song = {.name = s->name,
                                   .frames = l->frames,
                                   .mean = mean,
                                   .scale = l->mean ? l->scale : NULL,
                                   .style = s->style,
                                   .lines = lines,
                                   .line_count = s->line_count},
                          .source = s->source,
                          .fingerprint = s->fingerprint,
                          .seconds = (double)l->frames * l->hop / l->rate};
    drgen_status status = dataset_add(d->w, &a, &info, err);
    free(lines);
    return status;
}
