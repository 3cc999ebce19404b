/* unit.c - the autoencoder's residual unit, fused: a task takes a stretch of rows from the first snake to the residual sum
 * with everything between in its own scratch, so that activations are read once and written once.
 *
 * The wide convolution is Toom and Cook's F(6, 7) along sequences of rows one dilation apart: a block of 6 * dilation rows
 * holds `dilation` tiles of six outputs each, and the 14 elements of their transforms are 14 products [tiles, width] by
 * [width, width]. Blocks lie on a grid from the first row wanted on; how many a task takes changes no bit. */
#include <string.h>

#include "nn/tiles.h"

enum { ELEMENTS = 14, OUTPUTS = 6, INPUTS = 12, TAPS = 7, SLICE = 64, PAD = 16, MIN_GROUP = 56, MAX_GROUP = 112 };

/* ---- weights */

typedef struct {
    const nn *n;
    const nn_unit *u;
    float *wide, *point, *scratch; /* [14][panels][width][nr], [panels][width][nr], per thread [7][SLICE][nr] */
    size_t panels, nr;
} prepare_job;

/* A panel of outputs. The transform runs on packed taps, so that it needs no shuffles. */
static void prepare_task(void *arg, size_t panel, int thread)
{
    const prepare_job *j = arg;
    const kern_table *kern = j->n->kern;
    size_t width = j->u->width, o0 = panel * j->nr, tap = SLICE * j->nr;
    float *taps = j->scratch + (size_t)thread * TAPS * tap;
    for (size_t k = 0; k < width; k += SLICE) {
        size_t depth = least(SLICE, width - k);
        tiles_pack_taps(kern, taps, tap, &j->u->wide, TAPS, width, o0, k, depth);
        kern->conv7_taps(j->wide + (panel * width + k) * j->nr, j->panels * width * j->nr, taps, tap, depth * j->nr);
    }
    tiles_pack_taps(kern, j->point + panel * width * j->nr, 0, &j->u->point, 1, width, o0, 0, width);
}

nn_unit_weights nn_unit_prepare(nn *n, const nn_unit *u)
{
    prepare_job j = {.n = n, .u = u, .nr = (size_t)n->kern->nr};
    j.panels = ceiling(u->width, j.nr);
    j.wide = arena_floats(n->work, ELEMENTS * j.panels * u->width * j.nr);
    j.point = arena_floats(n->work, j.panels * u->width * j.nr);
    size_t mark = arena_mark(n->work);
    j.scratch = arena_floats(n->work, (size_t)pool_threads(n->pool) * TAPS * SLICE * j.nr);
    if (!nn_dry(n)) pool_run(n->pool, prepare_task, &j, j.panels);
    arena_rewind(n->work, mark);
    return (nn_unit_weights){j.wide, j.point};
}

/* ---- rows */

typedef struct {
    const nn *n;
    const nn_unit *u;
    nn_unit_weights w;
    nn_stretch r;
    size_t mr, nr, panels, ld; /* ld: of all scratch rows; no power of two */
    size_t block, blocks, group; /* rows of a block, blocks in all, blocks per task */
    size_t room;                 /* tiles of a group in whole A panels */
    float *scratch;
    size_t thread_floats, rows_floats, element; /* of a thread, of its rows, of an element of its transforms */
} unit_job;

/* snake(x) on rows [from, from + count), zeros where x has none. */
static void first_snake(const unit_job *j, float *out, long from, size_t count)
{
    const nn_unit *u = j->u;
    for (size_t i = 0; i < count; i++, from++, out += j->ld) {
        if (from < j->r.have_from || from >= j->r.have_to) memset(out, 0, u->width * sizeof *out);
        else j->n->kern->snake(out, j->r.x + (size_t)(from - j->r.have_from) * u->width, u->a[0], u->s[0], u->width);
    }
}

/* m = v times the wide convolution's weights, element by element. */
static void wide_products(const unit_job *j, float *m, const float *v, size_t tiles)
{
    size_t width = j->u->width;
    for (size_t e = 0; e < ELEMENTS; e++)
        for (size_t p = 0; p < j->panels; p++)
            for (size_t q = 0; q < tiles; q += j->mr)
                j->n->kern->micro_rows(m + e * j->element + q * j->ld + p * j->nr, j->ld, v + e * j->element + q * j->ld,
                                       j->ld, j->w.wide + (e * j->panels + p) * width * j->nr, width, 0);
}

