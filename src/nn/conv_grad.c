/* conv_grad.c - convolutions over time and global response normalisation for songs one after the other, forward and
 * back. */
#include <math.h>
#include <string.h>

#include "kernels/gemm_turned.h"
#include "kernels/kern_grad.h"
#include "nn/nn_grad.h"

enum { ROWS = 64, COLS = 64 }; /* of a task */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Copies songs [songs, frames, width] with pad frames of zeros around each. */
static float *pad_songs(nn *n, const float *x, size_t pad, size_t songs, size_t frames, size_t width)
{
    float *out = arena_floats(n->work, songs * (frames + 2 * pad) * width);
    for (size_t s = 0; s < songs && !nn_dry(n); s++) {
        float *song = out + s * (frames + 2 * pad) * width;
        memset(song, 0, pad * width * sizeof *song);
        memcpy(song + pad * width, x + s * frames * width, frames * width * sizeof *song);
        memset(song + (pad + frames) * width, 0, pad * width * sizeof *song);
    }
    return out;
}

/* ---- depthwise */

typedef struct {
    nn *n;
    const kern_grad *grad;
    float *y;
    const float *x, *w, *b, *dy, *norm, *gamma;
    float *dw, *db, *out_norm;
    size_t taps, songs, frames, width;
} conv_job;

static void depthwise_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t width = j->width, blocks = (j->frames + ROWS - 1) / ROWS, song = task / blocks, t0 = task % blocks * ROWS;
    const float *x = j->x + song * (j->frames + j->taps - 1) * width;
    float *y = j->y + song * j->frames * width;
    for (size_t t = t0; t < least(t0 + ROWS, j->frames); t++)
        j->n->kern->depthwise(y + t * width, x + t * width, width, j->w, j->b, j->taps, width);
}

void nn_depthwise(nn *n, float *y, const float *x, const float *w, const float *b, size_t taps, size_t songs,
                  size_t frames, size_t width)
{
    size_t mark = arena_mark(n->work);
    float *padded = pad_songs(n, x, taps / 2, songs, frames, width);
    if (!nn_dry(n)) {
        conv_job j = {.n = n,
                      .y = y,
                      .x = padded,
                      .w = w,
                      .b = b,
                      .taps = taps,
                      .songs = songs,
                      .frames = frames,
                      .width = width};
        pool_run(n->pool, depthwise_task, &j, songs * ((frames + ROWS - 1) / ROWS));
    }
    arena_rewind(n->work, mark);
}

/* dw of some channels: summed over 64 frames at a time, then added. */
static void depthwise_dw_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t c0 = task * COLS, cols = least(COLS, j->width - c0);
    for (size_t s = 0; s < j->songs; s++) {
        const float *dy = j->dy + s * j->frames * j->width + c0;
        const float *x = j->x + s * (j->frames + j->taps - 1) * j->width + c0;
        for (size_t t0 = 0; t0 < j->frames; t0 += ROWS)
            for (size_t k = 0; k < j->taps; k++) {
                float sum[COLS] = {0};
                for (size_t t = t0; t < least(t0 + ROWS, j->frames); t++)
                    j->grad->mul_add(sum, dy + t * j->width, x + (t + k) * j->width, cols);
                j->n->kern->add(j->dw + k * j->width + c0, sum, cols);
            }
    }
}

void nn_depthwise_grad(nn *n, float *dx, float *dw, const float *dy, const float *x, const float *w, size_t taps,
                       size_t songs, size_t frames, size_t width)
{
    size_t mark = arena_mark(n->work);
    float *padded = pad_songs(n, x, taps / 2, songs, frames, width), *flipped = arena_floats(n->work, taps * width);
    if (!nn_dry(n)) {
        conv_job j = {.n = n,
                      .grad = kern_grad_of(n->kern),
                      .dw = dw,
                      .dy = dy,
                      .x = padded,
                      .taps = taps,
                      .songs = songs,
                      .frames = frames,
                      .width = width};
        pool_run(n->pool, depthwise_dw_task, &j, (width + COLS - 1) / COLS);
        for (size_t k = 0; k < taps; k++) memcpy(flipped + k * width, w + (taps - 1 - k) * width, width * sizeof *w);
    }
    nn_depthwise(n, dx, dy, flipped, NULL, taps, songs, frames, width);
    arena_rewind(n->work, mark);
}

/* ---- global response normalisation: a task owns some channels of a song */

enum { GRN_COLS = 32 };

