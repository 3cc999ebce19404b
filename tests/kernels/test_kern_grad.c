/* Every table of training's kernels agrees with kern_grad_ref at every length that meets a vector tail, and touches nothing
 * outside the rows it was given; products with turned operands against plain double sums. */
#include <stdlib.h>

#include "base/half.h"
#include "base/rng.h"
#include "kernels/gemm_turned.h"
#include "kernels/kern_grad.h"
#include "tests/t.h"

enum { MAX_N = 70, PAD = 17 };
static const float canary = 12345.0f;

typedef struct {
    float v[6][MAX_N + 2 * PAD];
} rows;

static void fill(rows *r, uint64_t *rng, float scale)
{
    for (int k = 0; k < 6; k++)
        for (size_t i = 0; i < MAX_N + 2 * PAD; i++) r->v[k][i] = scale * rng_uniform(rng);
}

/* Runs entry `which` on rows; results go to v[0..3]. */
static void call(const kern_grad *k, int which, rows *r, size_t n)
{
    float *a = r->v[0] + PAD, *b = r->v[1] + PAD, *c = r->v[2] + PAD, *d = r->v[3] + PAD, *x = r->v[4] + PAD,
          *y = r->v[5] + PAD;
    const kern_adamw how = {
        .keep = 0.999f, .b1 = 0.9f, .b2 = 0.99f, .scale = 0.5f, .step = 0.01f, .root = 2, .eps = 1e-3f};
    switch (which) {
    case 0: k->silu(a, x, y, n); break;
    case 1: k->gelu(a, x, y, n); break;
    case 2: k->mish(a, x, y, n); break;
    case 3: k->swiglu(a, b, c, x, y, n); break;
    case 4: k->rmsnorm(a, b, c, x, y, 1e-6f, n); break;
    case 5: k->layernorm(a, b, c, d, x, y, 1e-6f, n); break;
    case 6: k->layernorm(a, NULL, NULL, d, x, NULL, 1e-6f, n); break;
    case 7: k->mul_add(a, x, y, n); break;
    case 8:
        for (size_t i = 0; i < n; i++) d[i] = fabsf(d[i]);
        k->adamw(a, x, c, d, &how, n);
        break;
    case 9: k->lerp(a, x, 0.3f, n); break;
    case 10: k->softmax_cols(a, b, c, x, 0.7f, 1, n); break;
    case 11: a[0] = (float)k->energy(x, n); break;
    }
}

TEST(grad_kernels_agree_with_ref)
{
    static const char *const name[] = {
        "silu",    "gelu",  "mish", "swiglu",       "rmsnorm", "layernorm", "layernorm without weights",
        "mul_add", "adamw", "lerp", "softmax_cols", "energy"};
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (int which = 0; which < 12; which++)
            for (size_t n = 1; n < MAX_N; n++) {
                rows want, got;
                fill(&want, &rng, n % 3 ? 2 : 9);
                for (int k = 0; k < 4; k++)
                    for (size_t i = 0; i < PAD; i++) want.v[k][i] = want.v[k][PAD + n + i] = canary;
                got = want;
                call(&kern_grad_ref, which, &want, n);
                call(kern_grad_of(table[t]), which, &got, n);
                double top = 1;
                for (size_t i = 0; i < n; i++) top = fmax(top, fabs((double)want.v[0][PAD + i]));
                for (int k = 0; k < 4; k++)
                    for (size_t i = 0; i < MAX_N + 2 * PAD; i++) {
                        double w = (double)want.v[k][i], e = fabs(w - (double)got.v[k][i]);
                        int inside = i >= PAD && i < PAD + n;
                        CHECKF(inside ? e <= 1e-5 * fmax(top, fabs(w)) : e == 0,
                               "%s %s n=%zu row %d at %zd: %.9g, want %.9g", table[t]->isa, name[which], n, k,
                               (ptrdiff_t)i - PAD, (double)got.v[k][i], w);
                    }
            }
}

