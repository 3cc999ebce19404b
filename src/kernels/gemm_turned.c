/* gemm_turned.c - tiling of the products of backward passes over the pool.
 *
 * The operands lie with their sums across rows, so packing a panel is copying pieces of rows: no transposition. A task
 * packs a run of rows into all panels, because a row is read in one stream and a panel written in short pieces; then
 * tasks sweep blocks of A panels against panels of B, as in gemm.c.
 * Structure: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008). */
#include "kernels/gemm_turned.h"

#include <string.h>

enum {
    DEPTH = 512,      /* of one slice of the sum */
    COLS = 1024,      /* of one block of B */
    ROWS = 4200,      /* of one chunk of A */
    BLOCK_PANELS = 6, /* A panels per task */
    MIN_TASKS = 24,   /* below this many row blocks, columns are split too */
    PACK_ROWS = 16,   /* rows of the sum that a packing task copies */
    PACK_PANELS = 32  /* panels it writes at a time */
};

typedef struct {
    const kern_table *kern;
    const gemm_turned *g;
    float *pa, *pb;
    size_t row0, rows, k0, depth, col0, cols;
    size_t row_blocks, col_splits;
} turned_job;

static size_t up(size_t v, size_t to)
{
    return (v + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t depth_slice(size_t k)
{
    size_t slices = up(k, DEPTH) / DEPTH;
    return slices ? (k + slices - 1) / slices : 0;
}

size_t gemm_turned_scratch(const kern_table *kern, size_t m, size_t n, size_t k)
{
    size_t depth = depth_slice(k);
    if (m == 0 || n == 0) return 0;
    return up(up(least(m, ROWS), (size_t)kern->mr) * depth, 16) + up(least(n, COLS), (size_t)kern->nr) * depth + 64;
}

static size_t row_at(const gemm_view *v, size_t r)
{
    return v->run ? r / v->run * v->run_jump + r % v->run * v->row : r * v->row;
}

/* Copies of a fixed width are vector moves. */
static inline void copy_piece(float *dst, const float *src, size_t width)
{
    switch (width) {
    case 32: memcpy(dst, src, 32 * sizeof *dst); return;
    case 16: memcpy(dst, src, 16 * sizeof *dst); return;
    case 14: memcpy(dst, src, 14 * sizeof *dst); return;
    case 12: memcpy(dst, src, 12 * sizeof *dst); return;
    case 8: memcpy(dst, src, 8 * sizeof *dst); return;
    case 6: memcpy(dst, src, 6 * sizeof *dst); return;
    default: memcpy(dst, src, width * sizeof *dst);
    }
}

/* A row of `count` floats becomes row k of panels of `width`, the last filled up with zeros. */
static void scatter(float *panels, size_t k, size_t depth, const float *row, size_t count, size_t width)
{
    float *dst = panels + k * width;
    size_t at = 0;
    for (; at + width <= count; at += width, dst += width * depth) copy_piece(dst, row + at, width);
    if (at == count) return;
    memcpy(dst, row + at, (count - at) * sizeof *dst);
    memset(dst + (count - at), 0, (width - (count - at)) * sizeof *dst);
}

static void turn_a_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const turned_job *j = arg;
    const gemm_view *v = &j->g->a;
    size_t mr = (size_t)j->kern->mr, end = least((task + 1) * PACK_ROWS, j->depth);
    for (size_t r = 0; r < j->rows; r += mr * PACK_PANELS)
        for (size_t k = task * PACK_ROWS; k < end; k++)
            scatter(j->pa + r * j->depth, k, j->depth, v->data + row_at(v, j->k0 + k) + j->row0 + r,
                    least(mr * PACK_PANELS, j->rows - r), mr);
}

/* As in gemm.c: A is not turned. */
static void pack_a_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const turned_job *j = arg;
    const gemm_view *v = &j->g->a;
    size_t mr = (size_t)j->kern->mr, r0 = task * mr, rows = least(mr, j->rows - r0);
    float *dst = j->pa + r0 * j->depth;
    const float *src[KERN_MAX_MR] = {0};
    for (size_t k = 0; k < j->depth;) {
        size_t at = j->k0 + k, n = least(v->seg - at % v->seg, j->depth - k);
        for (size_t i = 0; i < rows; i++)
            src[i] = v->data + row_at(v, j->row0 + r0 + i) + at / v->seg * v->jump + at % v->seg;
        j->kern->pack_a(dst + k * mr, src, (int)rows, n);
        k += n;
    }
}

