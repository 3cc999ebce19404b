/* attention.c - multi-head attention without a score matrix.
 *
 * Everything is turned on its side: a task holds nr queries of one head as a B panel, multiplies panels of keys with
 * it, and so gets scores [keys, nr] whose columns are queries. The online softmax runs down the columns in vector
 * lanes, and its result is already the B panel that the product with the values wants.
 * Source: Dao et al., "FlashAttention" (2022), for the online softmax over tiles. */
#include "nn/nn.h"

#include <math.h>
#include <string.h>

enum { KEYS = 256 }; /* keys per tile, before rounding to whole panels: scores stay in the first-level cache */

typedef struct {
    const nn *n;
    const nn_attn *a;
    size_t mr, nr, key_panels, dim_panels, tile_panels; /* panels of keys, of head width, of keys per tile */
    float *keys, *values; /* packed, per head */
    float *scratch;       /* per thread */
    size_t key_floats, value_floats, thread_floats, blocks;
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

/* One tile of keys: scores, softmax, and the weighted values added to out [dims rounded up, nr]. */
static void attend_tile(const attn_job *j, const float *query, const float *keys, const float *values, size_t p0,
                        float *scores, float *out, float *state)
{
    const kern_table *kern = j->n->kern;
    const nn_attn *a = j->a;
    size_t mr = j->mr, nr = j->nr, p1 = least(p0 + j->tile_panels, j->key_panels);
    size_t k0 = p0 * mr, count = least(p1 * mr, a->rows_k) - k0;
    float *m = state, *l = state + nr, *alpha = state + 2 * nr;
    for (size_t p = p0; p < p1; p++)
        kern->micro(scores + (p - p0) * mr * nr, nr, keys + p * mr * a->width, query, a->width, 0);
    kern->softmax_cols(scores, count, a->scale, m, l, alpha);
    for (size_t p = 0; p < j->dim_panels; p++) {
        float *o = out + p * mr * nr;
        if (k0)
            for (size_t i = 0; i < mr; i++)
                for (size_t c = 0; c < nr; c++) o[i * nr + c] *= alpha[c];
        kern->micro(o, nr, values + p * a->rows_k * mr + k0 * mr, scores, count, k0 > 0);
    }
}

static void attend_task(void *arg, size_t task, int thread)
{
    const attn_job *j = arg;
    const nn_attn *a = j->a;
    size_t nr = j->nr, head = task / j->blocks, q0 = task % j->blocks * nr, queries = least(nr, a->rows_q - q0);
    const float *keys = j->keys + head * j->key_floats, *values = j->values + head * j->value_floats;
    float *query = j->scratch + (size_t)thread * j->thread_floats;
    float *scores = query + a->width * nr, *out = scores + j->tile_panels * j->mr * nr;
    float *state = out + j->dim_panels * j->mr * nr, *l = state + nr;

    j->n->kern->pack_b(query, a->q + q0 * a->ldq + head * a->width, KERN_F32, a->ldq, (int)queries, a->width);
    for (size_t c = 0; c < nr; c++) {
        state[c] = -INFINITY;
        l[c] = 0;
    }
    for (size_t p = 0; p < j->key_panels; p += j->tile_panels) attend_tile(j, query, keys, values, p, scores, out, state);
    if (a->lse)
        for (size_t c = 0; c < queries; c++) a->lse[head * a->rows_q + q0 + c] = state[c] + logf(l[c]);
    for (size_t c = 0; c < nr; c++) l[c] = 1.0f / l[c];
    for (size_t c = 0; c < queries; c++) {
        float *o = a->o + (q0 + c) * a->ldo + head * a->width;
        for (size_t d = 0; d < a->width; d++) o[d] = out[d * nr + c] * l[c];
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
    j.blocks = up(a->rows_q, j.nr) / j.nr;
    j.thread_floats = up((a->width + (j.tile_panels + j.dim_panels) * j.mr + 3) * j.nr, 16);
    j.keys = arena_floats(n->work, a->heads * j.key_floats);
    j.values = arena_floats(n->work, a->heads * j.value_floats);
    j.scratch = arena_floats(n->work, (size_t)pool_threads(n->pool) * j.thread_floats);
    if (!nn_dry(n) && a->rows_q && a->rows_k) {
        pool_run(n->pool, pack_task, &j, a->heads);
        pool_run(n->pool, attend_task, &j, a->heads * j.blocks);
    }
    arena_rewind(n->work, mark);
}
