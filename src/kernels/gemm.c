/* gemm.c - tiling of the one matrix product over the pool.
 *
 * The product is a row of steps, one for every block of columns and slice of depth. A step packs its part of B into panels
 * of nr columns (half precision becomes float32 on the way); then each of its tasks packs a block of rows of A into
 * panels of mr rows, which stay in its core's second-level cache while all panels of B pass by. All steps are one list of
 * tasks, and what a task needs always stands before it: B of the next step is packed in the middle of this one, into the
 * other of two buffers, so that threads wait for each other at the very end only.
 * Structure of the blocks: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008). */
#include "kernels/gemm.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH = 512,     /* of a slice, at most: longer panels leave the second-level cache, shorter ones touch C too often */
    COLS = 2048,     /* of a block of B, at most */
    ROWS = 168,      /* of a block of A, at most */
    MIN_TASKS = 32,  /* with fewer blocks of rows, columns are split too, then blocks made lower */
    SPLIT_COLS = 256, /* at least this wide: every part packs its rows of A again */
    REGIONS = 256    /* packed blocks of A there is room for: as many as a pool may have threads */
};

typedef struct {
    const kern_table *kern;
    const gemm *g;
    float *pa, *pb;
    atomic_uint *steps_done;         /* of every block of C */
    atomic_size_t packed[2], done[2]; /* tasks of even and odd steps that are over */
    size_t mr, nr, rows, slices, depth, cols, steps, row_blocks, splits;
    size_t pack_tasks, block_tasks;  /* of a step */
    int blas, by_thread;             /* packed blocks of A belong to threads, or to tasks */
} gemm_job;

/* What a step works on. */
typedef struct {
    size_t index, k0, depth, col0, cols;
    float *pb;
} gemm_step;

