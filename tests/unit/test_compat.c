/* test_compat.c - the historic chains beside their golden data: limiters against the definition at odd sizes, what is
 * known to be wrong with them, errors. Source: spec mastering.md A. */
#include <stdlib.h>

#include "dsp/compat_parts.h"
#include "dsp/noise.h"
#include "tests/programme.h"
#include "tests/t.h"

static compat_sound make(size_t frames, int channels, int rate)
{
    return (compat_sound){calloc(frames + 1, 2 * sizeof(double)), frames, channels, rate};
}

static void fill(compat_sound *x, double amp, uint64_t seed)
{
    for (size_t i = 0; i < x->frames; i++)
        for (int c = 0; c < x->channels; c++) x->frame[i][c] = amp * noise_uniform(seed, 2 * i + (size_t)c);
}

/* The limiters word by word: a circular window of 5 ms looked through for every frame. */
static void limit_plainly(double (*y)[2], const compat_sound *x, double ceiling, int fork)
{
    double top = pow(10, ceiling / 20), attack = exp(-1 / (0.001 * x->rate)), release = exp(-1 / (0.1 * x->rate));
    size_t window = (size_t)(5 * x->rate / 1000), n = x->frames;
    for (int c = 0; c < 2; c++) {
        double s = 1;
        for (size_t i = 0; i < n; i++) {
            double peak = 0;
            for (size_t k = 0; k < window; k++)
                peak = fmax(peak, fabs(x->frame[(fork ? i + k : i + window * n - k) % n][c]));
            double g = peak > top ? top / peak : 1;
            if (fork) s = i == 0 || g < s ? g : release * s + (1 - release) * g;
            else if (i) s = g < s ? attack * s + (1 - attack) * g : release * s + (1 - release) * g;
            y[i][c] = x->frame[i][c] * s;
        }
    }
}

TEST(compat_limiters_are_the_definition)
{
    static const size_t sizes[] = {1, 2, 3, 100, 219, 220, 221, 439, 440, 441, 1000, 2222};
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int fork = 0; fork < 2; fork++) {
            compat_sound x = make(sizes[i], 2, 44100);
            double(*want)[2] = calloc(sizes[i], sizeof *want), worst = 0;
            fill(&x, 0.3, t_seed + i);
            for (size_t k = 0; k < sizes[i]; k += 97) x.frame[k][k % 2] *= 20;
            limit_plainly(want, &x, -3, fork);
            CHECK((fork ? compat_fork_limit : compat_seed_limit)(&x, -3, NULL) == DRGEN_OK);
            for (size_t k = 0; k < sizes[i]; k++)
                for (int c = 0; c < 2; c++) worst = fmax(worst, fabs(x.frame[k][c] - want[k][c]));
            CHECKF(worst < 1e-14, "%s, %zu frames: %g", fork ? "fork" : "seed", sizes[i], worst);
            free(want);
            free(x.frame);
        }
}

TEST(compat_fork_limiter_at_other_rates)
{
    static const int rates[] = {8000, 22050, 48000, 96000};
    for (size_t i = 0; i < COUNT(rates); i++) {
        compat_sound x = make(1777, 2, rates[i]);
        double(*want)[2] = calloc(1777, sizeof *want), worst = 0;
        fill(&x, 2, t_seed + i);
        limit_plainly(want, &x, -1, 1);
        CHECK(compat_fork_limit(&x, -1, NULL) == DRGEN_OK);
        for (size_t k = 0; k < 1777; k++) worst = fmax(worst, fabs(x.frame[k][0] - want[k][0]));
        CHECKF(worst < 1e-14 && compat_peak(&x) <= pow(10, -1 / 20.0) * (1 + 1e-12), "%d Hz: %g", rates[i], worst);
        free(want);
        free(x.frame);
    }
}

