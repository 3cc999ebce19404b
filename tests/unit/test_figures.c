/* Figures of sounds whose values are known, in blocks of any size; what is silent, broken or clipped is said so. */
#include <stdlib.h>

#include "base/rng.h"
#include "dsp/figures.h"
#include "tests/programme.h"
#include "tests/t.h"

static figures measured(const sound *x)
{
    figures f;
    drgen_err err = {0};
    memset(&f, 0, sizeof f);
    CHECKF(figures_measure(&f, x, kern_best(), &err) == DRGEN_OK, "%s", err.message);
    return f;
}

static figures in_blocks(const sound *x, size_t block)
{
    figures f;
    figures_meter *m = NULL;
    memset(&f, 0, sizeof f);
    CHECK(figures_open(&m, x->rate, x->channels, kern_best(), NULL) == DRGEN_OK);
    for (size_t at = 0; at < x->frames;) {
        const float *rows[SOUND_MAX_CHANNELS];
        size_t n = block < x->frames - at ? block : x->frames - at;
        for (int c = 0; c < x->channels; c++) rows[c] = x->channel[c] + at;
        CHECK(figures_feed(m, rows, n, NULL) == DRGEN_OK);
        at += n;
    }
    CHECK(figures_finish(m, &f, NULL) == DRGEN_OK);
    figures_close(m);
    return f;
}

static void check_no_nan(const figures *f)
{
    const loudness_figures *l = &f->loudness;
    const double all[] = {f->true_peak, f->sample_peak, f->rms, f->crest, f->plr, f->correlation, f->min_correlation,
                          f->balance, f->side_mid, f->mono_loss, f->head_silence, f->tail_silence, l->integrated,
                          l->relative_gate, l->max_momentary, l->max_short_term, l->range, l->range_1s_hop};
    for (size_t i = 0; i < COUNT(all); i++) CHECKF(!isnan(all[i]), "figure %zu is not a number", i);
    for (int c = 0; c < f->channels; c++) {
        const figures_channel *k = &f->channel[c];
        CHECK(!isnan(k->true_peak + k->sample_peak) && !isnan(k->rms) && !isnan(k->crest) && isfinite(k->dc) &&
              !isnan(k->integrated));
    }
}

/* Left at -20 dBFS, right the same 6.02 dB lower, opposite, and a constant on both. */
TEST(figures_of_two_tones)
{
    const programme_step step = {{-20, -20}, 10};
    programme p = programme_steps(48000, 2, 1000, &step, 1);
    for (size_t i = 0; i < p.s.frames; i++) {
        p.s.channel[1][i] = -0.5f * p.s.channel[0][i] - 0.01f;
        p.s.channel[0][i] += 0.02f;
    }
    figures f = measured(&p.s);
    check_no_nan(&f);
    CHECK(f.frames == 480000 && f.rate == 48000 && f.channels == 2 && f.seconds == 10);
    CHECK(fabs(f.channel[0].dc - 0.02) < 1e-6 && fabs(f.channel[1].dc + 0.01) < 1e-6);
    CHECK(fabs(f.correlation + 1) < 1e-6 && fabs(f.min_correlation + 1) < 1e-6);
    CHECKF(fabs(f.balance - 20 * log10(2)) < 1e-3, "balance %.6f", f.balance);
    CHECKF(fabs(f.side_mid - 20 * log10(3)) < 1e-4, "side to mid %.6f", f.side_mid); /* 0.75 to 0.25 */
    CHECKF(fabs(f.mono_loss - 10 * log10(0.125 / 1.25)) < 1e-3, "mono loss %.6f", f.mono_loss);
    CHECK(fabs(f.channel[0].sample_peak - 20 * log10(0.12)) < 1e-4 &&
          fabs(f.sample_peak - f.channel[0].sample_peak) == 0);
    CHECKF(fabs(f.channel[0].rms - 10 * log10(0.005 + 0.0004)) < 1e-4, "rms %.6f", f.channel[0].rms);
    CHECK(fabs(f.channel[0].crest - (f.channel[0].sample_peak - f.channel[0].rms)) < 1e-12);
    CHECK(fabs(f.rms - 10 * log10((0.005 + 0.0004 + 0.00125 + 0.0001) / 2)) < 1e-4);
    CHECK(fabs(f.plr - (f.true_peak - f.loudness.integrated)) < 1e-12 && f.true_peak >= f.sample_peak);
    CHECKF(f.channel[0].integrated > f.channel[1].integrated && fabs(f.channel[0].integrated + 23) < 0.1, "I %.4f",
           f.channel[0].integrated);
    CHECK(!f.silent && f.head_silence == 0 && f.tail_silence == 0 && f.clip_runs == 0 && f.over == 0 &&
          f.bad_samples == 0);
    programme_free(&p);
}

