/* Every table that runs on this CPU agrees with kern_ref, at every length that meets a vector tail and at shifted
 * addresses, and touches nothing outside the row it was given. */
#include <stdlib.h>

#include "base/half.h"
#include "base/rng.h"
#include "kernels/kern.h"
#include "tests/t.h"

enum { MAX_N = 300, PAD = 32 };
static const size_t lengths[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 130, 255, 256, 257};
static const float canary = 12345.678f;

typedef struct {
    float x[MAX_N + PAD], w[MAX_N + PAD], b[MAX_N + PAD], want[MAX_N], got[MAX_N + 2 * PAD];
    uint64_t rng;
} row;

static void fill(row *r, float range)
{
    for (size_t i = 0; i < COUNT(r->x); i++) {
        r->x[i] = range * rng_uniform(&r->rng);
        r->w[i] = rng_uniform(&r->rng);
        r->b[i] = rng_uniform(&r->rng);
    }
    for (size_t i = 0; i < COUNT(r->got); i++) r->got[i] = canary;
}

static void check(const row *r, const char *isa, const char *what, size_t n, double rel, double abs_bound)
{
    for (size_t i = 0; i < n; i++) {
        double got = (double)r->got[PAD + i], want = (double)r->want[i];
        CHECKF(fabs(got - want) <= rel * fabs(want) + abs_bound, "%s %s n=%zu i=%zu x=%.9g: %.9g, want %.9g", isa, what, n,
               i, (double)r->x[i], got, want);
    }
    for (size_t i = 0; i < PAD; i++)
        CHECKF(r->got[i] == canary && r->got[PAD + n + i] == canary, "%s %s n=%zu wrote outside its row", isa, what, n);
}

static void each(void (*fn)(const kern_table *k, row *r, size_t n, size_t shift))
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    row *r = malloc(sizeof *r);
    r->rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t l = 0; l < COUNT(lengths); l++)
            for (size_t shift = 0; shift < 3; shift++) fn(table[t], r, lengths[l], shift);
    free(r);
}

static void activations(const kern_table *k, row *r, size_t n, size_t s)
{
    static const float ranges[] = {1, 10, 100};
    for (size_t a = 0; a < COUNT(ranges); a++) {
        fill(r, ranges[a]);
        kern_ref.silu(r->want, r->x + s, n);
        k->silu(r->got + PAD, r->x + s, n);
        check(r, k->isa, "silu", n, 2e-6, 1e-30);
        fill(r, ranges[a]);
        kern_ref.relu(r->want, r->x + s, n);
        k->relu(r->got + PAD, r->x + s, n);
        check(r, k->isa, "relu", n, 0, 0);
        fill(r, ranges[a]);
        kern_ref.gelu(r->want, r->x + s, n);
        k->gelu(r->got + PAD, r->x + s, n);
        check(r, k->isa, "gelu", n, 2e-6, 1e-6);
        fill(r, ranges[a]);
        kern_ref.mish(r->want, r->x + s, n);
        k->mish(r->got + PAD, r->x + s, n);
        check(r, k->isa, "mish", n, 4e-6, 1e-30);
        fill(r, ranges[a]);
        kern_ref.swiglu(r->want, r->x + s, r->w + s, n);
        k->swiglu(r->got + PAD, r->x + s, r->w + s, n);
        check(r, k->isa, "swiglu", n, 3e-6, 1e-30);
    }
}

TEST(activations_agree_with_ref)
{
    each(activations);
}

static void snakes(const kern_table *k, row *r, size_t n, size_t s)
{
    static const float ranges[] = {1, 30, 1e4f};
    for (size_t a = 0; a < COUNT(ranges); a++) {
        fill(r, ranges[a]);
        kern_ref.snake(r->want, r->x + s, r->w + s, r->b + s, n);
        k->snake(r->got + PAD, r->x + s, r->w + s, r->b + s, n);
        check(r, k->isa, "snake", n, 2e-7, 8e-7);
    }
}

TEST(snake_agrees_with_ref)
{
    each(snakes);
}

static void norms(const kern_table *k, row *r, size_t n, size_t s)
{
    fill(r, 3);
    kern_ref.rmsnorm(r->want, r->x + s, r->w + s, 1e-6f, n);
    k->rmsnorm(r->got + PAD, r->x + s, r->w + s, 1e-6f, n);
    check(r, k->isa, "rmsnorm", n, 3e-6, 0);
    for (int affine = 0; affine < 2; affine++) {
        fill(r, 3);
        kern_ref.layernorm(r->want, r->x + s, affine ? r->w + s : NULL, affine ? r->b + s : NULL, 1e-6f, n);
        k->layernorm(r->got + PAD, r->x + s, affine ? r->w + s : NULL, affine ? r->b + s : NULL, 1e-6f, n);
        if (n > 1) check(r, k->isa, "layernorm", n, 0, 1e-5);
    }
}

TEST(norms_agree_with_ref)
{
    each(norms);
}

