/* attention_grad.c - the way back through attention, without a score matrix.
 *
 * A task owns one head: it packs its keys and values once and goes over blocks of queries. For every tile of keys it makes
 * the probabilities again from the kept logarithms of the sums, as columns [keys, nr queries], and their gradients the
 * same way; these are at once the B panels that dq = ds^T k wants. For dk = ds q and dv = p^T do they are turned into A
 * panels, a panel of keys at a time, with all queries of the block as the length of the sum.
 * Source: Dao et al., "FlashAttention" (2022), algorithm 4. */
#include <math.h>
#include <string.h>

#include "kernels/kern_grad.h"
#include "nn/nn_grad.h"

enum { QUERIES = 128, KEYS = 96 }; /* of a block and of a tile, before rounding to whole panels */

typedef struct {
    const nn *n;
    const nn_attn *a;
    const kern_grad *grad;
    const float *d;
    float *dq, *dk, *dv, *scratch;
    size_t mr, nr, key_panels, dim_panels, width_panels, block_panels, tile_panels, thread_floats;
} attn_job;

/* One thread's memory. */
typedef struct {
    float *keys, *values;       /* A panels [panel][width][mr] */
    float *keys_turned;         /* A panels [panel of dims][keys][mr] */
    float *dk, *dv;             /* [keys, width rounded up to nr] */
    float *q, *d;               /* B panels [panel of queries][width][nr] */
    float *q_rows, *d_rows;     /* B panels [panel of dims][queries][nr] */
    float *dq;                  /* [panel of queries][dims rounded up to mr][nr] */
    float *p, *ds;              /* [panel of queries][keys of a tile][nr] */
    float *turned;              /* A panel [queries][mr] */
    float *lse, *delta, *spare; /* [queries], [queries], [3 nr] */
} attn_room;

