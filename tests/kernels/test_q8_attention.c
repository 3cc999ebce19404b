/* The integer attention: every table's kernels against the reference's, and the whole against attention in float32. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nn/nn.h"
#include "tests/t.h"

enum { MAX_KEYS = 170, CANARY = 64 };

static float *noise(size_t count, float size, uint64_t *rng)
{
    float *x = malloc((count + 1) * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] = size * rng_uniform(rng);
    return x;
}

static void each_table(void (*fn)(const kern_q8 *q, uint64_t *rng))
{
    size_t count;
    const kern_q8 *const *table = kern_q8_available(&count);
    uint64_t rng = t_seed;
    for (size_t i = 0; i < count; i++)
        if (table[i]->values) fn(table[i], &rng);
}

static void bytes(const kern_q8 *q, uint64_t *rng)
{
    int8_t got[300 + CANARY];
    for (size_t n = 0; n < 300; n += n < 70 ? 1 : 37) {
        float *x = noise(n + 3, 2, rng);
        size_t bad = 0;
        memset(got, 77, sizeof got);
        q->bytes(got, x + n % 3, 50.0f, n);
        for (size_t i = 0; i < n; i++) bad += got[i] != (int8_t)rintf(x[n % 3 + i] * 50.0f);
        for (size_t i = n; i < sizeof got; i++) bad += got[i] != 77;
        CHECKF(bad == 0, "%s bytes n=%zu: %zu wrong", q->isa, n, bad);
        free(x);
    }
}

TEST(q8_bytes_are_rounded_values) { each_table(bytes); }

/* Two blocks in a row, so that m, l and alpha carry over; by definition, in double. */
static void softmax(const kern_q8 *q, uint64_t *rng)
{
    static const size_t lengths[] = {1, 2, 3, 4, 5, 7, 13, 14, 84, 167, 168};
    size_t nr = (size_t)q->nr;
    static int16_t p[MAX_KEYS * KERN_MAX_NR + CANARY];
    for (size_t i = 0; i < COUNT(lengths); i++) {
        float m[KERN_MAX_NR], l[KERN_MAX_NR] = {0}, alpha[KERN_MAX_NR];
        double want_l[KERN_MAX_NR] = {0}, want_m[KERN_MAX_NR];
        for (size_t j = 0; j < nr; j++) m[j] = -INFINITY, want_m[j] = -INFINITY;
        for (int block = 0; block < 2; block++) {
            size_t keys = lengths[i], full = (keys + 1) / 2 * 2, bad = 0;
            float *s = noise(keys * nr, 20, rng);
            memset(p, 99, sizeof p);
            q->softmax_pairs(p, s, keys, m, l, alpha);
            for (size_t j = 0; j < nr; j++) {
                double top = want_m[j], sum = 0;
                for (size_t k = 0; k < keys; k++) top = fmax(top, (double)s[k * nr + j]);
                for (size_t k = 0; k < full; k++) {
                    double w = k < keys ? KERN_Q8_ONE * exp2((double)s[k * nr + j] - top) : 0;
                    bad += fabs((double)p[(k / 2 * nr + j) * 2 + k % 2] - w) > (k < keys ? 1 : 0);
                    sum += w;
                }
                double shrink = exp2(want_m[j] - top);
                want_l[j] = want_l[j] * shrink + sum;
                want_m[j] = top;
                bad += (double)m[j] != top || fabs((double)alpha[j] - shrink) > 4e-6 * shrink + 1e-37;
                bad += fabs((double)l[j] - want_l[j]) > 2 * (double)keys;
            }
            for (size_t k = 0; k < CANARY; k++) bad += p[full * nr + k] != 99 * 257;
            CHECKF(bad == 0, "%s softmax of %zu keys, block %d: %zu wrong", q->isa, keys, block, bad);
            free(s);
        }
    }
}

TEST(q8_softmax_weighs_keys_in_whole_numbers) { each_table(softmax); }