TEST(compat_known_flaws)
{
    /* the seed's window goes around: a loud end turns down the beginning; the fork's the other way */
    compat_sound x = make(2000, 1, 44100);
    for (size_t i = 0; i < 2000; i++) x.frame[i][0] = i >= 1990 ? 4 : 0.5;
    CHECK(compat_seed_limit(&x, -1, NULL) == DRGEN_OK);
    CHECK(x.frame[0][0] == 0.5 && x.frame[150][0] < 0.2 && x.frame[1500][0] > x.frame[150][0]);
    CHECK(x.frame[1991][0] > 1); /* and a sudden peak passes the ceiling */
    for (size_t i = 0; i < 2000; i++) x.frame[i][0] = i < 10 ? 4 : 0.5;
    CHECK(compat_fork_limit(&x, -1, NULL) == DRGEN_OK);
    CHECK(x.frame[1700][0] > 0.2 && x.frame[1999][0] < 0.12 && compat_peak(&x) <= 0.8912509381337457);
    free(x.frame);

    /* the bands add up to +3 dB where they meet: a quiet tone at 200 Hz comes out louder */
    x = make(30000, 1, 44100);
    for (size_t i = 0; i < 30000; i++) x.frame[i][0] = 0.01 * sin(2 * acos(-1) * 200 * (double)i / 44100);
    compat_seed_multiband(&x);
    double energy = 0;
    for (size_t i = 8000; i < 30000; i++) energy += x.frame[i][0] * x.frame[i][0];
    double gain = 10 * log10(energy / 22000 / (0.01 * 0.01 / 2));
    CHECKF(fabs(gain - 3.001) < 0.01, "%g dB", gain);
    free(x.frame);
}

TEST(compat_tanh_is_tanh)
{
    double worst = 0;
    for (int i = -40000; i <= 40000; i++) {
        double v = i * 0.001 * (1 + 1e-3 * noise_uniform(t_seed, (uint64_t)(i + 40000)));
        pair y = compat_tanh((pair){v, -v});
        worst = fmax(worst, fmax(fabs(y[0] - tanh(v)), fabs(y[1] + tanh(v))));
    }
    CHECKF(worst < 5e-16, "%g", worst);
    pair big = compat_tanh((pair){1e300, -INFINITY});
    CHECK(big[0] == 1 && big[1] == -1);
}

static double level_at(const compat_filter *f, double hz, int rate)
{
    compat_filter copy = *f;
    double re = 0, im = 0;
    size_t n = (size_t)rate;
    compat_sound x = make(n, 1, rate);
    x.frame[0][0] = 1;
    compat_filter_run(&copy, x.frame, n);
    for (size_t i = 0; i < n; i++) {
        re += x.frame[i][0] * cos(2 * acos(-1) * hz * (double)i / rate);
        im += x.frame[i][0] * sin(2 * acos(-1) * hz * (double)i / rate);
    }
    free(x.frame);
    return 10 * log10(re * re + im * im + 1e-300);
}

TEST(compat_filters_at_their_edges)
{
    static const int rates[] = {44100, 48000, 96000};
    for (size_t i = 0; i < COUNT(rates); i++) {
        compat_filter f;
        compat_high_pass(&f, 120, rates[i]);
        CHECK(fabs(level_at(&f, 120, rates[i]) + 3.0103) < 1e-4 && fabs(level_at(&f, 9000, rates[i])) < 1e-4);
        compat_low_pass(&f, 120, rates[i]);
        CHECK(fabs(level_at(&f, 120, rates[i]) + 3.0103) < 1e-4 && fabs(level_at(&f, 0, rates[i])) < 1e-4);
        compat_band_pass(&f, 500, 2000, rates[i]);
        CHECK(fabs(level_at(&f, 500, rates[i]) + 3.0103) < 1e-4 && fabs(level_at(&f, 2000, rates[i]) + 3.0103) < 1e-4);
        CHECK(fabs(level_at(&f, 1000, rates[i])) < 0.01 && level_at(&f, 125, rates[i]) < -45);
        compat_peaking(&f, 3000, 1.5, 1, rates[i]);
        CHECK(fabs(level_at(&f, 3000, rates[i]) - 1.5) < 1e-6 && fabs(level_at(&f, 0, rates[i])) < 1e-6);
    }
}

TEST(compat_master_ends_as_promised)
{
    static const char *const names[] = {"subtle", "balanced", "loud", "broadcast", "whatever"};
    for (int channels = 1; channels <= 2; channels++)
        for (size_t i = 0; i < COUNT(names); i++) {
            programme p = programme_song(44100, channels, 44100 * 36, 30000);
            CHECK(compat_master(&p.s, COMPAT_SEED, names[i], NULL) == DRGEN_OK);
            float peak = 0;
            for (int c = 0; c < channels; c++)
                for (size_t k = 0; k < p.s.frames; k++) peak = fmaxf(peak, fabsf(p.s.channel[c][k]));
            CHECKF(fabs(20 * log10((double)peak) + 0.5) < 1e-5, "%s: %g", names[i], (double)peak);
            programme_free(&p);
        }
}