static void linear(const kern_table *k, row *r, size_t n, size_t s)
{
    fill(r, 2);
    for (size_t i = 0; i < n; i++) r->got[PAD + i] = r->want[i] = r->b[i];
    kern_ref.add(r->want, r->x + s, n);
    k->add(r->got + PAD, r->x + s, n);
    check(r, k->isa, "add", n, 0, 0);
    for (size_t i = 0; i < n; i++) r->got[PAD + i] = r->want[i] = r->b[i];
    kern_ref.axpy(r->want, r->x + s, 0.37f, n);
    k->axpy(r->got + PAD, r->x + s, 0.37f, n);
    check(r, k->isa, "axpy", n, 1e-6, 2e-7);
    fill(r, 2);
    kern_ref.scale(r->want, r->x + s, -1.7f, n);
    k->scale(r->got + PAD, r->x + s, -1.7f, n);
    check(r, k->isa, "scale", n, 0, 0);
    double want = (double)kern_ref.dot(r->x + s, r->w + s, n), got = (double)k->dot(r->x + s, r->w + s, n);
    CHECKF(fabs(got - want) < 1e-5 + 1e-6 * (double)n, "%s dot n=%zu: %.9g, want %.9g", k->isa, n, got, want);
}

TEST(linear_kernels_agree_with_ref)
{
    each(linear);
}

static void rope(const kern_table *k, row *r, size_t n, size_t s)
{
    size_t half = n / 2;
    fill(r, 2);
    memcpy(r->want, r->x, 2 * half * sizeof(float));
    memcpy(r->got + PAD, r->x, 2 * half * sizeof(float));
    kern_ref.rope(r->want, r->w + s, r->b + s, half);
    k->rope(r->got + PAD, r->w + s, r->b + s, half);
    check(r, k->isa, "rope", 2 * half, 1e-6, 5e-7);
}

TEST(rope_agrees_with_ref)
{
    each(rope);
}

TEST(widen_is_exact_for_every_half)
{
    size_t tables, n = 65536;
    const kern_table *const *table = kern_available(&tables);
    uint16_t *h = malloc(n * sizeof *h);
    float *f = malloc(n * sizeof *f);
    for (size_t i = 0; i < n; i++) h[i] = (uint16_t)i;
    for (size_t t = 0; t < tables; t++)
        for (int type = KERN_F16; type <= KERN_BF16; type++) {
            table[t]->widen(f, h, (kern_type)type, n - 3);
            for (size_t i = 0; i < n - 3; i++) {
                float want = type == KERN_F16 ? half_from_f16(h[i]) : half_from_bf16(h[i]);
                CHECKF(memcmp(&f[i], &want, 4) == 0 || (isnan(f[i]) && isnan(want)), "%s %#zx", table[t]->isa, i);
            }
        }
    /* And back: every half is its own rounding; a value between two goes to the even one. */
    for (size_t i = 0; i < n; i++) {
        float v = half_from_f16((uint16_t)i);
        CHECKF(isnan(v) || half_to_f16(v) == i, "f16 %#zx comes back as %#x", i, half_to_f16(v));
        float w = half_from_bf16((uint16_t)i);
        CHECKF(isnan(w) || half_to_bf16(w) == i, "bf16 %#zx comes back as %#x", i, half_to_bf16(w));
        if (i < 0x7bff) {
            float mid = 0.5f * (v + half_from_f16((uint16_t)(i + 1)));
            CHECKF(half_to_f16(mid) == (i & 1 ? i + 1 : i), "tie above %#zx", i);
        }
    }
    CHECK(half_to_f16(65520.0f) == 0x7c00 && half_to_f16(65519.0f) == 0x7bff);
    free(h);
    free(f);
}

TEST(softmax_cols_agrees_with_ref)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t keys = 1; keys < 40; keys += 3) {
            const kern_table *k = table[t];
            size_t nr = (size_t)k->nr, ref = (size_t)kern_ref.nr;
            float p[40 * KERN_MAX_NR], m[KERN_MAX_NR], l[KERN_MAX_NR], alpha[KERN_MAX_NR];
            float q[40 * KERN_MAX_NR], qm[KERN_MAX_NR], ql[KERN_MAX_NR], qa[KERN_MAX_NR];
            for (size_t c = 0; c < nr; c++) {
                qm[c] = m[c] = c % 3 ? 4.0f * rng_uniform(&rng) : -INFINITY;
                ql[c] = l[c] = c % 3 ? 1.5f : 0.0f;
            }
            for (size_t i = 0; i < keys * nr; i++) p[i] = 20.0f * rng_uniform(&rng);
            for (size_t g = 0; g < nr; g += ref) { /* the reference works on its own width */
                for (size_t i = 0; i < keys; i++) memcpy(q + i * ref, p + i * nr + g, ref * sizeof *q);
                kern_ref.softmax_cols(q, keys, 0.7f, qm + g, ql + g, qa + g);
                float part[40 * KERN_MAX_NR], pm[KERN_MAX_NR], pl[KERN_MAX_NR];
                if (g == 0) {
                    memcpy(part, p, keys * nr * sizeof *p);
                    memcpy(pm, m, nr * sizeof *m);
                    memcpy(pl, l, nr * sizeof *l);
                    k->softmax_cols(part, keys, 0.7f, pm, pl, alpha);
                    for (size_t c = 0; c < ref; c++) {
                        CHECKF(pm[c] == qm[c], "%s m", k->isa);
                        CHECKF(fabsf(pl[c] - ql[c]) <= 4e-6f * ql[c], "%s l %g %g", k->isa, (double)pl[c], (double)ql[c]);
                        CHECKF(fabsf(alpha[c] - qa[c]) <= 4e-6f * qa[c], "%s alpha", k->isa);
                        for (size_t i = 0; i < keys; i++)
                            CHECKF(fabsf(part[i * nr + c] - q[i * ref + c]) <= 4e-6f * q[i * ref + c] + 1e-30f, "%s p", k->isa);
                    }
                }
            }
        }
}

