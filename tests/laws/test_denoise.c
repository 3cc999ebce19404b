/* test_denoise.c - laws of the noise gate: identity where it should be, how far noise falls and that tones stay,
 * alignment, equal channels, odd sizes. Source: spec mastering.md B.12. */
#include <stdlib.h>

#include "dsp/denoise.h"
#include "dsp/noise.h"
#include "tests/programme.h"
#include "tests/t.h"

static double decibels(double power)
{
    return 10 * log10(power + 1e-300);
}

/* Mean square of a stretch of a channel, and of what a sine of this frequency is in it. */
static double mean_square(const float *x, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) sum += (double)x[i] * (double)x[i];
    return sum / (double)(to - from);
}

static double tone_power(const float *x, size_t from, size_t to, double hz, int rate)
{
    double re = 0, im = 0;
    for (size_t i = from; i < to; i++) {
        re += (double)x[i] * cos(2 * acos(-1) * hz * (double)i / rate);
        im += (double)x[i] * sin(2 * acos(-1) * hz * (double)i / rate);
    }
    return 2 * (re * re + im * im) / pow((double)(to - from), 2);
}

/* Stationary noise, a tone of 1 kHz from 1.5 s on. */
static programme noisy_tone(int rate, int channels, double noise, double tone)
{
    programme p = programme_noise(rate, channels, 4, noise, t_seed);
    for (size_t i = (size_t)rate * 3 / 2; i < p.s.frames; i++)
        for (int c = 0; c < channels; c++)
            p.s.channel[c][i] += (float)(tone * sin(2 * acos(-1) * 1000 * (double)i / rate));
    return p;
}

TEST(denoise_of_nothing_is_nothing)
{
    programme p = programme_song(44100, 2, 44100 * 20, 50000), q = programme_song(44100, 2, 44100 * 20, 50000);
    CHECK(denoise(&p.s, &(denoise_settings){0}, NULL) == DRGEN_OK);
    CHECK(memcmp(p.s.channel[0], q.s.channel[0], 50000 * sizeof(float)) == 0);
    CHECK(denoise(&p.s, &(denoise_settings){.reduction = 1e-7}, NULL) == DRGEN_OK); /* through everything */
    double worst = 0;
    for (int c = 0; c < 2; c++)
        for (size_t i = 0; i < 50000; i++)
            worst = fmax(worst, fabs((double)p.s.channel[c][i] - (double)q.s.channel[c][i]));
    CHECKF(worst < 1e-6, "%g", worst);
    double error = 0;
    for (size_t i = 0; i < 50000; i++) error += pow((double)p.s.channel[0][i] - (double)q.s.channel[0][i], 2);
    CHECKF(decibels(error / 50000 / mean_square(q.s.channel[0], 0, 50000)) < -120, "%g", error);
    programme_free(&p);
    programme_free(&q);
}

TEST(denoise_noise_falls_and_tones_stay)
{
    static const double amounts[] = {6, 12, 24};
    static const int rates[] = {22050, 44100, 48000};
    for (size_t k = 0; k < COUNT(amounts); k++) {
        int rate = rates[k];
        programme p = noisy_tone(rate, 2, 0.002, 0.3), q = noisy_tone(rate, 2, 0.002, 0.3);
        denoise_settings s = {.reduction = amounts[k]};
        if (k) s.noise_from = 0.2, s.noise_to = 1.4;
        drgen_err err = {0};
        CHECKF(denoise(&p.s, &s, &err) == DRGEN_OK, "%s", err.message);
        size_t a = (size_t)rate / 4, b = (size_t)rate, c = (size_t)rate * 2, d = c + (size_t)rate;
        double fell = decibels(mean_square(q.s.channel[0], a, b) / mean_square(p.s.channel[0], a, b));
        CHECKF(fell >= 0.8 * amounts[k] && fell <= amounts[k] + 0.1, "noise fell by %g of %g dB", fell, amounts[k]);
        double tone = decibels(tone_power(p.s.channel[1], c, d, 1000, rate) /
                               tone_power(q.s.channel[1], c, d, 1000, rate));
        CHECKF(fabs(tone) < 0.5, "tone: %g dB", tone);
        programme_free(&p);
        programme_free(&q);
    }
}

TEST(denoise_does_not_learn_from_silence)
{
    programme p = noisy_tone(44100, 1, 0.002, 0), q = noisy_tone(44100, 1, 0.002, 0);
    for (size_t i = 0; i < 40000; i++) p.s.channel[0][i] = 0;
    CHECK(denoise(&p.s, &(denoise_settings){.reduction = 12}, NULL) == DRGEN_OK);
    double fell = decibels(mean_square(q.s.channel[0], 60000, 160000) / mean_square(p.s.channel[0], 60000, 160000));
    CHECKF(fell > 9.6, "%g dB", fell);
    for (size_t i = 0; i < 37000; i++) CHECK(p.s.channel[0][i] == 0);
    programme_free(&p);
    programme_free(&q);
}

TEST(denoise_channels_share_gains_and_time)
{
    /* right = half of left stays so; a click in the noise stays at its frame */
    programme p = noisy_tone(44100, 2, 0.002, 0.2);
    p.s.channel[0][100000] = 0.9f;
    for (size_t i = 0; i < p.s.frames; i++) p.s.channel[1][i] = p.s.channel[0][i] / 2;
    CHECK(denoise(&p.s, &(denoise_settings){.reduction = 20}, NULL) == DRGEN_OK);
    double worst = 0;
    size_t loudest = 0;
    for (size_t i = 0; i < p.s.frames; i++) {
        worst = fmax(worst, fabs((double)p.s.channel[0][i] - 2 * (double)p.s.channel[1][i]));
        if (fabsf(p.s.channel[0][i]) > fabsf(p.s.channel[0][loudest])) loudest = i;
    }
    CHECKF(worst < 1e-7, "%g", worst);
    CHECK(loudest == 100000);
    programme_free(&p);
}

TEST(denoise_odd_sounds_and_errors)
{
    static const size_t frames[] = {0, 1, 511, 512, 513, 2047, 2048, 2049, 4097, 10000};
    for (size_t i = 0; i < COUNT(frames); i++)
        for (int kind = 0; kind < 3; kind++) {
            programme p = programme_noise(8000 + 18050 * kind, 1 + kind, 2, kind == 1 ? 0 : 0.5, t_seed + i);
            p.s.frames = frames[i];
            drgen_err err = {0};
            CHECKF(denoise(&p.s, &(denoise_settings){.reduction = 10}, &err) == DRGEN_OK, "%s", err.message);
            for (size_t k = 0; k < frames[i]; k++) CHECK(isfinite(p.s.channel[0][k]) && fabsf(p.s.channel[0][k]) < 4);
            programme_free(&p);
        }
    programme p = programme_noise(44100, 2, 1, 0.5, 1);
    static const denoise_settings bad[] = {{-1, 0, 0}, {24.1, 0, 0}, {NAN, 0, 0}, {10, 0.5, 1.5}, {10, -0.1, 0.5},
                                           {10, 0.5, 0.51}, {10, 0.7, 0.2}, {10, 0, NAN}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        drgen_err err = {0};
        CHECKF(denoise(&p.s, &bad[i], &err) == DRGEN_ERR_ARG && err.message[0], "case %zu", i);
    }
    p.s.channel[1][77] = INFINITY;
    drgen_err err = {0};
    CHECK(denoise(&p.s, &(denoise_settings){.reduction = 3}, &err) == DRGEN_ERR_ARG && strstr(err.message, "frame 77"));
    programme_free(&p);
}