static void grn_norm_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t blocks = (j->width + GRN_COLS - 1) / GRN_COLS, song = task / blocks, c0 = task % blocks * GRN_COLS;
    size_t cols = least(GRN_COLS, j->width - c0);
    const float *x = j->x + song * j->frames * j->width + c0;
    double sum[GRN_COLS] = {0};
    for (size_t t = 0; t < j->frames; t++)
        for (size_t c = 0; c < cols; c++) sum[c] += (double)x[t * j->width + c] * (double)x[t * j->width + c];
    for (size_t c = 0; c < cols; c++) j->out_norm[song * j->width + c0 + c] = (float)sqrt(sum[c]);
}

/* Mean of a song's norms + 1e-6. */
static float grn_divisor(const float *norm, size_t width)
{
    double mean = 0;
    for (size_t c = 0; c < width; c++) mean += (double)norm[c];
    return (float)(mean / (double)width) + 1e-6f;
}

static void grn_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t width = j->width, blocks = (j->frames + ROWS - 1) / ROWS, song = task / blocks, t0 = task % blocks * ROWS;
    const float *norm = j->norm + song * width, *x = j->x + song * j->frames * width;
    float *y = j->y + song * j->frames * width, inverse = 1.0f / grn_divisor(norm, width);
    for (size_t t = t0; t < least(t0 + ROWS, j->frames); t++)
        for (size_t c = 0; c < width; c++) {
            float v = x[t * width + c];
            y[t * width + c] = j->gamma[c] * (v * (norm[c] * inverse)) + j->b[c] + v;
        }
}

void nn_grn(nn *n, float *y, float *norm, const float *x, const float *gamma, const float *beta, size_t songs,
            size_t frames, size_t width)
{
    if (nn_dry(n)) return;
    conv_job j = {.n = n,
                  .y = y,
                  .x = x,
                  .out_norm = norm,
                  .norm = norm,
                  .gamma = gamma,
                  .b = beta,
                  .songs = songs,
                  .frames = frames,
                  .width = width};
    pool_run(n->pool, grn_norm_task, &j, songs * ((width + GRN_COLS - 1) / GRN_COLS));
    pool_run(n->pool, grn_task, &j, songs * ((frames + ROWS - 1) / ROWS));
}

/* dw [songs, width]: sum over time of dy x; db: of dy. */
static void grn_sums_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t blocks = (j->width + GRN_COLS - 1) / GRN_COLS, song = task / blocks, c0 = task % blocks * GRN_COLS;
    size_t cols = least(GRN_COLS, j->width - c0), at = song * j->frames * j->width + c0;
    double cross[GRN_COLS] = {0}, sum[GRN_COLS] = {0};
    for (size_t t = 0; t < j->frames; t++)
        for (size_t c = 0; c < cols; c++) {
            double d = (double)j->dy[at + t * j->width + c];
            cross[c] += d * (double)j->x[at + t * j->width + c];
            sum[c] += d;
        }
    for (size_t c = 0; c < cols; c++) {
        j->dw[song * j->width + c0 + c] = (float)cross[c];
        j->db[song * j->width + c0 + c] = (float)sum[c];
    }
}

/* dx = dy (1 + gamma N) + x * (gradient of the norm) / norm; w: the factors of dy, b: those of x. */
static void grn_dx_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t width = j->width, blocks = (j->frames + ROWS - 1) / ROWS, song = task / blocks, t0 = task % blocks * ROWS;
    const float *a = j->w + song * width, *b = j->b + song * width;
    for (size_t t = t0; t < least(t0 + ROWS, j->frames); t++) {
        size_t at = (song * j->frames + t) * width;
        for (size_t c = 0; c < width; c++) j->y[at + c] = j->dy[at + c] * a[c] + j->x[at + c] * b[c];
    }
}

/* Turns one song's sums into the factors of grn_dx_task, and adds to the weights' gradients. */
static void grn_factors(const conv_job *j, size_t song, float *dgamma, float *dbeta)
{
    size_t width = j->width;
    float *cross = j->dw + song * width, *sum = j->db + song * width;
    const float *norm = j->norm + song * width, divisor = grn_divisor(norm, width);
    double through = 0; /* what the mean passes back */
    for (size_t c = 0; c < width; c++) through += (double)j->gamma[c] * (double)cross[c] * (double)norm[c];
    through /= (double)width * (double)divisor * (double)divisor;
    for (size_t c = 0; c < width; c++) {
        float scale = norm[c] / divisor;
        if (dgamma) dgamma[c] += cross[c] * scale;
        if (dbeta) dbeta[c] += sum[c];
        double d = (double)j->gamma[c] * (double)cross[c] / (double)divisor - through;
        cross[c] = 1.0f + j->gamma[c] * scale;
        sum[c] = norm[c] > 0 ? (float)(d / (double)norm[c]) : 0;
    }
}