TEST(depthwise_agrees_with_ref)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    float *x = malloc(31 * 300 * sizeof *x), *w = malloc(31 * 300 * sizeof *w);
    for (size_t i = 0; i < 31 * 300; i++) x[i] = rng_uniform(&rng), w[i] = rng_uniform(&rng);
    float want[300], got[300];
    for (size_t t = 0; t < tables; t++)
        for (size_t l = 0; l < COUNT(lengths); l++)
            for (size_t taps = 1; taps <= 31; taps += 6) {
                size_t n = lengths[l];
                kern_ref.depthwise(want, x, n + 3, w, taps % 2 ? w : NULL, taps, n);
                table[t]->depthwise(got, x, n + 3, w, taps % 2 ? w : NULL, taps, n);
                for (size_t i = 0; i < n; i++) CHECKF(fabsf(got[i] - want[i]) < 1e-5f, "%s", table[t]->isa);
            }
    free(x);
    free(w);
}

/* A 3x3 convolution of one 6x6 patch by each table's transforms, against the sum it stands for. */
static void wino(const kern_table *k, row *r, size_t n, size_t s)
{
    enum { ROWS = 3, COLS = 2 }; /* of the 4x4 outputs those inside an image's edge */
    size_t pixel = n + 2, line = 6 * pixel + 1, step = n + 5;
    float *x = malloc((6 * line + 8) * sizeof *x), *w = malloc((9 * n + 8) * sizeof *w), *y = malloc((4 * line + 8) * sizeof *y);
    float *v[2], *u[2], *b = r->b + s;
    fill(r, 1);
    for (size_t i = 0; i < 6 * line + 8; i++) x[i] = rng_uniform(&r->rng);
    for (size_t i = 0; i < 9 * n + 8; i++) w[i] = rng_uniform(&r->rng);
    for (size_t i = 0; i < 4 * line + 8; i++) y[i] = canary;
    for (int t = 0; t < 2; t++) {
        const kern_table *table = t ? &kern_ref : k;
        v[t] = malloc((36 * step + 8) * sizeof **v);
        u[t] = malloc((36 * step + 8) * sizeof **u);
        for (size_t i = 0; i < 36 * step + 8; i++) v[t][i] = u[t][i] = canary;
        table->wino_in(v[t], step, x + s, line, pixel, n);
        table->wino_taps(u[t], step, w + s, n);
    }
    for (size_t e = 0; e < 36; e++)
        for (size_t i = 0; i < step; i++) {
            float a = v[0][e * step + i], c = u[0][e * step + i];
            CHECKF(i < n || (a == canary && c == canary), "%s wino n=%zu wrote outside its row", k->isa, n);
            CHECKF(fabsf(a - v[1][e * step + i]) < 2e-5f, "%s wino_in n=%zu", k->isa, n);
            CHECKF(fabsf(c - u[1][e * step + i]) < 1e-6f, "%s wino_taps n=%zu", k->isa, n);
        }
    for (size_t i = 0; i < 36 * step; i++) v[0][i] *= u[0][i];
    for (size_t p = 0; p < ROWS * COLS; p++)
        for (size_t i = 0; i < n; i++) y[p / COLS * line + p % COLS * pixel + i] = 0.5f;
    k->wino_out(y, line, pixel, v[0], step, ROWS, COLS, b, -1.0f, n);
    for (size_t p = 0; p < ROWS * COLS; p++)
        for (size_t i = 0; i < n; i++) {
            size_t at = p / COLS * line + p % COLS * pixel + i;
            double want = 0.5 + (double)b[i];
            for (size_t t = 0; t < 9; t++)
                want += (double)w[s + t * n + i] * (double)x[s + (p / COLS + t / 3) * line + (p % COLS + t % 3) * pixel + i];
            CHECKF(fabs((double)y[at] - fmax(-1, want)) < 1e-5, "%s wino_out n=%zu: %g, want %g", k->isa, n, (double)y[at], want);
            y[at] = canary;
        }
    for (size_t i = 0; i < 4 * line + 8; i++) CHECKF(y[i] == canary, "%s wino_out n=%zu wrote outside its pixels", k->isa, n);
    for (int t = 0; t < 2; t++) free(v[t]), free(u[t]);
    free(x), free(w), free(y);
}

TEST(winograd_is_a_convolution)
{
    each(wino);
}
