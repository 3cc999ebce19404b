/* Convolutions by Toom and Cook: each table's transforms against kern_ref's, which come from the points themselves; the three
 * together against the sum they stand for; the product on rows as they lie; the fused residual unit and
 * transposed convolution against their definitions. */
#include <stdlib.h>

#include "base/rng.h"
#include "nn/nn.h"
#include "tests/t.h"

static const size_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65, 130};
static const float canary = 12345.678f;

static float *numbers(size_t count, uint64_t *rng)
{
    float *p = malloc((count + 1) * sizeof *p);
    for (size_t i = 0; i < count; i++) p[i] = rng ? rng_uniform(rng) : canary;
    return p;
}

static void transforms(const kern_table *k, size_t n, size_t shift, uint64_t *rng)
{
    size_t row = n + 3, step = n + 5;
    float *x = numbers(12 * row + shift, rng), *w = numbers(7 * row + shift, rng), *b = numbers(n + shift, rng);
    float *v[2], *u[2], *y[2];
    for (int t = 0; t < 2; t++) {
        const kern_table *table = t ? &kern_ref : k;
        v[t] = numbers(14 * step, NULL);
        u[t] = numbers(14 * step, NULL);
        y[t] = numbers(6 * row, NULL);
        table->conv7_in(v[t], step, x + shift, row, n);
        table->conv7_taps(u[t], step, w + shift, row, n);
    }
    for (size_t e = 0; e < 14; e++)
        for (size_t i = 0; i < step; i++) {
            float a = v[0][e * step + i], c = u[0][e * step + i];
            CHECKF(i < n || (a == canary && c == canary), "%s n=%zu wrote outside its row", k->isa, n);
            CHECKF(fabsf(a - v[1][e * step + i]) <= 3e-6f, "%s conv7_in element %zu of n=%zu", k->isa, e, n);
            CHECKF(fabsf(c - u[1][e * step + i]) <= 3e-7f, "%s conv7_taps element %zu of n=%zu", k->isa, e, n);
            v[0][e * step + i] = v[1][e * step + i] *= u[1][e * step + i];
        }
    for (int t = 0; t < 2; t++) (t ? &kern_ref : k)->conv7_out(y[t], row, v[t], step, b + shift, n);
    for (size_t i = 0; i < 6 * row; i++) {
        size_t at = i / row, c = i % row;
        double want = c < n ? (double)b[shift + c] : (double)canary;
        for (size_t t = 0; t < 7 && c < n; t++) want += (double)w[shift + t * row + c] * (double)x[shift + (at + t) * row + c];
        CHECKF(fabs((double)y[1][i] - want) <= 3e-6, "ref conv7 row %zu of n=%zu: %g, want %g", at, n, (double)y[1][i], want);
        CHECKF(fabsf(y[0][i] - y[1][i]) <= 6e-6f, "%s conv7_out row %zu of n=%zu", k->isa, at, n);
    }
    for (int t = 0; t < 2; t++) free(v[t]), free(u[t]), free(y[t]);
    free(x), free(w), free(b);
}

TEST(conv7_transforms_are_a_convolution)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t l = 0; l < COUNT(lengths); l++)
            for (size_t shift = 0; shift < 3; shift++) transforms(table[t], lengths[l], shift, &rng);
}

static void two_taps(const kern_table *k, size_t n, size_t shift, uint64_t *rng)
{
    size_t row = n + 3, step = n + 5;
    float *x = numbers(4 * row + shift, rng), *w = numbers(2 * row + shift, rng), *b = numbers(n + shift, rng);
    float *v = numbers(4 * step, NULL), *u = numbers(4 * step, NULL);
    k->conv2_in(v, step, x + shift, row, n);
    k->conv2_taps(u, step, w + shift, row, n);
    for (size_t e = 0; e < 4; e++)
        for (size_t i = 0; i < step; i++) {
            float *a = v + e * step + i, *c = u + e * step + i;
            CHECKF(i < n || (*a == canary && *c == canary), "%s n=%zu wrote outside its row", k->isa, n);
            *a *= *c;
        }
    for (int rows = 1; rows <= 3; rows++) {
        float *y = numbers(3 * row, NULL);
        k->conv2_out(y, row, rows, v, step, b + shift, n);
        for (size_t i = 0; i < 3 * row; i++) {
            size_t at = i / row, c = i % row;
            int inside = c < n && at < (size_t)rows;
            double want = inside ? (double)b[shift + c] : (double)canary;
            for (size_t t = 0; t < 2 && inside; t++) want += (double)w[shift + t * row + c] * (double)x[shift + (at + t) * row + c];
            CHECKF(fabs((double)y[i] - want) <= 1e-6, "%s conv2 row %zu of %d, n=%zu: %g, want %g", k->isa, at, rows, n, (double)y[i], want);
        }
        free(y);
    }
    free(x), free(w), free(b), free(v), free(u);
}

