/* vae_encode.c - the Oobleck encoder on any stretch of a song: vae_decode.c turned around. Rows are planned from the
 * latents wanted back to the samples they hang on, and zeros stand only where the song itself begins or ends, so tiles
 * are exact. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "model/vae_types.h"

enum { TILE = 48 }; /* frames, as for the decoder */

/* Rows of every layer that a stretch of latents needs. */
typedef struct {
    span pcm;
    span first; /* out of the first convolution */
    span unit[CONFIG_MAX_LEVELS][VAE_UNITS];
    span down[CONFIG_MAX_LEVELS]; /* out of a level's strided convolution */
    span latent;
    long total[CONFIG_MAX_LEVELS + 1]; /* rows of the whole song before level i; [levels]: frames */
} plan;

/* Rows a strided convolution makes of `rows` (vae.md section 2). */
static long shrunk(long rows, long stride)
{
    long pad = (stride + 1) / 2, reach = rows + 2 * pad - 2 * stride;
    return reach < 0 ? 0 : reach / stride + 1;
}

static void count_rows(const vae_cfg *c, long samples, long total[CONFIG_MAX_LEVELS + 1])
{
    total[0] = samples;
    for (int i = 0; i < c->levels; i++) total[i + 1] = shrunk(total[i], c->strides[i]);
}

size_t vae_frames(const vae_cfg *cfg, size_t samples)
{
    long total[CONFIG_MAX_LEVELS + 1];
    count_rows(cfg, (long)samples, total);
    return (size_t)total[cfg->levels];
}

/* Rows of its input that a strided convolution reads for rows s; some may lie outside the song. */
static span reach_of(const vae_down *l, span s)
{
    long stride = (long)l->stride, pad = (long)l->pad;
    return (span){s.from * stride - pad, (s.to - 1) * stride - pad + 2 * stride};
}

static plan plan_rows(const vae *v, long samples, span frames)
{
    plan p = {.latent = frames};
    int n = v->cfg.levels;
    count_rows(&v->cfg, samples, p.total);
    span need = span_widen(frames, VAE_LAST_TAPS / 2, p.total[n]);
    for (int i = n - 1; i >= 0; i--) {
        const vae_down *l = &v->encoder.level[i];
        p.down[i] = need;
        need = span_widen(reach_of(l, need), 0, p.total[i]);
        for (int u = VAE_UNITS - 1; u >= 0; u--) {
            p.unit[i][u] = need;
            need = span_widen(need, VAE_TAPS / 2 * (long)l->unit[u].dilation, p.total[i]);
        }
    }
    p.first = need;
    p.pcm = span_widen(need, VAE_TAPS / 2, samples);
    return p;
}

static vae_buffers lay_out(const vae *v, nn *n, const plan *p)
{
    size_t x = span_length(p->first) * (size_t)v->cfg.widths[0], y = 1, inner = 1;
    size_t padded = (span_length(p->first) + VAE_TAPS) * (size_t)v->cfg.io_channels;
    for (int i = 0; i < v->cfg.levels; i++) {
        const vae_down *l = &v->encoder.level[i];
        y = vae_most(y, span_length(p->down[i]) * l->out);
        padded = vae_most(padded, span_length(reach_of(l, p->down[i])) * l->in);
        for (int u = 0; u < VAE_UNITS; u++) {
            padded = vae_most(padded, (span_length(p->unit[i][u]) + (VAE_TAPS - 1) * l->unit[u].dilation) * l->in);
            inner = vae_most(inner, span_length(p->unit[i][u]) * l->in);
        }
    }
    padded = vae_most(padded, (span_length(p->latent) + VAE_LAST_TAPS) * (size_t)v->cfg.widths[v->cfg.levels]);
    vae_buffers b;
    b.x = arena_floats(n->work, vae_most(x, y));
    b.y = arena_floats(n->work, y);
    b.padded = arena_floats(n->work, padded);
    b.inner = arena_floats(n->work, inner);
    return b;
}

static void look(vae_tap tap, void *user, int layer, const float *x, span have, size_t width)
{
    char name[32];
    snprintf(name, sizeof name, "encoder.layers.%d", layer);
    if (tap && x) tap(user, name, x, span_length(have), width);
}

/* A convolution of stride 1 over rows that stand in b->padded, with its taps' reach on both sides. */
static void convolve(nn *n, float *y, const float *padded, size_t width, const wmat *w, const float *bias, span out)
{
    gemm_view view = {padded, width, width, width};
    nn_linear_view(n, y, w->rows, view, w, bias, span_length(out), 0);
}

/* Every row of w's product reads 2 * stride rows of the input, each stride further on. */
static void run_down(nn *n, const vae_down *l, const float *x, span have, span out, long total, float *y,
                     const vae_buffers *b)
{
    vae_gather(n, b->padded, reach_of(l, out), x, have, total, l->in, &l->snake);
    nn_linear_view(n, y, l->out, gemm_plain(b->padded, l->stride * l->in, 2 * l->stride * l->in), &l->down,
                   l->down_bias, span_length(out), 0);
}

