/* Peaks between samples: the meter, the strict check and the envelope against sums written out here, blocks of any
 * size, what lies at both ends, golden taps and envelope. */
#include <stdlib.h>

#include "base/rng.h"
#include "dsp/truepeak.h"
#include "io/audio.h"
#include "io/file.h"
#include "io/json.h"
#include "tests/programme.h"
#include "tests/t.h"

/* The value at phase p after frame n, straight from the formula. */
static double value(const sound *x, int c, ptrdiff_t n, int half, const double *tap)
{
    double y = 0;
    for (int t = 0; t < 2 * half; t++) {
        ptrdiff_t at = n + t - half + 1;
        if (at >= 0 && at < (ptrdiff_t)x->frames) y += tap[t] * (double)x->channel[c][at];
    }
    return y;
}

/* Largest magnitude from frame `from` to half frames after the end. */
static double slow_peak(const sound *x, int c, int phases, int half, double beta, ptrdiff_t from)
{
    double most = 0, tap[64];
    for (int p = 0; p < phases; p++) {
        tp_taps(tap, phases, half, beta, p);
        for (ptrdiff_t n = from; n < (ptrdiff_t)x->frames + half; n++)
            most = fmax(most, fabs(value(x, c, n, half, tap)));
    }
    return most;
}

static double slow_verify(const sound *x)
{
    double most = 0;
    int short_phases = x->rate < 96000 ? 4 : x->rate < 192000 ? 2 : 1;
    for (int c = 0; c < x->channels; c++) {
        most = fmax(most, slow_peak(x, c, 4, 16, 6, 0));
        most = fmax(most, slow_peak(x, c, 16, 32, 8, 0));
        most = fmax(most, slow_peak(x, c, short_phases, 24 / short_phases, -1, -24 / short_phases));
    }
    return most;
}

static tp_figures metered(const sound *x, int c, size_t block)
{
    static tp_meter m; /* larger than a stack frame here may be */
    tp_open(&m, x->rate, x->channels, kern_best());
    for (size_t at = 0; at < x->frames;) {
        const float *rows[SOUND_MAX_CHANNELS];
        size_t n = block && block < x->frames - at ? block : x->frames - at;
        for (int k = 0; k < x->channels; k++) rows[k] = x->channel[k] + at;
        tp_feed(&m, rows, n);
        at += n;
        if (at < 100) tp_read(&m, c); /* changes nothing */
    }
    return tp_read(&m, c);
}

static double level(double v)
{
    return 20 * log10(v);
}

/* Noise with a louder stretch somewhere, so that bounds have something to skip. */
static programme uneven_noise(int rate, size_t frames, uint64_t seed)
{
    uint64_t rng = seed;
    programme p = programme_noise(rate, 2, (double)frames / rate, 0.3, seed);
    size_t from = rng_split(&rng) % (frames + 1), length = rng_split(&rng) % 300;
    for (size_t i = from; i < frames && i < from + length; i++) p.s.channel[i % 2][i] *= 3;
    return p;
}

TEST(the_meter_is_the_formula)
{
    static const int rates[] = {44100, 96000, 192000, 48000};
    static const size_t frames[] = {1, 2, 15, 16, 17, 33, 255, 256, 257, 1000, 3001};
    for (size_t i = 0; i < COUNT(rates) * COUNT(frames); i++) {
        int rate = rates[i % COUNT(rates)], phases = rate < 96000 ? 4 : rate < 192000 ? 2 : 1;
        programme p = uneven_noise(rate, frames[i / COUNT(rates)], t_seed + i);
        for (int c = 0; c < 2; c++) {
            tp_figures got = metered(&p.s, c, 0);
            double want = slow_peak(&p.s, c, phases, 16, 6, 0), sample = slow_peak(&p.s, c, 1, 16, 6, 0), tap[64];
            CHECKF(fabs(level(got.true_peak) - level(want)) < 1e-5, "%d Hz, %zu frames: %.9g, want %.9g", rate,
                   p.s.frames, got.true_peak, want);
            CHECK(fabs(got.sample_peak - sample) < 1e-7 &&
                  fabs((double)fabsf(p.s.channel[c][got.sample_peak_frame]) - sample) < 1e-7);
            double there = 0;
            for (int k = 0; k < phases; k++) {
                tp_taps(tap, phases, 16, 6, k);
                there = fmax(there, fabs(value(&p.s, c, (ptrdiff_t)got.true_peak_frame, 16, tap)));
            }
            CHECKF(fabs(level(there) - level(want)) < 1e-5, "true peak is not at frame %zu", got.true_peak_frame);
        }
        programme_free(&p);
    }
}

