/* gemm_q8.c - tiling of the int8 product over the pool. A is packed when it is quantised; W is packed here, a block of
 * rows at a time, small enough to stay in a cache that all cores reach while every panel of A passes by. */
#include "kernels/gemm_q8.h"

#include <math.h>
#include <string.h>

enum {
    PACK_BYTES = 2 << 20,  /* of one packed block of W */
    BLOCK_BYTES = 352 << 10, /* of A that one task sweeps, at most: second-level cache */
    BLOCK_PANELS = 24,
    MIN_TASKS = 96
};

static size_t up(size_t v, size_t to)
{
    return (v + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t q8_groups(size_t depth)
{
    return (depth + Q8_GROUP - 1) / Q8_GROUP;
}

size_t q8_panels(const kern_q8 *q, size_t rows)
{
    return up(rows, (size_t)q->mr) / (size_t)q->mr;
}

/* ---- rows */

/* Of one row or column. */
static size_t line_bytes(const kern_q8 *q, size_t depth)
{
    return up(depth, 4) * (size_t)q->width;
}

static size_t panel_bytes(const kern_q8 *q, size_t depth)
{
    return (size_t)q->mr * line_bytes(q, depth);
}

size_t q8_rows_bytes(const kern_q8 *q, size_t rows, size_t depth)
{
    size_t panels = q8_panels(q, rows);
    return up(panels * panel_bytes(q, depth), 64) + up(panels * q8_groups(depth) * (size_t)q->mr * sizeof(float), 64);
}

q8_rows q8_rows_at(const kern_q8 *q, void *memory, size_t rows, size_t depth)
{
    size_t bytes = q8_panels(q, rows) * panel_bytes(q, depth);
    return (q8_rows){memory, (float *)(void *)((char *)memory + up(bytes, 64)), rows, depth};
}

void q8_set_group(const kern_q8 *q, const q8_rows *r, size_t p, size_t g, const float *const *src)
{
    size_t mr = (size_t)q->mr, k = g * Q8_GROUP, n = least(Q8_GROUP, r->depth - k), rows = least(mr, r->rows - p * mr);
    float inv[KERN_MAX_MR], *scale = r->scale + (p * q8_groups(r->depth) + g) * mr;
    for (size_t i = 0; i < mr; i++) {
        float most = i < rows ? q->absmax(src[i], n) : 0;
        scale[i] = most / 127.0f;
        inv[i] = most > 0 ? 127.0f / most : 0;
    }
    q->quant(r->data + p * panel_bytes(q, r->depth) + k * mr * (size_t)q->width, src, inv, (int)rows, n);
}

void q8_set_rows(const kern_q8 *q, const q8_rows *r, size_t p, const float *x, size_t ldx)
{
    size_t mr = (size_t)q->mr, rows = least(mr, r->rows - p * mr);
    for (size_t g = 0; g < q8_groups(r->depth); g++) {
        const float *src[KERN_MAX_MR] = {0};
        for (size_t i = 0; i < rows; i++) src[i] = x + i * ldx + g * Q8_GROUP;
        q8_set_group(q, r, p, g, src);
    }
}

void q8_set_panel(const kern_q8 *q, const q8_rows *r, size_t p, const float *x, size_t ldx)
{
    q8_set_rows(q, r, p, x + p * (size_t)q->mr * ldx, ldx);
}

void q8_quantise_weights(int8_t *w, float *scale, const float *x, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++) most = fmaxf(most, fabsf(x[i]));
    *scale = most > 0 ? most / 127.0f : 1;
    for (size_t i = 0; i < n; i++) w[i] = (int8_t)rintf(x[i] / *scale);
}

/* ---- product */

typedef struct {
    const kern_q8 *q;
    const gemm_q8 *g;
    int8_t *packed;   /* [panels of this block][groups], each as kern_q8.h has it */
    int32_t *sums;    /* [panels][groups][nr] */
    float *col_scale; /* [panels * nr] */
    float *parts;     /* [threads][step][nr] sums over groups so far */
    size_t groups, col0, cols, step, row_blocks, col_splits;
} q8_job;

static size_t block_cols(const kern_q8 *q, size_t n, size_t depth)
{
    size_t nr = (size_t)q->nr, cols = PACK_BYTES / line_bytes(q, depth) / nr * nr;
    return least(cols < nr ? nr : cols, up(n, nr));
}

/* Rows of A per task. */
static size_t task_rows(const kern_q8 *q, size_t depth)
{
    size_t panels = BLOCK_BYTES / panel_bytes(q, depth);
    return (size_t)q->mr * (panels < 1 ? 1 : least(panels, BLOCK_PANELS));
}

size_t gemm_q8_scratch(const pool *p, const kern_q8 *q, size_t n, size_t depth)
{
    size_t cols = block_cols(q, n, depth);
    return up(cols * line_bytes(q, depth), 64) + up(cols * q8_groups(depth) * sizeof(int32_t), 64) + up(cols * sizeof(float), 64) +
           (size_t)pool_threads(p) * task_rows(q, depth) * (size_t)q->nr * sizeof(float);
}

static void pack_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const q8_job *j = arg;
    const gemm_q8 *g = j->g;
    size_t nr = (size_t)j->q->nr, depth = g->a->depth, c0 = task * nr, cols = least(nr, j->cols - c0);
    for (size_t k = 0, i = 0; k < depth; k += Q8_GROUP, i++)
        j->q->pack(j->packed + c0 * line_bytes(j->q, depth) + k * nr * (size_t)j->q->width, j->sums + (task * j->groups + i) * nr,
                   g->w + (j->col0 + c0) * depth + k, depth, (int)cols, least(Q8_GROUP, depth - k));
    for (size_t c = 0; c < nr; c++) j->col_scale[c0 + c] = c < cols ? g->scale[j->col0 + c0 + c] : 0;
}

