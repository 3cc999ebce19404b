/* conv3x3.c - 3x3 convolution of an image [height, width, channels].
 *
 * Stride 2 is one matrix product over a view of the padded image. Stride 1 is Winograd's F(4x4, 3x3): tiles of 4x4
 * outputs need 36 products of [tiles, in] by [in, out] instead of 144. Tiles are worked on in groups: transform to A
 * panels, multiply, transform back onto the image. Tile and panel sizes depend on shapes only, so the bits do not depend
 * on the number of threads. */
#include <math.h>
#include <string.h>

#include "nn/nn.h"

enum { POINTS = 36, GROUP = 256, COL_PANELS = 4 }; /* tiles of a group, about; panels of outputs per task */

typedef struct {
    const nn *n;
    float *y;
    const float *x, *bias;
    const wmat *w;
    float least;
    size_t height, width, in, out, mr, nr;
    size_t across, tiles;            /* tiles in a row of tiles, in all */
    size_t first, count, group;      /* of the group being worked on; room of one */
    size_t row_panels, col_panels, col_tasks;
    float *u, *v, *m, *scratch;      /* [36][col panels][in][nr], [36][row panels][in][mr], [36][group][out] */
    size_t thread_floats;
} wino_job;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t panels(size_t count, size_t of)
{
    return (count + of - 1) / of;
}

static kern_type kern_of(st_type t)
{
    return t == ST_F16 ? KERN_F16 : t == ST_BF16 ? KERN_BF16 : KERN_F32;
}

/* A panel of outputs: their kernels transformed, then the 36 elements packed apart. */
static void taps_task(void *arg, size_t panel, int thread)
{
    const wino_job *j = arg;
    const kern_table *kern = j->n->kern;
    size_t row = POINTS * j->in, o0 = panel * j->nr, outs = least(j->nr, j->out - o0), size = j->w->type == ST_F32 ? 4 : 2;
    float *u = j->scratch + (size_t)thread * j->thread_floats, *w = u + j->nr * row;
    for (size_t o = 0; o < outs; o++) {
        size_t at = (o0 + o) * (j->w->ld ? j->w->ld : j->w->cols);
        kern->widen(w, (const char *)j->w->data + at * size, kern_of(j->w->type), 9 * j->in);
        kern->wino_taps(u + o * row, j->in, w, j->in);
    }
    for (size_t e = 0; e < POINTS; e++)
        kern->pack_b(j->u + (e * j->col_panels + panel) * j->in * j->nr, u + e * j->in, KERN_F32, row, (int)outs, j->in);
}

/* The 6x6 pixels around tile t: in the image, or where they hang over its edge, copied among zeros. */
static const float *patch(const wino_job *j, size_t t, float *room, size_t *line)
{
    size_t top = t / j->across * 4, left = t % j->across * 4; /* in the image with one more row and column in front */
    *line = j->width * j->in;
    if (top && left && top + 5 <= j->height && left + 5 <= j->width) return j->x + ((top - 1) * j->width + left - 1) * j->in;
    *line = 6 * j->in;
    memset(room, 0, POINTS * j->in * sizeof *room);
    size_t c0 = left ? 0 : 1, c1 = least(6, j->width + 1 - left);
    for (size_t r = top ? 0 : 1; r < 6 && top + r <= j->height; r++)
        memcpy(room + (r * 6 + c0) * j->in, j->x + ((top + r - 1) * j->width + left + c0 - 1) * j->in,
               (c1 - c0) * j->in * sizeof *room);
    return room;
}

static void in_task(void *arg, size_t panel, int thread)
{
    const wino_job *j = arg;
    size_t row = POINTS * j->in, tiles = least(j->mr, j->count - panel * j->mr), line;
    float *v = j->scratch + (size_t)thread * j->thread_floats, *room = v + j->mr * row;
    for (size_t i = 0; i < tiles; i++) {
        const float *x = patch(j, j->first + panel * j->mr + i, room, &line);
        j->n->kern->wino_in(v + i * row, j->in, x, line, j->in, j->in);
    }
    for (size_t e = 0; e < POINTS; e++) {
        const float *src[KERN_MAX_MR] = {0};
        for (size_t i = 0; i < tiles; i++) src[i] = v + i * row + e * j->in;
        j->n->kern->pack_a(j->v + (e * j->row_panels + panel) * j->in * j->mr, src, (int)tiles, j->in);
    }
}