TEST(conv2_transforms_are_a_convolution)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t l = 0; l < COUNT(lengths); l++)
            for (size_t shift = 0; shift < 3; shift++) two_taps(table[t], lengths[l], shift, &rng);
}

TEST(products_on_rows_as_they_lie)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t l = 0; l < COUNT(lengths); l++)
            for (int add = 0; add < 2; add++) {
                const kern_table *k = table[t];
                size_t depth = lengths[l], lda = depth + l % 3, mr = (size_t)k->mr, nr = (size_t)k->nr, ldc = nr + 3;
                float *a = numbers(mr * lda, &rng), *b = numbers(depth * nr, &rng), *c = numbers(mr * ldc, NULL);
                for (size_t i = 0; i < mr; i++)
                    for (size_t o = 0; o < nr; o++) c[i * ldc + o] = 0.5f;
                k->micro_rows(c, ldc, a, lda, b, depth, add);
                for (size_t i = 0; i < mr * ldc; i++) {
                    double want = i % ldc < nr ? add ? 0.5 : 0.0 : (double)canary;
                    for (size_t d = 0; d < depth && i % ldc < nr; d++)
                        want += (double)a[i / ldc * lda + d] * (double)b[d * nr + i % ldc];
                    CHECKF(fabs((double)c[i] - want) <= 2e-5, "%s depth %zu add %d: %g, want %g", k->isa, depth, add,
                           (double)c[i], want);
                }
                free(a), free(b), free(c);
            }
}

/* ---- the residual unit */

enum { MAX_WIDTH = 70, MAX_ROWS = 260 };

typedef struct {
    float a[2][MAX_WIDTH], s[2][MAX_WIDTH], bias[2][MAX_WIDTH], wide[MAX_WIDTH * 7 * MAX_WIDTH], point[MAX_WIDTH * MAX_WIDTH];
    float x[MAX_ROWS * MAX_WIDTH];
} unit_case;

static double snake(double x, float a, float s)
{
    double w = sin((double)a * x);
    return x + w * w * (double)s;
}

/* Output row t by the definition, of an input with `rows` rows. */
static void unit_row(unit_case *c, const nn_unit *u, long t, long rows, double *y)
{
    size_t width = u->width;
    double inner[MAX_WIDTH];
    for (size_t o = 0; o < width; o++) {
        double sum = (double)c->bias[0][o];
        for (long k = 0; k < 7; k++) {
            long r = t + (k - 3) * (long)u->dilation;
            for (size_t i = 0; i < width && r >= 0 && r < rows; i++)
                sum += (double)c->wide[(o * 7 + (size_t)k) * width + i] * snake((double)c->x[(size_t)r * width + i], c->a[0][i], c->s[0][i]);
        }
        inner[o] = snake(sum, c->a[1][o], c->s[1][o]);
    }
    for (size_t o = 0; o < width; o++) {
        y[o] = (double)c->x[(size_t)t * width + o] + (double)c->bias[1][o];
        for (size_t i = 0; i < width; i++) y[o] += (double)c->point[o * width + i] * inner[i];
    }
}

/* The unit's rows [from, to) on so many threads; the caller frees them. */
static float *run_unit(const kern_table *k, const nn_unit *u, const float *x, long rows, long from, long to, int threads)
{
    float *y = numbers((size_t)(to - from) * u->width, NULL);
    long reach = 3 * (long)u->dilation, first = from > reach ? from - reach : 0, last = to + reach < rows ? to + reach : rows;
    pool *p;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {k, p, &work};
    nn_stretch r = {y, x + (size_t)first * u->width, first, last, from, to};
    for (int dry = 1; dry >= 0; dry--) {
        nn_unit_run(&n, u, nn_unit_prepare(&n, u), &r);
        if (dry) CHECK(arena_init(&work, work.peak, "test", NULL) == DRGEN_OK);
    }
    arena_free(&work);
    pool_close(p);
    return y;
}

