/* latents_file.c - latents as .safetensors files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/weights.h"

enum { WIDTH_MAX = 65536, FRAMES_MAX = 1 << 20 };

static void number(st_writer *w, const char *key, double v)
{
    char text[32];
    snprintf(text, sizeof text, "%.0f", v);
    st_set_metadata(w, key, text, NULL);
}

static drgen_status put(st_writer *w, const drgen_latents *l, drgen_err *err)
{
    const char *const names[] = {"latent", "mean", "scale"};
    const float *const data[] = {l->latent, l->mean, l->scale};
    size_t shape[2] = {l->frames, (size_t)l->width};
    for (int i = 0; i < 3; i++)
        if (data[i]) ERR_TRY(st_declare(w, names[i], ST_F32, shape, 2, err));
    st_set_metadata(w, "format", "drgen-latents", err);
    number(w, "hop", l->hop);
    number(w, "rate", l->rate);
    number(w, "samples", (double)l->samples);
    for (int i = 0; i < 3; i++)
        if (data[i]) ERR_TRY(st_put(w, data[i], shape[0] * shape[1] * sizeof(float), err));
    return DRGEN_OK;
}

drgen_status drgen_latents_write(const drgen_latents *l, const char *path, drgen_err *err)
{
    st_writer *w = NULL;
    err_clear(err);
    if (!l->latent || l->frames == 0 || l->frames > FRAMES_MAX || l->width < 1 || l->width > WIDTH_MAX ||
        !l->mean != !l->scale)
        return err_fail(err, DRGEN_ERR_ARG, "%s: there are no latents to write", path);
    ERR_TRY(st_create(&w, path, err));
    drgen_status status = put(w, l, err);
    if (status == DRGEN_OK) return st_finish(w, err);
    st_cancel(w);
    return status;
}

/* A tensor [frames, width], or [1, width, frames] as the original's tensors are, widened; NULL when it is not there. */
static drgen_status take(const st_file *f, const char *name, drgen_latents *l, float **out, drgen_err *err)
{
    const st_tensor *t = st_find(f, name);
    char shape[96];
    if (!t) return DRGEN_OK;
    int turned = t->dims == 3 && t->shape[0] == 1, rows = turned ? 2 : 0, cols = 1;
    int floats = t->type == ST_F32 || t->type == ST_F16 || t->type == ST_BF16 || t->type == ST_F64;
    if (!floats || (t->dims != 2 && !turned) || t->shape[rows] < 1 || t->shape[rows] > FRAMES_MAX ||
        t->shape[cols] < 1 || t->shape[cols] > WIDTH_MAX ||
        (l->frames && (l->frames != t->shape[rows] || (size_t)l->width != t->shape[cols])))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: floats of shape [frames, width] wanted, %s %s found",
                        st_name(f), name, st_type_name(t->type), st_shape_text(shape, sizeof shape, t->shape, t->dims));
    l->frames = t->shape[rows];
    l->width = (int)t->shape[cols];
    size_t width = t->shape[cols];
    *out = malloc(t->count * sizeof **out);
    if (!*out) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(f));
    for (size_t i = 0; i < t->count; i++) {
        float v = weights_value(t, i);
        if (!isfinite(v))
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: value %zu is not finite", st_name(f), name, i);
        (*out)[turned ? i % l->frames * width + i / l->frames : i] = v;
    }
    return DRGEN_OK;
}

/* A whole number of the metadata, or fallback. */
static size_t noted(const st_file *f, const char *key, size_t most, size_t fallback)
{
    const char *text = st_metadata(f, key);
    char *end;
    if (!text || !*text || strspn(text, "0123456789") != strlen(text)) return fallback;
    unsigned long long v = strtoull(text, &end, 10);
    return v <= most ? (size_t)v : fallback;
}

drgen_status drgen_latents_read(const char *path, drgen_latents *out, drgen_err *err)
{
    st_file *f = NULL;
    err_clear(err);
    *out = (drgen_latents){0};
    ERR_TRY(st_open(&f, path, err));
    drgen_status status = take(f, "latent", out, &out->latent, err);
    if (status == DRGEN_OK) status = take(f, "mean", out, &out->mean, err);
    if (status == DRGEN_OK && out->mean) status = take(f, "scale", out, &out->scale, err);
    if (status == DRGEN_OK && !out->latent && !out->mean)
        status =
            err_fail(err, DRGEN_ERR_FORMAT, "%s: no tensor \"latent\" in it; `drgen encode` makes such files", path);
    if (status == DRGEN_OK && !out->latent) { /* a prepared song: its mean is its sound */
        size_t bytes = out->frames * (size_t)out->width * sizeof *out->latent;
        out->latent = malloc(bytes);
        if (out->latent) memcpy(out->latent, out->mean, bytes);
        else status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    }
    if (out->mean && !out->scale) free(out->mean), out->mean = NULL;
    out->hop = (int)noted(f, "hop", 1 << 20, 2048);
    out->rate = (int)noted(f, "rate", 1 << 20, 44100);
    size_t most = out->frames * (size_t)out->hop;
    out->samples = noted(f, "samples", most, most);
    st_close(f);
    if (status != DRGEN_OK) drgen_latents_free(out);
    return status;
}
