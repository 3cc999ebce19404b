/* Matrix products of every table and weight type against plain double sums, on shapes that meet every edge of the
 * tiling; and the same bits for any number of threads. */
#include <stdlib.h>

#include "base/half.h"
#include "base/rng.h"
#include "kernels/gemm.h"
#include "nn/nn.h"
#include "tests/t.h"

typedef struct {
    size_t m, n, k, taps, dil; /* taps > 0: a convolution view */
} shape;

static const shape shapes[] = {
    {1, 1, 1, 0, 0},     {1, 5, 3, 0, 0},      {2, 33, 17, 0, 0},   {14, 32, 64, 0, 0},  {15, 31, 65, 0, 0},
    {7, 100, 31, 0, 0},  {61, 129, 130, 0, 0}, {100, 70, 7, 0, 0},  {3, 1100, 20, 0, 0}, {4040, 3, 5, 0, 0},
    {5, 9, 2100, 0, 0},  {40, 24, 0, 7, 1},    {33, 17, 0, 7, 9},   {50, 6, 0, 3, 3},    {20, 10, 0, 0, 0},
    {90, 1030, 40, 0, 0}, {17, 2070, 530, 0, 0}};

static float *values(size_t n, uint64_t *rng)
{
    float *v = malloc((n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = rng_uniform(rng);
    return v;
}

static void run_shape(const kern_table *kern, pool *p, const shape *s, kern_type type, int flags, uint64_t *rng)
{
    enum { IN = 5 };
    size_t k = s->taps ? s->taps * IN : s->k;
    size_t ldc = s->n + 3, rows = s->taps ? s->m + (s->taps - 1) * s->dil : s->m, width = s->taps ? IN : k + 2;
    float *a = values(rows * width, rng), *w = values(s->n * (k + 1), rng), *bias = values(s->n, rng);
    float *c = values(s->m * ldc, rng), *first = malloc((s->m * ldc + 1) * sizeof *first);
    uint16_t *half = malloc((s->n * (k + 1) + 1) * sizeof *half);
    for (size_t i = 0; i < s->n * (k + 1); i++) {
        half[i] = type == KERN_F16 ? half_to_f16(w[i]) : half_to_bf16(w[i]);
        if (type != KERN_F32) w[i] = type == KERN_F16 ? half_from_f16(half[i]) : half_from_bf16(half[i]);
    }
    memcpy(first, c, s->m * ldc * sizeof *c);
    gemm g = {.c = c, .ldc = ldc, .w = type == KERN_F32 ? (void *)w : (void *)half, .ldw = k + 1, .type = type,
              .bias = flags & 1 ? bias : NULL, .add = flags >> 1 & 1, .m = s->m, .n = s->n, .k = k};
    g.a = s->taps ? (gemm_view){a, IN, IN, s->dil * IN} : gemm_plain(a, width, k);
    size_t room = gemm_scratch(kern, s->m, s->n, k);
    float *scratch = aligned_alloc(64, (room * sizeof(float) + 63) / 64 * 64);
    gemm_run(p, kern, &g, scratch);
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < ldc; j++) {
            double sum = (double)first[i * ldc + j], got = (double)c[i * ldc + j];
            if (j < s->n) {
                if (!g.add) sum = 0;
                if (g.bias) sum += (double)bias[j];
                for (size_t q = 0; q < k; q++)
                    sum += (double)w[j * (k + 1) + q] *
                           (double)(s->taps ? a[(i + q / IN * s->dil) * IN + q % IN] : a[i * width + q]);
            }
            CHECKF(fabs(got - sum) <= 1e-6 * (1 + fabs(sum) + sqrt((double)k) * 2),
                   "%s type %d %zux%zux%zu flags %d at %zu,%zu: %.9g, want %.9g", kern->isa, type, s->m, s->n, k, flags, i, j, got, sum);
        }
    free(a), free(w), free(bias), free(c), free(first), free(half), free(scratch);
}

TEST(gemm_agrees_with_double_sums)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    pool *p;
    CHECK(pool_open(&p, 3, NULL) == DRGEN_OK);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t s = 0; s < COUNT(shapes); s++)
            for (int type = 0; type < 3; type++)
                for (int flags = 0; flags < 4; flags++)
                    if (!T_SANITIZED || flags % 3 == 0 || shapes[s].m * shapes[s].n < 2000) /* bias or sum alone: small ones do */
                        run_shape(table[t], p, &shapes[s], (kern_type)type, flags, &rng);
    pool_close(p);
}

TEST(gemm_random_shapes)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (int i = 0; i < 60; i++) {
        shape s = {1 + rng_split(&rng) % 70, 1 + rng_split(&rng) % 90, 1 + rng_split(&rng) % 90, 0, 0};
        if (i % 3 == 0) s.taps = 1 + rng_split(&rng) % 7, s.dil = 1 + rng_split(&rng) % 4;
        run_shape(table[(size_t)i % tables], NULL, &s, (kern_type)(i % 3), i & 3, &rng);
    }
}

