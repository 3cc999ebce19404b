/* Resampling for delivery and dither: exactness inside, edges, and the statistics of the noise. Source: spec mastering.md
 * B.10, B.11, D.2. */
#include <stdlib.h>

#include "dsp/deliver.h"
#include "dsp/dither.h"
#include "dsp/noise.h"
#include "tests/t.h"

static const double pi = 3.14159265358979323846;

static void free_rows(sound *x)
{
    for (int c = 0; c < x->channels; c++) free(x->channel[c]);
}

/* ---- resampling */

TEST(sines_come_out_at_the_other_rate)
{
    static const int pairs[][2] = {{44100, 48000}, {48000, 44100}, {44100, 8000}, {8000, 192000}, {192000, 44100},
                                   {44100, 47999}, {8000, 191999}, {96000, 48000}};
    for (size_t k = 0; k < COUNT(pairs); k++) {
        int from = pairs[k][0], to = pairs[k][1];
        size_t n = (size_t)from / 4;
        double hz = 0.4 * (from < to ? from : to) / 2 * (1 + 0.9 * (k % 2 > 0)), worst = 0;
        float *row = malloc(n * sizeof *row);
        sound x = {{row}, n, 1, from}, y;
        for (size_t i = 0; i < n; i++) row[i] = (float)sin(2 * pi * hz / from * (double)i + 0.3);
        CHECK(deliver_run(&y, &x, to, kern_best(), NULL) == DRGEN_OK);
        CHECK(y.frames == (n * (size_t)to + (size_t)from - 1) / (size_t)from && y.rate == to);
        for (size_t i = y.frames / 4; i < y.frames * 3 / 4; i++)
            worst = fmax(worst, fabs((double)y.channel[0][i] - sin(2 * pi * hz / to * (double)i + 0.3)));
        CHECKF(worst < 1.4e-6, "%d to %d, %g Hz: off by %.3g", from, to, hz, worst); /* -120 dB and float32's own steps */
        free_rows(&y);
        free(row);
    }
}

TEST(impulses_and_short_sounds_stay_where_they_are)
{
    static const size_t lengths[] = {0, 1, 2, 10, 300};
    for (size_t k = 0; k < COUNT(lengths); k++) {
        size_t n = lengths[k];
        float row[300] = {0};
        sound x = {{row, row}, n, 2, 44100}, y;
        if (n) row[n / 2] = 1;
        CHECK(deliver_run(&y, &x, 88200, kern_best(), NULL) == DRGEN_OK);
        CHECK(y.frames == 2 * n);
        size_t most = 0;
        for (size_t i = 0; i < y.frames; i++) {
            if (fabsf(y.channel[1][i]) > fabsf(y.channel[1][most])) most = i;
            CHECK(y.channel[0][i] == y.channel[1][i]);
        }
        CHECKF(n == 0 || most == 2 * (n / 2), "%zu frames: the impulse is at %zu", n, most);
        free_rows(&y);
    }
}

TEST(rates_that_cannot_be_are_refused)
{
    float row[4] = {0};
    sound x = {{row}, 4, 1, 44100}, y;
    CHECK(deliver_run(&y, &x, 7999, kern_best(), NULL) == DRGEN_ERR_ARG);
    CHECK(deliver_run(&y, &x, 192001, kern_best(), NULL) == DRGEN_ERR_ARG);
    x.rate = 0;
    CHECK(deliver_run(&y, &x, 44100, kern_best(), NULL) == DRGEN_ERR_ARG);
}

TEST(frames_do_not_overflow)
{
    CHECK(deliver_frames((size_t)1 << 50, 44100, 48000) == (((size_t)1 << 50) / 147) * 160 + ((((size_t)1 << 50) % 147) * 160 + 146) / 147);
}

/* ---- dither */

enum { N = 100000 };

static sound make(float *memory)
{
    sound x = {{memory, memory + N}, N, 2, 44100};
    for (size_t i = 0; i < N; i++) {
        memory[i] = (float)(0.3 * sin(0.01 * (double)i));
        memory[N + i] = (float)(0.2 * noise_uniform(5, i));
    }
    return x;
}