/* y = x + bias + inner times the point convolution's weights, rows of the output from `from` on. */
static void point_products(const unit_job *j, const float *inner, long from, size_t rows)
{
    const kern_table *kern = j->n->kern;
    size_t width = j->u->width;
    float edge[KERN_MAX_MR * KERN_MAX_NR], *y = j->r.y + (size_t)(from - j->r.from) * width;
    for (size_t i = 0; i < rows; i++) {
        memcpy(y + i * width, j->r.x + (size_t)(from - j->r.have_from) * width + i * width, width * sizeof *y);
        kern->add(y + i * width, j->u->point_bias, width);
    }
    for (size_t p = 0; p < j->panels; p++) {
        const float *b = j->w.point + p * width * j->nr;
        size_t cols = least(j->nr, width - p * j->nr);
        for (size_t q = 0; q < rows; q += j->mr) {
            float *to = y + q * width + p * j->nr;
            if (cols == j->nr && q + j->mr <= rows) {
                kern->micro_rows(to, width, inner + q * j->ld, j->ld, b, width, 1);
                continue;
            }
            kern->micro_rows(edge, j->nr, inner + q * j->ld, j->ld, b, width, 0);
            for (size_t i = 0; i < least(j->mr, rows - q); i++) kern->add(to + i * width, edge + i * j->nr, cols);
        }
    }
}

static void unit_task(void *arg, size_t task, int thread)
{
    const unit_job *j = arg;
    const nn_unit *u = j->u;
    const kern_table *kern = j->n->kern;
    size_t d = u->dilation, b0 = task * j->group, blocks = least(j->group, j->blocks - b0), tiles = blocks * d;
    long from = j->r.from + (long)(b0 * j->block);
    size_t rows = least(blocks * j->block, (size_t)(j->r.to - from));
    float *s = j->scratch + (size_t)thread * j->thread_floats, *v = s + j->rows_floats, *m = v + ELEMENTS * j->element;
    first_snake(j, s, from - (long)(TAPS / 2 * d), (blocks + 1) * j->block);
    for (size_t t = 0; t < tiles; t++)
        kern->conv7_in(v + t * j->ld, j->element, s + (t / d * j->block + t % d) * j->ld, d * j->ld, u->width);
    for (size_t e = 0; e < ELEMENTS; e++) /* what fills the last panel is thrown away, but must be numbers */
        memset(v + e * j->element + tiles * j->ld, 0, (ceiling(tiles, j->mr) * j->mr - tiles) * j->ld * sizeof *v);
    wide_products(j, m, v, tiles);
    for (size_t t = 0; t < tiles; t++)
        kern->conv7_out(s + (t / d * j->block + t % d) * j->ld, d * j->ld, m + t * j->ld, j->element, u->wide_bias,
                        u->width);
    for (size_t i = 0; i < rows; i++) kern->snake(s + i * j->ld, s + i * j->ld, u->a[1], u->s[1], u->width);
    point_products(j, s, from, rows);
}

/* Blocks per task: many tiles use a weight while it is near, but their transforms must stay near too. Of the sizes that do,
 * the one that fills its A panels best. */
static size_t group_of(const unit_job *j, size_t threads)
{
    size_t d = j->u->dilation, most = least(MAX_GROUP, j->u->width / 4 > MIN_GROUP ? j->u->width / 4 : MIN_GROUP);
    most = least(most, ceiling(j->blocks * d, threads));
    size_t best = 1;
    for (size_t g = 1; g * d <= most; g++) {
        size_t room = ceiling(g * d, j->mr) * j->mr, best_room = ceiling(best * d, j->mr) * j->mr;
        if (g * best_room >= best * room) best = g;
    }
    return best;
}

void nn_unit_run(nn *n, const nn_unit *u, nn_unit_weights w, const nn_stretch *r)
{
    size_t mark = arena_mark(n->work), threads = (size_t)pool_threads(n->pool);
    if (r->to <= r->from) return;
    unit_job j = {.n = n, .u = u, .w = w, .r = *r, .mr = (size_t)n->kern->mr, .nr = (size_t)n->kern->nr};
    j.panels = ceiling(u->width, j.nr);
    j.ld = j.panels * j.nr + PAD;
    j.block = OUTPUTS * u->dilation;
    j.blocks = ceiling((size_t)(r->to - r->from), j.block);
    j.group = group_of(&j, threads);
    j.room = ceiling(j.group * u->dilation, j.mr) * j.mr;
    j.rows_floats = ((j.group + 1) * j.block + j.mr) * j.ld;
    j.element = j.room * j.ld;
    j.thread_floats = j.rows_floats + 2 * ELEMENTS * j.element;
    j.scratch = arena_floats(n->work, threads * j.thread_floats);
    if (!nn_dry(n)) pool_run(n->pool, unit_task, &j, ceiling(j.blocks, j.group));
    arena_rewind(n->work, mark);
}