/* In phase, then opposite for two seconds too quiet to count, then opposite aloud. */
TEST(least_correlation_looks_at_what_can_be_heard)
{
    const programme_level pair[] = {{-20, 5}, {-65, 2}, {-20, 3}};
    for (int aloud = 0; aloud < 2; aloud++) {
        programme p = programme_levels(44100, pair, 3);
        for (size_t i = 5 * 44100; i < (aloud ? 10 : 7) * 44100; i++) p.s.channel[1][i] *= -1;
        figures f = measured(&p.s);
        CHECKF(fabs(f.min_correlation - (aloud ? -1 : 1)) < 0.01, "%g", f.min_correlation);
        CHECKF(f.correlation > 0.2 && (aloud ? f.correlation < 0.3 : f.correlation > 0.99), "%g", f.correlation);
        programme_free(&p);
    }
}

TEST(one_side_and_equal_sides)
{
    programme p = programme_noise(44100, 2, 2, 0.3, 5);
    memcpy(p.s.channel[1], p.s.channel[0], p.s.frames * sizeof(float));
    figures f = measured(&p.s);
    check_no_nan(&f);
    CHECK(fabs(f.correlation - 1) < 1e-9 && f.balance == 0 && fabs(f.mono_loss) < 1e-6 && f.side_mid < -100 &&
          f.side_mid >= -300);
    for (size_t i = 0; i < p.s.frames; i++) p.s.channel[1][i] *= -1;
    f = measured(&p.s);
    check_no_nan(&f);
    CHECK(fabs(f.correlation + 1) < 1e-9 && f.mono_loss == -INFINITY && f.side_mid > 100 && f.side_mid <= 300);
    memset(p.s.channel[1], 0, p.s.frames * sizeof(float));
    f = measured(&p.s);
    check_no_nan(&f);
    CHECK(f.balance == INFINITY && f.correlation == 1 && fabs(f.mono_loss + 10 * log10(2)) < 1e-3 &&
          fabs(f.side_mid) < 1e-6);
    p.s.channels = 1;
    f = measured(&p.s);
    check_no_nan(&f);
    CHECK(f.balance == 0 && f.correlation == 1 && f.mono_loss == 0 && f.side_mid == -INFINITY);
    CHECK(f.channel[0].integrated == f.loudness.integrated);
    programme_free(&p);
}

/* Runs that begin and end in different cells, blocks and stretches; equal samples below do not count. */
TEST(clip_runs_and_what_is_over)
{
    programme p = programme_noise(44100, 2, 1, 0.5, 8);
    const struct {
        size_t at, length;
        float value;
    } runs[] = {{4408, 5, 1.0f},        {9000, 3, -0.9999f}, {9003, 2, 1.5f},
                {20000, 700, 0.99995f}, {30000, 9, 0.99f},   {44098, 2, 1.2f}};
    for (size_t r = 0; r < COUNT(runs); r++)
        for (size_t i = 0; i < runs[r].length; i++) p.s.channel[r % 2][runs[r].at + i] = runs[r].value;
    for (size_t i = 9000; i < 9003; i++) p.s.channel[0][i] = i % 2 ? 1.1f : -1.1f; /* over, but no run */
    figures f = measured(&p.s);
    CHECKF(f.clip_runs == 3 && f.longest_clip == 700 && f.over == 2 + 2 + 3, "%zu runs, longest %zu, %zu over",
           f.clip_runs, f.longest_clip, f.over);
    static const size_t blocks[] = {1, 7, 4096, 4410, 44100};
    for (size_t b = 0; b < COUNT(blocks); b++) {
        figures g = in_blocks(&p.s, blocks[b]);
        CHECKF(memcmp(&f, &g, sizeof f) == 0, "blocks of %zu change the figures", blocks[b]);
    }
    for (size_t i = 0; i < p.s.frames; i++) p.s.channel[0][i] = 1;
    f = measured(&p.s);
    CHECK(f.longest_clip == p.s.frames && f.over == 2); /* the right channel keeps its own */
    programme_free(&p);
}

