/* muon.c - see muon.h. */
#include "train/muon.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gemm_turned.h"

enum { STEPS = 5 };
/* Of the polynomial x (a + b x^2 + c x^4) that lifts singular values towards 1 without settling. */
static const float poly_a = 3.4445f, poly_b = -4.7750f, poly_c = 2.0315f;

struct muon {
    pool *pool;
    const kern_table *kern;
    const kern_grad *grad;
    dit_tensor *tensors;
    size_t count;
    float *tall, *next; /* [largest matrix] */
    float *square, *mix; /* [largest short side squared] */
    float *direction;    /* [largest matrix] */
    float *scratch;
};

static int is_matrix(const dit_tensor *t)
{
    return t->dims == 2 &&
           (strstr(t->name, "transformer_blocks") || strstr(t->name, "pwconv") || strstr(t->name, "text_fusion"));
}

static float *floats(size_t count)
{
    size_t bytes;
    if (__builtin_mul_overflow(count + 16, sizeof(float), &bytes)) return NULL;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int make_room(muon *o)
{
    size_t cells = 1, side = 1, scratch = 0;
    for (size_t i = 0; i < o->count; i++) {
        const dit_tensor *t = &o->tensors[i];
        if (!is_matrix(t)) continue;
        size_t n = larger(t->shape[0], t->shape[1]), k = t->shape[0] + t->shape[1] - n;
        cells = larger(cells, n * k);
        side = larger(side, k);
        scratch = larger(scratch, gemm_turned_scratch(o->kern, k, k, n));
        scratch = larger(scratch, larger(gemm_scratch(o->kern, k, k, k), gemm_scratch(o->kern, n, k, k)));
    }
    o->tall = floats(cells);
    o->next = floats(cells);
    o->direction = floats(cells);
    o->square = floats(side * side);
    o->mix = floats(side * side);
    o->scratch = floats(scratch);
    return o->tall && o->next && o->direction && o->square && o->mix && o->scratch;
}

drgen_status muon_open(muon **out, const dit_cfg *cfg, pool *p, const kern_table *kern, drgen_err *err)
{
    muon *o = *out = calloc(1, sizeof *o);
    if (!o) return err_fail(err, DRGEN_ERR_NOMEM, "optimiser: out of memory");
    *o = (muon){.pool = p, .kern = kern, .grad = kern_grad_of(kern)};
    drgen_status status = dit_list(cfg, &o->tensors, &o->count, err);
    if (status == DRGEN_OK && !make_room(o)) status = err_fail(err, DRGEN_ERR_NOMEM, "optimiser: out of memory");
    if (status == DRGEN_OK) return status;
    muon_close(o);
    *out = NULL;
    return status;
}

void muon_close(muon *o)
{
    if (!o) return;
    free(o->tensors);
    free(o->tall), free(o->next), free(o->direction), free(o->square), free(o->mix), free(o->scratch);
    free(o);
}

/* out [cols, rows] = x [rows, cols] turned. */
static void turn(float *out, const float *x, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) out[c * rows + r] = x[r * cols + c];
}

/* tall [n, k]: one step of the iteration, into next. With S = tall^T tall it is tall (a + b S + c S S), and S and its
 * polynomial are symmetric, so that products with their transpose will do. */
static void newton_schulz(muon *o, size_t n, size_t k)
{
    gemm_view tall = gemm_plain(o->tall, k, k), square = gemm_plain(o->square, k, k);
    gemm_turned s = {.c = o->square, .ldc = k, .a = tall, .a_turned = 1, .b = tall, .type = KERN_F32, .m = k, .n = k, .k = n};
    gemm_turned_run(o->pool, o->kern, &s, o->scratch);
    gemm q = {.c = o->mix, .ldc = k, .a = square, .w = o->square, .ldw = k, .type = KERN_F32, .m = k, .n = k, .k = k};
    gemm_run(o->pool, o->kern, &q, o->scratch);
    for (size_t i = 0; i < k * k; i++) o->mix[i] = poly_b * o->square[i] + poly_c * o->mix[i];
    for (size_t i = 0; i < k; i++) o->mix[i * k + i] += poly_a;
    gemm r = {.c = o->next, .ldc = k, .a = tall, .w = o->mix, .ldw = k, .type = KERN_F32, .m = n, .n = k, .k = k};
    gemm_run(o->pool, o->kern, &r, o->scratch);
    float *swap = o->tall;
    o->tall = o->next;
    o->next = swap;
}

void muon_direction(muon *o, float *g, size_t rows, size_t cols)
{
    size_t count = rows * cols, n = larger(rows, cols), k = rows + cols - n;
    float scale = 1.0f / ((float)sqrt(o->grad->energy(g, count)) + 1e-7f);
    for (size_t i = 0; i < count; i++) g[i] *= scale;
    if (rows < cols) turn(o->tall, g, rows, cols);
    else memcpy(o->tall, g, count * sizeof *g);
    for (int i = 0; i < STEPS; i++) newton_schulz(o, n, k);
    if (rows < cols) turn(g, o->tall, n, k);
    else memcpy(g, o->tall, count * sizeof *g);
}

static void matrix_update(muon *o, const dit_tensor *t, const adamw_arrays *a, const muon_how *how, double lr)
{
    size_t count = t->count;
    float *p = a->p + t->at, *m = a->m + t->at, momentum = (float)how->momentum, keep = (float)(1 - lr * how->decay);
    float step = (float)(lr * 0.2 * sqrt((double)larger(t->shape[0], t->shape[1])));
    const float *g = a->g + t->at;
    for (size_t i = 0; i < count; i++) {
        m[i] = momentum * m[i] + g[i];
        o->direction[i] = g[i] + momentum * m[i];
    }
    muon_direction(o, o->direction, t->shape[0], t->shape[1]);
    for (size_t i = 0; i < count; i++) p[i] = keep * p[i] - step * o->direction[i];
}

void muon_update(muon *o, const adamw_arrays *a, const muon_how *how, double lr, long n)
{
    double c1 = 1.0 - pow(how->b1, (double)n), c2 = 1.0 - pow(how->b2, (double)n);
    const kern_adamw adam = {.keep = 1, .b1 = (float)how->b1, .b2 = (float)how->b2, .scale = 1, .step = (float)(lr / c1),
                             .root = (float)(1.0 / sqrt(c2)), .eps = (float)how->eps};
    for (size_t i = 0; i < o->count; i++) {
        const dit_tensor *t = &o->tensors[i];
        if (how->fixed && strncmp(t->name, how->fixed, strlen(how->fixed)) == 0) continue;
        if (is_matrix(t)) matrix_update(o, t, a, how, lr);
        else o->grad->adamw(a->p + t->at, a->g + t->at, a->m + t->at, a->v + t->at, &adam, t->count);
    }
    if (a->ema) o->grad->lerp(a->ema, a->p, adamw_average(how->ema, n), a->count);
}