/* One register tile over group i of the depth. The sums over groups gather in `part`, a compact copy of the task's
 * rows of these columns: C itself, whose rows lie a large power of two apart, would fall out of the cache between groups.
 * The last group writes C. */
static void tile(const q8_job *j, float *part, float *c, size_t panel_a, size_t panel_b, size_t i, size_t rows, size_t cols)
{
    const kern_q8 *q = j->q;
    const q8_rows *a = j->g->a;
    size_t mr = (size_t)q->mr, nr = (size_t)q->nr, width = (size_t)q->width, ldc = j->g->ldc, k = i * Q8_GROUP, n = least(Q8_GROUP, a->depth - k);
    int whole = rows == mr && cols == nr, last = i + 1 == j->groups;
    kern_q8_tile t = {a->scale + (panel_a * j->groups + i) * mr, j->col_scale + panel_b * nr,
                      j->sums + (panel_b * j->groups + i) * nr, part, nr};
    if (i == 0) t.from = j->g->add && whole ? c : NULL, t.ld = ldc;
    q->micro(last && whole ? c : part, last && whole ? ldc : nr, a->data + panel_a * panel_bytes(q, a->depth) + k * mr * width,
             j->packed + panel_b * nr * line_bytes(q, a->depth) + k * nr * width, (n + 3) / 4, &t);
    for (size_t r = 0; r < rows && last && !whole; r++)
        for (size_t x = 0; x < cols; x++) c[r * ldc + x] = part[r * nr + x] + (j->g->add ? c[r * ldc + x] : 0);
}

/* A group of one panel of W stays in the first-level cache while the rows of A pass by. */
static void multiply_task(void *arg, size_t task, int thread)
{
    const q8_job *j = arg;
    const gemm_q8 *g = j->g;
    size_t mr = (size_t)j->q->mr, nr = (size_t)j->q->nr;
    size_t r0 = task / j->col_splits * j->step, r1 = least(r0 + j->step, g->a->rows), split = task % j->col_splits;
    size_t panels = up(j->cols, nr) / nr, p0 = panels * split / j->col_splits, p1 = panels * (split + 1) / j->col_splits;
    float *part = j->parts + (size_t)thread * j->step * nr;
    for (size_t p = p0; p < p1; p++)
        for (size_t i = 0; i < j->groups; i++)
            for (size_t r = r0; r < r1; r += mr)
                tile(j, part + (r - r0) * nr, g->c + r * g->ldc + j->col0 + p * nr, r / mr, p, i, least(mr, r1 - r),
                     least(nr, j->cols - p * nr));
    if (!g->bias) return;
    size_t c0 = j->col0 + p0 * nr, c1 = j->col0 + least(p1 * nr, j->cols);
    for (size_t r = r0; r < r1; r++)
        for (size_t c = c0; c < c1; c++) g->c[r * g->ldc + c] += g->bias[c];
}

void gemm_q8_run(pool *p, const kern_q8 *q, const gemm_q8 *g, void *scratch)
{
    size_t rows = g->a->rows, depth = g->a->depth, nr = (size_t)q->nr;
    if (rows == 0 || g->n == 0 || depth == 0) return;
    size_t block = block_cols(q, g->n, depth);
    q8_job j = {.q = q, .g = g, .packed = scratch, .groups = q8_groups(depth)};
    j.sums = (int32_t *)(void *)((char *)scratch + up(block * line_bytes(q, depth), 64));
    j.col_scale = (float *)(void *)((char *)j.sums + up(block * j.groups * sizeof(int32_t), 64));
    j.parts = j.col_scale + up(block, 16);
    j.step = task_rows(q, depth);
    j.row_blocks = up(rows, j.step) / j.step;
    for (j.col0 = 0; j.col0 < g->n; j.col0 += block) {
        j.cols = least(block, g->n - j.col0);
        size_t panels = up(j.cols, nr) / nr;
        j.col_splits = j.row_blocks >= MIN_TASKS ? 1 : least(panels, up(MIN_TASKS, j.row_blocks) / j.row_blocks);
        pool_run(p, pack_task, &j, panels);
        pool_run(p, multiply_task, &j, j.row_blocks * j.col_splits);
    }
}
