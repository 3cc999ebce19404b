/* latents.c - sounds to latents and back. */
#include "pipeline/latents.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "dsp/resample.h"
#include "model/grains.h"
#include "model/grains_hear.h"
#include "pipeline/residency.h"

enum { CHUNK = 128, OVERLAP = 32 }; /* the original's windows, latent frames */

drgen_encoding drgen_encoding_default(void)
{
    return (drgen_encoding){0};
}

void drgen_latents_free(drgen_latents *latents)
{
    if (!latents) return;
    free(latents->latent);
    free(latents->mean);
    free(latents->scale);
    *latents = (drgen_latents){0};
}

/* ---- the sound */

/* One channel of the sound at the encoder's rate. */
static drgen_status read_channel(const drgen_audio *a, int channel, float **out, size_t *count, drgen_err *err)
{
    size_t step = (size_t)a->channels;
    float *x = malloc((a->frames + 1) * sizeof *x);
    if (!x) return err_fail(err, DRGEN_ERR_NOMEM, "sound: out of memory");
    drgen_status status = DRGEN_OK;
    for (size_t i = 0; i < a->frames && status == DRGEN_OK; i++) {
        x[i] = a->samples[i * step + (size_t)channel];
        if (!isfinite(x[i]))
            status = err_fail(err, DRGEN_ERR_ARG, "sound: frame %zu is not a number; the file is damaged", i);
    }
    if (status == DRGEN_OK) status = resample(x, a->frames, a->sample_rate, ENGINE_RATE, out, count, err);
    free(x);
    return status;
}

drgen_status latents_sound(const drgen_audio *a, float **out, size_t *frames, drgen_err *err)
{
    float *side[ENGINE_CHANNELS] = {0};
    size_t count = 0;
    *out = NULL;
    if (!a->samples || a->frames == 0 || a->channels < 1 || a->sample_rate < 1000)
        return err_fail(err, DRGEN_ERR_ARG, "sound: there is none to encode");
    int channels = a->channels < ENGINE_CHANNELS ? a->channels : ENGINE_CHANNELS;
    drgen_status status = DRGEN_OK;
    for (int c = 0; c < channels && status == DRGEN_OK; c++) status = read_channel(a, c, &side[c], &count, err);
    if (status == DRGEN_OK && count < ENGINE_HOP)
        status = err_fail(err, DRGEN_ERR_ARG, "sound: %.3f s; at least one latent frame of %.3f s is needed",
                          (double)count / ENGINE_RATE, (double)ENGINE_HOP / ENGINE_RATE);
    size_t room = (count + ENGINE_HOP - 1) / ENGINE_HOP * ENGINE_HOP;
    if (status == DRGEN_OK && !(*out = calloc(room + 1, ENGINE_CHANNELS * sizeof **out)))
        status = err_fail(err, DRGEN_ERR_NOMEM, "sound: out of memory");
    for (size_t i = 0; i < count && status == DRGEN_OK; i++)
        for (int c = 0; c < ENGINE_CHANNELS; c++)
            (*out)[i * ENGINE_CHANNELS + (size_t)c] = side[c < channels ? c : 0][i];
    for (int c = 0; c < ENGINE_CHANNELS; c++) free(side[c]);
    *frames = count;
    return status;
}

/* ---- encoding */

typedef struct {
    const drgen_encoding *how;
    int broken;
    const float *h; /* [frames, width] */
    size_t width, seen;
} watch;

static int on_encoded(void *user, size_t done, size_t total)
{
    watch *w = user;
    for (size_t i = w->seen * w->width; i < done * w->width && !w->broken; i++) w->broken = !isfinite(w->h[i]);
    w->seen = done;
    return w->broken ||
           (w->how->progress && w->how->progress(DRGEN_ENCODE, (int)done, (int)total, w->how->progress_user));
}

static int run(drgen *g, nn *n, const float *pcm, size_t samples, const drgen_encoding *how, float *h, watch *w)
{
    const vae_chunks original = {CHUNK, OVERLAP};
    if (how->chunked) return vae_encode_chunked(g->vae, n, pcm, samples, original, h, on_encoded, w);
    return vae_encode_tiled(g->vae, n, pcm, samples, 0, h, on_encoded, w);
}

/* The halves of every row. */
static void split(const float *h, size_t frames, size_t width, float *mean, float *scale)
{
    for (size_t t = 0; t < frames; t++) {
        memcpy(mean + t * width, h + 2 * t * width, width * sizeof *h);
        memcpy(scale + t * width, h + (2 * t + 1) * width, width * sizeof *h);
    }
}

