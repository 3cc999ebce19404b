/* Loudness: the EBU's sequences in full, blocks of any size, a gain curve measured without storing it, every rate,
 * what is too short, silent or no number. Figures of fixed programmes are golden data
 * (tests/golden_mastering_meters.c). */
#include <stdlib.h>

#include "base/rng.h"
#include "dsp/loudness.h"
#include "tests/programme.h"
#include "tests/t.h"

static loudness_figures measured(const sound *x)
{
    loudness_figures f = {0};
    drgen_err err = {0};
    CHECKF(loudness_measure(&f, x, kern_best(), &err) == DRGEN_OK, "%s", err.message);
    return f;
}

static loudness_meter *meter(int rate, int channels)
{
    loudness_meter *m = NULL;
    drgen_err err = {0};
    CHECKF(loudness_open(&m, rate, channels, kern_best(), &err) == DRGEN_OK, "%s", err.message);
    return m;
}

static void feed(loudness_meter *m, const sound *x, size_t from, size_t frames)
{
    const float *at[SOUND_MAX_CHANNELS];
    for (int c = 0; c < x->channels; c++) at[c] = x->channel[c] + from;
    CHECK(loudness_feed(m, at, frames, NULL) == DRGEN_OK);
}

/* ---- Tech 3341, cases 9 to 14 */

/* The loudest 4 or 30 cells that end at each cell from the given one on are at -23. */
static void check_constant(const programme_level *pair, size_t count, size_t cells, size_t from)
{
    programme p = programme_levels(48000, pair, count);
    loudness_meter *m = meter(48000, 2);
    feed(m, &p.s, 0, p.s.frames);
    CHECK(loudness_cell_count(m) > from + 10);
    for (size_t end = from; end <= loudness_cell_count(m); end++) {
        double e = 0;
        for (size_t i = end - cells; i < end; i++) e += loudness_cell(m, i);
        double level = loudness_of_energy(e / (double)cells);
        CHECKF(fabs(level + 23) < 0.1, "%zu cells that end at cell %zu: %.3f", cells, end, level);
    }
    float series[200];
    size_t n = loudness_series(m, series, COUNT(series));
    CHECK(n == loudness_cell_count(m) && series[28] == -INFINITY);
    if (cells == 30)
        for (size_t i = 29; i < n; i++)
            CHECKF(fabsf(series[i] + 23) < 0.1f, "curve at %zu: %.3f", i, (double)series[i]);
    loudness_close(m);
    programme_free(&p);
}

TEST(ebu_9_short_term_is_constant)
{
    programme_level pair[10];
    for (size_t i = 0; i < 10; i++) pair[i] = (programme_level){i % 2 ? -30 : -20, i % 2 ? 1.66 : 1.34};
    check_constant(pair, 10, 30, 30);
}

TEST(ebu_12_momentary_is_constant)
{
    programme_level pair[50];
    for (size_t i = 0; i < 50; i++) pair[i] = (programme_level){i % 2 ? -30 : -20, i % 2 ? 0.22 : 0.18};
    check_constant(pair, 50, 4, 10);
}

TEST(ebu_10_and_13_maxima_wherever_the_tone_starts)
{
    for (int i = 0; i < 20; i++) {
        const programme_level late[] = {{-999, 0.15 * i}, {-23, 3}, {-999, 1}},
                              brief[] = {{-999, 0.02 * i}, {-23, 0.4}, {-999, 1}};
        programme p = programme_levels(48000, late, 3);
        double s = measured(&p.s).max_short_term;
        CHECKF(fabs(s + 23) < 0.1, "case 10, file %d: %.3f", i + 1, s);
        programme_free(&p);
        p = programme_levels(48000, brief, 3);
        double m = measured(&p.s).max_momentary;
        CHECKF(fabs(m + 23) < 0.1, "case 13, file %d: %.3f", i + 1, m);
        programme_free(&p);
    }
}

