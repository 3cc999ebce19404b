/* upconv.c - snake and a transposed convolution whose kernel is twice its stride: row m of its product of (x[m-1], x[m]) by
 * [stride * out, 2 in] is output rows m * stride and on. Two taps along m: Toom and Cook's F(3, 2), four products for three
 * rows instead of six. A task takes a stretch of rows through everything, as in unit.c. */
#include <string.h>

#include "nn/tiles.h"

enum { ELEMENTS = 4, OUTPUTS = 3, SLICE = 128, PAD = 16 };
enum { GROUP = 28, BLOCK_PANELS = 8 }; /* tiles of a task, panels of outputs at once */

typedef struct {
    const nn *n;
    const nn_up *u;
    float *out, *scratch; /* [4][panels][in][nr], per thread [2][SLICE][nr] */
    size_t panels, nr;
} prepare_job;

static void prepare_task(void *arg, size_t panel, int thread)
{
    const prepare_job *j = arg;
    size_t in = j->u->in, tap = SLICE * j->nr;
    float *taps = j->scratch + (size_t)thread * 2 * tap;
    for (size_t k = 0; k < in; k += SLICE) {
        size_t depth = least(SLICE, in - k);
        tiles_pack_taps(j->n->kern, taps, tap, &j->u->w, 2, in, panel * j->nr, k, depth);
        j->n->kern->conv2_taps(j->out + (panel * in + k) * j->nr, j->panels * in * j->nr, taps, tap, depth * j->nr);
    }
}

const float *nn_up_prepare(nn *n, const nn_up *u)
{
    prepare_job j = {.n = n, .u = u, .nr = (size_t)n->kern->nr};
    j.panels = ceiling(u->w.rows, j.nr);
    j.out = arena_floats(n->work, ELEMENTS * j.panels * u->in * j.nr);
    size_t mark = arena_mark(n->work);
    j.scratch = arena_floats(n->work, (size_t)pool_threads(n->pool) * 2 * SLICE * j.nr);
    if (!nn_dry(n)) pool_run(n->pool, prepare_task, &j, j.panels);
    arena_rewind(n->work, mark);
    return j.out;
}

typedef struct {
    const nn *n;
    const nn_up *u;
    const float *w;
    nn_stretch r;
    size_t mr, nr, panels, ld, ldm, group; /* group: tiles of a task, whole A panels */
    float *scratch;
    size_t thread_floats;
} up_job;

static void up_task(void *arg, size_t task, int thread)
{
    const up_job *j = arg;
    const nn_up *u = j->u;
    const kern_table *kern = j->n->kern;
    size_t element = j->group * j->ld, m_element = j->group * j->ldm, wide = u->w.rows;
    long from = j->r.from + (long)(task * j->group * OUTPUTS);
    size_t rows = least(j->group * OUTPUTS, (size_t)(j->r.to - from)), tiles = ceiling(rows, OUTPUTS);
    float *s = j->scratch + (size_t)thread * j->thread_floats, *v = s + (j->group * OUTPUTS + 1) * j->ld;
    float *m = v + ELEMENTS * element;
    for (size_t i = 0; i < j->group * OUTPUTS + 1; i++) {
        long t = from - 1 + (long)i;
        if (t < j->r.have_from || t >= j->r.have_to) memset(s + i * j->ld, 0, u->in * sizeof *s);
        else kern->snake(s + i * j->ld, j->r.x + (size_t)(t - j->r.have_from) * u->in, u->a, u->s, u->in);
    }
    for (size_t t = 0; t < j->group; t++) kern->conv2_in(v + t * j->ld, element, s + t * OUTPUTS * j->ld, j->ld, u->in);
    for (size_t p0 = 0; p0 < j->panels; p0 += BLOCK_PANELS) {
        size_t p1 = least(p0 + BLOCK_PANELS, j->panels), c0 = p0 * j->nr;
        for (size_t e = 0; e < ELEMENTS; e++)
            for (size_t p = p0; p < p1; p++)
                for (size_t q = 0; q < tiles; q += j->mr)
                    kern->micro_rows(m + e * m_element + q * j->ldm + (p - p0) * j->nr, j->ldm, v + e * element + q * j->ld,
                                     j->ld, j->w + (e * j->panels + p) * u->in * j->nr, u->in, 0);
        for (size_t t = 0; t < tiles; t++)
            kern->conv2_out(j->r.y + ((size_t)(from - j->r.from) + t * OUTPUTS) * wide + c0, wide,
                            (int)least(OUTPUTS, rows - t * OUTPUTS), m + t * j->ldm, m_element, u->bias + c0,
                            least(p1 * j->nr, wide) - c0);
    }
}

void nn_up_run(nn *n, const nn_up *u, const float *weights, const nn_stretch *r)
{
    size_t mark = arena_mark(n->work), threads = (size_t)pool_threads(n->pool);
    if (r->to <= r->from) return;
    up_job j = {.n = n, .u = u, .w = weights, .r = *r, .mr = (size_t)n->kern->mr, .nr = (size_t)n->kern->nr};
    j.panels = ceiling(u->w.rows, j.nr);
    j.ld = ceiling(u->in, PAD) * PAD + PAD;
    j.ldm = BLOCK_PANELS * j.nr + PAD;
    j.group = ceiling(GROUP, j.mr) * j.mr;
    j.thread_floats = (j.group * OUTPUTS + 1 + ELEMENTS * j.group) * j.ld + ELEMENTS * j.group * j.ldm;
    j.scratch = arena_floats(n->work, threads * j.thread_floats);
    if (!nn_dry(n)) pool_run(n->pool, up_task, &j, ceiling((size_t)(r->to - r->from), j.group * OUTPUTS));
    arena_rewind(n->work, mark);
}
