/* gemm.c - tiling of the one matrix product over the pool.
 *
 * For every chunk of rows and every slice of depth, A is packed once into panels of mr rows and B, a block of columns
 * at a time, into panels of nr columns (half precision becomes float32 on the way); then tasks sweep blocks of rows
 * against all panels of B. The depth slice is long, so that C is touched seldom; a panel of B stays in the
 * second-level cache while the panels of A stream past it.
 * Structure: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008). */
#include "kernels/gemm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH = 2048,      /* of one slice */
    COLS = 1024,       /* of one block of B */
    ROWS = 4200,       /* of one chunk of A, at most; a multiple of every mr */
    ROW_STEP = 84,     /* chunks are multiples of every mr, and of one size */
    BLOCK_PANELS = 6,  /* A panels per task */
    MIN_TASKS = 24     /* below this many row blocks, columns are split too */
};

typedef struct {
    const kern_table *kern;
    const gemm *g;
    float *pa, *pb;
    size_t row0, rows, k0, depth, col0, cols;
    size_t row_blocks, col_splits;
    int blas;
} gemm_job;

static size_t up(size_t v, size_t to)
{
    return (v + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows of a chunk: all chunks alike, so that none is a sliver for which B is packed once more. */
static size_t chunk_rows(size_t m)
{
    size_t chunks = up(m, ROWS) / ROWS;
    return up((m + chunks - 1) / chunks, ROW_STEP);
}

size_t gemm_scratch(const kern_table *kern, size_t m, size_t n, size_t k)
{
    size_t depth = least(k, DEPTH);
    if (m == 0 || n == 0) return 0;
    return up(least(m, chunk_rows(m)), (size_t)kern->mr) * depth + up(least(n, COLS), (size_t)kern->nr) * depth + 64;
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

static void pack_a_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const gemm_job *j = arg;
    const gemm_view *v = &j->g->a;
    size_t mr = j->blas ? 1 : (size_t)j->kern->mr, r0 = task * mr;
    size_t rows = least(mr, j->rows - r0);
    float *dst = j->pa + r0 * j->depth;
    const float *src[KERN_MAX_MR] = {0};
    for (size_t k = 0; k < j->depth;) {
        size_t n = least(v->seg - (j->k0 + k) % v->seg, j->depth - k);
        for (size_t i = 0; i < rows; i++) src[i] = view_at(v, j->row0 + r0 + i, j->k0 + k);
        if (j->blas) memcpy(dst + k, src[0], n * sizeof *dst);
        else j->kern->pack_a(dst + k * mr, src, (int)rows, n);
        k += n;
    }
}

static const void *weight_at(const gemm *g, size_t row, size_t k)
{
    size_t at = row * g->ldw + k;
    return g->type == KERN_F32 ? (const void *)((const float *)g->w + at) : (const void *)((const uint16_t *)g->w + at);
}

static void pack_b_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const gemm_job *j = arg;
    size_t nr = j->blas ? 1 : (size_t)j->kern->nr, c0 = task * nr;
    size_t cols = least(nr, j->cols - c0);
    float *dst = j->pb + c0 * j->depth;
    const void *src = weight_at(j->g, j->col0 + c0, j->k0);
    if (j->blas) j->kern->widen(dst, src, j->g->type, j->depth);
    else j->kern->pack_b(dst, src, j->g->type, j->g->ldw, (int)cols, j->depth);
}

/* One register tile, through a buffer where it hangs over the edge of C. */
static void tile(const gemm_job *j, float *c, const float *a, const float *b, size_t rows, size_t cols, int add)
{
    const kern_table *kern = j->kern;
    size_t mr = (size_t)kern->mr, nr = (size_t)kern->nr;
    if (rows == mr && cols == nr) {
        kern->micro(c, j->g->ldc, a, b, j->depth, add);
        return;
    }
    float edge[KERN_MAX_MR * KERN_MAX_NR];
    kern->micro(edge, nr, a, b, j->depth, 0);
    for (size_t i = 0; i < rows; i++) {
        if (add) kern->add(c + i * j->g->ldc, edge + i * nr, cols);
        else memcpy(c + i * j->g->ldc, edge + i * nr, cols * sizeof *c);
    }
}

static void multiply_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const gemm_job *j = arg;
    const gemm *g = j->g;
    size_t mr = (size_t)j->kern->mr, nr = (size_t)j->kern->nr, step = mr * BLOCK_PANELS;
    size_t r0 = task / j->col_splits * step, r1 = least(r0 + step, j->rows);
    size_t panels = up(j->cols, nr) / nr, split = task % j->col_splits;
    size_t p0 = panels * split / j->col_splits, p1 = panels * (split + 1) / j->col_splits;
    int add = g->add || j->k0 > 0;
    size_t c0 = p0 * nr, c1 = least(p1 * nr, j->cols);
    if (c0 >= c1) return;
    float *base = g->c + (j->row0 + r0) * g->ldc + j->col0;
    if (j->blas) {
        gemm_blas_tile(base + c0, g->ldc, j->pa + r0 * j->depth, j->depth, j->pb + c0 * j->depth, j->depth, r1 - r0,
                       c1 - c0, j->depth, add);
    } else {
        for (size_t c = c0; c < c1; c += nr)
            for (size_t r = r0; r < r1; r += mr)
                tile(j, base + (r - r0) * g->ldc + c, j->pa + r * j->depth, j->pb + c * j->depth, least(mr, r1 - r),
                     least(nr, c1 - c), add);
    }
    if (g->bias && j->k0 + j->depth == g->k)
        for (size_t r = r0; r < r1; r++) j->kern->add(base + (r - r0) * g->ldc + c0, g->bias + j->col0 + c0, c1 - c0);
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

void gemm_run(pool *p, const kern_table *kern, const gemm *g, float *scratch)
{
    if (g->m == 0 || g->n == 0) return;
    if (g->k == 0) {
        fill(kern, g);
        return;
    }
    gemm_job j = {.kern = kern, .g = g, .blas = strcmp(gemm_backend(), "openblas") == 0};
    size_t mr = (size_t)kern->mr, nr = (size_t)kern->nr, step = mr * BLOCK_PANELS;
    j.pa = scratch;
    size_t chunk = chunk_rows(g->m);
    j.pb = scratch + up(up(least(g->m, chunk), mr) * least(g->k, DEPTH), 16);
    for (j.row0 = 0; j.row0 < g->m; j.row0 += chunk) {
        j.rows = least(chunk, g->m - j.row0);
        j.row_blocks = up(j.rows, step) / step;
        for (j.k0 = 0; j.k0 < g->k; j.k0 += DEPTH) {
            j.depth = least(DEPTH, g->k - j.k0);
            pool_run(p, pack_a_task, &j, j.blas ? j.rows : up(j.rows, mr) / mr);
            for (j.col0 = 0; j.col0 < g->n; j.col0 += COLS) {
                j.cols = least(COLS, g->n - j.col0);
                size_t panels = up(j.cols, nr) / nr;
                j.col_splits = j.row_blocks >= MIN_TASKS ? 1 : least(panels, up(MIN_TASKS, j.row_blocks) / j.row_blocks);
                pool_run(p, pack_b_task, &j, j.blas ? j.cols : panels);
                pool_run(p, multiply_task, &j, j.row_blocks * j.col_splits);
            }
        }
    }
}
