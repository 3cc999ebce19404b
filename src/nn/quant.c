/* quant.c - int8 linear layers. Activations become bytes once, together with what comes before them (a norm, the gate of
 * an MLP), and then meet as many weights as need them. */
#include "nn/nn.h"

typedef struct {
    const nn *n;
    const kern_q8 *q8;
    const q8_rows *r;
    const float *x, *w, *up;
    float *gate, *scratch;
    size_t ldx, col0, cols;
    float eps;
} quant_job;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const kern_q8 *table(const nn *n)
{
    return kern_q8_of(n->kern);
}

q8_rows nn_q8_rows(nn *n, size_t rows, size_t depth)
{
    const kern_q8 *q8 = table(n);
    return q8_rows_at(q8, arena_alloc(n->work, q8_rows_bytes(q8, rows, depth), 1), rows, depth);
}

static void quantise_task(void *arg, size_t panel, int thread)
{
    (void)thread;
    const quant_job *j = arg;
    q8_set_panel(j->q8, j->r, panel, j->x, j->ldx);
}

void nn_q8_quantise(nn *n, const q8_rows *r, const float *x, size_t ldx)
{
    if (nn_dry(n)) return;
    quant_job j = {.n = n, .q8 = table(n), .r = r, .x = x, .ldx = ldx};
    pool_run(n->pool, quantise_task, &j, q8_panels(j.q8, r->rows));
}

/* A panel's rows, normalised, wait in the thread's scratch to be quantised. */
static void rmsnorm_task(void *arg, size_t panel, int thread)
{
    const quant_job *j = arg;
    size_t mr = (size_t)j->q8->mr, r0 = panel * mr, rows = least(mr, j->r->rows - r0), depth = j->r->depth;
    float *y = j->scratch + (size_t)thread * mr * depth;
    for (size_t i = 0; i < rows; i++) j->n->kern->rmsnorm(y + i * depth, j->x + (r0 + i) * depth, j->w, j->eps, depth);
    q8_set_rows(j->q8, j->r, panel, y, depth);
}

void nn_q8_rmsnorm(nn *n, const q8_rows *r, const float *x, const float *w, float eps)
{
    size_t mark = arena_mark(n->work);
    quant_job j = {.n = n, .q8 = table(n), .r = r, .x = x, .w = w, .eps = eps};
    j.scratch = arena_floats(n->work, (size_t)pool_threads(n->pool) * (size_t)j.q8->mr * r->depth);
    if (!nn_dry(n)) pool_run(n->pool, rmsnorm_task, &j, q8_panels(j.q8, r->rows));
    arena_rewind(n->work, mark);
}

static void swiglu_task(void *arg, size_t panel, int thread)
{
    (void)thread;
    const quant_job *j = arg;
    size_t mr = (size_t)j->q8->mr, r0 = panel * mr, rows = least(mr, j->r->rows - r0);
    for (size_t g = 0; g * Q8_GROUP < j->cols; g++) {
        const float *src[KERN_MAX_MR] = {0};
        for (size_t i = 0; i < rows; i++) {
            size_t at = (r0 + i) * j->cols + g * Q8_GROUP;
            j->n->kern->swiglu(j->gate + at, j->gate + at, j->up + at, least(Q8_GROUP, j->cols - g * Q8_GROUP));
            src[i] = j->gate + at;
        }
        q8_set_group(j->q8, j->r, panel, j->col0 / Q8_GROUP + g, src);
    }
}

void nn_q8_swiglu(nn *n, const q8_rows *r, size_t col0, size_t cols, float *gate, const float *up)
{
    if (nn_dry(n)) return;
    quant_job j = {.n = n, .q8 = table(n), .r = r, .col0 = col0, .cols = cols, .gate = gate, .up = up};
    pool_run(n->pool, swiglu_task, &j, q8_panels(j.q8, r->rows));
}

void nn_q8_linear(nn *n, float *y, size_t ldy, const q8_rows *x, const wmat *w, const float *b, int add)
{
    size_t mark = arena_mark(n->work);
    const kern_q8 *q8 = table(n);
    void *scratch = arena_alloc(n->work, gemm_q8_scratch(n->pool, q8, w->rows, w->cols), 1);
    if (!nn_dry(n)) {
        gemm_q8 g = {.c = y, .ldc = ldy, .a = x, .w = w->data, .scale = w->scale, .bias = b, .add = add, .n = w->rows};
        gemm_q8_run(n->pool, q8, &g, scratch);
    }
    arena_rewind(n->work, mark);
}