static size_t up(size_t v, size_t to)
{
    return (v + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows of a block: whole panels. */
static size_t block_rows(const kern_table *kern, size_t m)
{
    size_t mr = (size_t)kern->mr;
    return least(ROWS / mr * mr, up(m, mr));
}

static size_t blocks_of_rows(const kern_table *kern, size_t m)
{
    return (m + block_rows(kern, m) - 1) / block_rows(kern, m);
}

static size_t regions(size_t tasks)
{
    return tasks < 2 * MIN_TASKS ? 2 * MIN_TASKS : least(tasks, REGIONS);
}

size_t gemm_scratch(const kern_table *kern, size_t m, size_t n, size_t k)
{
    if (m == 0 || n == 0) return 0;
    size_t depth = least(up(k, 16), DEPTH), tasks = blocks_of_rows(kern, m);
    if (tasks < 2 * MIN_TASKS) tasks = 2 * MIN_TASKS;
    return up(regions(tasks) * block_rows(kern, m) * depth, 16) + up(2 * up(least(n, COLS), (size_t)kern->nr) * depth, 16) +
           tasks + 64;
}

static pthread_once_t backend_once = PTHREAD_ONCE_INIT;
static const char *backend;

static void backend_init(void)
{
    size_t tables;
    kern_available(&tables);
    int have = strcmp(gemm_blas_core(), "none") != 0;
    const char *wish = getenv("DRGEN_GEMM");
    int blas = wish ? strcmp(wish, "openblas") == 0 : tables == 1;
    backend = have && blas ? "openblas" : "own";
}

const char *gemm_backend(void)
{
    pthread_once(&backend_once, backend_init);
    return backend;
}

/* Row r of the view, from column k: data is contiguous up to the end of the segment. */
static const float *view_at(const gemm_view *v, size_t r, size_t k)
{
    size_t at = v->run ? r / v->run * v->run_jump + r % v->run * v->row : r * v->row;
    return v->data + at + k / v->seg * v->jump + k % v->seg;
}

static const void *weight_at(const gemm *g, size_t row, size_t k)
{
    size_t at = row * g->ldw + k;
    return g->type == KERN_F32 ? (const void *)((const float *)g->w + at) : (const void *)((const uint16_t *)g->w + at);
}

static gemm_step step_at(const gemm_job *j, size_t index)
{
    gemm_step s = {.index = index, .k0 = index % j->slices * j->depth, .col0 = index / j->slices * j->cols};
    s.depth = least(j->depth, j->g->k - s.k0);
    s.cols = least(j->cols, j->g->n - s.col0);
    s.pb = j->pb + index % 2 * up(j->cols, j->nr) * j->depth;
    return s;
}

/* Waits until count reaches enough: what it counts is being done by threads that took their tasks earlier. */
static void await(atomic_size_t *count, size_t enough)
{
    for (unsigned i = 1; atomic_load_explicit(count, memory_order_acquire) < enough; i++)
        if (i % 64 == 0) sched_yield();
}

/* Rows [r0, r0 + count) of A, this step's slice of depth, as panels. */
static void pack_rows(const gemm_job *j, const gemm_step *s, float *dst, size_t r0, size_t count)
{
    const gemm_view *v = &j->g->a;
    size_t mr = j->blas ? 1 : j->mr;
    for (size_t r = 0; r < count; r += mr, dst += mr * s->depth) {
        size_t rows = least(mr, count - r);
        const float *src[KERN_MAX_MR] = {0};
        for (size_t k = 0; k < s->depth;) {
            size_t n = least(v->seg - (s->k0 + k) % v->seg, s->depth - k);
            for (size_t i = 0; i < rows; i++) src[i] = view_at(v, r0 + r + i, s->k0 + k);
            if (j->blas) memcpy(dst + k, src[0], n * sizeof *dst);
            else j->kern->pack_a(dst + k * mr, src, (int)rows, n);
            k += n;
        }
    }
}

static void pack_weights(gemm_job *j, size_t index, size_t panel)
{
    if (index >= j->steps) return;
    gemm_step s = step_at(j, index);
    size_t c0 = panel * j->nr, cols = c0 < s.cols ? least(j->nr, s.cols - c0) : 0;
    if (index >= 2) await(&j->done[index % 2], index / 2 * j->block_tasks); /* the buffer's last readers */
    if (cols) {
        const void *src = weight_at(j->g, s.col0 + c0, s.k0);
        float *dst = s.pb + c0 * s.depth;
        if (!j->blas) j->kern->pack_b(dst, src, j->g->type, j->g->ldw, (int)cols, s.depth);
        for (size_t i = 0; i < cols && j->blas; i++)
            j->kern->widen(dst + i * s.depth, weight_at(j->g, s.col0 + c0 + i, s.k0), j->g->type, s.depth);
    }
    atomic_fetch_add_explicit(&j->packed[index % 2], 1, memory_order_release);
}

/* One register tile; where it hangs over the edge of C, the part of it that does not, or through a buffer. */
static void tile(const gemm_job *j, float *c, const float *a, const float *b, size_t depth, size_t rows, size_t cols,
                 int add)
{
    const kern_table *kern = j->kern;
    if (rows == j->mr && cols == j->nr) {
        kern->micro(c, j->g->ldc, a, b, depth, add);
        return;
    }
    if (cols == j->nr && kern->micro_part) {
        kern->micro_part(c, j->g->ldc, a, b, depth, add, rows);
        return;
    }
    float edge[KERN_MAX_MR * KERN_MAX_NR];
    kern->micro(edge, j->nr, a, b, depth, 0);
    for (size_t i = 0; i < rows; i++) {
        if (add) kern->add(c + i * j->g->ldc, edge + i * j->nr, cols);
        else memcpy(c + i * j->g->ldc, edge + i * j->nr, cols * sizeof *c);
    }
}

/* Rows [r0, r0 + rows) times columns [c0, c1) of the step. */
static void multiply_block(const gemm_job *j, const gemm_step *s, float *pa, size_t r0, size_t c0, size_t c1)
{
    const gemm *g = j->g;
    size_t rows = least(j->rows, g->m - r0);
    float *base = g->c + r0 * g->ldc + s->col0;
    int add = g->add || s->k0 > 0;
    pack_rows(j, s, pa, r0, rows);
    if (j->blas) {
        gemm_blas_tile(base + c0, g->ldc, pa, s->depth, s->pb + c0 * s->depth, s->depth, rows, c1 - c0, s->depth, add);
    } else {
        for (size_t c = c0; c < c1; c += j->nr)
            for (size_t r = 0; r < rows; r += j->mr)
                tile(j, base + r * g->ldc + c, pa + r * s->depth, s->pb + c * s->depth, s->depth, least(j->mr, rows - r),
                     least(j->nr, c1 - c), add);
    }
    if (g->bias && s->k0 + s->depth == g->k)
        for (size_t r = 0; r < rows; r++) j->kern->add(base + r * g->ldc + c0, g->bias + s->col0 + c0, c1 - c0);
}

static void multiply(gemm_job *j, size_t index, size_t task, int thread)
{
    gemm_step s = step_at(j, index);
    size_t panels = up(s.cols, j->nr) / j->nr, split = task % j->splits;
    size_t c0 = panels * split / j->splits * j->nr, c1 = least(panels * (split + 1) / j->splits * j->nr, s.cols);
    float *pa = j->pa + (j->by_thread ? (size_t)thread : task) * j->rows * j->depth;
    await(&j->packed[index % 2], (index / 2 + 1) * j->pack_tasks);
    for (unsigned i = 1; atomic_load_explicit(&j->steps_done[task], memory_order_acquire) < index; i++)
        if (i % 64 == 0) sched_yield(); /* the slice of depth before this one */
    if (c0 < c1) multiply_block(j, &s, pa, task / j->splits * j->rows, c0, c1);
    atomic_store_explicit(&j->steps_done[task], (unsigned)index + 1, memory_order_release);
    atomic_fetch_add_explicit(&j->done[index % 2], 1, memory_order_release);
}

/* B of step 0, then for every step: half of its blocks, B of the next step, the other half. */
static void gemm_task(void *arg, size_t task, int thread)
{
    gemm_job *j = arg;
    if (task < j->pack_tasks) {
        pack_weights(j, 0, task);
        return;
    }
    size_t each = j->block_tasks + j->pack_tasks, half = j->block_tasks / 2;
    size_t index = (task - j->pack_tasks) / each, at = (task - j->pack_tasks) % each;
    if (at < half) multiply(j, index, at, thread);
    else if (at < half + j->pack_tasks) pack_weights(j, index + 1, at - half);
    else multiply(j, index, at - j->pack_tasks, thread);
}

/* Nothing to sum: C is the bias, or zero. */
static void fill(const kern_table *kern, const gemm *g)
{
    for (size_t r = 0; r < g->m; r++) {
        float *row = g->c + r * g->ldc;
        if (!g->add) memset(row, 0, g->n * sizeof *row);
        if (g->bias) kern->add(row, g->bias, g->n);
    }
}

/* Blocks and slices of equal size, so that none is a sliver. */
static void plan(gemm_job *j)
{
    const gemm *g = j->g;
    j->slices = up(g->k, DEPTH) / DEPTH;
    j->depth = least(DEPTH, up((g->k + j->slices - 1) / j->slices, 16));
    j->slices = (g->k + j->depth - 1) / j->depth;
    size_t most = COLS / j->nr * j->nr, col_blocks = (g->n + most - 1) / most;
    j->cols = up((g->n + col_blocks - 1) / col_blocks, j->nr);
    col_blocks = (g->n + j->cols - 1) / j->cols;
    j->pack_tasks = up(j->cols, j->nr) / j->nr;
    j->steps = col_blocks * j->slices;
    j->rows = block_rows(j->kern, g->m);
    j->row_blocks = blocks_of_rows(j->kern, g->m);
    j->splits = 1;
    if (j->row_blocks < MIN_TASKS) {
        size_t wide = j->cols < SPLIT_COLS ? 1 : j->cols / SPLIT_COLS;
        j->splits = least(wide, (MIN_TASKS + j->row_blocks - 1) / j->row_blocks);
        size_t wanted = MIN_TASKS / j->splits;
        j->rows = least(j->rows, up((g->m + wanted - 1) / wanted, j->mr));
        j->row_blocks = (g->m + j->rows - 1) / j->rows;
    }
    j->block_tasks = j->row_blocks * j->splits;
}

void gemm_run(pool *p, const kern_table *kern, const gemm *g, float *scratch)
{
    if (g->m == 0 || g->n == 0) return;
    if (g->k == 0) {
        fill(kern, g);
        return;
    }
    gemm_job j = {.kern = kern, .g = g, .blas = strcmp(gemm_backend(), "openblas") == 0, .mr = (size_t)kern->mr,
                  .nr = (size_t)kern->nr};
    plan(&j);
    j.by_thread = j.block_tasks >= (size_t)pool_threads(p);
    j.pa = scratch;
    j.pb = scratch + up(regions(j.block_tasks) * j.rows * j.depth, 16);
    j.steps_done = (atomic_uint *)(void *)(j.pb + up(2 * up(j.cols, j.nr) * j.depth, 16));
    for (size_t i = 0; i < j.block_tasks; i++) atomic_init(&j.steps_done[i], 0);
    for (int i = 0; i < 2; i++) {
        atomic_init(&j.packed[i], 0);
        atomic_init(&j.done[i], 0);
    }
    pool_run(p, gemm_task, &j, j.pack_tasks + j.steps * (j.block_tasks + j.pack_tasks));
}