TEST(dithered_samples_are_steps)
{
    for (int bits = 16; bits <= 24; bits += 8) {
        float *a = malloc(2 * N * sizeof *a), *b = malloc(2 * N * sizeof *b);
        sound x = make(a), y = make(b);
        dither whole, parts;
        double steps = ldexp(1, bits - 1);
        CHECK(dither_open(&whole, bits, "lip5", 44100, NULL) == DRGEN_OK && dither_open(&parts, bits, "lip5", 44100, NULL) == DRGEN_OK);
        dither_run(&whole, &x);
        for (size_t at = 0, take = 1; at < N; at += take, take = take * 3 + 1) { /* cut anyhow */
            if (take > N - at) take = N - at;
            sound piece = {{b + at, b + N + at}, take, 2, 44100};
            dither_run(&parts, &piece);
        }
        CHECK(memcmp(a, b, 2 * N * sizeof *a) == 0);
        for (size_t i = 0; i < 2 * N; i++) CHECK((double)a[i] * steps == rint((double)a[i] * steps));
        CHECK(whole.clamped == 0);
        (void)y;
        free(a);
        free(b);
    }
}

TEST(dither_has_the_noise_it_should)
{
    float *a = malloc(2 * N * sizeof *a), *b = malloc(2 * N * sizeof *b);
    sound x = make(a);
    dither d;
    make(b);
    CHECK(dither_open(&d, 16, "none", 44100, NULL) == DRGEN_OK);
    dither_run(&d, &x);
    for (int c = 0; c < 2; c++) {
        double mean = 0, square = 0, cross = 0, power = 0;
        for (size_t i = (size_t)c * N; i < (size_t)(c + 1) * N; i++) {
            double e = ((double)a[i] - (double)b[i]) * 32768;
            mean += e / N;
            square += e * e / N;
            cross += e * (double)b[i] / N;
            power += (double)b[i] * (double)b[i] / N;
        }
        CHECKF(fabs(mean) < 0.01, "mean %g", mean);
        CHECKF(fabs(square - 0.25) < 0.0075, "variance %g", square);
        CHECKF(fabs(cross / sqrt(square * power)) < 0.02, "correlation %g", cross / sqrt(square * power));
    }
    free(a);
    free(b);
}

TEST(a_whisper_below_one_step_survives)
{
    enum { LONG = 441000 };
    float *row = malloc(LONG * sizeof *row);
    sound x = {{row}, LONG, 1, 44100};
    dither d;
    double re = 0, im = 0;
    for (size_t i = 0; i < LONG; i++) row[i] = (float)(1e-5 * sin(2 * pi * 1000 / 44100 * (double)i));
    CHECK(dither_open(&d, 16, "none", 44100, NULL) == DRGEN_OK);
    dither_run(&d, &x);
    for (size_t i = 0; i < LONG; i++) {
        re += (double)row[i] * cos(2 * pi * 1000 / 44100 * (double)i) * 2 / LONG;
        im += (double)row[i] * sin(2 * pi * 1000 / 44100 * (double)i) * 2 / LONG;
    }
    CHECKF(fabs(20 * log10(hypot(re, im)) + 100) < 1, "%.2f dB", 20 * log10(hypot(re, im)));
    free(row);
}

TEST(silence_stays_silence_and_overloads_are_counted)
{
    float row[100] = {0};
    sound x = {{row}, 100, 1, 44100};
    dither d;
    CHECK(dither_open(&d, 16, "hp1", 44100, NULL) == DRGEN_OK && dither_whole(&d, &x) == 0);
    for (int i = 0; i < 100; i++) CHECK(row[i] == 0);
    for (int i = 0; i < 100; i++) row[i] = i % 2 ? 1.5f : -1.5f;
    CHECK(dither_open(&d, 16, "none", 44100, NULL) == DRGEN_OK && dither_whole(&d, &x) == 100);
    for (int i = 0; i < 100; i++) CHECK(row[i] == (i % 2 ? 32767.0f / 32768 : -1.0f));
    CHECK(dither_open(&d, 20, "none", 44100, NULL) == DRGEN_ERR_ARG);
    CHECK(dither_open(&d, 16, "loud", 44100, NULL) == DRGEN_ERR_ARG);
    CHECK(dither_open(&d, 16, "lip5", 96000, NULL) == DRGEN_ERR_ARG);
}
