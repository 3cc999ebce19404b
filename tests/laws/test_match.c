/* test_match.c - laws of colour matching: a sound to itself, to itself with a known filter, limits, time, odd sizes.
 * Source: spec mastering.md B.13. */
#include <stdlib.h>

#include "dsp/compat.h"
#include "dsp/match.h"
#include "tests/programme.h"
#include "tests/t.h"

static double null_db(const sound *a, const sound *b)
{
    double error = 0, all = 1e-300;
    for (int c = 0; c < a->channels; c++)
        for (size_t i = 0; i < a->frames; i++) {
            error += pow((double)a->channel[c][i] - (double)b->channel[c][i], 2);
            all += pow((double)b->channel[c][i], 2);
        }
    return 10 * log10(error / all + 1e-300);
}

static void equalise(sound *x, double hz, double gain, double q)
{
    compat_filter f;
    double(*y)[2] = calloc(x->frames, sizeof *y);
    compat_peaking(&f, hz, gain, q, x->rate);
    for (size_t i = 0; i < x->frames; i++)
        for (int c = 0; c < x->channels; c++) y[i][c] = (double)x->channel[c][i];
    compat_filter_run(&f, y, x->frames);
    for (size_t i = 0; i < x->frames; i++)
        for (int c = 0; c < x->channels; c++) x->channel[c][i] = (float)y[i][c];
    free(y);
}

/* dB between two mid curves around a frequency. */
static double colour(const match_curve *a, const match_curve *b, double hz)
{
    double bin = hz * MATCH_FRAME / a->rate, x = 0, y = 0;
    for (int k = (int)(bin * 0.94); k <= (int)(bin * 1.06); k++) x += a->mid[k], y += b->mid[k];
    return 20 * log10(x / y);
}

TEST(match_to_itself_is_nothing)
{
    for (int channels = 1; channels <= 2; channels++) {
        programme p = programme_song(44100, channels, 44100 * 28, 44100 * 18);
        programme q = programme_song(44100, channels, 44100 * 28, 44100 * 18);
        match_curve *reference = malloc(sizeof *reference);
        drgen_err err = {0};
        CHECKF(match_measure(reference, &p.s, &err) == DRGEN_OK, "%s", err.message);
        CHECK(reference->has_side == (channels == 2) && reference->rate == 44100);
        CHECK(match_apply(&p.s, reference, 1, &err) == DRGEN_OK);
        CHECKF(null_db(&p.s, &q.s) < -120, "%d channels: %g dB", channels, null_db(&p.s, &q.s));
        for (int c = 0; c < channels; c++) /* louder is the same colour */
            for (size_t i = 0; i < p.s.frames; i++) p.s.channel[c][i] = q.s.channel[c][i] * 4;
        CHECK(match_apply(&p.s, reference, 1, &err) == DRGEN_OK);
        for (int c = 0; c < channels; c++)
            for (size_t i = 0; i < p.s.frames; i++) p.s.channel[c][i] /= 4;
        CHECKF(null_db(&p.s, &q.s) < -100, "%g dB", null_db(&p.s, &q.s));
        free(reference);
        programme_free(&p);
        programme_free(&q);
    }
}

