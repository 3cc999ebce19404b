/* vae_decode.c - the Oobleck decoder on any stretch of a song. Activations are time-major [rows, channels], so that
 * every convolution is one matrix product over a view.
 *
 * A stretch of samples depends on a stretch of rows at every layer; these are worked out backwards first, and then each
 * layer computes exactly its rows. Zeros stand only where the song itself begins or ends. So tiles are exact, and what
 * they compute twice is a few rows per layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/vae_types.h"

enum { TILE = 48 }; /* frames; enough rows for the products, buffers of a few dozen MB */

/* Rows of every layer that a stretch of samples needs. */
typedef struct {
    span latent;                         /* of z */
    span first;                          /* out of the first convolution */
    span up[CONFIG_MAX_LEVELS];          /* out of a level's transposed convolution */
    span unit[CONFIG_MAX_LEVELS][VAE_UNITS];
    span pcm;
    long total[CONFIG_MAX_LEVELS + 1];   /* rows of the whole song before level i; [levels]: samples */
} plan;

static plan plan_rows(const vae *v, long frames, span pcm)
{
    plan p = {.pcm = pcm};
    int n = v->cfg.levels;
    p.total[0] = frames;
    for (int i = 0; i < n; i++) p.total[i + 1] = p.total[i] * (long)v->level[i].stride;
    span need = span_widen(pcm, VAE_TAPS / 2, p.total[n]);
    for (int i = n - 1; i >= 0; i--) {
        const vae_level *l = &v->level[i];
        long s = (long)l->stride, pad = (long)l->pad;
        for (int u = VAE_UNITS - 1; u >= 0; u--) {
            p.unit[i][u] = need;
            need = span_widen(need, VAE_TAPS / 2 * (long)l->unit[u].dilation, p.total[i + 1]);
        }
        p.up[i] = need;
        /* Output t is made of inputs (t + pad) / s and the one before. */
        need = (span){(need.from + pad) / s - 1, (need.to - 1 + pad) / s + 1};
        need = span_widen(need, 0, p.total[i]);
    }
    p.first = need;
    p.latent = span_widen(need, VAE_TAPS / 2, frames);
    return p;
}

static vae_buffers lay_out(const vae *v, nn *n, const plan *p)
{
    size_t x = span_length(p->first) * (size_t)v->cfg.widths[v->cfg.levels], inner = 1;
    size_t padded = (span_length(p->first) + VAE_TAPS) * (size_t)v->cfg.latent_dim;
    for (int i = 0; i < v->cfg.levels; i++) {
        const vae_level *l = &v->level[i];
        x = vae_most(x, (span_length(p->up[i]) + 2 * l->stride) * l->out);
        padded = vae_most(padded, (span_length(i ? p->unit[i - 1][VAE_UNITS - 1] : p->first) + 3) * l->in);
        for (int u = 0; u < VAE_UNITS; u++) {
            padded = vae_most(padded, (span_length(p->unit[i][u]) + (VAE_TAPS - 1) * l->unit[u].dilation) * l->out);
            inner = vae_most(inner, span_length(p->unit[i][u]) * l->out);
        }
    }
    padded = vae_most(padded, (span_length(p->pcm) + VAE_TAPS) * (size_t)v->cfg.widths[0]);
    vae_buffers b;
    b.x = arena_floats(n->work, x);
    b.y = arena_floats(n->work, x);
    b.padded = arena_floats(n->work, padded);
    b.inner = arena_floats(n->work, inner);
    return b;
}

void vae_gather(nn *n, float *out, span want, const float *x, span have, long total, size_t width,
                const vae_snake *s)
{
    if (nn_dry(n)) return;
    span in = {want.from < 0 ? 0 : want.from, want.to > total ? total : want.to};
    float *at = out + (size_t)(in.from - want.from) * width;
    const float *from = x + (size_t)(in.from - have.from) * width;
    memset(out, 0, (size_t)(in.from - want.from) * width * sizeof *out);
    if (s) nn_snake(n, at, from, s->a, s->s, span_length(in), width);
    else memcpy(at, from, span_length(in) * width * sizeof *out);
    memset(at + span_length(in) * width, 0, (size_t)(want.to - in.to) * width * sizeof *out);
}

void vae_run_unit(nn *n, const vae_unit *u, float *x, span have, span out, long total, size_t width,
                  const vae_buffers *b)
{
    long reach = VAE_TAPS / 2 * (long)u->dilation;
    vae_gather(n, b->padded, (span){out.from - reach, out.to + reach}, x, have, total, width, &u->first);
    gemm_view view = {b->padded, width, width, u->dilation * width};
    nn_linear_view(n, b->inner, width, view, &u->wide, u->wide_bias, span_length(out), 0);
    nn_snake(n, b->inner, b->inner, u->second.a, u->second.s, span_length(out), width);
    float *at = nn_dry(n) ? NULL : x + (size_t)(out.from - have.from) * width;
    nn_linear(n, at, width, b->inner, width, &u->point, u->point_bias, span_length(out), 1);
}

/* Transposed convolution: row block m of the product of (x[m-1], x[m]) is output rows m * stride - pad and on. Returns
 * the place of row out.from in y. */
static float *run_up(nn *n, const vae_level *l, const float *x, span have, span out, long total, float *y,
                     const vae_buffers *b)
{
    long s = (long)l->stride, pad = (long)l->pad;
    span blocks = {(out.from + pad) / s, (out.to - 1 + pad) / s + 1};
    vae_gather(n, b->padded, (span){blocks.from - 1, blocks.to}, x, have, total, l->in, &l->snake);
    nn_linear(n, y, l->stride * l->out, b->padded, l->in, &l->up, l->up_bias, span_length(blocks), 0);
    return nn_dry(n) ? NULL : y + (size_t)(out.from - (blocks.from * s - pad)) * l->out;
}