TEST(true_peaks_do_not_depend_on_blocks)
{
    static const size_t blocks[] = {1, 7, 30, 31, 32, 100, 4096};
    for (uint64_t seed = 0; seed < 8; seed++) {
        programme p = uneven_noise(seed % 2 ? 44100 : 96000, 6000, t_seed + seed);
        if (seed == 3) p.s.channel[0][77] = NAN, p.s.channel[0][4096] = INFINITY;
        for (int c = 0; c < 2; c++) {
            tp_figures whole = metered(&p.s, c, 0);
            CHECK(isfinite(whole.true_peak));
            for (size_t b = 0; b < COUNT(blocks); b++) {
                tp_figures f = metered(&p.s, c, blocks[b]);
                CHECKF(memcmp(&f, &whole, sizeof f) == 0, "blocks of %zu: %.9g at %zu, whole %.9g at %zu", blocks[b],
                       f.true_peak, f.true_peak_frame, whole.true_peak, whole.true_peak_frame);
            }
        }
        programme_free(&p);
    }
}

TEST(the_strict_check_skips_nothing_that_matters)
{
    static const int rates[] = {44100, 96000, 192000};
    static const size_t frames[] = {1, 5, 40, 64, 700, 2500};
    for (size_t i = 0; i < COUNT(rates) * COUNT(frames) * 3; i++) {
        size_t n = frames[i / COUNT(rates) % COUNT(frames)], kind = i / (COUNT(rates) * COUNT(frames));
        programme p = uneven_noise(rates[i % COUNT(rates)], n, t_seed + i);
        for (size_t k = 0; k < n && kind == 1; k++) { /* clipped, as a limiter leaves it */
            float v = 4 * p.s.channel[0][k];
            p.s.channel[0][k] = v > 0.8f ? 0.8f : v < -0.8f ? -0.8f : v;
        }
        for (size_t k = 0; k < n && kind == 2; k++) /* quiet but for one odd stretch of a tone near the top */
            for (int c = 0; c < 2; c++)
                p.s.channel[c][k] = (k % 97 < 60 ? 0.5f : 1e-3f) * (float)sin(3.1 * (double)k + c);
        double got = tp_verify(&p.s, NULL, 1, kern_best()), want = slow_verify(&p.s);
        CHECKF(fabs(level(got) - level(want)) < 1e-5, "kind %zu, %d Hz, %zu frames: %.9g, want %.9g", kind, p.s.rate,
               n, got, want);
        programme_free(&p);
    }
}

TEST(the_strict_check_takes_a_gain)
{
    programme p = uneven_noise(44100, 2000, t_seed);
    float *gain = malloc(p.s.frames * sizeof *gain);
    for (size_t i = 0; i < p.s.frames; i++) gain[i] = 0.5f + 0.4f * sinf((float)i * 0.01f);
    double got = tp_verify(&p.s, gain, 1.7f, kern_best()), scaled = tp_verify(&p.s, NULL, 1.7f, kern_best());
    CHECK(fabs(level(scaled / tp_verify(&p.s, NULL, 1, kern_best())) - level(1.7)) < 1e-5);
    for (int c = 0; c < 2; c++)
        for (size_t i = 0; i < p.s.frames; i++) p.s.channel[c][i] *= 1.7f * gain[i];
    double want = tp_verify(&p.s, NULL, 1, kern_best());
    CHECKF(fabs(level(got) - level(want)) < 1e-5, "%.9g, want %.9g", got, want);
    p.s.channel[1][3] = NAN;
    CHECK(isfinite(tp_verify(&p.s, NULL, 1, kern_best())) && isfinite(tp_verify(&p.s, gain, 1, kern_best())));
    p.s.frames = 0;
    CHECK(tp_verify(&p.s, gain, 1, kern_best()) == 0);
    free(gain);
    programme_free(&p);
}

/* Single samples at both ends; a tone whose samples all miss its peak by 3 dB. */
TEST(peaks_at_the_ends_and_between)
{
    for (size_t at = 0; at < 500; at += 499) {
        programme p = programme_noise(44100, 1, 500.0 / 44100, 0, 1);
        p.s.channel[0][at] = -0.9f;
        tp_figures f = metered(&p.s, 0, 0);
        CHECK(fabs(f.true_peak - 0.9) < 1e-6 && f.sample_peak_frame == at &&
              fabs(tp_verify(&p.s, NULL, 1, kern_best()) - 0.9) < 1e-6);
        programme_free(&p);
    }
    programme p = programme_tone(44100, 0.5, 0.25, 1, 45, 10);
    tp_figures f = metered(&p.s, 0, 0);
    CHECK(fabs(level(f.sample_peak) + 3.0103) < 1e-3 && fabs(level(f.true_peak)) < 0.02);
    programme_free(&p);
}

/* ---- envelope */