/* A mono sound is treated as the left of a pair: only the seed's last stage couples channels, then by the same gain. */
TEST(compat_mono_is_a_pair_of_equals)
{
    for (int chain = 0; chain < 2; chain++)
        for (int preset = 0; preset < 4; preset++) {
            programme one = programme_song(44100, 1, 44100 * 36, 9000);
            float *twice = malloc(2 * one.s.frames * sizeof *twice);
            memcpy(twice, one.s.channel[0], one.s.frames * sizeof *twice);
            memcpy(twice + one.s.frames, twice, one.s.frames * sizeof *twice);
            sound two = {{twice, twice + one.s.frames}, one.s.frames, 2, 44100};
            const char *name = compat_preset_at((compat_chain)chain, preset)->name;
            CHECK(compat_master(&one.s, (compat_chain)chain, name, NULL) == DRGEN_OK);
            CHECK(compat_master(&two, (compat_chain)chain, name, NULL) == DRGEN_OK);
            CHECK(memcmp(twice, twice + one.s.frames, one.s.frames * sizeof *twice) == 0);
            CHECKF(memcmp(twice, one.s.channel[0], one.s.frames * sizeof *twice) == 0, "chain %d, %s", chain, name);
            free(twice);
            programme_free(&one);
        }
}

TEST(compat_silence_leaves_no_denormals)
{
    compat_sound x = make(400000, 2, 44100);
    for (int i = 0; i < 100; i++) x.frame[i][0] = x.frame[i][1] = 1;
    compat_filter low, band;
    compat_low_pass(&low, 120, 44100);
    compat_band_pass(&band, 6000, 20000, 44100);
    compat_filter_run(&band, x.frame, x.frames);
    x.frame[0][0] = 1;
    compat_filter_run(&low, x.frame, x.frames);
    size_t tiny = 0;
    for (size_t i = 0; i < x.frames; i++) tiny += fpclassify(x.frame[i][0]) == FP_SUBNORMAL;
    CHECKF(tiny == 0 && x.frame[399999][0] == 0, "%zu", tiny);
    free(x.frame);
    for (int chain = 0; chain < 2; chain++) { /* silence stays silence */
        programme p = programme_levels(44100, &(programme_level){PROGRAMME_SILENCE, 0.1}, 1);
        CHECK(compat_master(&p.s, (compat_chain)chain, "loud", NULL) == DRGEN_OK);
        for (size_t i = 0; i < p.s.frames; i++) CHECK(p.s.channel[0][i] == 0 && p.s.channel[1][i] == 0);
        programme_free(&p);
    }
}

TEST(compat_refuses)
{
    float memory[4][8] = {{0}};
    sound x = {{memory[0], memory[1], memory[2]}, 8, 2, 44100};
    drgen_err err = {0};
    CHECK(compat_find(COMPAT_SEED, "loud") == 2 && compat_find(COMPAT_FORK, "loud") == 2);
    CHECK(compat_find(COMPAT_SEED, "Loud") == COMPAT_SEED_OTHER && compat_find(COMPAT_FORK, "Loud") == -1);
    CHECK(!compat_preset_at(COMPAT_FORK, -1) && !compat_preset_at(COMPAT_FORK, 4) && !compat_preset_at(COMPAT_SEED, 5));
    CHECK(compat_master(&x, COMPAT_FORK, "punchy", &err) == DRGEN_ERR_ARG && strstr(err.message, "punchy"));
    CHECK(compat_master(&x, COMPAT_SEED, "punchy", NULL) == DRGEN_OK);
    x.channels = 3;
    CHECK(compat_master(&x, COMPAT_SEED, "loud", NULL) == DRGEN_ERR_ARG);
    x.channels = 2;
    memory[0][0] = 0.25f;
    memory[1][5] = NAN;
    err = (drgen_err){0};
    CHECK(compat_master(&x, COMPAT_SEED, "loud", &err) == DRGEN_ERR_ARG && strstr(err.message, "frame 5"));
    CHECK(memory[0][0] == 0.25f);
    memory[1][5] = 0;
    x.rate = 32000;
    CHECK(compat_master(&x, COMPAT_FORK, "loud", NULL) == DRGEN_ERR_ARG);
    CHECK(compat_master(&x, COMPAT_FORK, "subtle", NULL) == DRGEN_OK);
    CHECK(compat_master(&x, COMPAT_SEED, "loud", NULL) == DRGEN_OK); /* mistuned, and silent about it */
    for (size_t frames = 0; frames < 8; frames++)
        for (int chain = 0; chain < 2; chain++) {
            x.rate = 44100;
            x.frames = frames;
            CHECK(compat_master(&x, (compat_chain)chain, "broadcast", NULL) == DRGEN_OK);
            for (size_t i = 0; i < frames; i++) CHECK(isfinite(memory[0][i]) && isfinite(memory[1][i]));
        }
}
