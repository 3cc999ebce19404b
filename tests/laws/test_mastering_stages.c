/* What the stages of mastering promise, on random sounds: crossover, compressor, exciter, width, limiter. Source: spec
 * mastering.md D.2. DRGEN_FULL=1: 200 seeds instead of 5. */
#include <stdlib.h>

#include "base/rng.h"
#include "dsp/biquad.h"
#include "dsp/exciter.h"
#include "dsp/limiter.h"
#include "dsp/multiband.h"
#include "dsp/truepeak.h"
#include "dsp/width.h"
#include "tests/laws/mastering.h"
#include "tests/t.h"

static const double pi = 3.14159265358979323846;

/* ---- crossover */

typedef struct {
    sound x, band[DRGEN_BANDS];
    float *memory;
} bands;

static bands split(const law_sound *in, int crossover)
{
    size_t n = in->s.frames;
    multiband_settings set = {.crossover = crossover, .split = {200, 800, 4000}};
    bands b = {.x = in->s, .memory = calloc(2 * DRGEN_BANDS * (n + 1), sizeof(float))};
    for (int k = 0; k < DRGEN_BANDS; k++) {
        float *row = b.memory + 2 * (size_t)k * n;
        b.band[k] = (sound){{row, row + n}, n, in->s.channels, in->s.rate};
    }
    CHECK(multiband_split(&in->s, &set, b.band, kern_best(), NULL) == DRGEN_OK);
    return b;
}

static void bands_sum(uint64_t seed)
{
    law_sound in = law_random(seed);
    bands b = split(&in, DRGEN_CROSSOVER_LINEAR);
    double worst = 0, most = 1e-9;
    for (int c = 0; c < in.s.channels; c++)
        for (size_t i = 0; i < in.s.frames; i++) {
            double sum = 0;
            for (int k = 0; k < DRGEN_BANDS; k++) sum += (double)b.band[k].channel[c][i];
            worst = fmax(worst, fabs(sum - (double)in.s.channel[c][i]));
            most = fmax(most, fabs((double)in.s.channel[c][i]));
        }
    CHECKF(20 * log10(worst / most + 1e-30) < -130, "seed %u: bands miss the input by %.1f dB", (unsigned)seed,
           20 * log10(worst / most));
    free(b.memory);
    law_free(&in);
}

TEST(bands_add_up_to_their_input)
{
    law_each(bands_sum);
}

/* Magnitude at f of a row's Fourier transform. */
static double response(const float *row, size_t n, double f, double rate)
{
    double re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        re += (double)row[i] * cos(2 * pi * f / rate * (double)i);
        im += (double)row[i] * sin(2 * pi * f / rate * (double)i);
    }
    return hypot(re, im);
}

TEST(an_impulse_stays_and_bands_stop_what_is_not_theirs)
{
    static const double split_hz[] = {200, 800, 4000};
    law_sound in = law_silence(44100, 1, 16000);
    in.s.channel[0][7001] = 1;
    bands b = split(&in, DRGEN_CROSSOVER_LINEAR);
    double sum_before = 0, sum_at = 0;
    for (int k = 0; k < DRGEN_BANDS; k++) sum_before += (double)b.band[k].channel[0][7000], sum_at += (double)b.band[k].channel[0][7001];
    CHECK(fabs(sum_at - 1) < 1e-6 && fabs(sum_before) < 1e-6);
    for (int k = 0; k < DRGEN_BANDS; k++) {
        const float *row = b.band[k].channel[0];
        if (k > 0) CHECKF(response(row, 16000, split_hz[k - 1] - 60, 44100) < 1.8e-4, "band %d below", k);
        if (k < 3) CHECKF(response(row, 16000, split_hz[k] + 60, 44100) < 1.8e-4, "band %d above", k);
        double inside = k ? split_hz[k - 1] * 1.6 : 60;
        CHECKF(fabs(response(row, 16000, inside, 44100) - 1) < 1e-3, "band %d passes %g", k, inside);
    }
    free(b.memory);
    law_free(&in);
}

TEST(lr4_bands_add_up_flat)
{
    law_sound in = law_silence(44100, 2, 40000);
    in.s.channel[0][10] = in.s.channel[1][20] = 1;
    bands b = split(&in, DRGEN_CROSSOVER_LR4);
    float *sum = calloc(40000, sizeof *sum);
    for (int c = 0; c < 2; c++) {
        for (size_t i = 0; i < 40000; i++) {
            double s = 0;
            for (int k = 0; k < DRGEN_BANDS; k++) s += (double)b.band[k].channel[c][i];
            sum[i] = (float)s;
        }
        for (double f = 20; f < 20000; f *= 1.9) {
            double db = 20 * log10(response(sum, 40000, f, 44100));
            CHECKF(fabs(db) < 0.01, "LR4 at %g Hz: %.4f dB", f, db);
        }
        for (int k = 0; k < DRGEN_BANDS; k++) {
            double far = k < 2 ? 12000 : 40;
            CHECKF(response(b.band[k].channel[c], 40000, far, 44100) < 1e-2, "LR4 band %d at %g", k, far);
        }
    }
    free(sum);
    free(b.memory);
    law_free(&in);
}