/* Columns col0.. of row k of B as floats: in place, or gathered into room. */
static const float *b_row(const turned_job *j, size_t k, float *room)
{
    const gemm_view *v = &j->g->b;
    size_t row = row_at(v, j->k0 + k), size = j->g->type == KERN_F32 ? sizeof(float) : sizeof(uint16_t);
    const char *data = (const char *)v->data;
    for (size_t c = 0; c < j->cols;) {
        size_t at = j->col0 + c, n = least(v->seg - at % v->seg, j->cols - c);
        const void *src = data + (row + at / v->seg * v->jump + at % v->seg) * size;
        if (n == j->cols && j->g->type == KERN_F32) return src;
        j->kern->widen(room + c, src, j->g->type, n);
        c += n;
    }
    return room;
}

static void pack_b_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const turned_job *j = arg;
    float room[COLS];
    size_t end = least((task + 1) * PACK_ROWS, j->depth);
    for (size_t k = task * PACK_ROWS; k < end; k++)
        scatter(j->pb, k, j->depth, b_row(j, k, room), j->cols, (size_t)j->kern->nr);
}

/* One register tile, through a buffer where it hangs over the edge of C. */
static void tile(const turned_job *j, float *c, const float *a, const float *b, size_t rows, size_t cols)
{
    const kern_table *kern = j->kern;
    size_t mr = (size_t)kern->mr, nr = (size_t)kern->nr;
    int add = j->g->add || j->k0 > 0;
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
    const turned_job *j = arg;
    size_t mr = (size_t)j->kern->mr, nr = (size_t)j->kern->nr, step = mr * BLOCK_PANELS;
    size_t r0 = task / j->col_splits * step, r1 = least(r0 + step, j->rows);
    size_t panels = up(j->cols, nr) / nr, split = task % j->col_splits;
    size_t c0 = panels * split / j->col_splits * nr, c1 = least(panels * (split + 1) / j->col_splits * nr, j->cols);
    float *base = j->g->c + j->row0 * j->g->ldc + j->col0;
    for (size_t c = c0; c < c1; c += nr)
        for (size_t r = r0; r < r1; r += mr)
            tile(j, base + r * j->g->ldc + c, j->pa + r * j->depth, j->pb + c * j->depth, least(mr, r1 - r),
                 least(nr, c1 - c));
}

void gemm_turned_run(pool *p, const kern_table *kern, const gemm_turned *g, float *scratch)
{
    if (g->m == 0 || g->n == 0) return;
    if (g->k == 0) {
        for (size_t i = 0; i < g->m && !g->add; i++) memset(g->c + i * g->ldc, 0, g->n * sizeof *g->c);
        return;
    }
    turned_job j = {.kern = kern, .g = g, .pa = scratch};
    size_t mr = (size_t)kern->mr, nr = (size_t)kern->nr, step = mr * BLOCK_PANELS, slice = depth_slice(g->k);
    size_t chunk = ROWS / mr * mr;
    j.pb = scratch + up(up(least(g->m, chunk), mr) * slice, 16);
    for (j.row0 = 0; j.row0 < g->m; j.row0 += chunk) {
        j.rows = least(chunk, g->m - j.row0);
        j.row_blocks = up(j.rows, step) / step;
        for (j.k0 = 0; j.k0 < g->k; j.k0 += slice) {
            j.depth = least(slice, g->k - j.k0);
            size_t pieces = up(j.depth, PACK_ROWS) / PACK_ROWS;
            if (g->a_turned) pool_run(p, turn_a_task, &j, pieces);
            else pool_run(p, pack_a_task, &j, up(j.rows, mr) / mr);
            for (j.col0 = 0; j.col0 < g->n; j.col0 += COLS) {
                j.cols = least(COLS, g->n - j.col0);
                size_t panels = up(j.cols, nr) / nr;
                j.col_splits = j.row_blocks >= MIN_TASKS ? 1
                                                         : least(panels, up(MIN_TASKS, j.row_blocks) / j.row_blocks);
                pool_run(p, pack_b_task, &j, pieces);
                pool_run(p, multiply_task, &j, j.row_blocks * j.col_splits);
            }
        }
    }
}
