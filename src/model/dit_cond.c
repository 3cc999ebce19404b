/* dit_cond.c - what the transformer is told: time, text and the position of a frame. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "model/dit_types.h"

void dit_time(const dit *d, nn *n, const dit_time_mlp *m, float u, float *c, int add)
{
    size_t mark = arena_mark(n->work), width = (size_t)d->cfg.cond_dim;
    float *features = arena_floats(n->work, DIT_SINUS), *hidden = arena_floats(n->work, width);
    if (!nn_dry(n)) nn_sinus(features, DIT_SINUS / 2, u);
    nn_linear(n, hidden, width, features, DIT_SINUS, &m->w0, m->b0, 1, 0);
    nn_activate(n, NN_SILU, hidden, hidden, width);
    nn_linear(n, c, width, hidden, width, &m->w2, m->b2, 1, add);
    arena_rewind(n->work, mark);
}

typedef struct {
    const dit *d;
    const dit_text_block *t;
    nn *n;
    const int32_t *text;
    const float *padded;
    float *x, *y, *freq, *scale;
    size_t frames, width; /* width of y rows */
    int half_tables;
} text_job;

enum { TEXT_ROWS = 64, TEXT_COLS = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Token embedding plus the position table: cosines first, then sines, not interleaved. */
static void embed_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const text_job *j = arg;
    size_t c = j->width, half = c / 2, max = (size_t)j->d->cfg.max_frames;
    const wmat *w = &j->d->tokens;
    size_t size = w->type == ST_F32 ? 4 : 2;
    kern_type type = w->type == ST_F16 ? KERN_F16 : w->type == ST_BF16 ? KERN_BF16 : KERN_F32;
    for (size_t t = task * TEXT_ROWS; t < least((task + 1) * TEXT_ROWS, j->frames); t++) {
        float *row = j->x + t * c;
        size_t id = j->text ? (size_t)j->text[t] : 0;
        j->n->kern->widen(row, (const char *)w->data + id * c * size, type, c);
        for (size_t i = 0; i < half; i++) {
            float angle = (float)least(t, max - 1) * j->freq[i];
            float cs = (float)cos((double)angle), sn = (float)sin((double)angle);
            if (j->half_tables) {
                cs = half_from_f16(half_to_f16(cs));
                sn = half_from_f16(half_to_f16(sn));
            }
            row[i] += cs;
            row[half + i] += sn;
        }
    }
}

static void depthwise_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const text_job *j = arg;
    size_t c = (size_t)j->d->cfg.cond_dim;
    for (size_t t = task * TEXT_ROWS; t < least((task + 1) * TEXT_ROWS, j->frames); t++)
        j->n->kern->depthwise(j->y + t * c, j->padded + t * c, c, j->t->dw, j->t->dw_bias, DIT_TEXT_TAPS, c);
}

/* Norm of each channel over time; a task owns whole channels, so the sum's order is fixed. */
static void grn_norm_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const text_job *j = arg;
    double sum[TEXT_COLS] = {0};
    size_t c0 = task * TEXT_COLS, n = least(TEXT_COLS, j->width - c0);
    for (size_t t = 0; t < j->frames; t++)
        for (size_t c = 0; c < n; c++) {
            double v = (double)j->y[t * j->width + c0 + c];
            sum[c] += v * v;
        }
    for (size_t c = 0; c < n; c++) j->scale[c0 + c] = (float)sqrt(sum[c]);
}

static void grn_apply_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const text_job *j = arg;
    for (size_t t = task * TEXT_ROWS; t < least((task + 1) * TEXT_ROWS, j->frames); t++) {
        float *y = j->y + t * j->width;
        for (size_t c = 0; c < j->width; c++) y[c] = j->t->gamma[c] * (y[c] * j->scale[c]) + j->t->beta[c] + y[c];
    }
}