/* ---- linked stages keep the image */

static void linked(uint64_t seed)
{
    law_sound in = law_random_stereo(seed), out = law_copy(&in);
    multiband_settings set = {.split = {200, 800, 4000}};
    double reduction[DRGEN_BANDS];
    for (int k = 0; k < DRGEN_BANDS; k++) set.band[k] = (drgen_band){-60 - 3 * k, 2 + k, 6, 1, 10, 100, 5};
    /* the left is the right times three: so must it be after any linked gain */
    for (size_t i = 0; i < in.s.frames; i++) {
        in.s.channel[0][i] = 3 * in.s.channel[1][i];
        out.s.channel[0][i] = in.s.channel[0][i];
    }
    CHECK(multiband_run(&out.s, &set, reduction, kern_best(), NULL) == DRGEN_OK);
    double worst = 0;
    int reduced = 0;
    for (size_t i = 0; i < in.s.frames; i++) {
        double l = (double)out.s.channel[0][i], r = (double)out.s.channel[1][i];
        worst = fmax(worst, fabs(l - 3 * r));
    }
    for (int k = 0; k < DRGEN_BANDS; k++) reduced += reduction[k] < -0.01;
    CHECKF(worst < 4e-6, "seed %u: linked bands move the image by %g", (unsigned)seed, worst);
    CHECKF(reduced > 0, "seed %u: nothing was compressed", (unsigned)seed);
    law_free(&in);
    law_free(&out);
}

TEST(linked_bands_keep_the_image)
{
    law_each(linked);
}

static void mono_sum(uint64_t seed)
{
    law_sound in = law_random_stereo(seed), out = law_copy(&in);
    width_settings w = {1.3, 0.2, 120};
    int kept;
    double worst = 0, most = 1e-9;
    CHECK(width_run(&out.s, &w, &kept, kern_best(), NULL) == DRGEN_OK);
    for (size_t i = 0; i < in.s.frames; i++) {
        double a = (double)in.s.channel[0][i] + (double)in.s.channel[1][i];
        worst = fmax(worst, fabs(a - (double)out.s.channel[0][i] - (double)out.s.channel[1][i]));
        most = fmax(most, fabs(a) + fabs((double)out.s.channel[0][i]));
    }
    CHECKF(worst <= 3e-7 * most, "seed %u: width changes the mono sum by %g", (unsigned)seed, worst);
    law_free(&in);
    law_free(&out);
}

TEST(width_keeps_the_mono_sum)
{
    law_each(mono_sum);
}

TEST(width_gives_way_where_sides_would_oppose)
{
    law_sound in = law_random_stereo(3), out;
    width_settings w = {2, 1, 120};
    int kept;
    for (size_t i = 0; i < in.s.frames; i++) { /* sides a little weaker than the middle: at 2 they would win */
        float m = in.s.channel[0][i], s = 0.9f * in.s.channel[1][i];
        in.s.channel[0][i] = m + s;
        in.s.channel[1][i] = m - s;
    }
    out = law_copy(&in);
    CHECK(width_run(&out.s, &w, &kept, kern_best(), NULL) == DRGEN_OK);
    CHECK(kept == 1);
    for (size_t i = 0; i < in.s.frames; i++) CHECK(fabsf(out.s.channel[0][i] - in.s.channel[0][i]) < 2e-6f);
    law_free(&in);
    law_free(&out);
}

/* ---- exciter */

TEST(exciter_does_not_fold_back)
{
    enum { N = 44100, MIDDLE = 22050 };
    law_sound x = law_silence(44100, 1, N);
    exciter_settings set = {3000, 3, 1};
    for (size_t i = 0; i < N; i++) x.s.channel[0][i] = (float)(0.5 * sin(2 * pi * 9000 / 44100 * (double)i));
    CHECK(exciter_run(&x.s, &set, kern_best(), NULL) == DRGEN_OK);
    float *row = calloc(MIDDLE, sizeof *row);
    for (size_t i = 0; i < MIDDLE; i++) row[i] = x.s.channel[0][N / 4 + i] * (float)(0.5 - 0.5 * cos(2 * pi * (double)i / MIDDLE));
    double carrier = response(row, MIDDLE, 9000, 44100);
    for (double f = 300; f < 22000; f += 300) {
        if (fabs(f - 9000) < 1 || fabs(f - 18000) < 1) continue;
        double db = 20 * log10(response(row, MIDDLE, f, 44100) / carrier);
        CHECKF(db < -80, "a product at %g Hz: %.1f dB", f, db);
    }
    free(row);
    law_free(&x);
}

