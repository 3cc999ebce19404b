/* rowwise_grad.c - the way back through norms and activations. Gradients of a norm's weights are summed over fixed runs
 * of rows first and over the runs afterwards, so that threads change nothing. */
#include <string.h>

#include "kernels/kern_grad.h"
#include "nn/nn_grad.h"

enum { PIECE = 16384, RUN = 64 }; /* elements per task of a flat array; rows per task of a norm */

typedef struct {
    const nn *n;
    const kern_grad *k;
    float *dx, *dx2, *dw, *db; /* dw, db: [runs, width] sums of each run of rows, or NULL */
    const float *dy, *x, *x2, *w;
    float eps;
    size_t rows, width;
    nn_act act;
} grad_job;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t runs(size_t rows)
{
    return (rows + RUN - 1) / RUN;
}

static void rmsnorm_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const grad_job *j = arg;
    size_t w = j->width;
    float *dw = j->dw ? j->dw + task * w : NULL;
    if (dw) memset(dw, 0, w * sizeof *dw);
    for (size_t r = task * RUN; r < least((task + 1) * RUN, j->rows); r++)
        j->k->rmsnorm(j->dx + r * w, dw, j->dy + r * w, j->x + r * w, j->w, j->eps, w);
}

static void layernorm_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const grad_job *j = arg;
    size_t w = j->width;
    float *dw = j->dw ? j->dw + task * w : NULL, *db = j->db ? j->db + task * w : NULL;
    if (dw) memset(dw, 0, w * sizeof *dw);
    if (db) memset(db, 0, w * sizeof *db);
    for (size_t r = task * RUN; r < least((task + 1) * RUN, j->rows); r++)
        j->k->layernorm(j->dx + r * w, dw, db, j->dy + r * w, j->x + r * w, j->w, j->eps, w);
}

void nn_rmsnorm_grad(nn *n, float *dx, float *dw, const float *dy, const float *x, const float *w, float eps,
                     size_t rows, size_t width)
{
    size_t mark = arena_mark(n->work);
    float *sums = arena_floats(n->work, runs(rows) * width);
    if (!nn_dry(n)) {
        grad_job j = {.n = n,
                      .k = kern_grad_of(n->kern),
                      .dx = dx,
                      .dw = dw ? sums : NULL,
                      .dy = dy,
                      .x = x,
                      .w = w,
                      .eps = eps,
                      .rows = rows,
                      .width = width};
        pool_run(n->pool, rmsnorm_task, &j, runs(rows));
        nn_bias_grad(n, dw, sums, width, runs(rows), width);
    }
    arena_rewind(n->work, mark);
}

void nn_layernorm_grad(nn *n, float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
                       float eps, size_t rows, size_t width)
{
    size_t mark = arena_mark(n->work);
    float *sums = arena_floats(n->work, runs(rows) * width), *more = arena_floats(n->work, runs(rows) * width);
    if (!nn_dry(n)) {
        grad_job j = {.n = n,
                      .k = kern_grad_of(n->kern),
                      .dx = dx,
                      .dw = dw ? sums : NULL,
                      .db = db ? more : NULL,
                      .dy = dy,
                      .x = x,
                      .w = w,
                      .eps = eps,
                      .rows = rows,
                      .width = width};
        pool_run(n->pool, layernorm_task, &j, runs(rows));
        nn_bias_grad(n, dw, sums, width, runs(rows), width);
        nn_bias_grad(n, db, more, width, runs(rows), width);
    }
    arena_rewind(n->work, mark);
}

static void activate_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const grad_job *j = arg;
    void (*const act[])(float *, const float *, const float *,
                        size_t) = {[NN_SILU] = j->k->silu, [NN_GELU] = j->k->gelu, [NN_MISH] = j->k->mish};
    size_t a = task * PIECE, count = least(PIECE, j->rows - a);
    act[j->act](j->dx + a, j->dy + a, j->x + a, count);
}

void nn_activate_grad(nn *n, nn_act act, float *dx, const float *dy, const float *x, size_t count)
{
    if (nn_dry(n)) return;
    grad_job j = {.n = n, .k = kern_grad_of(n->kern), .dx = dx, .dy = dy, .x = x, .rows = count, .act = act};
    pool_run(n->pool, activate_task, &j, (count + PIECE - 1) / PIECE);
}

static void swiglu_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const grad_job *j = arg;
    size_t a = task * PIECE, count = least(PIECE, j->rows - a);
    j->k->swiglu(j->dx + a, j->dx2 + a, j->dy + a, j->x + a, j->x2 + a, count);
}

void nn_swiglu_grad(nn *n, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t count)
{
    if (nn_dry(n)) return;
    grad_job j = {
        .n = n, .k = kern_grad_of(n->kern), .dx = dgate, .dx2 = dup, .dy = dy, .x = gate, .x2 = up, .rows = count};
    pool_run(n->pool, swiglu_task, &j, (count + PIECE - 1) / PIECE);
}
