/* attention.c - multi-head attention without a score matrix.
 *
 * Everything is turned on its side: a task holds nr queries of one head as a B panel, multiplies panels of keys with
 * it, and so gets scores [keys, nr] whose columns are queries. The online softmax runs down the columns in vector
 * lanes, and its result is already the B panel that the product with the values wants. A task takes several such panels
 * of queries along, so that a tile of keys and values is fetched once for all of them.
 * Source: Dao et al., "FlashAttention" (2022), for the online softmax over tiles. */
#include "nn/nn.h"

#include <math.h>
#include <string.h>

enum {
    KEYS = 256, /* keys per tile, before rounding to whole panels: scores stay in the first-level cache */
    GROUP = 4   /* panels of queries per task */
};

typedef struct {
    const nn *n;
    const nn_attn *a;
    size_t mr, nr, key_panels, dim_panels, tile_panels; /* panels of keys, of head width, of keys per tile */
    float *keys, *values; /* packed, per head */
    float *scratch;       /* per thread */
    size_t key_floats, value_floats, panel_floats, thread_floats, groups; /* of a head, a head, a panel of queries... */
} attn_job;

static size_t up(size_t v, size_t to)
{
    return (v + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Keys become A panels [width][mr keys]; values A panels [dims / mr][keys][mr]. */
static void pack_task(void *arg, size_t head, int thread)
{
    (void)thread;
    const attn_job *j = arg;
    const nn_attn *a = j->a;
    float *keys = j->keys + head * j->key_floats, *values = j->values + head * j->value_floats;
    for (size_t p = 0; p < j->key_panels; p++) {
        const float *src[KERN_MAX_MR] = {0};
        size_t rows = least(j->mr, a->rows_k - p * j->mr);
        for (size_t i = 0; i < rows; i++) src[i] = a->k + (p * j->mr + i) * a->ldk + head * a->width;
        j->n->kern->pack_a(keys + p * j->mr * a->width, src, (int)rows, a->width);
    }
    for (size_t p = 0; p < j->dim_panels; p++) {
        size_t d0 = p * j->mr, dims = least(j->mr, a->width - d0);
        float *dst = values + p * a->rows_k * j->mr;
        for (size_t k = 0; k < a->rows_k; k++, dst += j->mr) {
            memcpy(dst, a->v + k * a->ldv + head * a->width + d0, dims * sizeof *dst);
            if (dims < j->mr) memset(dst + dims, 0, (j->mr - dims) * sizeof *dst);
        }
    }
}

/* What a task holds for one panel of queries. */
typedef struct {
    float *query, *out, *top, *sum, *alpha; /* [width, nr], [width rounded up, nr], [nr] each */
} attn_panel;

static attn_panel panel_at(const attn_job *j, float *memory, size_t index)
{
    attn_panel p = {.query = memory + index * j->panel_floats};
    p.out = p.query + j->a->width * j->nr;
    p.top = p.out + j->dim_panels * j->mr * j->nr;
    p.sum = p.top + j->nr;
    p.alpha = p.sum + j->nr;
    return p;
}

/* out *= alpha, column by column; most tiles bring no new maximum, and alpha is 1. */
static void rescale(const attn_job *j, const attn_panel *q)
{
    size_t c = 0;
    while (c < j->nr && q->alpha[c] == 1.0f) c++;
    if (c == j->nr) return;
    for (size_t d = 0; d < j->dim_panels * j->mr; d++)
        j->n->kern->mul(q->out + d * j->nr, q->out + d * j->nr, q->alpha, j->nr);
}

/* One tile of keys: scores, softmax, and the weighted values added to out. */
static void attend_tile(const attn_job *j, const attn_panel *q, const float *keys, const float *values, size_t p0,
                        float *scores)
{
    const kern_table *kern = j->n->kern;
    const nn_attn *a = j->a;
    size_t mr = j->mr, nr = j->nr, p1 = least(p0 + j->tile_panels, j->key_panels);
    size_t k0 = p0 * mr, count = least(p1 * mr, a->rows_k) - k0;
    for (size_t p = p0; p < p1; p++)
        kern->micro(scores + (p - p0) * mr * nr, nr, keys + p * mr * a->width, q->query, a->width, 0);
    kern->softmax_cols(scores, count, a->scale, q->top, q->sum, q->alpha);
    if (k0) rescale(j, q);
    for (size_t p = 0; p < j->dim_panels; p++) {
        float *o = q->out + p * mr * nr;
        const float *v = values + p * a->rows_k * mr + k0 * mr;
        size_t dims = least(mr, a->width - p * mr);
        if (dims < mr && kern->micro_part) kern->micro_part(o, nr, v, scores, count, k0 > 0, dims);
        else kern->micro(o, nr, v, scores, count, k0 > 0);
    }
}

static void attend_task(void *arg, size_t task, int thread)
{
    const attn_job *j = arg;
    const nn_attn *a = j->a;
    size_t nr = j->nr, head = task / j->groups, first = task % j->groups * GROUP * nr;
    size_t panels = least(GROUP, up(a->rows_q - first, nr) / nr);
    const float *keys = j->keys + head * j->key_floats, *values = j->values + head * j->value_floats;
    float *memory = j->scratch + (size_t)thread * j->thread_floats, *scores = memory + GROUP * j->panel_floats;

    for (size_t i = 0; i < panels; i++) {
        attn_panel q = panel_at(j, memory, i);
        size_t q0 = first + i * nr, queries = least(nr, a->rows_q - q0);
        j->n->kern->pack_b(q.query, a->q + q0 * a->ldq + head * a->width, KERN_F32, a->ldq, (int)queries, a->width);
        memset(q.out, 0, j->dim_panels * j->mr * nr * sizeof *q.out);
        for (size_t c = 0; c < nr; c++) {
            q.top[c] = -INFINITY;
            q.sum[c] = 0;
        }
    }
    for (size_t p = 0; p < j->key_panels; p += j->tile_panels)
        for (size_t i = 0; i < panels; i++) {
            attn_panel q = panel_at(j, memory, i);
            attend_tile(j, &q, keys, values, p, scores);
        }
    for (size_t i = 0; i < panels; i++) {
        attn_panel q = panel_at(j, memory, i);
        size_t q0 = first + i * nr, queries = least(nr, a->rows_q - q0);
        for (size_t c = 0; c < queries; c++) {
            if (a->lse) a->lse[head * a->rows_q + q0 + c] = q.top[c] + logf(q.sum[c]);
            float *o = a->o + (q0 + c) * a->ldo + head * a->width, whole = 1.0f / q.sum[c];
            for (size_t d = 0; d < a->width; d++) o[d] = q.out[d * nr + c] * whole;
        }
    }
}

void nn_attention(nn *n, const nn_attn *a)
{
    size_t mark = arena_mark(n->work);
    attn_job j = {.n = n, .a = a, .mr = (size_t)n->kern->mr, .nr = (size_t)n->kern->nr};
    j.key_panels = up(a->rows_k, j.mr) / j.mr;
    j.dim_panels = up(a->width, j.mr) / j.mr;
    j.tile_panels = least(up(KEYS, j.mr) / j.mr, j.key_panels);
    j.key_floats = j.key_panels * j.mr * a->width;
    j.value_floats = up(j.dim_panels * a->rows_k * j.mr, 16);
    j.groups = up(a->rows_q, GROUP * j.nr) / (GROUP * j.nr);
    j.panel_floats = up((a->width + j.dim_panels * j.mr + 3) * j.nr, 16);
    j.thread_floats = GROUP * j.panel_floats + up(j.tile_panels * j.mr * j.nr, 16);
    j.keys = arena_floats(n->work, a->heads * j.key_floats);
    j.values = arena_floats(n->work, a->heads * j.value_floats);
    j.scratch = arena_floats(n->work, (size_t)pool_threads(n->pool) * j.thread_floats);
    if (!nn_dry(n) && a->rows_q && a->rows_k) {
        pool_run(n->pool, pack_task, &j, a->heads);
        pool_run(n->pool, attend_task, &j, a->heads * j.groups);
    }
    arena_rewind(n->work, mark);
}