TEST(grad_kernels_in_place_and_at_extremes)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    static const float hard[] = {0,   -0.0f, 1e-30f, -1e-30f, 20,   -20,  21,    -21,  60,
                                 -60, 88,    -88,    104,     -104, 1000, -1000, 3e4f, -3e4f};
    for (size_t t = 0; t < tables; t++) {
        const kern_grad *k = kern_grad_of(table[t]);
        void (*const act[])(float *, const float *, const float *, size_t) = {k->silu, k->gelu, k->mish};
        void (*const ref[])(float *, const float *, const float *, size_t) = {kern_grad_ref.silu, kern_grad_ref.gelu,
                                                                              kern_grad_ref.mish};
        for (int a = 0; a < 3; a++) {
            float want[COUNT(hard)], got[COUNT(hard)];
            for (size_t i = 0; i < COUNT(hard); i++) want[i] = got[i] = 1.5f;
            ref[a](want, want, hard, COUNT(hard));
            act[a](got, got, hard, COUNT(hard));
            for (size_t i = 0; i < COUNT(hard); i++)
                CHECKF(fabsf(want[i] - got[i]) <= 1e-5f, "%s activation %d at %g: %g, want %g", table[t]->isa, a,
                       (double)hard[i], (double)got[i], (double)want[i]);
        }
    }
}

/* ---- products */

typedef struct {
    size_t m, n, k;
} shape;

static float *values(size_t n, uint64_t *rng)
{
    float *v = malloc((n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = rng_uniform(rng);
    return v;
}

static void run_turned(const kern_table *kern, pool *p, const shape *s, kern_type type, int flags, uint64_t *rng)
{
    size_t lda = (flags & 1 ? s->m : s->k) + 3, ldb = s->n + 2, ldc = s->n + 1, rows_a = flags & 1 ? s->k : s->m;
    float *a = values(rows_a * lda, rng), *b = values(s->k * ldb, rng), *c = values(s->m * ldc, rng),
          *first = values(s->m * ldc, rng);
    uint16_t *half = malloc((s->k * ldb + 1) * sizeof *half);
    for (size_t i = 0; i < s->k * ldb; i++) {
        half[i] = type == KERN_F16 ? half_to_f16(b[i]) : half_to_bf16(b[i]);
        if (type != KERN_F32) b[i] = type == KERN_F16 ? half_from_f16(half[i]) : half_from_bf16(half[i]);
    }
    memcpy(first, c, s->m * ldc * sizeof *c);
    gemm_turned g = {.c = c,
                     .ldc = ldc,
                     .a = gemm_plain(a, lda, s->k),
                     .a_turned = flags & 1,
                     .b = gemm_plain(type == KERN_F32 ? (const void *)b : (const void *)half, ldb, s->n),
                     .type = type,
                     .add = flags >> 1 & 1,
                     .m = s->m,
                     .n = s->n,
                     .k = s->k};
    float *scratch = aligned_alloc(64, (gemm_turned_scratch(kern, s->m, s->n, s->k) * sizeof(float) + 127) / 64 * 64);
    gemm_turned_run(p, kern, &g, scratch);
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < ldc; j++) {
            double sum = (double)first[i * ldc + j];
            if (j < s->n) {
                if (!g.add) sum = 0;
                for (size_t q = 0; q < s->k; q++)
                    sum += (double)a[flags & 1 ? q * lda + i : i * lda + q] * (double)b[q * ldb + j];
            }
            CHECKF(fabs((double)c[i * ldc + j] - sum) <= 1e-6 * (1 + fabs(sum) + sqrt((double)s->k) * 2),
                   "%s type %d %zux%zux%zu flags %d at %zu,%zu: %.9g, want %.9g", kern->isa, type, s->m, s->n, s->k,
                   flags, i, j, (double)c[i * ldc + j], sum);
        }
    free(a), free(b), free(c), free(first), free(half), free(scratch);
}

TEST(turned_products_agree_with_double_sums)
{
    static const shape shapes[] = {{1, 1, 1},     {14, 32, 64}, {15, 33, 65}, {7, 100, 31},   {100, 70, 7},
                                   {3, 1100, 20}, {4300, 3, 5}, {5, 9, 2100}, {61, 129, 513}, {2, 3, 0}};
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    pool *p;
    uint64_t rng = t_seed;
    CHECK(pool_open(&p, 3, NULL) == DRGEN_OK);
    for (size_t t = 0; t < tables; t++)
        for (size_t s = 0; s < COUNT(shapes); s++)
            for (int type = 0; type < 3; type++)
                for (int flags = 0; flags < 4; flags++)
                    run_turned(table[t], flags & 1 ? p : NULL, &shapes[s], (kern_type)type, flags, &rng);
    pool_close(p);
}