typedef struct {
    const vae *v;
    const nn *n;
    const float *x;
    float *pcm;
    size_t rows;
} last_job;

enum { LAST_ROWS = 512 };

/* Two output channels would waste a matrix tile: one long dot product per sample and channel instead. */
static void last_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const last_job *j = arg;
    size_t width = (size_t)j->v->cfg.widths[0], io = (size_t)j->v->cfg.io_channels, taps = VAE_TAPS * width;
    size_t end = (task + 1) * LAST_ROWS < j->rows ? (task + 1) * LAST_ROWS : j->rows;
    for (size_t t = task * LAST_ROWS; t < end; t++)
        for (size_t o = 0; o < io; o++) {
            float y = j->n->kern->dot(j->x + t * width, j->v->last + o * taps, taps);
            j->pcm[t * io + o] = j->v->cfg.final_tanh ? tanhf(y) : y;
        }
}

static void look(vae_tap tap, void *user, int layer, const float *x, span have, size_t width)
{
    char name[32];
    snprintf(name, sizeof name, "decoder.layers.%d", layer);
    if (tap && x) tap(user, name, x, span_length(have), width);
}

/* Samples [pcm span] of a song of `frames` latents z into out. */
static void decode_span(const vae *v, nn *n, const float *z, long frames, span samples, float *out, vae_tap tap,
                        void *user)
{
    size_t mark = arena_mark(n->work), latent = (size_t)v->cfg.latent_dim, bottom = (size_t)v->cfg.widths[0];
    plan p = plan_rows(v, frames, samples);
    vae_buffers b = lay_out(v, n, &p);
    float *x = b.x, *base = b.x, *other = b.y;
    span have = p.first;
    vae_gather(n, b.padded, (span){have.from - VAE_TAPS / 2, have.to + VAE_TAPS / 2}, z, (span){0, frames}, frames, latent,
               NULL);
    gemm_view view = {b.padded, latent, latent, latent};
    nn_linear_view(n, x, v->first.rows, view, &v->first, v->first_bias, span_length(have), 0);
    look(tap, user, 0, x, have, v->first.rows);
    for (int i = 0; i < v->cfg.levels; i++) {
        const vae_level *l = &v->level[i];
        x = run_up(n, l, x, have, p.up[i], p.total[i], other, &b);
        float *swap = base;
        base = other;
        other = swap;
        have = p.up[i];
        for (int u = 0; u < VAE_UNITS; u++) {
            vae_run_unit(n, &l->unit[u], x, have, p.unit[i][u], p.total[i + 1], l->out, &b);
            if (!nn_dry(n)) x += (size_t)(p.unit[i][u].from - have.from) * l->out;
            have = p.unit[i][u];
        }
        look(tap, user, i + 1, x, have, l->out);
    }
    vae_gather(n, b.padded, (span){samples.from - VAE_TAPS / 2, samples.to + VAE_TAPS / 2}, x, have,
               p.total[v->cfg.levels], bottom, &v->snake);
    last_job j = {v, n, b.padded, out, span_length(samples)};
    if (!nn_dry(n)) pool_run(n->pool, last_task, &j, (j.rows + LAST_ROWS - 1) / LAST_ROWS);
    arena_rewind(n->work, mark);
}

void vae_decode(const vae *v, nn *n, const float *z, size_t frames, float *pcm, vae_tap tap, void *user)
{
    if (frames) decode_span(v, n, z, (long)frames, (span){0, (long)frames * v->cfg.ratio}, pcm, tap, user);
}

int vae_decode_tiled(const vae *v, nn *n, const float *z, size_t frames, size_t tile, vae_sink sink, void *user)
{
    size_t mark = arena_mark(n->work), ratio = (size_t)v->cfg.ratio;
    if (tile == 0) tile = TILE;
    if (tile > frames) tile = frames;
    float *pcm = arena_floats(n->work, tile * ratio * (size_t)v->cfg.io_channels);
    int go = 1;
    for (size_t f = 0; f < frames && go; f += tile) {
        /* Measuring: a tile in the middle is the largest there is. */
        if (nn_dry(n) && f == 0 && frames > 2 * tile) f = tile;
        size_t end = f + tile < frames ? f + tile : frames;
        decode_span(v, n, z, (long)frames, (span){(long)(f * ratio), (long)(end * ratio)}, pcm, NULL, NULL);
        if (!nn_dry(n)) go = sink(user, pcm, (end - f) * ratio, end, frames) == 0;
    }
    arena_rewind(n->work, mark);
    return go;
}

size_t vae_halo(const vae_cfg *cfg)
{
    vae v = {.cfg = *cfg};
    static const size_t dilations[VAE_UNITS] = {1, 3, 9};
    for (int i = 0; i < cfg->levels; i++) {
        v.level[i].stride = (size_t)cfg->strides[cfg->levels - 1 - i];
        v.level[i].pad = (v.level[i].stride + 1) / 2;
        for (int u = 0; u < VAE_UNITS; u++) v.level[i].unit[u].dilation = dilations[u];
    }
    long far = 1L << 20, ratio = cfg->ratio;
    plan p = plan_rows(&v, 2 * far, (span){far * ratio, (far + 1) * ratio});
    long before = far - p.latent.from, after = p.latent.to - far - 1;
    return (size_t)(before > after ? before : after);
}

void vae_bottleneck(float *latent, const float *mean, const float *scale, const float *noise, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float softplus = scale[i] > 20.0f ? scale[i] : log1pf(expf(scale[i]));
        latent[i] = noise[i] * (softplus + 1e-4f) + mean[i];
    }
}