/* For an autoencoder made of grains: rolls at the level found, and scales of nothing. */
static drgen_status hear(drgen *g, const float *pcm, size_t frames, float *mean, float *scale, drgen_err *err)
{
    grains_ear *e = NULL;
    double gain = 1, left = 0;
    size_t count = frames * (size_t)g->cfg.vae.latent_dim;
    ERR_TRY(grains_ear_open(&e, g->pool, g->kern, err));
    drgen_status status = grains_level(e, pcm, frames, &gain, &left, err);
    if (status == DRGEN_OK) status = grains_hear(e, pcm, frames, gain, mean, err);
    grains_ear_close(e);
    if (status != DRGEN_OK) return status;
    engine_log(g, DRGEN_LOG_INFO, "encoder: heard at %+.1f dB; %.0f %% of the sound are the model's own", 20 * log10(gain),
               100 * (1 - left));
    for (size_t i = 0; i < count; i++) {
        mean[i] = (float)(GRAINS_SCALE * ((double)mean[i] - GRAINS_OFFSET));
        scale[i] = -20;
    }
    return DRGEN_OK;
}

drgen_status latents_encode(drgen *g, const float *pcm, size_t samples, const drgen_encoding *how, float **mean,
                            float **scale, size_t *frames, drgen_err *err)
{
    ERR_TRY(engine_need_encoder(g, err));
    size_t count = vae_frames(&g->cfg.vae, samples), width = (size_t)g->cfg.vae.latent_dim;
    arena work = arena_measure();
    nn n = {g->kern, g->pool, &work};
    float *h = malloc((2 * count * width + 1) * sizeof *h);
    watch w = {.how = how, .h = h, .width = 2 * width};
    *mean = malloc((count * width + 1) * sizeof **mean);
    *scale = malloc((count * width + 1) * sizeof **scale);
    *frames = count;
    drgen_status status = h && *mean && *scale ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "latents: out of memory");
    if (status == DRGEN_OK && how->progress && how->progress(DRGEN_ENCODE, 0, (int)count, how->progress_user))
        status = err_fail(err, DRGEN_ERR_CANCELLED, "stopped");
    if (status != DRGEN_OK) goto done;
    if (g->cfg.vae.made && !how->chunked) {
        status = hear(g, pcm, count, *mean, *scale, err);
        if (status == DRGEN_OK && how->progress && how->progress(DRGEN_ENCODE, (int)count, (int)count, how->progress_user))
            status = err_fail(err, DRGEN_ERR_CANCELLED, "stopped while encoding");
        goto done;
    }
    run(g, &n, NULL, samples, how, NULL, &w);
    status = arena_init(&work, work.peak, "working memory", err);
    if (status != DRGEN_OK) goto done;
    residency_want(g, g->vae_file);
    int whole = run(g, &n, pcm, samples, how, h, &w);
    residency_drop(g, g->vae_file);
    if (w.broken)
        status = err_fail(err, DRGEN_ERR_MODEL, "encoder: latents that are not finite; the weights are damaged");
    else if (!whole) status = err_fail(err, DRGEN_ERR_CANCELLED, "stopped while encoding");
    else split(h, count, width, *mean, *scale);
done:
    arena_free(&work);
    free(h);
    if (status == DRGEN_OK) return status;
    free(*mean), *mean = NULL;
    free(*scale), *scale = NULL;
    return status;
}

/* The original's tensors are channel-major, and so is its noise. */
drgen_status drgen_latents_draw(drgen_latents *l, uint64_t seed, drgen_err *err)
{
    size_t width = (size_t)l->width, count = l->frames * width;
    err_clear(err);
    if (!l->mean || !l->scale)
        return err_fail(err, DRGEN_ERR_ARG,
                        "latents: their mean and scale are not known, so there is nothing to draw from");
    float *noise = malloc((count + 1) * sizeof *noise);
    if (!l->latent) l->latent = malloc((count + 1) * sizeof *l->latent);
    if (!noise || !l->latent) {
        free(noise);
        return err_fail(err, DRGEN_ERR_NOMEM, "latents: out of memory");
    }
    rng_torch rng;
    rng_torch_seed(&rng, seed);
    rng_torch_normal(&rng, noise, count);
    for (size_t t = 0; t < l->frames; t++)
        for (size_t c = 0; c < width; c++) l->latent[t * width + c] = noise[c * l->frames + t];
    vae_bottleneck(l->latent, l->mean, l->scale, l->latent, count);
    free(noise);
    return DRGEN_OK;
}

