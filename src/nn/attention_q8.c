/* attention_q8.c - multi-head attention in integers, without a score matrix.
 *
 * As attention.c, turned on its side: a task holds nr queries of one head and meets the keys a tile at a time. Scores are
 * int8 products; their mean over the keys, which softmax does not see, is taken out of the keys first, so that what all
 * keys share does not spend their range. Softmax gives each key a whole number of 1/16383; values are whole numbers up to
 * 255 of a scale per tile and dimension: their products are exact in 32 bits.
 * Source: Zhang et al., "SageAttention" (2024), for int8 scores and smoothed keys; Dao et al., "FlashAttention" (2022). */
#include <math.h>
#include <string.h>

#include "nn/nn.h"

enum { KEYS = 168 }; /* of a tile: a multiple of every table's mr, even, sums of values fit in 32 bits */

typedef struct {
    const nn *n;
    const kern_q8 *q8;
    const nn_attn *a;
    size_t mr, nr, vr, panels, tiles, dim_panels, quads, blocks; /* key panels, key tiles, panels of dimensions */
    q8_rows *keys;    /* [heads] */
    int16_t *values;  /* [heads][tiles][dim panels][KEYS / 2][vr][2] */
    float *scale;     /* [heads][tiles][dim panels][vr] of values */
    float *mean;      /* [heads][width] of keys */
    unsigned char *scratch;
    size_t value_count, scratch_bytes;
} attn_job;

/* A thread's piece of scratch. */
typedef struct {
    float *row;          /* [mr][width] */
    int8_t *query, *packed; /* [nr][width]; as kern_q8.h has it */
    int32_t *sums;       /* [nr] */
    float *col, *scores; /* [nr], [KEYS][nr] */
    int16_t *weights;    /* [KEYS / 2][nr][2] */
    float *out, *m, *l, *alpha; /* [dim panels * vr][nr], [nr] each */
} thread_room;

