/* linear_grad.c - the way back through y = x W^T + b and table look-ups. */
#include <string.h>

#include "kernels/gemm_turned.h"
#include "nn/nn_grad.h"

static kern_type kern_of(st_type t)
{
    return t == ST_F16 ? KERN_F16 : t == ST_BF16 ? KERN_BF16 : KERN_F32;
}

static void run(nn *n, const gemm_turned *g)
{
    size_t mark = arena_mark(n->work);
    float *scratch = arena_floats(n->work, gemm_turned_scratch(n->kern, g->m, g->n, g->k));
    if (!nn_dry(n)) gemm_turned_run(n->pool, n->kern, g, scratch);
    arena_rewind(n->work, mark);
}

void nn_linear_dx(nn *n, float *dx, size_t ldx, const float *dy, size_t ldy, const wmat *w, size_t rows, int add)
{
    gemm_turned g = {.c = dx,
                     .ldc = ldx,
                     .a = gemm_plain(dy, ldy, w->rows),
                     .type = kern_of(w->type),
                     .add = add,
                     .m = rows,
                     .n = w->cols,
                     .k = w->rows};
    g.b = gemm_plain(w->data, w->ld ? w->ld : w->cols, w->cols);
    run(n, &g);
}

void nn_linear_dw(nn *n, float *dw, size_t ldw, const float *dy, size_t ldy, gemm_view x, size_t out, size_t in,
                  size_t rows)
{
    gemm_turned g = {.c = dw,
                     .ldc = ldw,
                     .a = gemm_plain(dy, ldy, out),
                     .a_turned = 1,
                     .b = x,
                     .type = KERN_F32,
                     .add = 1,
                     .m = out,
                     .n = in,
                     .k = rows};
    run(n, &g);
}

enum { COLS = 64, ROWS = 64 }; /* columns of a task, rows summed before they are added: keeps rounding small */

typedef struct {
    nn *n;
    float *out;
    const float *dy;
    const int32_t *ids;
    size_t ldy, rows, width;
} column_job;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void bias_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const column_job *j = arg;
    const kern_table *k = j->n->kern;
    size_t c0 = task * COLS, cols = least(COLS, j->width - c0);
    for (size_t r = 0; r < j->rows; r += ROWS) {
        float sum[COLS] = {0};
        for (size_t i = r; i < least(r + ROWS, j->rows); i++) k->add(sum, j->dy + i * j->ldy + c0, cols);
        k->add(j->out + c0, sum, cols);
    }
}

void nn_bias_grad(nn *n, float *db, const float *dy, size_t ldy, size_t rows, size_t width)
{
    if (nn_dry(n) || !db) return;
    column_job j = {.n = n, .out = db, .dy = dy, .ldy = ldy, .rows = rows, .width = width};
    pool_run(n->pool, bias_task, &j, (width + COLS - 1) / COLS);
}

static void embedding_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const column_job *j = arg;
    size_t c0 = task * COLS, cols = least(COLS, j->width - c0);
    for (size_t r = 0; r < j->rows; r++) {
        size_t id = j->ids ? (size_t)j->ids[r] : 0;
        j->n->kern->add(j->out + id * j->width + c0, j->dy + r * j->width + c0, cols);
    }
}

void nn_embedding_grad(nn *n, float *dtable, const float *dy, const int32_t *ids, size_t rows, size_t width)
{
    if (nn_dry(n) || !dtable) return;
    column_job j = {.n = n, .out = dtable, .dy = dy, .ids = ids, .rows = rows, .width = width};
    pool_run(n->pool, embedding_task, &j, (width + COLS - 1) / COLS);
}