/* Groups of silence, tone and silence, the tone's level rising by 1 each; the maximum is read after each group. */
static void check_rising(double tone, double step, double (*read)(const loudness_meter *))
{
    loudness_meter *m = meter(48000, 2);
    for (int i = 0; i < 20; i++) {
        const programme_level group[] = {{-999, step * i}, {-38 + i, tone}, {-999, tone - step * i}};
        programme p = programme_levels(48000, group, 3);
        feed(m, &p.s, 0, p.s.frames);
        CHECKF(fabs(read(m) - (-38 + i)) < 0.1, "group %d of %g s: %.3f", i, tone, read(m));
        programme_free(&p);
    }
    loudness_close(m);
}

TEST(ebu_11_and_14_running_maxima)
{
    check_rising(3, 0.15, loudness_max_short_term);
    check_rising(0.4, 0.02, loudness_max_momentary);
}

/* ---- blocks */

static int same_figures(const loudness_figures *a, const loudness_figures *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* 22050: cells, hops and windows end at different places; 44100 and 48000: all on hops. */
TEST(figures_do_not_depend_on_blocks)
{
    static const int rates[] = {22050, 44100, 11025, 48000};
    static const size_t sizes[] = {1, 7, 4096, 100000};
    uint64_t rng = t_seed;
    for (size_t r = 0; r < COUNT(rates); r++) {
        programme p = programme_noise(rates[r], 2, 4.3, 0.3, t_seed + r);
        for (size_t i = 0; i < p.s.frames; i++) p.s.channel[0][i] *= (float)i / (float)p.s.frames;
        loudness_figures whole = measured(&p.s), f;
        CHECK(isfinite(whole.integrated) && isfinite(whole.max_short_term) && whole.range > 0);
        for (size_t s = 0; s <= COUNT(sizes); s++) {
            loudness_meter *m = meter(rates[r], 2);
            for (size_t at = 0; at < p.s.frames;) {
                size_t n = s < COUNT(sizes) ? sizes[s] : (size_t)(rng_split(&rng) % 1500);
                if (n > p.s.frames - at) n = p.s.frames - at;
                feed(m, &p.s, at, n);
                at += n;
                if (s == COUNT(sizes) && at > p.s.frames / 2)
                    CHECK(loudness_read(m, &f, NULL) == DRGEN_OK); /* changes nothing */
            }
            CHECK(loudness_read(m, &f, NULL) == DRGEN_OK);
            CHECKF(same_figures(&f, &whole), "%d Hz, size %zu: I %.17g, whole %.17g", rates[r], s, f.integrated,
                   whole.integrated);
            loudness_close(m);
        }
        programme_free(&p);
    }
}

/* Maxima against windows summed directly from a filter written out here. */
TEST(maxima_are_those_of_every_window_on_the_hop)
{
    static const int rates[] = {22050, 8000, 8099, 44100, 192000};
    for (size_t r = 0; r < COUNT(rates); r++) {
        int rate = rates[r];
        programme p = programme_noise(rate, 1, 4.2, 0.5, 99);
        for (size_t i = 0; i < p.s.frames; i++) p.s.channel[0][i] *= (float)(i % (size_t)(rate * 3)) / (float)rate;
        loudness_figures f = measured(&p.s);
        loudness_weighting w;
        loudness_weighting_init(&w, rate);
        double *sum = malloc((p.s.frames + 1) * sizeof *sum), x[3] = {0}, y[3] = {0}, z[3] = {0};
        sum[0] = 0;
        for (size_t i = 0; i < p.s.frames; i++) {
            x[0] = (double)p.s.channel[0][i];
            y[0] = w.shelf_b[0] * x[0] + w.shelf_b[1] * x[1] + w.shelf_b[2] * x[2] - w.shelf_a[1] * y[1] -
                   w.shelf_a[2] * y[2];
            z[0] = w.pass_b[0] * y[0] + w.pass_b[1] * y[1] + w.pass_b[2] * y[2] - w.pass_a[1] * z[1] -
                   w.pass_a[2] * z[2];
            for (int k = 2; k > 0; k--) x[k] = x[k - 1], y[k] = y[k - 1], z[k] = z[k - 1];
            sum[i + 1] = sum[i] + z[0] * z[0];
        }
        size_t hop = (size_t)rate / 100, cell = (size_t)(rate + 5) / 10;
        double most[2] = {0};
        for (size_t k = hop; k <= p.s.frames; k += hop)
            for (size_t i = 0; i < 2; i++) {
                size_t frames = (i ? 30 : 4) * cell;
                if (k >= frames) most[i] = fmax(most[i], (sum[k] - sum[k - frames]) / (double)frames);
            }
        CHECKF(fabs(f.max_momentary - loudness_of_energy(most[0])) < 1e-6, "%d Hz: M %.9f", rate, f.max_momentary);
        CHECKF(fabs(f.max_short_term - loudness_of_energy(most[1])) < 1e-6, "%d Hz: S %.9f", rate, f.max_short_term);
        free(sum);
        programme_free(&p);
    }
}

/* ---- laws */

TEST(a_gain_curve_is_measured_as_if_it_were_applied)
{
    programme p = programme_song(44100, 2, 30 * 44100, 6 * 44100 + 17);
    size_t n = p.s.frames;
    float *gain = malloc(n * sizeof *gain);
    double *cell = malloc(loudness_cells(n, 44100) * sizeof *cell);
    for (size_t i = 0; i < n; i++) gain[i] = 0.6f + 0.4f * sinf((float)i * 1e-4f);
    double got = loudness_gained(&p.s, gain, 0.7, cell, kern_best()),
           plain = loudness_gained(&p.s, NULL, 1, cell, kern_best());
    CHECK(plain == measured(&p.s).integrated || fabs(plain - measured(&p.s).integrated) < 1e-8);
    for (int c = 0; c < 2; c++)
        for (size_t i = 0; i < n; i++) p.s.channel[c][i] *= 0.7f * gain[i];
    double want = measured(&p.s).integrated;
    CHECKF(fabs(got - want) < 1e-5, "%.9f, want %.9f", got, want);
    for (int c = 0; c < 2; c++) memset(p.s.channel[c], 0, n * sizeof(float));
    CHECK(loudness_gained(&p.s, gain, 1, cell, kern_best()) == -INFINITY);
    CHECK(loudness_gained(&p.s, NULL, 0, cell, kern_best()) == -INFINITY);
    free(gain);
    free(cell);
    programme_free(&p);
}

/* 997 Hz reads alike at every rate, and 6.02 dB less at half the level; M, S and I agree on a steady tone. */
TEST(a_tone_reads_the_same_at_every_rate)
{
    static const int rates[] = {8000,  11025, 16000, 22050,  24000,  32000, 44100,
                                48000, 88200, 96000, 176400, 192000, 44056, 8001};
    for (size_t r = 0; r < COUNT(rates); r++) {
        const programme_step step = {{-20, -999}, 5};
        programme p = programme_steps(rates[r], 2, 997, &step, 1);
        loudness_figures f = measured(&p.s);
        CHECKF(fabs(f.integrated + 23.01) < (rates[r] < 20000 ? 0.06 : 0.03), "%d Hz: %.4f", rates[r], f.integrated);
        CHECKF(fabs(f.max_momentary - f.integrated) < 0.03 && fabs(f.max_short_term - f.integrated) < 0.01 &&
                   f.range < 0.01,
               "%d Hz: M %.4f S %.4f I %.4f", rates[r], f.max_momentary, f.max_short_term, f.integrated);
        for (size_t i = 0; i < p.s.frames; i++) p.s.channel[0][i] *= 0.5f;
        CHECK(fabs(measured(&p.s).integrated - f.integrated + 20 * log10(2)) < 1e-9);
        programme_free(&p);
    }
}

TEST(channels_count_by_their_weights)
{
    const double surround = 10 * log10(1.41);
    for (int channels = 1; channels <= SOUND_MAX_CHANNELS; channels++)
        for (int c = 0; c < channels; c++) {
            programme_step step = {{-999, -999, -999, -999, -999, -999, -999, -999}, 1};
            step.level[c] = -20;
            programme p = programme_steps(48000, channels, 997, &step, 1);
            double level = measured(&p.s).integrated, want = -23.01;
            if ((channels == 5 && c >= 3) || (channels == 6 && c >= 4)) want += surround;
            if (channels == 6 && c == 3) CHECK(level == -INFINITY);
            else CHECKF(fabs(level - want) < 0.01, "channel %d of %d: %.4f", c, channels, level);
            programme_free(&p);
        }
}

TEST(too_little_and_silence_have_no_loudness)
{
    static const size_t frames[] = {0, 1, 2, 10, 440, 441, 4409, 4410, 17639, 17640, 132299, 132300};
    for (size_t i = 0; i < COUNT(frames); i++)
        for (int loud = 0; loud < 2; loud++) {
            programme p = programme_noise(44100, 2, (double)frames[i] / 44100, loud ? 0.5 : 0, 3);
            CHECK(p.s.frames == frames[i]);
            loudness_figures f = measured(&p.s);
            CHECKF(isfinite(f.integrated) == (loud && frames[i] >= 17640), "%zu frames: I %g", frames[i], f.integrated);
            CHECK(isfinite(f.max_momentary) == isfinite(f.integrated) &&
                  isfinite(f.relative_gate) == isfinite(f.integrated));
            CHECKF(isfinite(f.max_short_term) == (loud && frames[i] >= 132300), "%zu frames: S %g", frames[i],
                   f.max_short_term);
            CHECK(f.integrated == f.integrated && f.range == 0 && f.range_1s_hop == 0);
            programme_free(&p);
        }
}

TEST(a_sample_that_is_no_number_counts_as_silence)
{
    programme p = programme_noise(44100, 2, 4, 0.5, 3), q = programme_noise(44100, 2, 4, 0.5, 3);
    const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        p.s.channel[i % 2][1000 + 50000 * i] = odd[i];
        q.s.channel[i % 2][1000 + 50000 * i] = 0;
    }
    loudness_figures f = measured(&p.s), want = measured(&q.s);
    CHECKF(fabs(f.integrated - want.integrated) < 1e-9 && fabs(f.max_momentary - want.max_momentary) < 1e-9 &&
               fabs(f.range - want.range) < 1e-6, "I %.9f, want %.9f", f.integrated, want.integrated);
    double cell[40];
    CHECK(fabs(loudness_gained(&p.s, NULL, 1, cell, kern_best()) - want.integrated) < 1e-9);
    for (int c = 0; c < 2; c++) /* as large as floats get */
        for (size_t i = 0; i < p.s.frames; i++) p.s.channel[c][i] = i % 2 ? 3e38f : -3e38f;
    CHECK(isfinite(measured(&p.s).integrated));
    programme_free(&p);
    programme_free(&q);
}

/* What the loud beginning leaves behind in running sums does not show in the silence after it. */
TEST(silence_after_sound_is_silence)
{
    const programme_level pair[] = {{0, 5}, {-999, 30}};
    programme p = programme_levels(44100, pair, 2);
    loudness_meter *m = meter(44100, 2);
    float series[400];
    feed(m, &p.s, 0, p.s.frames);
    size_t n = loudness_series(m, series, COUNT(series));
    CHECK(n == 350 && fabsf(series[40]) < 1 && series[349] < -150);
    for (size_t i = 85; i < n; i++) CHECKF(series[i] < -150, "curve at %zu: %g", i, (double)series[i]);
    loudness_close(m);
    programme_free(&p);
}

TEST(a_meter_refuses_odd_formats)
{
    static const int wrong[][2] = {{7999, 2}, {192001, 2}, {0, 1}, {-44100, 1}, {44100, 0}, {44100, 9}, {44100, -1}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        loudness_meter *m = NULL;
        drgen_err err = {0};
        CHECK(loudness_open(&m, wrong[i][0], wrong[i][1], kern_best(), &err) == DRGEN_ERR_ARG && !m && err.message[0]);
    }
    loudness_close(NULL);
}