/* Frames [p.latent] of a sound of so many samples into h [frames, 2 * latent]. */
static void encode_span(const vae *v, nn *n, const float *pcm, long samples, span frames, float *h, vae_tap tap,
                        void *user)
{
    size_t mark = arena_mark(n->work), io = (size_t)v->cfg.io_channels, top = (size_t)v->cfg.widths[v->cfg.levels];
    const vae_encoder *e = &v->encoder;
    plan p = plan_rows(v, samples, frames);
    vae_buffers b = lay_out(v, n, &p);
    float *x = b.x, *base = b.x, *other = b.y;
    span have = p.first;
    vae_gather(n, b.padded, (span){have.from - VAE_TAPS / 2, have.to + VAE_TAPS / 2}, pcm, (span){0, samples}, samples,
               io, NULL);
    convolve(n, x, b.padded, io, &e->first, e->first_bias, have);
    look(tap, user, 0, x, have, e->first.rows);
    for (int i = 0; i < v->cfg.levels; i++) {
        const vae_down *l = &e->level[i];
        for (int u = 0; u < VAE_UNITS; u++) {
            vae_run_unit(n, &l->unit[u], x, have, p.unit[i][u], p.total[i], l->in, &b);
            if (!nn_dry(n)) x += (size_t)(p.unit[i][u].from - have.from) * l->in;
            have = p.unit[i][u];
        }
        run_down(n, l, x, have, p.down[i], p.total[i], other, &b);
        x = other;
        other = base;
        base = x;
        have = p.down[i];
        look(tap, user, i + 1, x, have, l->out);
    }
    vae_gather(n, b.padded, (span){frames.from - VAE_LAST_TAPS / 2, frames.to + VAE_LAST_TAPS / 2}, x, have,
               p.total[v->cfg.levels], top, &e->snake);
    convolve(n, h, b.padded, top, &e->last, e->last_bias, frames);
    arena_rewind(n->work, mark);
}

void vae_encode(const vae *v, nn *n, const float *pcm, size_t samples, float *h, vae_tap tap, void *user)
{
    size_t frames = vae_frames(&v->cfg, samples);
    assert(v->cfg.has_encoder);
    if (frames) encode_span(v, n, pcm, (long)samples, (span){0, (long)frames}, h, tap, user);
}

int vae_encode_tiled(const vae *v, nn *n, const float *pcm, size_t samples, size_t tile, float *h, vae_step step,
                     void *user)
{
    size_t frames = vae_frames(&v->cfg, samples), width = 2 * (size_t)v->cfg.latent_dim;
    assert(v->cfg.has_encoder);
    if (tile == 0) tile = TILE;
    if (tile > frames) tile = frames;
    for (size_t f = 0; f < frames; f += tile) {
        /* Measuring: a tile in the middle is the largest there is. */
        if (nn_dry(n) && f == 0 && frames > 2 * tile) f = tile;
        size_t end = f + tile < frames ? f + tile : frames;
        encode_span(v, n, pcm, (long)samples, (span){(long)f, (long)end}, nn_dry(n) ? NULL : h + f * width, NULL, NULL);
        if (!nn_dry(n) && step && step(user, end, frames) != 0) return 0;
    }
    return 1;
}

int vae_encode_chunked(const vae *v, nn *n, const float *pcm, size_t samples, vae_chunks how, float *h, vae_step step,
                       void *user)
{
    size_t ratio = (size_t)v->cfg.ratio, width = 2 * (size_t)v->cfg.latent_dim, io = (size_t)v->cfg.io_channels;
    size_t frames = vae_frames(&v->cfg, samples), size = how.chunk * ratio, hop = (how.chunk - how.overlap) * ratio;
    size_t mark = arena_mark(n->work), part_frames = size < samples ? how.chunk : frames, cut = how.overlap / 2;
    assert(v->cfg.has_encoder && how.overlap < how.chunk);
    if (size > samples) size = samples;
    float *part = arena_floats(n->work, part_frames * width);
    int go = 1;
    for (size_t start = 0, last = 0; !last && go && frames; start += hop) {
        /* The last window ends where the sound does, and may begin between two frames. */
        last = start + size >= samples || nn_dry(n);
        if (start + size > samples) start = samples - size;
        vae_encode(v, n, nn_dry(n) ? NULL : pcm + start * io, size, part, NULL, NULL);
        if (nn_dry(n)) continue;
        size_t at = last ? frames - part_frames : start / ratio, from = start ? cut : 0,
               to = part_frames - (last ? 0 : cut);
        memcpy(h + (at + from) * width, part + from * width, (to - from) * width * sizeof *h);
        if (step) go = step(user, at + to, frames) == 0;
    }
    arena_rewind(n->work, mark);
    return go;
}
