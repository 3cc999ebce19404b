/* styles.c - see styles.h. */
#include "pipeline/styles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "dsp/mel.h"
#include "dsp/resample.h"
#include "io/audio.h"
#include "io/npy.h"

/* ---- reading */

static drgen_status read_prompt(drgen *g, const char *prompt, style_part *out, drgen_err *err)
{
    ERR_TRY(engine_need_text(g, err));
    ERR_TRY(spm_encode(g->spm, prompt, strlen(prompt), &out->ids, &out->count, err));
    size_t limit = engine_prompt_limit(g);
    if (out->count <= 2) return err_fail(err, DRGEN_ERR_TEXT, "prompt: nothing in it can be read; describe a style in words");
    if (out->count > limit)
        return err_fail(err, DRGEN_ERR_TEXT, "prompt: %zu tokens, at most %zu fit; make it shorter", out->count, limit);
    for (size_t i = 0; i < out->count; i++)
        if (out->ids[i] < 0 || out->ids[i] >= g->cfg.text.vocab_size)
            return err_fail(err, DRGEN_ERR_MODEL, "prompt: token %d is unknown to the text tower of %d", (int)out->ids[i],
                            g->cfg.text.vocab_size);
    return DRGEN_OK;
}

/* count frames from frame start as one channel, in pieces: a recording may have many. */
static drgen_status read_mono(audio_file *f, const audio_info *info, const char *path, uint64_t start, size_t count, float *out,
                              drgen_err *err)
{
    enum { PIECE = 1 << 16 };
    size_t most = PIECE / (size_t)info->channels;
    float *piece = malloc(PIECE * sizeof *piece);
    drgen_status status = piece ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    for (size_t done = 0; done < count && status == DRGEN_OK;) {
        size_t n = count - done < most ? count - done : most;
        status = audio_read(f, start + done, n, piece, err);
        if (status != DRGEN_OK) break;
        resample_mono(out + done, piece, n, info->channels);
        for (size_t i = done; i < done + n && status == DRGEN_OK; i++)
            if (!isfinite(out[i]))
                status = err_fail(err, DRGEN_ERR_FORMAT, "%s: frame %llu is not a number; the file is damaged", path,
                                  (unsigned long long)(start + i));
        done += n;
    }
    free(piece);
    return status;
}

/* The middle of a recording, as one channel at the model's rate. */
static drgen_status read_middle(const char *path, int seconds, float **out, size_t *count, drgen_err *err)
{
    audio_file *f = NULL;
    audio_info info;
    float *mono = NULL;
    *out = NULL;
    ERR_TRY(audio_open(&f, path, &info, err));
    drgen_status status = DRGEN_OK;
    size_t frames = (size_t)info.rate * (size_t)seconds;
    /* Whole seconds: half the length, cut off, less half the clip (mulan.md section 3). */
    double start = floor(info.seconds / 2) - seconds / 2.0;
    if (start < 0) start = 0;
    if (info.seconds < seconds)
        status = err_fail(err, DRGEN_ERR_ARG, "%s: %.1f s; a style needs at least %d s of sound", path,
                          floor(info.seconds * 10) / 10, seconds);
    else if (!(mono = malloc(frames * sizeof *mono)))
        status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    if (status == DRGEN_OK) status = read_mono(f, &info, path, (uint64_t)(start * info.rate), frames, mono, err);
    if (status == DRGEN_OK) status = resample(mono, frames, info.rate, MEL_RATE, out, count, err);
    free(mono);
    audio_close(f);
    return status;
}

static drgen_status read_recording(drgen *g, const char *path, style_part *out, drgen_err *err)
{
    float *x = NULL;
    size_t count = 0, clip = (size_t)g->cfg.audio.clip_seconds * MEL_RATE;
    ERR_TRY(engine_need_audio(g, err));
    ERR_TRY(read_middle(path, g->cfg.audio.clip_seconds, &x, &count, err));
    /* Differs: the original pads some rates by one sample and then averages a second, shifted clip; that moves the vector
     * by 1e-4 and doubles the work. */
    if (count > clip) count = clip;
    out->frames = mel_frames(count);
    out->mel = malloc((MEL_BANDS * out->frames + 1) * sizeof *out->mel);
    drgen_status status = out->mel ? mel_db(x, count, out->mel, err) : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    free(x);
    return status;
}

drgen_status styles_read(drgen *g, const drgen_style *parts, size_t count, const char *negative_prompt, style_set *out,
                         drgen_err *err)
{
    *out = (style_set){.parts = calloc(count + 1, sizeof *out->parts), .count = count};
    drgen_status status = out->parts ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "style: out of memory");
    for (size_t i = 0; i < count && status == DRGEN_OK; i++) {
        style_part *p = &out->parts[i];
        p->weight = parts[i].weight;
        p->file = parts[i].file;
        p->vector = parts[i].vector;
        if (parts[i].prompt) status = read_prompt(g, parts[i].prompt, p, err);
        else if (parts[i].audio) status = read_recording(g, parts[i].audio, p, err);
        if (p->count > out->longest_prompt) out->longest_prompt = p->count;
        if (p->frames > out->longest_mel) out->longest_mel = p->frames;
    }
    if (status == DRGEN_OK && negative_prompt) {
        status = read_prompt(g, negative_prompt, &out->negative, err);
        if (out->negative.count > out->longest_prompt) out->longest_prompt = out->negative.count;
    }
    if (status != DRGEN_OK) styles_free(out);
    return status;
}

