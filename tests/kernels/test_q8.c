/* Every int8 table that runs here agrees with kern_q8_ref, and the product with one in double of what was quantised. */
#include <stdlib.h>

#include "base/rng.h"
#include "kernels/gemm_q8.h"
#include "tests/t.h"

static const size_t lengths[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 200, 511};
enum { MAX_N = 512, PAD = 64 };

/* Place of column k of line i of a panel of so many lines, in values, and the value there less its zero point. */
static size_t place(const kern_q8 *q, size_t lines, size_t i, size_t k)
{
    size_t g = 4 / (size_t)q->width;
    return (k / g * lines + i) * g + k % g;
}

static int stored(const kern_q8 *q, const void *panel, size_t at, int zero)
{
    if (q->width == 2) return ((const int16_t *)panel)[at];
    return zero ? ((const uint8_t *)panel)[at] - zero : ((const int8_t *)panel)[at];
}

static void put(const kern_q8 *q, void *panel, size_t at, int zero, int value)
{
    if (q->width == 2) ((int16_t *)panel)[at] = (int16_t)value;
    else ((unsigned char *)panel)[at] = (unsigned char)(value + zero);
}

static void each_table(void (*fn)(const kern_q8 *q, uint64_t *rng))
{
    size_t count;
    const kern_q8 *const *table = kern_q8_available(&count);
    uint64_t rng = t_seed;
    for (size_t i = 0; i < count; i++) fn(table[i], &rng);
}

static void quantising(const kern_q8 *q, uint64_t *rng)
{
    static float x[KERN_MAX_MR][MAX_N + 3];
    static uint8_t got[2 * MAX_N * KERN_MAX_MR + PAD] __attribute__((aligned(64)));
    const float *src[KERN_MAX_MR];
    float inv[KERN_MAX_MR];
    size_t mr = (size_t)q->mr;
    for (size_t l = 0; l < COUNT(lengths); l++)
        for (size_t rows = 1; rows <= mr; rows++) {
            size_t n = lengths[l], full = (n + 3) / 4 * 4, bad = 0;
            for (size_t i = 0; i < rows; i++) {
                src[i] = x[i] + i % 3;
                for (size_t k = 0; k < n; k++) x[i][i % 3 + k] = rng_uniform(rng) * (k % 7 ? 1 : 5);
                float most = kern_q8_ref.absmax(src[i], n);
                CHECKF(q->absmax(src[i], n) == most, "%s absmax n=%zu", q->isa, n);
                inv[i] = 127.0f / most;
            }
            memset(got, 7, sizeof got);
            q->quant(got, src, inv, (int)rows, n);
            for (size_t k = 0; k < full; k++)
                for (size_t i = 0; i < mr; i++)
                    bad += stored(q, got, place(q, mr, i, k), 128) != (i < rows && k < n ? (int)rintf(src[i][k] * inv[i]) : 0);
            for (size_t i = 0; i < PAD; i++) bad += got[full * mr * (size_t)q->width + i] != 7;
            CHECKF(bad == 0, "%s quant n=%zu rows=%zu: %zu wrong", q->isa, n, rows, bad);
        }
    CHECKF(q->absmax(x[0], 0) == 0, "%s absmax of nothing", q->isa);
}

TEST(q8_quantises_as_the_reference) { each_table(quantising); }

static void packing(const kern_q8 *q, uint64_t *rng)
{
    enum { LD = 600 };
    size_t nr = (size_t)q->nr;
    int8_t *w = malloc(nr * LD), *got = malloc(2 * (MAX_N * nr + 4 * nr) + PAD);
    int32_t sums[KERN_MAX_NR];
    for (size_t i = 0; i < nr * LD; i++) w[i] = (int8_t)((int)(rng_split(rng) % 255) - 127);
    for (size_t l = 0; l < COUNT(lengths); l++)
        for (size_t cols = 1; cols <= nr; cols += 5) {
            size_t n = lengths[l], full = (n + 3) / 4 * 4, bad = 0;
            memset(got, 99, full * nr * (size_t)q->width + PAD);
            q->pack(got, sums, w, LD, (int)cols, n);
            for (size_t j = 0; j < nr; j++) {
                int32_t sum = 0;
                for (size_t k = 0; k < full; k++) {
                    int8_t want = k < n && j < cols ? w[j * LD + k] : 0;
                    sum += want;
                    bad += stored(q, got, place(q, nr, j, k), 0) != want;
                }
                bad += sums[j] != sum;
            }
            for (size_t i = 0; i < PAD; i++) bad += got[full * nr * (size_t)q->width + i] != 99;
            CHECKF(bad == 0, "%s pack n=%zu cols=%zu: %zu wrong", q->isa, n, cols, bad);
        }
    free(w);
    free(got);
}

TEST(q8_packs_as_the_reference) { each_table(packing); }