TEST(match_undoes_a_filter)
{
    static const struct {
        double hz, gain, amount;
    } cases[] = {{4000, 4, 1}, {4000, -4, 1}, {150, 3, 1}, {4000, 5, 0.5}, {4000, 12, 1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        programme p = programme_noise(44100, 2, 6, 0.2, t_seed), q = programme_noise(44100, 2, 6, 0.2, t_seed);
        match_curve *before = malloc(sizeof *before), *after = malloc(sizeof *after);
        match_curve *reference = malloc(sizeof *reference);
        equalise(&q.s, cases[i].hz, cases[i].gain, 0.7);
        CHECK(match_measure(before, &p.s, NULL) == DRGEN_OK && match_measure(reference, &q.s, NULL) == DRGEN_OK);
        CHECK(match_apply(&p.s, reference, cases[i].amount, NULL) == DRGEN_OK);
        CHECK(match_measure(after, &p.s, NULL) == DRGEN_OK);
        double offset = colour(reference, before, 1000); /* the octave around 1 kHz stays where it is */
        double want = (colour(reference, before, cases[i].hz) - offset) * cases[i].amount;
        double got = colour(after, before, cases[i].hz);
        if (want > 6) want = 6;
        CHECKF(fabs(got - want) < 0.5 && fabs(want) > 2, "%g Hz, %g dB: wanted %g, got %g", cases[i].hz,
               cases[i].gain, want, got);
        CHECKF(fabs(colour(after, before, 1000)) < 0.5, "1 kHz: %g dB", colour(after, before, 1000));
        free(before);
        free(reference);
        free(after);
        programme_free(&p);
        programme_free(&q);
    }
}

TEST(match_gains_keep_their_bounds)
{
    double *from = malloc(MATCH_BINS * sizeof *from), *to = malloc(MATCH_BINS * sizeof *to);
    double *gain = malloc(MATCH_GAINS_ROOM * sizeof *gain);
    static const int rates[] = {8000, 44100, 48000, 192000};
    for (int k = 0; k < MATCH_BINS; k++) from[k] = 1, to[k] = pow(10, sin(k * 0.01) * 3);
    for (size_t a = 0; a < COUNT(rates); a++)
        for (size_t b = 0; b < COUNT(rates); b++) {
            match_gains(gain, &(match_question){from, to, rates[a], rates[b], 1, 3});
            double hz = (double)rates[a] / MATCH_FRAME, most = 0;
            int low = (int)(30 / hz), high = (int)(18000 / hz) + 1;
            for (int k = 0; k < MATCH_BINS; k++) {
                CHECKF(fabs(gain[k]) <= 3, "bin %d: %g", k, gain[k]);
                if (k < low) CHECK(gain[k] == gain[low]);
                if (k > high) CHECK(gain[k] == gain[high]);
                most = fmax(most, fabs(gain[k]));
            }
            CHECK(most > 1);
            match_gains(gain, &(match_question){from, to, rates[a], rates[b], 0, 3});
            for (int k = 0; k < MATCH_BINS; k++) CHECK(gain[k] == 0);
        }
    for (int k = 0; k < MATCH_BINS; k++) from[k] = 0; /* a silent target or reference has no say in how steep */
    match_gains(gain, &(match_question){from, from, 44100, 44100, 1, 6});
    for (int k = 0; k < MATCH_BINS; k++) CHECK(gain[k] == 0);
    match_gains(gain, &(match_question){from, to, 44100, 44100, 1, 6});
    for (int k = 0; k < MATCH_BINS; k++) CHECK(fabs(gain[k]) <= 6);
    free(from);
    free(to);
    free(gain);
}

TEST(match_keeps_time_and_shape)
{
    /* a click stays at its frame, and what comes out around it is symmetrical; several blocks of the convolution */
    programme q = programme_noise(44100, 2, 2, 0.3, t_seed);
    equalise(&q.s, 5000, 6, 0.7);
    match_curve *reference = malloc(sizeof *reference);
    CHECK(match_measure(reference, &q.s, NULL) == DRGEN_OK);
    float *memory = calloc(2 * 40000, sizeof *memory);
    sound x = {{memory, memory + 40000}, 40000, 2, 44100};
    static const size_t places[] = {9000, 12290, 24580, 30000};
    for (size_t i = 0; i < COUNT(places); i++) {
        memset(memory, 0, 2 * 40000 * sizeof *memory);
        x.channel[0][places[i]] = 1;
        x.channel[1][places[i]] = 0.5f;
        CHECK(match_apply(&x, reference, 1, NULL) == DRGEN_OK);
        double worst = 0, far = 0;
        for (size_t k = 1; k < 9000; k++) {
            worst = fmax(worst, fabs((double)x.channel[0][places[i] + k] - (double)x.channel[0][places[i] - k]));
            if (k > 2047) far = fmax(far, fabs((double)x.channel[0][places[i] + k]));
        }
        CHECKF(worst < 1e-6 && far < 1e-9 && x.channel[0][places[i]] > 0.7f, "%zu: %g, %g", places[i], worst, far);
    }
    free(memory);
    free(reference);
    programme_free(&q);
}

TEST(match_picks_the_loud_parts)
{
    /* 15 s of loud noise, 30 s of quiet noise of another colour: the curve is that of the loud */
    programme p = programme_noise(8000, 1, 45, 0.5, t_seed), q = programme_noise(8000, 1, 45, 0.5, t_seed);
    sound loud = {{q.s.channel[0]}, 15 * 8000, 1, 8000}, quiet = {{p.s.channel[0] + 15 * 8000}, 30 * 8000, 1, 8000};
    equalise(&quiet, 2000, 12, 1);
    for (size_t i = 0; i < quiet.frames; i++) quiet.channel[0][i] *= 0.1f;
    match_curve *all = malloc(sizeof *all), *part = malloc(sizeof *part);
    CHECK(match_measure(all, &p.s, NULL) == DRGEN_OK && match_measure(part, &loud, NULL) == DRGEN_OK);
    CHECK(memcmp(all, part, sizeof *all) == 0);
    free(all);
    free(part);
    programme_free(&p);
    programme_free(&q);
}

TEST(match_odd_sounds_and_errors)
{
    static const size_t frames[] = {1, 2, 4095, 4096, 4097, 12290, 12291};
    match_curve *reference = malloc(sizeof *reference);
    programme r = programme_chirp(48000, 1, 50, 15000, 0.5);
    CHECK(match_measure(reference, &r.s, NULL) == DRGEN_OK);
    for (size_t i = 0; i < COUNT(frames); i++)
        for (int kind = 0; kind < 4; kind++) {
            programme p = programme_noise(kind == 3 ? 192000 : 44100, 1 + kind % 2, 1, kind == 2 ? 0 : 0.5, t_seed + i);
            p.s.frames = frames[i];
            drgen_err err = {0};
            CHECKF(match_apply(&p.s, reference, 1, &err) == DRGEN_OK, "%s", err.message);
            for (size_t k = 0; k < frames[i]; k++) CHECK(isfinite(p.s.channel[0][k]) && fabsf(p.s.channel[0][k]) < 10);
            programme_free(&p);
        }
    drgen_err err = {0};
    CHECK(match_apply(&r.s, reference, 1.01, &err) == DRGEN_ERR_ARG && err.message[0]);
    CHECK(match_apply(&r.s, reference, NAN, NULL) == DRGEN_ERR_ARG);
    r.s.channels = 3;
    CHECK(match_apply(&r.s, reference, 1, NULL) == DRGEN_ERR_ARG);
    CHECK(match_measure(reference, &r.s, NULL) == DRGEN_ERR_ARG);
    r.s.channels = 2;
    r.s.frames = 0;
    CHECK(match_measure(reference, &r.s, NULL) == DRGEN_ERR_ARG);
    r.s.frames = 100;
    r.s.channel[1][99] = NAN;
    CHECK(match_measure(reference, &r.s, NULL) == DRGEN_ERR_ARG);
    free(reference);
    programme_free(&r);
}