/* Several column blocks and slices of depth, edges everywhere, fewer and more tasks than threads. */
TEST(threads_change_no_bit_of_a_product)
{
    static const shape cases[] = {{190, 2200, 1100, 0, 0}, {1, 40, 1600, 0, 0}, {6000, 37, 70, 0, 0}, {300, 129, 0, 9, 2}};
    static const int threads[] = {1, 2, 3, 40};
    enum { IN = 31 };
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = tables > 1; t < tables; t++) /* plain C only where there is nothing else: it is slow */
        for (size_t i = 0; i < COUNT(cases); i++) {
            size_t m = cases[i].m, n = cases[i].n, taps = cases[i].taps, k = taps ? taps * IN : cases[i].k;
            size_t in = taps ? IN : k, rows = m + (taps ? (taps - 1) * cases[i].dil : 0);
            float *a = values(rows * in, &rng), *w = values(n * k, &rng), *bias = values(n, &rng), *first = NULL;
            for (size_t p = 0; p < COUNT(threads); p += T_SANITIZED ? 3 : 1) { /* one and forty */
                pool *workers;
                CHECK(pool_open(&workers, threads[p], NULL) == DRGEN_OK);
                float *c = malloc(m * n * sizeof *c);
                float *scratch = aligned_alloc(64, (4 * gemm_scratch(table[t], m, n, k) + 63) / 64 * 64);
                gemm g = {.c = c, .ldc = n, .a = gemm_plain(a, in, in), .w = w, .ldw = k, .bias = bias, .m = m, .n = n, .k = k};
                if (taps) g.a.jump = cases[i].dil * IN;
                gemm_run(workers, table[t], &g, scratch);
                if (first) CHECKF(memcmp(first, c, m * n * sizeof *c) == 0, "%s case %zu: %d threads differ", table[t]->isa, i, threads[p]);
                if (first) free(c);
                else first = c;
                free(scratch);
                pool_close(workers);
            }
            free(a), free(w), free(bias), free(first);
        }
}

/* A part of a tile is the same sum, and touches nothing else. */
TEST(micro_part_is_a_part_of_micro)
{
    enum { DEPTH = 37 };
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++) {
        const kern_table *kern = table[t];
        if (!kern->micro_part) continue;
        size_t mr = (size_t)kern->mr, nr = (size_t)kern->nr, ldc = nr + 5;
        float *a = values(DEPTH * mr, &rng), *b = values(DEPTH * nr, &rng), *old = values(mr * ldc, &rng);
        float *whole = malloc(mr * ldc * sizeof *whole), *part = malloc(mr * ldc * sizeof *part);
        for (size_t rows = 1; rows <= mr; rows++)
            for (int add = 0; add < 2; add++) {
                memcpy(whole, old, mr * ldc * sizeof *old);
                memcpy(part, old, mr * ldc * sizeof *old);
                kern->micro(whole, ldc, a, b, DEPTH, add);
                kern->micro_part(part, ldc, a, b, DEPTH, add, rows);
                CHECKF(memcmp(whole, part, rows * ldc * sizeof *old) == 0, "%s %zu rows, add %d", kern->isa, rows, add);
                CHECKF(memcmp(old + rows * ldc, part + rows * ldc, (mr - rows) * ldc * sizeof *old) == 0, "%s writes past %zu rows", kern->isa, rows);
            }
        free(a), free(b), free(old), free(whole), free(part);
    }
}

static void naive_attention(const nn_attn *a, float *o)
{
    double *p = malloc(a->rows_k * sizeof *p);
    for (size_t h = 0; h < a->heads; h++)
        for (size_t i = 0; i < a->rows_q; i++) {
            double top = -INFINITY, sum = 0;
            for (size_t k = 0; k < a->rows_k; k++) {
                p[k] = 0;
                for (size_t d = 0; d < a->width; d++)
                    p[k] += (double)a->q[i * a->ldq + h * a->width + d] * (double)a->k[k * a->ldk + h * a->width + d];
                p[k] *= (double)a->scale;
                if (p[k] > top) top = p[k];
            }
            for (size_t k = 0; k < a->rows_k; k++) sum += p[k] = exp(p[k] - top);
            for (size_t d = 0; d < a->width; d++) {
                double v = 0;
                for (size_t k = 0; k < a->rows_k; k++) v += p[k] * (double)a->v[k * a->ldv + h * a->width + d];
                o[i * a->heads * a->width + h * a->width + d] = (float)(v / sum);
            }
        }
    free(p);
}

TEST(attention_agrees_with_double_sums)
{
    static const size_t cases[][4] = {{1, 1, 1, 4}, {5, 7, 2, 8}, {33, 300, 2, 64}, {70, 600, 1, 16}, {40, 29, 3, 30}, {300, 530, 2, 20}};
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t c = 0; c < COUNT(cases); c++) {
            size_t rq = cases[c][0], rk = cases[c][1], heads = cases[c][2], width = cases[c][3], dim = heads * width;
            float *q = values(rq * dim, &rng), *k = values(rk * dim, &rng), *v = values(rk * dim, &rng);
            float *want = values(rq * dim, &rng), *got[2] = {values(rq * dim, &rng), values(rq * dim, &rng)};
            for (int threads = 1; threads <= 2; threads++) {
                pool *p;
                CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
                nn_attn a = {got[threads - 1], q, k, v, dim, dim, dim, dim, rq, rk, heads, width, 2.5f};
                arena work = arena_measure();
                nn n = {table[t], p, &work};
                nn_attention(&n, &a);
                size_t need = work.peak;
                CHECK(arena_init(&work, need, "test", NULL) == DRGEN_OK);
                nn_attention(&n, &a);
                CHECK(work.peak == need);
                if (threads == 1) naive_attention(&a, want);
                arena_free(&work);
                pool_close(p);
            }
            for (size_t i = 0; i < rq * dim; i++)
                CHECKF(fabsf(got[0][i] - want[i]) < 3e-6f, "%s case %zu at %zu: %g, want %g", table[t]->isa, c, i,
                       (double)got[0][i], (double)want[i]);
            CHECKF(memcmp(got[0], got[1], rq * dim * sizeof(float)) == 0, "%s: threads change the result", table[t]->isa);
            free(q), free(k), free(v), free(want), free(got[0]), free(got[1]);
        }
}