void styles_free(style_set *s)
{
    for (size_t i = 0; s->parts && i < s->count; i++) {
        free(s->parts[i].ids);
        free(s->parts[i].mel);
    }
    free(s->parts);
    free(s->negative.ids);
    *s = (style_set){0};
}

/* ---- encoding */

void styles_measure(const drgen *g, nn *n, const style_set *s)
{
    size_t mark = arena_mark(n->work);
    arena_floats(n->work, (size_t)g->cfg.dit.cond_dim);
    if (s->longest_prompt) mulan_text_encode(g->text, n, NULL, s->longest_prompt, NULL, NULL, NULL);
    if (s->longest_mel) muq_encode(g->audio, n, NULL, s->longest_mel, NULL, NULL, NULL);
    arena_rewind(n->work, mark);
}

static drgen_status encode_part(drgen *g, nn *n, const style_part *p, float *out, drgen_err *err)
{
    if (p->ids) mulan_text_encode(g->text, n, p->ids, p->count, out, NULL, NULL);
    else if (p->mel) muq_encode(g->audio, n, p->mel, p->frames, out, NULL, NULL);
    else if (p->vector) memcpy(out, p->vector, (size_t)g->cfg.dit.cond_dim * sizeof *out);
    else return npy_read_vector(p->file, out, (size_t)g->cfg.dit.cond_dim, err);
    return DRGEN_OK;
}

static float length_of(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)v[i] * (double)v[i];
    return (float)sqrt(sum);
}

drgen_status styles_encode(drgen *g, nn *n, const style_set *s, float *style, drgen_err *err)
{
    size_t mark = arena_mark(n->work), width = (size_t)g->cfg.dit.cond_dim;
    float *one = arena_floats(n->work, width);
    drgen_status status = s->count == 1 ? encode_part(g, n, &s->parts[0], style, err) : DRGEN_OK;
    if (s->count > 1) memset(style, 0, width * sizeof *style);
    for (size_t i = 0; s->count > 1 && i < s->count && status == DRGEN_OK; i++) {
        status = encode_part(g, n, &s->parts[i], one, err);
        float length = status == DRGEN_OK ? length_of(one, width) : 1;
        if (status == DRGEN_OK) n->kern->axpy(style, one, s->parts[i].weight / fmaxf(length, 1e-12f), width);
    }
    if (s->count > 1 && status == DRGEN_OK) {
        float length = length_of(style, width);
        if (length < 1e-6f) status = err_fail(err, DRGEN_ERR_ARG, "style: the weighted parts cancel each other; change the weights");
        else n->kern->scale(style, style, 1 / length, width);
    }
    arena_rewind(n->work, mark);
    return status;
}

/* The original hands its transformer half-precision styles, from text and from files alike. */
static void round_half(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) v[i] = half_from_f16(half_to_f16(v[i]));
}

/* What the guidance moves away from: the song's prompt or file, else the model's own (its vocal style). */
static drgen_status negative_of(drgen *g, nn *n, const request *r, const style_set *s, float *out, drgen_err *err)
{
    size_t width = (size_t)g->cfg.dit.cond_dim;
    const float *own = dit_negative_style(g->dit);
    if (s->negative.ids) return encode_part(g, n, &s->negative, out, err);
    if (r->song.negative_file) return npy_read_vector(r->song.negative_file, out, width, err);
    if (r->song.negative_vector) own = r->song.negative_vector;
    if (!own) return err_fail(err, DRGEN_ERR_ARG, "negative style: the model has none; give a file, or set guidance to 0");
    memcpy(out, own, width * sizeof *out);
    return DRGEN_OK;
}

drgen_status styles_of_song(drgen *g, nn *n, const request *r, const style_set *s, float *style, float *negative,
                            drgen_err *err)
{
    size_t width = (size_t)g->cfg.dit.cond_dim;
    int vocals = r->song.vocals_only;
    /* Vocals only: the roles are exchanged. The model's own negative style is that of a voice without a band. */
    ERR_TRY(styles_encode(g, n, s, vocals ? negative : style, err));
    if (vocals || r->branches == 2) ERR_TRY(negative_of(g, n, r, s, vocals ? style : negative, err));
    round_half(style, width);
    if (vocals || r->branches == 2) round_half(negative, width);
    return DRGEN_OK;
}

/* ---- public */

drgen_status drgen_style_vector(drgen *g, const drgen_style *parts, size_t count, float *style, drgen_err *err)
{
    request r;
    style_set set = {0};
    arena work = arena_measure();
    nn n = {g->kern, g->pool, &work};
    drgen_song song = drgen_song_default();
    err_clear(err);
    song.styles = parts;
    song.style_count = count;
    drgen_status status = request_check(&r, &g->cfg, &song, err);
    if (status == DRGEN_OK) status = styles_read(g, parts, count, NULL, &set, err);
    if (status != DRGEN_OK) return status;
    styles_measure(g, &n, &set);
    status = arena_init(&work, work.peak, "working memory", err);
    if (status == DRGEN_OK) status = styles_encode(g, &n, &set, style, err);
    arena_free(&work);
    styles_free(&set);
    return status;
}

drgen_status drgen_style_write(const char *path, const float *style, size_t width, drgen_err *err)
{
    err_clear(err);
    return npy_write_vector(path, style, width, err);
}
