/* Every table's kernels for mastering agree with kern_ref, at every length that meets a tail, and write nothing
 * elsewhere. */
#include <stdlib.h>

#include "base/rng.h"
#include "kernels/kern.h"
#include "tests/t.h"

enum { MOST = 1024, PAD = 32 };
static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 130, 255, 257, 441, 600};
static const float canary = 12345.678f;

typedef struct {
    float x[MOST], b[MOST], want[MOST], got[MOST + 2 * PAD];
    uint64_t rng;
} room;

static void each(void (*fn)(const kern_table *k, room *r, size_t n, size_t shift))
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    room *r = malloc(sizeof *r);
    r->rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t l = 0; l < COUNT(lengths); l++)
            for (size_t shift = 0; shift < 3; shift++) {
                for (size_t i = 0; i < MOST; i++) {
                    r->x[i] = rng_uniform(&r->rng);
                    r->b[i] = rng_uniform(&r->rng);
                }
                fn(table[t], r, lengths[l], shift);
            }
    free(r);
}

/* What was there before, and the margins that must stay. */
static float *begin(room *r, size_t n)
{
    for (size_t i = 0; i < n; i++) r->want[i] = r->got[PAD + i] = 0.4f * r->b[i];
    for (size_t i = 0; i < PAD; i++) r->got[i] = r->got[PAD + n + i] = canary;
    return r->got + PAD;
}

static void compare(const room *r, size_t n, double bound, const char *isa, const char *what)
{
    for (size_t i = 0; i < n; i++)
        CHECKF(fabs((double)r->got[PAD + i] - (double)r->want[i]) <= bound, "%s %s n=%zu i=%zu: %.9g, want %.9g", isa,
               what, n, i, (double)r->got[PAD + i], (double)r->want[i]);
    for (size_t i = 0; i < PAD; i++) CHECK(r->got[i] == canary && r->got[PAD + n + i] == canary);
}

static void filters(const kern_table *k, room *r, size_t n, size_t s)
{
    static const size_t counts[] = {0, 1, 2, 31, 33, 129};
    for (size_t c = 0; c < COUNT(counts); c++)
        for (int add = 0; add < 2; add++) {
            float *y = begin(r, n);
            kern_ref.fir(r->want, r->x + s, r->b, counts[c], n, add);
            k->fir(y, r->x + s, r->b, counts[c], n, add);
            compare(r, n, 1e-6 * (1 + (double)counts[c]), k->isa, "fir");
        }
}

TEST(fir_agrees_with_ref)
{
    each(filters);
}

static void elements(const kern_table *k, room *r, size_t n, size_t s)
{
    static const float drives[] = {0.1f, 1, 3, 40};
    float *y = begin(r, n);
    kern_ref.mul(r->want, r->x + s, r->b, n);
    k->mul(y, r->x + s, r->b, n);
    compare(r, n, 0, k->isa, "mul");
    y = begin(r, n);
    kern_ref.lesser(r->want, r->x + s, r->b, n);
    k->lesser(y, r->x + s, r->b, n);
    compare(r, n, 0, k->isa, "lesser");
    y = begin(r, n);
    for (size_t i = 0; i < n; i++) r->x[s + i] = i % 5 ? fabsf(r->x[s + i]) : 0;
    kern_ref.limit(r->want, r->x + s, 0.4f, n);
    k->limit(y, r->x + s, 0.4f, n);
    compare(r, n, 0, k->isa, "limit");
    for (size_t d = 0; d < COUNT(drives); d++) {
        y = begin(r, n);
        kern_ref.residue(r->want, r->b + s, drives[d], n);
        k->residue(y, r->b + s, drives[d], n);
        compare(r, n, 3e-7 * (1 / (double)drives[d] + 1), k->isa, "residue");
    }
}

TEST(mastering_elements_agree_with_ref)
{
    each(elements);
}

/* Falling only: y below its input is how a sliding minimum is made in one row. */
static void below(const kern_table *k, room *r, size_t n, size_t s)
{
    float *y = begin(r, n + 3);
    for (size_t i = 0; i < n + 3; i++) r->want[i] = y[i] = r->x[s + i];
    kern_ref.lesser(r->want, r->want, r->want + 3, n);
    k->lesser(y, y, y + 3, n);
    compare(r, n + 3, 0, k->isa, "lesser of one row");
}

TEST(lesser_works_within_one_row)
{
    each(below);
}

static void octets(const kern_table *k, room *r, size_t n, size_t s)
{
    size_t q = n / 8;
    float *y = begin(r, q);
    kern_ref.octet_energy(r->want, r->x + s, r->b, q);
    k->octet_energy(y, r->x + s, r->b, q);
    compare(r, q, 8e-6, k->isa, "octet_energy");
    for (int add = 0; add < 2; add++) {
        y = begin(r, 8 * q);
        kern_ref.octet_ramp(r->want, r->x + s, r->b, q, add);
        k->octet_ramp(y, r->x + s, r->b, q, add);
        compare(r, 8 * q, 1e-6, k->isa, "octet_ramp");
    }
}

TEST(octets_agree_with_ref)
{
    each(octets);
}