/* Global response normalisation (ConvNeXt V2): needs the whole sequence. */
static void grn(text_job *j)
{
    size_t blocks = (j->frames + TEXT_ROWS - 1) / TEXT_ROWS;
    pool_run(j->n->pool, grn_norm_task, j, (j->width + TEXT_COLS - 1) / TEXT_COLS);
    double mean = 0;
    for (size_t c = 0; c < j->width; c++) mean += (double)j->scale[c];
    float divisor = (float)(mean / (double)j->width) + 1e-6f;
    for (size_t c = 0; c < j->width; c++) j->scale[c] /= divisor;
    pool_run(j->n->pool, grn_apply_task, j, blocks);
}

void dit_text(const dit *d, nn *n, const int32_t *text, size_t frames, int half_tables, float *out)
{
    size_t mark = arena_mark(n->work), c = (size_t)d->cfg.cond_dim, pad = DIT_TEXT_TAPS / 2;
    float *padded = arena_floats(n->work, (frames + 2 * pad) * c), *y = arena_floats(n->work, frames * c);
    float *wide = arena_floats(n->work, frames * 2 * c), *scale = arena_floats(n->work, 2 * c);
    size_t blocks = (frames + TEXT_ROWS - 1) / TEXT_ROWS;
    text_job j = {.d = d, .n = n, .text = text, .padded = padded, .x = out, .freq = scale, .frames = frames,
                  .half_tables = half_tables};
    if (!nn_dry(n)) {
        nn_rope_freq(scale, c / 2, 10000.0, 0);
        memset(padded, 0, pad * c * sizeof *padded);
        memset(padded + (pad + frames) * c, 0, pad * c * sizeof *padded);
        j.width = c;
        pool_run(n->pool, embed_task, &j, blocks);
    }
    for (int i = 0; i < d->cfg.conv_layers; i++) {
        j.t = &d->text[i];
        j.y = y;
        if (!nn_dry(n)) {
            memcpy(padded + pad * c, out, frames * c * sizeof *padded);
            pool_run(n->pool, depthwise_task, &j, blocks);
        }
        nn_layernorm(n, y, y, j.t->norm_w, j.t->norm_b, 1e-6f, frames, c);
        nn_linear(n, wide, 2 * c, y, c, &j.t->pw1, j.t->pw1_bias, frames, 0);
        nn_activate(n, NN_GELU, wide, wide, frames * 2 * c);
        j.y = wide;
        j.scale = scale;
        j.width = 2 * c;
        if (!nn_dry(n)) grn(&j);
        nn_linear(n, out, c, wide, 2 * c, &j.t->pw2, j.t->pw2_bias, frames, 1);
    }
    arena_rewind(n->work, mark);
}

void dit_position(const dit *d, nn *n, float *h, size_t frames)
{
    size_t mark = arena_mark(n->work), dim = (size_t)d->cfg.dim, groups = (size_t)d->cfg.conv_groups;
    size_t width = dim / groups, pad = DIT_POS_TAPS / 2;
    float *padded = arena_floats(n->work, (frames + 2 * pad) * dim), *z = arena_floats(n->work, frames * dim);
    for (int i = 0; i < 2; i++) {
        const dit_linear *conv = &d->pos[i];
        if (!nn_dry(n)) {
            memset(padded, 0, pad * dim * sizeof *padded);
            memcpy(padded + pad * dim, i ? z : h, frames * dim * sizeof *padded);
            memset(padded + (pad + frames) * dim, 0, pad * dim * sizeof *padded);
        }
        for (size_t g = 0; g < groups; g++) {
            size_t size = conv->w.type == ST_F32 ? 4 : 2;
            wmat w = conv->w;
            w.rows = width;
            w.data = (const char *)conv->w.data + g * width * w.cols * size;
            gemm_view view = {padded + g * width, dim, width, dim};
            nn_linear_view(n, z + g * width, dim, view, &w, conv->bias ? conv->bias + g * width : NULL, frames, 0);
            if (nn_dry(n)) break;
        }
        nn_activate(n, NN_MISH, z, z, frames * dim);
    }
    nn_add(n, h, z, frames * dim);
    arena_rewind(n->work, mark);
}
