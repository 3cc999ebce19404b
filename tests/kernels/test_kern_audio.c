/* Every table's kernels for meters agree with kern_ref, at every length that meets a tail, and write nothing
 * elsewhere. */
#include <stdlib.h>

#include "base/rng.h"
#include "dsp/loudness.h"
#include "dsp/truepeak.h"
#include "kernels/kern.h"
#include "tests/t.h"

enum { MOST = 700, PAD = 32 };
static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 130, 255, 257, 441, 600};
static const float canary = 12345.678f;

typedef struct {
    float x[MOST], gain[MOST], want[MOST], got[MOST + 2 * PAD];
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
                    r->gain[i] = 0.5f + 0.5f * rng_uniform(&r->rng);
                }
                fn(table[t], r, lengths[l], shift);
            }
    free(r);
}

static void energies(const kern_table *k, room *r, size_t n, size_t s)
{
    static const int rates[] = {8000, 44100, 192000};
    for (size_t i = 0; i < 2 * COUNT(rates); i++) {
        kern_iir4 f;
        double want[8] = {0}, got[8], scale = 1;
        const float *gain = i % 2 ? r->gain + s : NULL;
        loudness_filter_init(&f, rates[i / 2]);
        kern_ref.iir4_energy(&f, want, r->gain, NULL, MOST); /* a state that sound can leave: this one starts with DC */
        memcpy(got, want, sizeof got);
        double a = kern_ref.iir4_energy(&f, want, r->x + s, gain, n), b = k->iir4_energy(&f, got, r->x + s, gain, n);
        for (int j = 0; j < 8; j++) scale = fmax(scale, fabs(want[j]));
        CHECKF(fabs(a - b) <= 2e-6 * (a + scale * scale), "%s iir4_energy n=%zu rate %d: %.12g, want %.12g", k->isa,
               n, rates[i / 2], b, a);
        for (int j = 0; j < 8; j++)
            CHECKF(fabs(want[j] - got[j]) <= 2e-6 * scale, "%s iir4_energy n=%zu state %d: %.12g, want %.12g", k->isa,
                   n, j, got[j], want[j]);
    }
}

TEST(filtered_energies_agree_with_ref)
{
    each(energies);
}

static void peaks(const kern_table *k, room *r, size_t n, size_t s)
{
    CHECK(k->abs_max(r->x + s, n) == kern_ref.abs_max(r->x + s, n));
    if (n) {
        size_t at = s + (size_t)(0.5 + 0.49 * (double)rng_uniform(&r->rng)) * n / 2;
        float kept = r->x[at];
        const float odd[] = {NAN, -NAN, INFINITY, -INFINITY, -3.0e38f};
        for (size_t i = 0; i < COUNT(odd); i++) {
            r->x[at] = odd[i];
            CHECKF(k->abs_max(r->x + s, n) == (i < 4 ? INFINITY : 3.0e38f), "%s abs_max n=%zu of %g", k->isa, n,
                   (double)odd[i]);
        }
        r->x[at] = kept;
    }
    for (size_t i = 0; i < n; i++) r->want[i] = r->got[PAD + i] = r->gain[i];
    for (size_t i = 0; i < PAD; i++) r->got[i] = r->got[PAD + n + i] = canary;
    kern_ref.peak_abs(r->want, r->x + s, n);
    k->peak_abs(r->got + PAD, r->x + s, n);
    for (size_t i = 0; i < n; i++) CHECKF(r->got[PAD + i] == r->want[i], "%s peak_abs n=%zu i=%zu", k->isa, n, i);
    for (size_t i = 0; i < PAD; i++) CHECK(r->got[i] == canary && r->got[PAD + n + i] == canary);
}

TEST(largest_samples_agree_with_ref)
{
    each(peaks);
}

static void between(const kern_table *k, room *r, size_t n, size_t s)
{
    static const struct {
        int phases, half;
    } banks[] = {{2, 16}, {4, 16}, {8, 16}, {16, 32}, {4, 6}, {2, 12}, {16, 1}, {8, 5}};
    for (size_t b = 0; b < COUNT(banks); b++) {
        tp_bank bank;
        tp_bank_kaiser(&bank, banks[b].phases, banks[b].half, 7);
        for (int with = 0; with < 2; with++) {
            for (size_t i = 0; i < n; i++) r->want[i] = r->got[PAD + i] = 0.4f * r->gain[i];
            for (size_t i = 0; i < PAD; i++) r->got[i] = r->got[PAD + n + i] = canary;
            float a =
                kern_ref.peak_between(with ? r->want : NULL, bank.taps, bank.phases, (size_t)bank.half, r->x + s, n);
            float c =
                k->peak_between(with ? r->got + PAD : NULL, bank.taps, bank.phases, (size_t)bank.half, r->x + s, n);
            CHECKF(fabsf(a - c) < 2e-6f, "%s peak_between %d phases n=%zu: %.9g, want %.9g", k->isa, bank.phases, n,
                   (double)c, (double)a);
            for (size_t i = 0; i < n; i++)
                CHECKF(fabsf(r->want[i] - r->got[PAD + i]) < 2e-6f, "%s peak_between n=%zu i=%zu", k->isa, n, i);
            for (size_t i = 0; i < PAD; i++) CHECK(r->got[i] == canary && r->got[PAD + n + i] == canary);
        }
    }
}

TEST(peaks_between_samples_agree_with_ref)
{
    each(between);
}

static void moments(const kern_table *k, room *r, size_t n, size_t s)
{
    double want[5] = {1, 2, 3, 4, 5}, got[5] = {1, 2, 3, 4, 5};
    kern_ref.moments(want, r->x + s, r->gain + s, n);
    k->moments(got, r->x + s, r->gain + s, n);
    for (int i = 0; i < 5; i++)
        CHECKF(fabs(want[i] - got[i]) <= 1e-12 * (5 + (double)n), "%s moments n=%zu: %g, want %g", k->isa, n, got[i],
               want[i]);
}

TEST(moments_agree_with_ref)
{
    each(moments);
}