static void multiply_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const wino_job *j = arg;
    size_t e = task / j->col_tasks, p0 = task % j->col_tasks * COL_PANELS, p1 = least(p0 + COL_PANELS, j->col_panels);
    float edge[KERN_MAX_MR * KERN_MAX_NR];
    for (size_t p = p0; p < p1; p++) {
        const float *b = j->u + (e * j->col_panels + p) * j->in * j->nr;
        size_t cols = least(j->nr, j->out - p * j->nr);
        for (size_t q = 0; q < panels(j->count, j->mr); q++) {
            const float *a = j->v + (e * j->row_panels + q) * j->in * j->mr;
            float *c = j->m + (e * j->group + q * j->mr) * j->out + p * j->nr; /* a group has room for whole panels */
            if (cols == j->nr) {
                j->n->kern->micro(c, j->out, a, b, j->in, 0);
                continue;
            }
            j->n->kern->micro(edge, j->nr, a, b, j->in, 0);
            for (size_t i = 0; i < j->mr; i++) memcpy(c + i * j->out, edge + i * j->nr, cols * sizeof *c);
        }
    }
}

static void out_task(void *arg, size_t i, int thread)
{
    (void)thread;
    const wino_job *j = arg;
    size_t t = j->first + i, top = t / j->across * 4, left = t % j->across * 4;
    j->n->kern->wino_out(j->y + (top * j->width + left) * j->out, j->width * j->out, j->out, j->m + i * j->out,
                         j->group * j->out, (int)least(4, j->height - top), (int)least(4, j->width - left), j->bias, j->least,
                         j->out);
}

static void winograd(nn *n, wino_job *j)
{
    size_t mark = arena_mark(n->work);
    j->mr = (size_t)n->kern->mr;
    j->nr = (size_t)n->kern->nr;
    j->across = panels(j->width, 4);
    j->tiles = j->across * panels(j->height, 4);
    j->group = panels(least(GROUP, j->tiles), j->mr) * j->mr;
    j->row_panels = j->group / j->mr;
    j->col_panels = panels(j->out, j->nr);
    j->col_tasks = panels(j->col_panels, COL_PANELS);
    j->thread_floats = panels(POINTS * j->in * ((j->mr > j->nr ? j->mr : j->nr) + 1), 16) * 16;
    j->u = arena_floats(n->work, POINTS * j->col_panels * j->nr * j->in);
    j->v = arena_floats(n->work, POINTS * j->group * j->in);
    j->m = arena_floats(n->work, POINTS * j->group * j->out);
    j->scratch = arena_floats(n->work, (size_t)pool_threads(n->pool) * j->thread_floats);
    if (!nn_dry(n)) {
        pool_run(n->pool, taps_task, j, j->col_panels);
        for (j->first = 0; j->first < j->tiles; j->first += j->group) {
            j->count = least(j->group, j->tiles - j->first);
            pool_run(n->pool, in_task, j, panels(j->count, j->mr));
            pool_run(n->pool, multiply_task, j, POINTS * j->col_tasks);
            pool_run(n->pool, out_task, j, j->count);
        }
    }
    arena_rewind(n->work, mark);
}

static void strided(nn *n, float *y, const float *x, const wmat *w, const float *b, size_t height, size_t width, size_t in,
                    size_t stride, int add)
{
    size_t mark = arena_mark(n->work), line = (width + 2) * in;
    size_t out_height = (height + stride - 1) / stride, out_width = (width + stride - 1) / stride;
    float *padded = arena_floats(n->work, (height + 2) * line);
    for (size_t h = 0; h < height + 2 && !nn_dry(n); h++) {
        float *to = padded + h * line;
        if (h == 0 || h == height + 1) {
            memset(to, 0, line * sizeof *to);
            continue;
        }
        memset(to, 0, in * sizeof *to);
        memcpy(to + in, x + (h - 1) * width * in, width * in * sizeof *to);
        memset(to + line - in, 0, in * sizeof *to);
    }
    gemm_view view = {padded, stride * in, 3 * in, line, out_width, stride * line};
    nn_linear_view(n, y, w->rows, view, w, b, out_height * out_width, add);
    arena_rewind(n->work, mark);
}

void nn_conv3x3(nn *n, float *y, const float *x, const wmat *w, const float *b, size_t height, size_t width, size_t in,
                size_t stride, int how)
{
    if (stride == 1) {
        wino_job j = {.n = n, .y = y, .x = x, .bias = b, .w = w, .least = how & NN_CONV_RELU ? 0.0f : -INFINITY,
                      .height = height, .width = width, .in = in, .out = w->rows};
        if (!(how & NN_CONV_ADD) && !nn_dry(n)) memset(y, 0, height * width * w->rows * sizeof *y);
        winograd(n, &j);
        return;
    }
    strided(n, y, x, w, b, height, width, in, stride, how & NN_CONV_ADD);
    size_t count = (height + stride - 1) / stride * ((width + stride - 1) / stride) * w->rows;
    if (how & NN_CONV_RELU) nn_activate(n, NN_RELU, y, y, count);
}