drgen_status drgen_encode(drgen *g, const drgen_audio *audio, const drgen_encoding *how, drgen_latents *out,
                          drgen_err *err)
{
    const drgen_encoding usual = drgen_encoding_default();
    float *pcm = NULL;
    err_clear(err);
    *out = (drgen_latents){.width = g->cfg.vae.latent_dim, .hop = ENGINE_HOP, .rate = ENGINE_RATE};
    if (!how) how = &usual;
    ERR_TRY(engine_need_encoder(g, err));
    drgen_status status = latents_sound(audio, &pcm, &out->samples, err);
    size_t used = how->chunked ? out->samples : (out->samples + ENGINE_HOP - 1) / ENGINE_HOP * ENGINE_HOP;
    if (status == DRGEN_OK) status = latents_encode(g, pcm, used, how, &out->mean, &out->scale, &out->frames, err);
    free(pcm);
    if (status == DRGEN_OK && out->samples > out->frames * ENGINE_HOP) out->samples = out->frames * ENGINE_HOP;
    if (status == DRGEN_OK && how->mean) {
        out->latent = out->mean;
        out->mean = NULL;
        free(out->scale), out->scale = NULL;
    } else if (status == DRGEN_OK) status = drgen_latents_draw(out, how->seed, err);
    if (status != DRGEN_OK) drgen_latents_free(out);
    return status;
}

/* ---- decoding */

typedef struct {
    drgen_progress progress;
    void *user;
    float *pcm;
    size_t filled, most; /* samples of all channels */
    int broken;
} collect;

static int on_decoded(void *user, const float *pcm, size_t samples, size_t done, size_t total)
{
    collect *c = user;
    size_t n = samples * ENGINE_CHANNELS, keep = n < c->most - c->filled ? n : c->most - c->filled;
    memcpy(c->pcm + c->filled, pcm, keep * sizeof *pcm);
    for (size_t i = 0; i < n && !c->broken; i++) c->broken = !isfinite(pcm[i]);
    c->filled += keep;
    return c->broken || (c->progress && c->progress(DRGEN_DECODE, (int)done, (int)total, c->user));
}

static drgen_status check_latents(const drgen *g, const drgen_latents *l, drgen_err *err)
{
    if (l->width != g->cfg.vae.latent_dim || l->hop != ENGINE_HOP || l->rate != ENGINE_RATE)
        return err_fail(err, DRGEN_ERR_ARG,
                        "latents: %d values for %d samples at %d Hz a frame; this model's: %d for %d at %d Hz",
                        l->width, l->hop, l->rate, g->cfg.vae.latent_dim, ENGINE_HOP, ENGINE_RATE);
    if (!l->latent || l->frames == 0 || l->frames > INT32_MAX / ENGINE_HOP || l->samples > l->frames * ENGINE_HOP)
        return err_fail(err, DRGEN_ERR_ARG, "latents: %zu frames for %zu samples make no sense", l->frames, l->samples);
    for (size_t i = 0; i < l->frames * (size_t)l->width; i++)
        if (!isfinite(l->latent[i]))
            return err_fail(err, DRGEN_ERR_ARG, "latents: frame %zu is not finite", i / (size_t)l->width);
    return DRGEN_OK;
}

drgen_status drgen_decode(drgen *g, const drgen_latents *l, drgen_progress progress, void *user, drgen_audio *out,
                          drgen_err *err)
{
    arena work = arena_measure();
    nn n = {g->kern, g->pool, &work};
    err_clear(err);
    *out = (drgen_audio){0};
    ERR_TRY(check_latents(g, l, err));
    size_t samples = l->samples ? l->samples : l->frames * ENGINE_HOP;
    collect c = {.progress = progress, .user = user, .most = samples * ENGINE_CHANNELS};
    if (progress && progress(DRGEN_DECODE, 0, (int)l->frames, user))
        return err_fail(err, DRGEN_ERR_CANCELLED, "stopped");
    vae_decode_tiled(g->vae, &n, NULL, l->frames, 0, NULL, NULL);
    drgen_status status = arena_init(&work, work.peak, "working memory", err);
    if (status == DRGEN_OK && !(c.pcm = malloc(c.most * sizeof *c.pcm)))
        status =
            err_fail(err, DRGEN_ERR_NOMEM, "sound: no memory for %zu MiB of samples", c.most * sizeof *c.pcm >> 20);
    if (status == DRGEN_OK) {
        residency_want(g, g->vae_file);
        int whole = vae_decode_tiled(g->vae, &n, l->latent, l->frames, 0, on_decoded, &c);
        residency_drop(g, g->vae_file);
        if (c.broken)
            status = err_fail(err, DRGEN_ERR_MODEL, "decoder: samples that are not finite; the weights are damaged");
        else if (!whole) status = err_fail(err, DRGEN_ERR_CANCELLED, "stopped while decoding");
    }
    arena_free(&work);
    if (status == DRGEN_OK) *out = (drgen_audio){c.pcm, samples, ENGINE_CHANNELS, ENGINE_RATE};
    else free(c.pcm);
    return status;
}
