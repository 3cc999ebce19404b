/* vae_decode.c - the Oobleck decoder on any stretch of a song. Activations are time-major [rows, channels].
 *
 * Two stages: deep levels, which hold nine tenths of the weights and a tenth of the work, run on many frames at a time, so
 * that preparing weights is little; the others on small tiles, with their weights prepared once.
 *
 * A stretch of samples depends on a stretch of rows at every layer; these are worked out backwards first, and then each
 * layer computes exactly its rows. Zeros stand only where the song itself begins or ends. So tiles are exact, and what
 * they compute twice is a few rows per layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/vae_types.h"

enum { TILE = 32, DEEP_TILES = 4 }; /* frames of a tile; tiles whose deep levels are worked out together */

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

/* A run of levels [from, to) at work: two buffers that activations move between, and one for padded inputs. */
typedef struct {
    const vae *v;
    nn *n;
    const plan *p;
    float *x, *y, *padded;
    const float *at; /* rows `have` of the activations, in x or y or wherever they came from */
    span have;
    vae_tap tap;
    void *user;
} stage;

static void lay_out(stage *g, int from, int to)
{
    const plan *p = g->p;
    size_t x = from == 0 ? span_length(p->first) * (size_t)g->v->cfg.widths[g->v->cfg.levels] : 0, padded = 0;
    if (from == 0) padded = (span_length(p->first) + VAE_TAPS) * (size_t)g->v->cfg.latent_dim;
    for (int i = from; i < to; i++) {
        const vae_level *l = &g->v->level[i];
        x = vae_most(x, (span_length(p->up[i]) + 2 * l->stride) * l->out);
        if (from == 0) padded = vae_most(padded, (span_length(i ? p->unit[i - 1][VAE_UNITS - 1] : p->first) + 3) * l->in);
    }
    g->x = arena_floats(g->n->work, x);
    g->y = arena_floats(g->n->work, x);
    g->padded = arena_floats(g->n->work, padded);
}

void vae_gather(nn *n, float *out, span want, const float *x, span have, long total, size_t width, const vae_snake *s)
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

static void look(const stage *g, int layer, size_t width)
{
    char name[32];
    snprintf(name, sizeof name, "decoder.layers.%d", layer);
    if (g->tap && g->at) g->tap(g->user, name, g->at, span_length(g->have), width);
}

/* The buffer that does not hold the activations. */
static float *other(const stage *g)
{
    return g->at >= g->x && g->at < g->y ? g->y : g->x;
}

/* A level's weights as its products read them. */
typedef struct {
    const float *up;
    nn_unit_weights unit[VAE_UNITS];
} level_weights;

/* Transposed convolution: row m of the product of (x[m-1], x[m]) is output rows m * stride - pad and on. Where its weights do
 * not stand ready there are too many of them for the rows to be worth a transform. */
static void run_up(stage *g, int i, const level_weights *ready)
{
    const vae_level *l = &g->v->level[i];
    span out = g->p->up[i];
    long s = (long)l->stride, pad = (long)l->pad;
    float *y = other(g);
    span blocks = {(out.from + pad) / s, (out.to - 1 + pad) / s + 1};
    if (ready) {
        nn_stretch r = {y, g->at, g->have.from, g->have.to, blocks.from, blocks.to};
        nn_up_run(g->n, &l->up, ready->up, &r);
    } else {
        vae_snake snake = {l->up.a, l->up.s};
        vae_gather(g->n, g->padded, (span){blocks.from - 1, blocks.to}, g->at, g->have, g->p->total[i], l->in, &snake);
        nn_linear(g->n, y, l->stride * l->out, g->padded, l->in, &l->up.w, l->up.bias, span_length(blocks), 0);
    }
    g->at = nn_dry(g->n) ? NULL : y + (size_t)(out.from - (blocks.from * s - pad)) * l->out;
    g->have = out;
}