static size_t up(size_t v, size_t to)
{
    return (v + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Lays out a thread's room in a, which may only measure. */
static thread_room lay_out(const attn_job *j, arena *a)
{
    thread_room r;
    r.row = arena_floats(a, j->mr * j->a->width);
    r.query = arena_alloc(a, j->nr * j->a->width, 1);
    r.packed = arena_alloc(a, j->quads * j->nr * (size_t)j->q8->width, 4);
    r.sums = arena_alloc(a, j->nr, sizeof *r.sums);
    r.col = arena_floats(a, j->nr);
    r.scores = arena_floats(a, KEYS * j->nr);
    r.weights = arena_alloc(a, KEYS * j->nr, sizeof *r.weights);
    r.out = arena_floats(a, j->dim_panels * j->vr * j->nr);
    r.m = arena_floats(a, j->nr);
    r.l = arena_floats(a, j->nr);
    r.alpha = arena_floats(a, j->nr);
    return r;
}

static thread_room room_of(const attn_job *j, int thread)
{
    arena a = {.base = j->scratch + (size_t)thread * j->scratch_bytes, .size = j->scratch_bytes};
    return lay_out(j, &a);
}

static void pack_keys(const attn_job *j, size_t head, float *row)
{
    const nn_attn *a = j->a;
    float *mean = j->mean + head * a->width;
    const float *k = a->k + head * a->width;
    memset(mean, 0, a->width * sizeof *mean);
    for (size_t t = 0; t < a->rows_k; t++) j->n->kern->axpy(mean, k + t * a->ldk, 1.0f / (float)a->rows_k, a->width);
    for (size_t p = 0; p < j->panels; p++) {
        size_t rows = least(j->mr, a->rows_k - p * j->mr);
        for (size_t i = 0; i < rows; i++) {
            memcpy(row + i * a->width, k + (p * j->mr + i) * a->ldk, a->width * sizeof *row);
            j->n->kern->axpy(row + i * a->width, mean, -1.0f, a->width);
        }
        q8_set_rows(j->q8, &j->keys[head], p, row, a->width);
    }
}

/* One tile of values: per dimension, whole numbers of its largest magnitude here / 255. */
static void pack_values(const attn_job *j, size_t head, size_t tile, float *most)
{
    const nn_attn *a = j->a;
    size_t k0 = tile * KEYS, keys = least(KEYS, a->rows_k - k0), lanes = j->dim_panels * j->vr;
    int16_t *dst = j->values + head * j->value_count + tile * lanes * KEYS;
    float *scale = j->scale + (head * j->tiles + tile) * lanes;
    memset(most, 0, a->width * sizeof *most);
    for (size_t k = 0; k < keys; k++) j->n->kern->peak_abs(most, a->v + (k0 + k) * a->ldv + head * a->width, a->width);
    for (size_t d = 0; d < lanes; d++) scale[d] = d < a->width ? most[d] / (float)KERN_Q8_VALUE : 0;
    for (size_t d = 0; d < a->width; d++) most[d] = most[d] > 0 ? (float)KERN_Q8_VALUE / most[d] : 0;
    for (size_t p = 0; p < j->dim_panels; p++, dst += KEYS * j->vr) {
        size_t d0 = p * j->vr, dims = least(j->vr, a->width - d0);
        for (size_t k = 0; k < up(keys, 2); k++) {
            const float *v = a->v + (k0 + k) * a->ldv + head * a->width + d0;
            int16_t *to = dst + k / 2 * j->vr * 2 + k % 2;
            for (size_t d = 0; d < j->vr; d++) to[2 * d] = k < keys && d < dims ? (int16_t)lrintf(v[d] * most[d0 + d]) : 0;
        }
    }
}

static void pack_task(void *arg, size_t head, int thread)
{
    const attn_job *j = arg;
    thread_room r = room_of(j, thread);
    pack_keys(j, head, r.row);
    for (size_t t = 0; t < j->tiles; t++) pack_values(j, head, t, r.row);
}

/* nr queries as the B panel of the score products; their scale makes scores powers of two. */
static void pack_queries(const attn_job *j, const thread_room *r, size_t head, size_t q0, size_t queries)
{
    const nn_attn *a = j->a;
    for (size_t c = 0; c < j->nr; c++) {
        const float *q = a->q + (q0 + c) * a->ldq + head * a->width;
        float most = c < queries ? j->q8->absmax(q, a->width) : 0;
        r->col[c] = most / 127.0f * a->scale * 1.44269504f;
        if (c < queries) j->q8->bytes(r->query + c * a->width, q, most > 0 ? 127.0f / most : 0, a->width);
    }
    j->q8->pack(r->packed, r->sums, r->query, a->width, (int)queries, a->width);
}

static void attend_tile(const attn_job *j, const thread_room *r, size_t head, size_t tile)
{
    const q8_rows *keys = &j->keys[head];
    size_t k0 = tile * KEYS, count = least(KEYS, j->a->rows_k - k0), lanes = j->dim_panels * j->vr;
    for (size_t k = 0; k < count; k += j->mr) {
        size_t p = (k0 + k) / j->mr;
        kern_q8_tile t = {keys->scale + p * j->mr, r->col, r->sums, NULL, 0};
        j->q8->micro(r->scores + k * j->nr, j->nr, keys->data + p * j->mr * 4 * j->quads * (size_t)j->q8->width, r->packed, j->quads, &t);
    }
    j->q8->softmax_pairs(r->weights, r->scores, count, r->m, r->l, r->alpha);
    const int16_t *v = j->values + head * j->value_count + tile * lanes * KEYS;
    const float *scale = j->scale + (head * j->tiles + tile) * lanes;
    for (size_t p = 0; p < j->dim_panels; p++)
        j->q8->values(r->out + p * j->vr * j->nr, v + p * KEYS * j->vr, r->weights, (count + 1) / 2, scale + p * j->vr, r->alpha);
}

static void attend_task(void *arg, size_t task, int thread)
{
    const attn_job *j = arg;
    const nn_attn *a = j->a;
    thread_room r = room_of(j, thread);
    size_t head = task / j->blocks, q0 = task % j->blocks * j->nr, queries = least(j->nr, a->rows_q - q0);
    pack_queries(j, &r, head, q0, queries);
    memset(r.out, 0, j->dim_panels * j->vr * j->nr * sizeof *r.out);
    for (size_t c = 0; c < j->nr; c++) {
        r.m[c] = -INFINITY;
        r.l[c] = 0;
    }
    for (size_t t = 0; t < j->tiles; t++) attend_tile(j, &r, head, t);
    for (size_t c = 0; c < j->nr; c++) r.l[c] = 1.0f / r.l[c];
    for (size_t c = 0; c < queries; c++) {
        float *o = a->o + (q0 + c) * a->ldo + head * a->width;
        for (size_t d = 0; d < a->width; d++) o[d] = r.out[d * j->nr + c] * r.l[c];
    }
}

void nn_attention_q8(nn *n, const nn_attn *a)
{
    attn_job j = {.n = n, .q8 = kern_q8_of(n->kern), .a = a};
    if (!j.q8->values) { /* this machine's table leaves attention to float32 */
        nn_attention(n, a);
        return;
    }
    size_t mark = arena_mark(n->work);
    arena dry = arena_measure();
    j.mr = (size_t)j.q8->mr;
    j.nr = (size_t)j.q8->nr;
    j.vr = (size_t)j.q8->vr;
    j.panels = q8_panels(j.q8, a->rows_k);
    j.tiles = up(a->rows_k, KEYS) / KEYS;
    j.dim_panels = up(a->width, j.vr) / j.vr;
    j.quads = up(a->width, 4) / 4;
    j.blocks = up(a->rows_q, j.nr) / j.nr;
    j.value_count = j.tiles * j.dim_panels * j.vr * KEYS;
    lay_out(&j, &dry);
    j.scratch_bytes = up(dry.peak, ARENA_ALIGN);
    j.keys = arena_alloc(n->work, a->heads, sizeof *j.keys);
    for (size_t h = 0; h < a->heads; h++) {
        q8_rows keys = nn_q8_rows(n, a->rows_k, a->width);
        if (!nn_dry(n)) j.keys[h] = keys;
    }
    j.values = arena_alloc(n->work, a->heads * j.value_count, sizeof *j.values);
    j.scale = arena_floats(n->work, a->heads * j.tiles * j.dim_panels * j.vr);
    j.mean = arena_floats(n->work, a->heads * a->width);
    j.scratch = arena_alloc(n->work, (size_t)pool_threads(n->pool) * j.scratch_bytes, 1);
    if (!nn_dry(n) && a->rows_q && a->rows_k) {
        pool_run(n->pool, pack_task, &j, a->heads);
        pool_run(n->pool, attend_task, &j, a->heads * j.blocks);
    }
    arena_rewind(n->work, mark);
}