void nn_grn_grad(nn *n, float *dx, float *dgamma, float *dbeta, const float *dy, const float *x, const float *norm,
                 const float *gamma, size_t songs, size_t frames, size_t width)
{
    size_t mark = arena_mark(n->work);
    float *cross = arena_floats(n->work, songs * width), *sum = arena_floats(n->work, songs * width);
    if (!nn_dry(n)) {
        conv_job j = {.n = n,
                      .y = dx,
                      .x = x,
                      .dy = dy,
                      .norm = norm,
                      .gamma = gamma,
                      .dw = cross,
                      .db = sum,
                      .w = cross,
                      .b = sum,
                      .songs = songs,
                      .frames = frames,
                      .width = width};
        pool_run(n->pool, grn_sums_task, &j, songs * ((width + GRN_COLS - 1) / GRN_COLS));
        for (size_t s = 0; s < songs; s++) grn_factors(&j, s, dgamma, dbeta);
        pool_run(n->pool, grn_dx_task, &j, songs * ((frames + ROWS - 1) / ROWS));
    }
    arena_rewind(n->work, mark);
}

/* ---- in groups */

/* Rows of all songs, each with the taps around it, of one group's channels. */
static gemm_view window(const nn_grouped *c, const float *padded, size_t group)
{
    size_t width = c->width / c->groups, pad = c->taps / 2;
    return (gemm_view){.data = padded ? padded + group * width : NULL,
                       .row = c->width,
                       .seg = width,
                       .jump = c->width,
                       .run = c->frames,
                       .run_jump = (c->frames + 2 * pad) * c->width};
}

static wmat group_weight(const nn_grouped *c, size_t group)
{
    wmat w = *c->w;
    w.rows = c->width / c->groups;
    w.data = (const char *)w.data + group * w.rows * w.cols * (w.type == ST_F32 ? 4 : 2);
    return w;
}

void nn_grouped_conv(nn *n, float *y, const float *x, const float *b, const nn_grouped *c)
{
    size_t mark = arena_mark(n->work), width = c->width / c->groups;
    float *padded = pad_songs(n, x, c->taps / 2, c->songs, c->frames, c->width);
    for (size_t g = 0; g < c->groups; g++) {
        wmat w = group_weight(c, g);
        nn_linear_view(n, nn_dry(n) ? NULL : y + g * width, c->width, window(c, padded, g), &w,
                       b ? b + g * width : NULL, c->songs * c->frames, 0);
        if (nn_dry(n)) break;
    }
    arena_rewind(n->work, mark);
}

static void run_turned(nn *n, const gemm_turned *g)
{
    size_t mark = arena_mark(n->work);
    float *scratch = arena_floats(n->work, gemm_turned_scratch(n->kern, g->m, g->n, g->k));
    if (!nn_dry(n)) gemm_turned_run(n->pool, n->kern, g, scratch);
    arena_rewind(n->work, mark);
}

/* dx of a group: the same convolution with the taps in reverse and inputs and outputs exchanged. */
static void group_dx(nn *n, float *dx, const float *padded, size_t g, float *flipped, const nn_grouped *c)
{
    size_t width = c->width / c->groups, k = c->taps * width;
    if (!nn_dry(n)) {
        const float *w = (const float *)c->w->data + g * width * k;
        for (size_t tap = 0; tap < c->taps; tap++)
            for (size_t o = 0; o < width; o++)
                memcpy(flipped + (tap * width + o) * width, w + o * k + (c->taps - 1 - tap) * width, width * sizeof *w);
    }
    gemm_turned p = {.c = nn_dry(n) ? NULL : dx + g * width,
                     .ldc = c->width,
                     .a = window(c, padded, g),
                     .b = gemm_plain(flipped, width, width),
                     .type = KERN_F32,
                     .m = c->songs * c->frames,
                     .n = width,
                     .k = k};
    run_turned(n, &p);
}

void nn_grouped_conv_grad(nn *n, float *dx, float *dw, const float *dy, const float *x, const nn_grouped *c)
{
    size_t mark = arena_mark(n->work), width = c->width / c->groups, k = c->taps * width, rows = c->songs * c->frames;
    float *px = pad_songs(n, x, c->taps / 2, c->songs, c->frames, c->width);
    float *pd = pad_songs(n, dy, c->taps / 2, c->songs, c->frames, c->width),
          *flipped = arena_floats(n->work, width * k);
    for (size_t g = 0; g < c->groups; g++) {
        nn_linear_dw(n, nn_dry(n) ? NULL : dw + g * width * k, k, nn_dry(n) ? NULL : dy + g * width, c->width,
                     window(c, px, g), width, k, rows);
        group_dx(n, dx, pd, g, flipped, c);
        if (nn_dry(n)) break;
    }
    arena_rewind(n->work, mark);
}