/* Levels [from, to); ready: their weights, by level, or NULL. */
static void run_levels(stage *g, int from, int to, const level_weights *ready)
{
    for (int i = from; i < to; i++) {
        const vae_level *l = &g->v->level[i];
        run_up(g, i, ready ? &ready[i] : NULL);
        for (int u = 0; u < VAE_UNITS; u++) {
            size_t mark = arena_mark(g->n->work);
            span out = g->p->unit[i][u];
            float *y = other(g);
            nn_stretch r = {y, g->at, g->have.from, g->have.to, out.from, out.to};
            nn_unit_run(g->n, &l->unit[u], ready ? ready[i].unit[u] : nn_unit_prepare(g->n, &l->unit[u]), &r);
            arena_rewind(g->n->work, mark);
            g->at = y;
            g->have = out;
        }
        look(g, i + 1, l->out);
    }
}

/* The first convolution and the deep levels [0, deep): few rows and most of the weights. */
static void run_deep(stage *g, const float *z, long frames, int deep)
{
    const vae *v = g->v;
    size_t latent = (size_t)v->cfg.latent_dim;
    lay_out(g, 0, deep);
    g->have = g->p->first;
    span want = {g->have.from - VAE_TAPS / 2, g->have.to + VAE_TAPS / 2};
    vae_gather(g->n, g->padded, want, z, (span){0, frames}, frames, latent, NULL);
    gemm_view view = {g->padded, latent, latent, latent};
    nn_linear_view(g->n, g->x, v->first.rows, view, &v->first, v->first_bias, span_length(g->have), 0);
    g->at = g->x;
    look(g, 0, v->first.rows);
    run_levels(g, 0, deep, NULL);
}

enum { LAST_ROWS = 122 };

typedef struct {
    const vae *v;
    nn *n;
    const float *x;
    span have, out; /* rows at x, samples wanted */
    float *pcm, *scratch;
} last_job;

static size_t last_floats(const vae *v)
{
    return (LAST_ROWS + VAE_TAPS - 1) * (size_t)v->cfg.widths[0];
}

/* Snake and the last convolution. Two output channels would waste a matrix tile: one long dot product per sample and channel
 * instead. */
static void last_task(void *arg, size_t task, int thread)
{
    const last_job *j = arg;
    const vae *v = j->v;
    size_t width = (size_t)v->cfg.widths[0], io = (size_t)v->cfg.io_channels, taps = VAE_TAPS * width;
    long t0 = j->out.from + (long)(task * LAST_ROWS), t1 = t0 + LAST_ROWS < j->out.to ? t0 + LAST_ROWS : j->out.to;
    float *x = j->scratch + (size_t)thread * last_floats(v), *pcm = j->pcm + task * LAST_ROWS * io;
    for (long t = t0 - VAE_TAPS / 2; t < t1 + VAE_TAPS / 2; t++) {
        float *row = x + (size_t)(t - t0 + VAE_TAPS / 2) * width;
        if (t < j->have.from || t >= j->have.to) memset(row, 0, width * sizeof *row);
        else j->n->kern->snake(row, j->x + (size_t)(t - j->have.from) * width, v->snake.a, v->snake.s, width);
    }
    for (size_t t = 0; t < (size_t)(t1 - t0); t++)
        for (size_t o = 0; o < io; o++) {
            float y = j->n->kern->dot(x + t * width, v->last + o * taps, taps);
            pcm[t * io + o] = v->cfg.final_tanh ? tanhf(y) : y;
        }
}

/* The levels from `deep` on, for samples g->p->pcm into pcm; g->at, g->have are what the deep levels left. */
static void run_shallow(stage *g, float *pcm, int deep, const level_weights *ready)
{
    const vae *v = g->v;
    size_t mark = arena_mark(g->n->work), threads = (size_t)pool_threads(g->n->pool);
    lay_out(g, deep, v->cfg.levels);
    run_levels(g, deep, v->cfg.levels, ready);
    last_job j = {v, g->n, g->at, g->have, g->p->pcm, pcm, NULL};
    j.scratch = arena_floats(g->n->work, threads * last_floats(v));
    if (!nn_dry(g->n)) pool_run(g->n->pool, last_task, &j, (span_length(j.out) + LAST_ROWS - 1) / LAST_ROWS);
    arena_rewind(g->n->work, mark);
}