static size_t up(size_t v, size_t to)
{
    return (v + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Lays the pieces out from `at`; with at NULL only the size counts. */
static size_t lay_out(const attn_job *j, attn_room *m, float *at)
{
    size_t keys = j->key_panels * j->mr, dims = j->dim_panels * j->mr, width = j->a->width,
           wide = j->width_panels * j->nr;
    size_t queries = j->block_panels * j->nr, tile = j->tile_panels * j->mr, used = 0;
    struct {
        float **p;
        size_t count;
    } piece[] = {{&m->keys, keys * width},      {&m->values, keys * width},   {&m->keys_turned, dims * j->a->rows_k},
                 {&m->dk, keys * wide},         {&m->dv, keys * wide},        {&m->q, queries * width},
                 {&m->d, queries * width},      {&m->q_rows, queries * wide}, {&m->d_rows, queries * wide},
                 {&m->dq, queries * dims},      {&m->p, queries * tile},      {&m->ds, queries * tile},
                 {&m->turned, queries * j->mr}, {&m->lse, queries},           {&m->delta, queries},
                 {&m->spare, 3 * j->nr}};
    for (size_t i = 0; i < sizeof piece / sizeof piece[0]; i++) {
        *piece[i].p = at ? at + used : NULL;
        used += up(piece[i].count, 16);
    }
    return used;
}

static void pack_keys(const attn_job *j, const attn_room *m, size_t head)
{
    const nn_attn *a = j->a;
    size_t mr = j->mr;
    for (size_t p = 0; p < j->key_panels; p++) {
        const float *k[KERN_MAX_MR] = {0}, *v[KERN_MAX_MR] = {0};
        size_t rows = least(mr, a->rows_k - p * mr);
        for (size_t i = 0; i < rows; i++) {
            k[i] = a->k + (p * mr + i) * a->ldk + head * a->width;
            v[i] = a->v + (p * mr + i) * a->ldv + head * a->width;
        }
        j->n->kern->pack_a(m->keys + p * mr * a->width, k, (int)rows, a->width);
        j->n->kern->pack_a(m->values + p * mr * a->width, v, (int)rows, a->width);
    }
    for (size_t p = 0; p < j->dim_panels; p++) {
        size_t d0 = p * mr, dims = least(mr, a->width - d0);
        float *dst = m->keys_turned + p * a->rows_k * mr;
        for (size_t k = 0; k < a->rows_k; k++, dst += mr) {
            memcpy(dst, a->k + k * a->ldk + head * a->width + d0, dims * sizeof *dst);
            if (dims < mr) memset(dst + dims, 0, (mr - dims) * sizeof *dst);
        }
    }
}

/* Rows of one head as B panels whose columns are the dims: [panel of dims][depth][nr], zero where nothing is. */
static void pack_rows(const attn_job *j, float *dst, const float *src, size_t ld, size_t rows, size_t depth)
{
    size_t nr = j->nr, width = j->a->width;
    for (size_t w = 0; w < j->width_panels; w++) {
        size_t dims = least(nr, width - w * nr);
        float *panel = dst + w * depth * nr;
        memset(panel, 0, depth * nr * sizeof *panel);
        for (size_t r = 0; r < rows; r++) memcpy(panel + r * nr, src + r * ld + w * nr, dims * sizeof *panel);
    }
}

static void pack_queries(const attn_job *j, const attn_room *m, size_t head, size_t q0, size_t queries)
{
    const nn_attn *a = j->a;
    size_t nr = j->nr, panels = up(queries, nr) / nr, at = head * a->width;
    const float *q = a->q + q0 * a->ldq + at, *d = j->d + q0 * a->ldo + at, *o = a->o + q0 * a->ldo + at;
    for (size_t p = 0; p < panels; p++) {
        int cols = (int)least(nr, queries - p * nr);
        j->n->kern->pack_b(m->q + p * nr * a->width, q + p * nr * a->ldq, KERN_F32, a->ldq, cols, a->width);
        j->n->kern->pack_b(m->d + p * nr * a->width, d + p * nr * a->ldo, KERN_F32, a->ldo, cols, a->width);
    }
    pack_rows(j, m->q_rows, q, a->ldq, queries, panels * nr);
    pack_rows(j, m->d_rows, d, a->ldo, queries, panels * nr);
    for (size_t i = 0; i < panels * nr; i++) {
        int real = i < queries;
        m->lse[i] = real ? a->lse[head * a->rows_q + q0 + i] : 1e30f; /* no query there: its probabilities vanish */
        m->delta[i] = real ? j->n->kern->dot(d + i * a->ldo, o + i * a->ldo, a->width) : 0;
    }
    memset(m->dq, 0, panels * nr * j->dim_panels * j->mr * sizeof *m->dq);
}

/* Probabilities and their gradients of one panel of queries against one tile of keys; adds to dq. */
static void tile_columns(const attn_job *j, const attn_room *m, size_t panel, size_t p0, size_t p1, size_t count)
{
    const kern_table *kern = j->n->kern;
    size_t mr = j->mr, nr = j->nr, width = j->a->width, tile = j->tile_panels * mr * nr;
    float *p = m->p + panel * tile, *ds = m->ds + panel * tile;
    for (size_t k = p0; k < p1; k++)
        kern->micro(p + (k - p0) * mr * nr, nr, m->keys + k * mr * width, m->q + panel * nr * width, width, 0);
    memcpy(m->spare, m->lse + panel * nr, nr * sizeof *m->spare);
    memset(m->spare + nr, 0, nr * sizeof *m->spare);
    kern->softmax_cols(p, count, j->a->scale, m->spare, m->spare + nr,
                       m->spare + 2 * nr); /* maximum given: the sum's log */
    for (size_t k = p0; k < p1; k++)
        kern->micro(ds + (k - p0) * mr * nr, nr, m->values + k * mr * width, m->d + panel * nr * width, width, 0);
    j->grad->softmax_cols(ds, p, ds, m->delta + panel * nr, j->a->scale, count, nr);
    for (size_t d = 0; d < j->dim_panels; d++)
        kern->micro(m->dq + (panel * j->dim_panels + d) * mr * nr, nr,
                    m->keys_turned + (d * j->a->rows_k + p0 * mr) * mr, ds, count, 1);
}

/* to [mr keys, width] += turned(columns)[mr keys, queries] rows[queries, width]. */
static void tile_rows(const attn_job *j, const attn_room *m, const float *columns, size_t row, size_t rows,
                      size_t panels, const float *query_rows, float *to)
{
    size_t mr = j->mr, nr = j->nr, tile = j->tile_panels * mr * nr, wide = j->width_panels * nr;
    for (size_t p = 0; p < panels; p++) {
        const float *src[KERN_MAX_MR] = {0};
        for (size_t i = 0; i < rows; i++) src[i] = columns + p * tile + (row + i) * nr;
        j->n->kern->pack_a(m->turned + p * nr * mr, src, (int)rows, nr);
    }
    for (size_t w = 0; w < j->width_panels; w++)
        j->n->kern->micro(to + w * nr, wide, m->turned, query_rows + w * panels * nr * nr, panels * nr, 1);
}

static void query_block(const attn_job *j, const attn_room *m, size_t head, size_t q0)
{
    const nn_attn *a = j->a;
    size_t mr = j->mr, nr = j->nr, queries = least(j->block_panels * nr, a->rows_q - q0), panels = up(queries, nr) / nr;
    size_t wide = j->width_panels * nr;
    pack_queries(j, m, head, q0, queries);
    for (size_t p0 = 0; p0 < j->key_panels; p0 += j->tile_panels) {
        size_t p1 = least(p0 + j->tile_panels, j->key_panels), count = least(p1 * mr, a->rows_k) - p0 * mr;
        for (size_t p = 0; p < panels; p++) tile_columns(j, m, p, p0, p1, count);
        for (size_t k = p0; k < p1; k++) {
            size_t row = (k - p0) * mr, rows = least(mr, count - row);
            tile_rows(j, m, m->p, row, rows, panels, m->d_rows, m->dv + k * mr * wide);
            tile_rows(j, m, m->ds, row, rows, panels, m->q_rows, m->dk + k * mr * wide);
        }
    }
    for (size_t i = 0; i < queries; i++) {
        const float *src = m->dq + i / nr * j->dim_panels * mr * nr + i % nr;
        float *dst = j->dq + (q0 + i) * a->ldq + head * a->width;
        for (size_t c = 0; c < a->width; c++) dst[c] = src[c * nr];
    }
}

static void head_task(void *arg, size_t head, int thread)
{
    const attn_job *j = arg;
    const nn_attn *a = j->a;
    size_t wide = j->width_panels * j->nr, keys = j->key_panels * j->mr;
    attn_room m;
    lay_out(j, &m, j->scratch + (size_t)thread * j->thread_floats);
    pack_keys(j, &m, head);
    memset(m.dk, 0, keys * wide * sizeof *m.dk);
    memset(m.dv, 0, keys * wide * sizeof *m.dv);
    for (size_t q0 = 0; q0 < a->rows_q; q0 += j->block_panels * j->nr) query_block(j, &m, head, q0);
    for (size_t k = 0; k < a->rows_k; k++) {
        memcpy(j->dk + k * a->ldk + head * a->width, m.dk + k * wide, a->width * sizeof(float));
        memcpy(j->dv + k * a->ldv + head * a->width, m.dv + k * wide, a->width * sizeof(float));
    }
}

void nn_attention_grad(nn *n, const nn_attn *a, const float *d, float *dq, float *dk, float *dv)
{
    size_t mark = arena_mark(n->work);
    attn_job j = {.n = n,
                  .a = a,
                  .grad = kern_grad_of(n->kern),
                  .d = d,
                  .dq = dq,
                  .dk = dk,
                  .dv = dv,
                  .mr = (size_t)n->kern->mr,
                  .nr = (size_t)n->kern->nr};
    j.key_panels = up(a->rows_k, j.mr) / j.mr;
    j.dim_panels = up(a->width, j.mr) / j.mr;
    j.width_panels = up(a->width, j.nr) / j.nr;
    j.block_panels = up(QUERIES, j.nr) / j.nr;
    j.tile_panels = least(up(KEYS, j.mr) / j.mr, j.key_panels);
    attn_room none;
    j.thread_floats = lay_out(&j, &none, NULL);
    j.scratch = arena_floats(n->work, (size_t)pool_threads(n->pool) * j.thread_floats);
    if (!nn_dry(n) && a->rows_q && a->rows_k) pool_run(n->pool, head_task, &j, a->heads);
    arena_rewind(n->work, mark);
}