/* ---- limiter */

typedef struct {
    float *e, *g;
    size_t n;
    limiter l;
    double c;
} limit_case;

static limit_case limit_open(uint64_t seed, size_t n)
{
    limit_case k = {calloc(n, 4), calloc(n, 4), n, {0}, 0.5};
    uint64_t rng = seed + 99;
    CHECK(limiter_open(&k.l, 0.2 + 2 * fabs((double)rng_uniform(&rng)), 20 + 100 * fabs((double)rng_uniform(&rng)), 44100,
                       kern_best(), NULL) == DRGEN_OK);
    for (size_t i = 0; i < n; i++) k.e[i] = 0.45f * fabsf(rng_uniform(&rng));
    for (int b = 0; b < 6; b++) { /* bursts */
        size_t at = (size_t)((double)n * fabs((double)rng_uniform(&rng))), length = 1 + (size_t)(300 * fabs((double)rng_uniform(&rng)));
        for (size_t i = at; i < n && i < at + length; i++) k.e[i] = 0.3f + 3 * fabsf(rng_uniform(&rng));
    }
    return k;
}

static void limit_close(limit_case *k)
{
    limiter_close(&k->l);
    free(k->e);
    free(k->g);
}

static void limiter_laws(uint64_t seed)
{
    limit_case k = limit_open(seed, 30000);
    size_t ahead = 2 * k.l.half, first = k.n, last = 0;
    double least = 1;
    limiter_gain(&k.l, k.g, k.e, (float)k.c, k.n);
    for (size_t i = 0; i < k.n; i++) {
        double g = (double)k.g[i];
        CHECKF(g > 0 && g <= 1, "gain %g", g);
        CHECKF(g * (double)k.e[i] <= k.c * (1 + 1.2e-7), "seed %u: frame %zu over by %g", (unsigned)seed, i,
               g * (double)k.e[i] / k.c - 1);
        if ((double)k.e[i] > k.c) {
            if (first == k.n) first = i;
            last = i;
        }
        least = fmin(least, g);
    }
    for (size_t i = 0; i + ahead < first && first < k.n; i++)
        CHECKF(k.g[i] == 1, "seed %u: gain %.9g at %zu, long before %zu", (unsigned)seed, (double)k.g[i], i, first);
    for (size_t i = last + ahead + 1; i < k.n; i++) {
        double bound = (1 - least) * pow(k.l.release, (double)(i - last - ahead - 1));
        CHECKF(1 - (double)k.g[i] <= bound + 1e-7, "seed %u: released too slowly at %zu: %g over %g", (unsigned)seed, i,
               1 - (double)k.g[i], bound);
    }
    /* the head does not know the tail */
    float *g = calloc(k.n, 4);
    for (size_t i = k.n - 1000; i < k.n; i++) k.e[i] = 2;
    limiter_gain(&k.l, g, k.e, (float)k.c, k.n);
    CHECK(memcmp(g, k.g, (k.n - 1000 - ahead) * sizeof *g) == 0);
    /* a shorter programme is the beginning of a longer one, wherever blocks end */
    static const size_t lengths[] = {1, 7, 4095, 4096, 4097, 9000};
    for (size_t j = 0; j < COUNT(lengths); j++) {
        limiter_gain(&k.l, g, k.e, (float)k.c, lengths[j]);
        for (size_t i = 0; i + ahead < lengths[j]; i++) CHECK(fabsf(g[i] - k.g[i]) < 1e-6f);
    }
    free(g);
    limit_close(&k);
}

TEST(limiter_keeps_its_promises)
{
    law_each(limiter_laws);
}

TEST(constant_overload_gets_constant_gain)
{
    limit_case k = limit_open(1, 20000);
    for (size_t i = 0; i < k.n; i++) k.e[i] = 1.7f;
    limiter_gain(&k.l, k.g, k.e, 0.5f, k.n);
    for (size_t i = 0; i < k.n; i++) CHECK(fabsf(k.g[i] - 0.5f / 1.7f) < 1e-7f);
    limit_close(&k);
}

TEST(silence_in_front_only_delays_the_limiter)
{
    limit_case k = limit_open(2, 20000);
    size_t ahead = 2 * k.l.half, lead = 5000;
    for (size_t i = 0; i < ahead + 16; i++) k.e[i] = 0;
    float *e = calloc(k.n + lead, 4), *g = calloc(k.n + lead, 4);
    memcpy(e + lead, k.e, k.n * sizeof *e);
    limiter_gain(&k.l, k.g, k.e, 0.5f, k.n);
    limiter_gain(&k.l, g, e, 0.5f, k.n + lead);
    for (size_t i = 0; i < k.n; i++) CHECK(fabsf(g[lead + i] - k.g[i]) < 1e-7f);
    free(e);
    free(g);
    limit_close(&k);
}