/* Extremes too: every product at its largest. */
static void values(const kern_q8 *q, uint64_t *rng)
{
    static const size_t lengths[] = {1, 2, 3, 41, 84, 128};
    size_t nr = (size_t)q->nr, vr = (size_t)q->vr;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        size_t pairs = lengths[i], bad = 0;
        int16_t *v = malloc(pairs * vr * 2 * sizeof *v), *p = malloc(pairs * nr * 2 * sizeof *p);
        float *o = noise(vr * nr, 1000, rng), *scale = noise(vr, 1, rng), *alpha = noise(nr, 1, rng);
        double *want = malloc(vr * nr * sizeof *want);
        for (size_t k = 0; k < pairs * vr * 2; k++) v[k] = (int16_t)(i % 2 ? KERN_Q8_VALUE : (int)(rng_split(rng) % 511) - KERN_Q8_VALUE);
        for (size_t k = 0; k < pairs * nr * 2; k++) p[k] = (int16_t)(i % 2 ? KERN_Q8_ONE : (int)(rng_split(rng) % (KERN_Q8_ONE + 1)));
        for (size_t r = 0; r < vr; r++)
            for (size_t j = 0; j < nr; j++) {
                double sum = 0;
                for (size_t t = 0; t < 2 * pairs; t++) sum += (double)v[(t / 2 * vr + r) * 2 + t % 2] * p[(t / 2 * nr + j) * 2 + t % 2];
                want[r * nr + j] = (double)alpha[j] * (double)o[r * nr + j] + (double)scale[r] * sum;
            }
        q->values(o, v, p, pairs, scale, alpha);
        for (size_t k = 0; k < vr * nr; k++)
            bad += fabs((double)o[k] - want[k]) > 3e-7 * (fabs(want[k]) + 1000 + (double)(KERN_Q8_ONE * 2) * KERN_Q8_VALUE * (double)pairs);
        CHECKF(bad == 0, "%s values of %zu pairs: %zu wrong", q->isa, pairs, bad);
        free(v), free(p), free(o), free(scale), free(alpha), free(want);
    }
}

TEST(q8_values_are_exact_sums) { each_table(values); }

static void run(nn n, nn_attn a, void (*attention)(nn *, const nn_attn *))
{
    arena work = arena_measure();
    n.work = &work;
    attention(&n, &a);
    if (arena_init(&work, work.peak, "test", NULL) == DRGEN_OK) attention(&n, &a);
    arena_free(&work);
}

/* Keys with a large common part, values of several sizes: near the float attention, the same bytes for any number of
 * threads. */
TEST(q8_attention_is_near_the_float_one)
{
    static const struct { size_t q, k, heads, width; } shapes[] = {{1, 1, 1, 4}, {5, 3, 2, 8}, {33, 31, 2, 64}, {70, 500, 3, 64}, {40, 169, 1, 30}, {64, 337, 2, 128}};
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    pool *two;
    CHECK(pool_open(&two, 2, NULL) == DRGEN_OK);
    for (size_t i = 0; i < COUNT(shapes); i++) {
        size_t q = shapes[i].q, k = shapes[i].k, dim = shapes[i].heads * shapes[i].width;
        float *x = noise(q * dim, 3, &rng), *y = noise(k * dim, 3, &rng), *z = noise(k * dim, 1, &rng);
        float *o[3];
        for (int s = 0; s < 3; s++) o[s] = malloc(q * dim * sizeof *o[s]);
        for (size_t j = 0; j < k * dim; j++) y[j] += j % 3 ? 0 : 8;
        for (size_t t = 0; t < tables; t++) {
            nn_attn a = {.q = x, .k = y, .v = z, .ldo = dim, .ldq = dim, .ldk = dim, .ldv = dim, .rows_q = q, .rows_k = k,
                         .heads = shapes[i].heads, .width = shapes[i].width, .scale = 1.0f / sqrtf((float)shapes[i].width)};
            a.o = o[0];
            run((nn){.kern = table[t]}, a, nn_attention);
            a.o = o[1];
            run((nn){.kern = table[t]}, a, nn_attention_q8);
            a.o = o[2];
            run((nn){.kern = table[t], .pool = two}, a, nn_attention_q8);
            double error = 0, power = 0;
            for (size_t j = 0; j < q * dim; j++) {
                double e = (double)o[1][j] - (double)o[0][j];
                error += e * e, power += (double)o[0][j] * (double)o[0][j];
            }
            CHECKF(sqrt(error / power) < 0.03, "%s %zu queries, %zu keys, width %zu: relative error %g", table[t]->isa, q, k, shapes[i].width, sqrt(error / power));
            CHECKF(memcmp(o[1], o[2], q * dim * sizeof *o[1]) == 0, "%s: two threads differ from one", table[t]->isa);
        }
        for (int s = 0; s < 3; s++) free(o[s]);
        free(x), free(y), free(z);
    }
    pool_close(two);
}