typedef struct {
    const vae *v;
    nn *n;
    const float *z;
    long frames;
    size_t tile, deep_tile; /* frames of a tile of samples; of what the deep levels do at once */
    vae_tap tap;
    void *user;
    vae_sink sink;
    int whole; /* samples go where the caller said, not through the sink */
} decoding;

/* Tiles of the samples of frames [from, to), on which the deep levels have run. */
static int decode_tiles(const decoding *d, const stage *deep, span part, int levels, const level_weights *ready,
                        float *pcm)
{
    long ratio = d->v->cfg.ratio;
    for (long f = part.from; f < part.to; f += (long)d->tile) {
        /* Measuring: a tile in the middle is the largest there is. */
        if (nn_dry(d->n) && f == part.from && part.to - part.from > 2 * (long)d->tile) f += (long)d->tile;
        long end = f + (long)d->tile < part.to ? f + (long)d->tile : part.to;
        plan p = plan_rows(d->v, d->frames, (span){f * ratio, end * ratio});
        stage g = *deep;
        g.p = &p;
        run_shallow(&g, pcm, levels, ready);
        if (d->whole || nn_dry(d->n)) continue;
        if (d->sink(d->user, pcm, (size_t)((end - f) * ratio), (size_t)end, (size_t)d->frames) != 0) return 0;
    }
    return 1;
}

static int decode(const decoding *d, float *pcm)
{
    const vae *v = d->v;
    level_weights ready[CONFIG_MAX_LEVELS];
    size_t mark = arena_mark(d->n->work);
    int levels = v->cfg.levels / 2, go = 1;
    if (!d->whole) pcm = arena_floats(d->n->work, d->tile * (size_t)(v->cfg.ratio * v->cfg.io_channels));
    for (int i = levels; i < v->cfg.levels; i++) {
        ready[i].up = nn_up_prepare(d->n, &v->level[i].up);
        for (int u = 0; u < VAE_UNITS; u++) ready[i].unit[u] = nn_unit_prepare(d->n, &v->level[i].unit[u]);
    }
    for (long f = 0; f < d->frames && go; f += (long)d->deep_tile) {
        if (nn_dry(d->n) && f == 0 && d->frames > 2 * (long)d->deep_tile) f += (long)d->deep_tile;
        long end = f + (long)d->deep_tile < d->frames ? f + (long)d->deep_tile : d->frames;
        size_t part = arena_mark(d->n->work);
        plan p = plan_rows(v, d->frames, (span){f * v->cfg.ratio, end * v->cfg.ratio});
        stage g = {.v = v, .n = d->n, .p = &p, .tap = d->tap, .user = d->user};
        run_deep(&g, d->z, d->frames, levels);
        go = decode_tiles(d, &g, (span){f, end}, levels, ready, pcm);
        arena_rewind(d->n->work, part);
    }
    arena_rewind(d->n->work, mark);
    return go;
}

int vae_decode_tiled(const vae *v, nn *n, const float *z, size_t frames, size_t tile, vae_sink sink, void *user)
{
    if (tile == 0) tile = TILE;
    if (tile > frames) tile = frames;
    decoding d = {v, n, z, (long)frames, tile, DEEP_TILES * tile, NULL, user, sink, 0};
    return decode(&d, NULL);
}

void vae_decode(const vae *v, nn *n, const float *z, size_t frames, float *pcm, vae_tap tap, void *user)
{
    decoding d = {v, n, z, (long)frames, frames, frames, tap, user, NULL, 1};
    if (frames) decode(&d, pcm);
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
