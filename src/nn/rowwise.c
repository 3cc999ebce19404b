/* rowwise.c - norms, activations and sums: work on rows or elements, shared among threads in fixed pieces. */
#include "nn/nn.h"

#include <math.h>

enum { PIECE = 16384 }; /* elements per task: whole rows, or a run of a flat array */

typedef struct {
    nn *n;
    float *y;
    const float *x, *p, *q;
    float eps;
    size_t rows, width, step; /* step: rows (or elements) per task */
    nn_act act;
} row_job;

static void run(nn *n, row_job *j, pool_fn fn)
{
    if (nn_dry(n) || j->rows == 0) return;
    j->n = n;
    j->step = j->width ? PIECE / j->width + 1 : 1;
    pool_run(n->pool, fn, j, (j->rows + j->step - 1) / j->step);
}

/* First and one-past-last row of a task. */
static size_t first(const row_job *j, size_t task)
{
    return task * j->step;
}

static size_t last(const row_job *j, size_t task)
{
    size_t end = (task + 1) * j->step;
    return end < j->rows ? end : j->rows;
}

static void rmsnorm_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const row_job *j = arg;
    for (size_t r = first(j, task); r < last(j, task); r++)
        j->n->kern->rmsnorm(j->y + r * j->width, j->x + r * j->width, j->p, j->eps, j->width);
}

void nn_rmsnorm(nn *n, float *y, const float *x, const float *w, float eps, size_t rows, size_t width)
{
    row_job j = {.y = y, .x = x, .p = w, .eps = eps, .rows = rows, .width = width};
    run(n, &j, rmsnorm_task);
}

static void layernorm_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const row_job *j = arg;
    for (size_t r = first(j, task); r < last(j, task); r++)
        j->n->kern->layernorm(j->y + r * j->width, j->x + r * j->width, j->p, j->q, j->eps, j->width);
}

void nn_layernorm(nn *n, float *y, const float *x, const float *w, const float *b, float eps, size_t rows,
                  size_t width)
{
    row_job j = {.y = y, .x = x, .p = w, .q = b, .eps = eps, .rows = rows, .width = width};
    run(n, &j, layernorm_task);
}

static void snake_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const row_job *j = arg;
    for (size_t r = first(j, task); r < last(j, task); r++)
        j->n->kern->snake(j->y + r * j->width, j->x + r * j->width, j->p, j->q, j->width);
}

void nn_snake(nn *n, float *y, const float *x, const float *a, const float *s, size_t rows, size_t width)
{
    row_job j = {.y = y, .x = x, .p = a, .q = s, .rows = rows, .width = width};
    run(n, &j, snake_task);
}

static void activate_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const row_job *j = arg;
    const kern_table *k = j->n->kern;
    void (*const act[])(float *, const float *, size_t) = {[NN_SILU] = k->silu, [NN_GELU] = k->gelu, [NN_MISH] = k->mish,
                                                           [NN_RELU] = k->relu};
    size_t a = first(j, task);
    act[j->act](j->y + a, j->x + a, last(j, task) - a);
}

void nn_activate(nn *n, nn_act act, float *y, const float *x, size_t count)
{
    row_job j = {.y = y, .x = x, .rows = count, .width = 1, .act = act};
    run(n, &j, activate_task);
}

static void swiglu_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const row_job *j = arg;
    size_t a = first(j, task);
    j->n->kern->swiglu(j->y + a, j->x + a, j->p + a, last(j, task) - a);
}

void nn_swiglu(nn *n, float *y, const float *gate, const float *up, size_t count)
{
    row_job j = {.y = y, .x = gate, .p = up, .rows = count, .width = 1};
    run(n, &j, swiglu_task);
}

static void add_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const row_job *j = arg;
    size_t a = first(j, task);
    j->n->kern->add(j->y + a, j->x + a, last(j, task) - a);
}

void nn_add(nn *n, float *y, const float *x, size_t count)
{
    row_job j = {.y = y, .x = x, .rows = count, .width = 1};
    run(n, &j, add_task);
}