static double slow_envelope(const sound *x, ptrdiff_t n)
{
    double most = 0, tap[64];
    for (int p = 0; p <= 8; p++) {
        tp_taps(tap, 8, 16, 6, p % 8);
        for (int c = 0; c < x->channels; c++)
            for (ptrdiff_t k = n - 1; k <= n; k++)
                if (k >= 0) most = fmax(most, fabs(value(x, c, k + p / 8, 16, tap)));
    }
    return most;
}

TEST(the_envelope_is_the_formula_in_any_ranges)
{
    static const size_t frames[] = {1, 2, 17, 511, 512, 513, 1300};
    tp_bank bank;
    tp_bank_kaiser(&bank, 8, 16, 6);
    for (size_t i = 0; i < COUNT(frames); i++) {
        programme p = uneven_noise(44100, frames[i], t_seed + i);
        float *e = malloc(frames[i] * sizeof *e), *parts = malloc(frames[i] * sizeof *parts);
        tp_envelope(e, &p.s, 0, frames[i], &bank, kern_best());
        for (size_t n = 0; n < frames[i]; n++) {
            double want = slow_envelope(&p.s, (ptrdiff_t)n);
            CHECKF(fabs((double)e[n] - want) < 3e-6, "%zu frames, at %zu: %.9g, want %.9g", frames[i], n,
                   (double)e[n], want);
        }
        for (size_t at = 0, step = 1; at < frames[i]; at += step, step = step * 3 % 400 + 1)
            tp_envelope(parts + at, &p.s, at, frames[i] - at < step ? frames[i] - at : step, &bank, kern_best());
        CHECKF(memcmp(e, parts, frames[i] * sizeof *e) == 0, "%zu frames: ranges change the envelope", frames[i]);
        free(e);
        free(parts);
        programme_free(&p);
    }
}

TEST(the_envelope_is_the_golden_one)
{
    enum { FRAMES = 6000 };
    audio_file *f;
    audio_info info;
    file_bytes bytes, params;
    json_doc *doc = NULL;
    tp_bank bank;
    static float frames[FRAMES][2], row[2][FRAMES], e[FRAMES];
    double worst = 0;
    tp_bank_kaiser(&bank, 8, 16, 6);
    if (audio_open(&f, "tests/golden/mastering/stage_a.wav", &info, NULL) != DRGEN_OK) {
        CHECK(!"stage_a.wav opens");
        return;
    }
    CHECK(info.frames == FRAMES && info.channels == 2 && audio_read(f, 0, FRAMES, frames[0], NULL) == DRGEN_OK);
    audio_close(f);
    CHECK(file_map(&bytes, "tests/golden/mastering/pro/stage_a_tp_envelope.f64", 1 << 20, NULL) == DRGEN_OK);
    CHECK(file_map(&params, "tests/golden/mastering/pro/stage_a_params.json", 1 << 20, NULL) == DRGEN_OK);
    CHECK(json_parse(&doc, params.data, params.size, "params", NULL) == DRGEN_OK &&
          bytes.size == FRAMES * sizeof(double));
    double drive = json_number(json_get(json_get(json_root(doc), "limiter"), "drive"), NAN);
    for (size_t i = 0; i < FRAMES; i++)
        for (int c = 0; c < 2; c++) row[c][i] = frames[i][c];
    tp_envelope(e, &(sound){{row[0], row[1]}, FRAMES, 2, 44100}, 0, FRAMES, &bank, kern_best());
    for (size_t i = 0; i < FRAMES; i++) {
        double want;
        memcpy(&want, bytes.data + i * sizeof want, sizeof want);
        worst = fmax(worst, fabs(drive * (double)e[i] - want));
    }
    CHECKF(worst <= 3e-6, "envelope is off by %g", worst);
    json_free(doc);
    file_close(&params);
    file_close(&bytes);
}

TEST(interpolator_taps_are_the_golden_ones)
{
    file_bytes bytes;
    json_doc *doc = NULL;
    if (file_map(&bytes, "tests/golden/mastering/coeffs.json", 1 << 20, NULL) != DRGEN_OK) {
        CHECK(!"coeffs.json opens");
        return;
    }
    CHECK(json_parse(&doc, bytes.data, bytes.size, "coeffs", NULL) == DRGEN_OK);
    double tap[32];
    int phases = 0;
    const json_node *phase = json_first(json_get(json_get(json_root(doc), "interp_fir"), "L4_H16_beta6"));
    for (; phase; phase = json_next(phase), phases++) {
        tp_taps(tap, 4, 16, 6, phases);
        int t = 0;
        for (const json_node *v = json_first(phase); v && t < 32; v = json_next(v), t++)
            CHECKF(fabs(tap[t] - json_number(v, NAN)) < 1e-14, "phase %d tap %d: %.17g", phases, t, tap[t]);
        CHECK(t == 32);
    }
    CHECK(phases == 4);
    json_free(doc);
    file_close(&bytes);
}