TEST(silence_at_both_ends)
{
    static const size_t cases[][2] = {{0, 0}, {1, 1}, {4410, 4409}, {50000, 1000}, {1000, 60000}};
    for (size_t k = 0; k < COUNT(cases); k++) {
        programme p = programme_noise(44100, 2, 2, 0.0009, 8); /* just below */
        p.s.channel[k % 2][cases[k][0]] = 0.5f;
        p.s.channel[(k + 1) % 2][p.s.frames - 1 - cases[k][1]] = -0.0011f;
        figures f = measured(&p.s);
        CHECKF(fabs(f.head_silence - (double)cases[k][0] / 44100) < 1e-9 &&
                   fabs(f.tail_silence - (double)cases[k][1] / 44100) < 1e-9,
               "case %zu: head %.6f tail %.6f", k, f.head_silence, f.tail_silence);
        CHECK(!f.silent);
        programme_free(&p);
    }
    programme p = programme_noise(44100, 2, 2, 0.0009, 8);
    figures f = measured(&p.s);
    CHECK(f.silent && f.head_silence == 2 && f.tail_silence == 2);
    programme_free(&p);
}

TEST(nothing_silence_and_a_constant)
{
    static const size_t frames[] = {0, 1, 2, 10, 4409, 17639, 88200};
    for (size_t i = 0; i < COUNT(frames); i++)
        for (int constant = 0; constant < 2; constant++) {
            programme p = programme_noise(44100, 1 + (int)i % 2, (double)frames[i] / 44100, 0, 1);
            for (int c = 0; c < p.s.channels && constant; c++)
                for (size_t n = 0; n < p.s.frames; n++) p.s.channel[c][n] = 0.25f;
            figures f = measured(&p.s);
            check_no_nan(&f);
            CHECK(f.frames == frames[i] && f.correlation == 1 && f.min_correlation == 1 && f.balance == 0);
            if (!constant || !frames[i])
                CHECK(f.silent && f.true_peak == -INFINITY && f.crest == 0 && f.plr == 0 &&
                      f.loudness.integrated == -INFINITY);
            else CHECK(!f.silent && fabs(f.channel[0].dc - 0.25) < 1e-9 && fabs(f.crest) < 1e-6);
            programme_free(&p);
        }
}

TEST(samples_that_are_no_numbers_are_counted)
{
    uint64_t rng = t_seed;
    programme p = programme_noise(44100, 2, 3, 0.5, 2), q = programme_noise(44100, 2, 3, 0.5, 2);
    static const size_t at[] = {70001, 60000, 60000, 132299};
    const float odd[] = {NAN, INFINITY, -INFINITY, -NAN};
    for (size_t i = 0; i < COUNT(at); i++) {
        p.s.channel[i % 2][at[i]] = odd[i];
        q.s.channel[i % 2][at[i]] = 0;
    }
    figures f = measured(&p.s), want = measured(&q.s);
    check_no_nan(&f);
    CHECKF(f.bad_samples == 4 && f.first_bad_frame == 60000, "%zu bad, first %zu", f.bad_samples, f.first_bad_frame);
    f.bad_samples = f.first_bad_frame = 0;
    CHECK(memcmp(&f, &want, sizeof f) == 0);
    for (int c = 0; c < 2; c++)
        for (size_t i = 0; i < p.s.frames; i++) p.s.channel[c][i] = (rng_split(&rng) & 1 ? 3e38f : -3e38f);
    f = measured(&p.s);
    check_no_nan(&f);
    CHECK(isfinite(f.true_peak) && isfinite(f.loudness.integrated) && f.bad_samples == 0);
    programme_free(&p);
    programme_free(&q);
}

TEST(figures_of_any_rate_and_channels)
{
    static const int rates[] = {8000, 22050, 96000, 192000};
    for (int channels = 1; channels <= SOUND_MAX_CHANNELS; channels++) {
        programme p = programme_noise(rates[channels % 4], channels, 1.23, 0.5, t_seed);
        figures f = measured(&p.s), g = in_blocks(&p.s, 333);
        check_no_nan(&f);
        CHECK(memcmp(&f, &g, sizeof f) == 0 && f.channels == channels && isfinite(f.loudness.integrated));
        for (int c = 0; c < channels; c++)
            CHECK(fabs(f.channel[c].rms - 20 * log10(0.5 / sqrt(3))) < 0.4 &&
                  f.channel[c].true_peak >= f.channel[c].sample_peak);
        programme_free(&p);
    }
    figures_meter *m;
    CHECK(figures_open(&m, 7000, 2, kern_best(), NULL) == DRGEN_ERR_ARG && !m);
    CHECK(figures_open(&m, 44100, 9, kern_best(), NULL) == DRGEN_ERR_ARG && !m);
}