TEST(residual_unit_is_its_definition)
{
    static const size_t widths[] = {1, 6, 16, 33, 70};
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    unit_case *c = calloc(1, sizeof *c);
    uint64_t rng = t_seed;
    for (size_t i = 0; i < COUNT(widths) * 3; i++) {
        size_t width = widths[i / 3];
        for (size_t o = 0; o < width; o++)
            for (int j = 0; j < 2; j++) {
                c->a[j][o] = 1.0f + 0.5f * rng_uniform(&rng);
                c->s[j][o] = 1.0f + 0.5f * rng_uniform(&rng);
                c->bias[j][o] = 0.1f * rng_uniform(&rng);
            }
        for (size_t o = 0; o < width * 7 * width; o++) c->wide[o] = rng_uniform(&rng) / sqrtf(7.0f * (float)width);
        for (size_t o = 0; o < width * width; o++) c->point[o] = rng_uniform(&rng) / sqrtf((float)width);
        for (size_t o = 0; o < COUNT(c->x); o++) c->x[o] = 2.0f * rng_uniform(&rng);
        nn_unit u = {{c->a[0], c->a[1]}, {c->s[0], c->s[1]}, {c->wide, ST_F32, width, 7 * width, 0}, {c->point, ST_F32, width, width, 0},
                     c->bias[0], c->bias[1], width, (size_t[]){1, 3, 9}[i % 3]};
        long rows = 1 + (long)(rng_split(&rng) % MAX_ROWS), from = (long)(rng_split(&rng) % (uint64_t)rows);
        long to = from + 1 + (long)(rng_split(&rng) % (uint64_t)(rows - from));
        for (size_t t = 0; t < tables; t++) {
            float *y = run_unit(table[t], &u, c->x, rows, from, to, 1), *more = run_unit(table[t], &u, c->x, rows, from, to, 3);
            CHECKF(memcmp(y, more, (size_t)(to - from) * width * sizeof *y) == 0, "%s: three threads change the bits", table[t]->isa);
            for (long r = from; r < to; r++) {
                double want[MAX_WIDTH];
                unit_row(c, &u, r, rows, want);
                for (size_t o = 0; o < width; o++) {
                    double got = (double)y[(size_t)(r - from) * width + o];
                    CHECKF(fabs(got - want[o]) < 2e-5, "%s width %zu dilation %zu rows %ld..%ld of %ld: row %ld is %g, want %g",
                           table[t]->isa, width, u.dilation, from, to, rows, r, got, want[o]);
                }
            }
            free(y), free(more);
        }
    }
    free(c);
}

/* ---- the transposed convolution */

/* Rows [from, to) of the product on one thread, then on three. */
static void run_up(const kern_table *k, const nn_up *u, const float *x, long rows, long from, long to, float *y[2])
{
    for (int t = 0; t < 2; t++) {
        long first = from > 1 ? from - 1 : 0, last = to < rows ? to : rows;
        pool *p;
        arena work = arena_measure();
        CHECK(pool_open(&p, 1 + 2 * t, NULL) == DRGEN_OK);
        nn n = {k, p, &work};
        y[t] = numbers((size_t)(to - from) * u->w.rows, NULL);
        nn_stretch r = {y[t], x + (size_t)first * u->in, first, last, from, to};
        for (int dry = 1; dry >= 0; dry--) {
            nn_up_run(&n, u, nn_up_prepare(&n, u), &r);
            if (dry) CHECK(arena_init(&work, work.peak, "test", NULL) == DRGEN_OK);
        }
        arena_free(&work);
        pool_close(p);
    }
}

TEST(transposed_convolution_is_its_definition)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (int i = 0; i < 12; i++) {
        size_t in = 1 + rng_split(&rng) % 150, wide = 1 + rng_split(&rng) % 300;
        long rows = 1 + (long)(rng_split(&rng) % 200), from = (long)(rng_split(&rng) % (uint64_t)rows);
        long to = from + 1 + (long)(rng_split(&rng) % (uint64_t)(rows - from + 1)); /* one row past the input has a part of it */
        float *x = numbers((size_t)rows * in, &rng), *w = numbers(wide * 2 * in, &rng), *b = numbers(wide, &rng), *y[2];
        float *a = numbers(in, &rng), *s = numbers(in, &rng);
        for (size_t o = 0; o < wide * 2 * in; o++) w[o] /= sqrtf(2.0f * (float)in);
        nn_up u = {a, s, {w, ST_F32, wide, 2 * in, 0}, b, in};
        for (size_t t = 0; t < tables; t++) {
            run_up(table[t], &u, x, rows, from, to, y);
            CHECKF(memcmp(y[0], y[1], (size_t)(to - from) * wide * sizeof *x) == 0, "%s: three threads change the bits", table[t]->isa);
            for (long r = from; r < to; r++)
                for (size_t o = 0; o < wide; o++) {
                    double want = (double)b[o], got = (double)y[0][(size_t)(r - from) * wide + o];
                    for (size_t j = 0; j < 2 * in; j++) {
                        long at = r - 1 + (long)(j / in);
                        if (at < 0 || at >= rows) continue;
                        want += (double)w[o * 2 * in + j] * snake((double)x[(size_t)at * in + j % in], a[j % in], s[j % in]);
                    }
                    CHECKF(fabs(got - want) < 1e-5, "%s in %zu out %zu rows %ld..%ld of %ld: row %ld is %g, want %g", table[t]->isa, in,
                           wide, from, to, rows, r, got, want);
                }
            free(y[0]), free(y[1]);
        }
        free(x), free(w), free(b), free(a), free(s);
    }
}