/* The extremes: every activation +-127, every weight +-127, all signs: nothing may saturate. */
static void extremes(const kern_q8 *q, uint64_t *rng)
{
    enum { QUADS = 64 };
    size_t mr = (size_t)q->mr, nr = (size_t)q->nr;
    static uint8_t a[2 * KERN_MAX_MR * QUADS * 4] __attribute__((aligned(64)));
    static int8_t b[2 * KERN_MAX_NR * QUADS * 4] __attribute__((aligned(64)));
    static float c[KERN_MAX_MR * KERN_MAX_NR], row[KERN_MAX_MR], col[KERN_MAX_NR];
    int32_t sums[KERN_MAX_NR] = {0};
    for (int round = 0; round < 8; round++) {
        for (size_t i = 0; i < mr * QUADS * 4; i++) put(q, a, i, 128, round & 1 ? 127 : round & 2 ? -127 : rng_split(rng) & 1 ? 127 : -127);
        memset(sums, 0, sizeof sums);
        for (size_t i = 0; i < nr * QUADS * 4; i++) {
            int w = round & 4 ? 127 : rng_split(rng) & 1 ? 127 : -127;
            put(q, b, i, 0, w);
            sums[i / (4 / (size_t)q->width) % nr] += w;
        }
        for (size_t i = 0; i < mr; i++) row[i] = 1.0f + (float)i;
        for (size_t i = 0; i < nr; i++) col[i] = 1.0f + (float)i / 64;
        for (size_t i = 0; i < mr * nr; i++) c[i] = 1000.0f;
        kern_q8_tile t = {row, col, sums, c, nr};
        q->micro(c, nr, a, b, QUADS, &t);
        size_t bad = 0;
        for (size_t i = 0; i < mr; i++)
            for (size_t j = 0; j < nr; j++) {
                double sum = 0;
                for (size_t k = 0; k < QUADS * 4; k++)
                    sum += stored(q, a, place(q, mr, i, k), 128) * stored(q, b, place(q, nr, j, k), 0);
                double want = 1000 + sum * (double)row[i] * (double)col[j];
                bad += !(fabs((double)c[i * nr + j] - want) <= 3e-7 * (fabs(want) + 1000));
            }
        CHECKF(bad == 0, "%s micro round %d: %zu wrong", q->isa, round, bad);
    }
}

TEST(q8_never_saturates) { each_table(extremes); }

static void products(const kern_q8 *q, uint64_t *rng)
{
    static const struct { size_t m, n, k; } shapes[] = {{1, 1, 1}, {3, 5, 7}, {14, 32, 64}, {15, 33, 65}, {29, 70, 513}, {60, 50, 1030}, {6, 16, 2048}};
    pool *p;
    if (pool_open(&p, 2, NULL) != DRGEN_OK) return;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        size_t m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
        float *x = malloc(m * k * 4), *f = malloc(n * k * 4), *c = malloc(m * n * 4), *scale = malloc(n * 4), *bias = malloc(n * 4);
        int8_t *w = malloc(n * k);
        void *memory = aligned_alloc(64, q8_rows_bytes(q, m, k)), *scratch = aligned_alloc(64, gemm_q8_scratch(p, q, n, k));
        for (size_t j = 0; j < m * k; j++) x[j] = rng_uniform(rng);
        for (size_t j = 0; j < n * k; j++) f[j] = rng_uniform(rng);
        for (size_t j = 0; j < n; j++) {
            q8_quantise_weights(w + j * k, &scale[j], f + j * k, k);
            bias[j] = rng_uniform(rng);
        }
        q8_rows rows = q8_rows_at(q, memory, m, k);
        for (size_t j = 0; j < q8_panels(q, m); j++) q8_set_panel(q, &rows, j, x, k);
        for (size_t j = 0; j < m * k;) { /* x becomes what its bytes stand for */
            size_t end = j % k / Q8_GROUP * Q8_GROUP + Q8_GROUP, len = (end < k ? end : k) - j % k;
            float most = kern_q8_ref.absmax(x + j, len);
            for (size_t d = 0; d < len; d++, j++) x[j] = rintf(x[j] * (most > 0 ? 127.0f / most : 0)) * (most / 127.0f);
        }
        for (int add = 0; add < 2; add++) {
            for (size_t j = 0; j < m * n; j++) c[j] = add ? 1.0f : NAN;
            gemm_q8 g = {c, n, &rows, w, scale, bias, add, n};
            gemm_q8_run(p, q, &g, scratch);
            double worst = 0;
            for (size_t r = 0; r < m; r++)
                for (size_t o = 0; o < n; o++) {
                    double sum = (double)bias[o] + add;
                    for (size_t d = 0; d < k; d++) sum += (double)x[r * k + d] * (double)w[o * k + d] * (double)scale[o];
                    double e = fabs((double)c[r * n + o] - sum);
                    if (!(e <= worst)) worst = e;
                }
            CHECKF(worst <= 1e-5 * sqrt((double)k), "%s %zu x %zu x %zu add %d: off by %g", q->isa, m, n, k, add, worst);
        }
        free(x), free(f), free(c), free(scale), free(bias), free(w), free(memory), free(scratch);
    }
    pool_close(p);
}

TEST(q8_products_are_those_of_what_was_quantised) { each_table(products); }
