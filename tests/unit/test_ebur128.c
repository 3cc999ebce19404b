/* Our meters beside libebur128, where it is installed: programmes of random levels at several rates and channel
 * counts. */
#include "tests/t.h"

#ifdef WITH_EBUR128
#include <ebur128.h>
#include <stdlib.h>

#include "base/rng.h"
#include "dsp/figures.h"
#include "dsp/truepeak.h"
#include "tests/programme.h"

typedef struct {
    double integrated, range, gate, momentary, short_term, true_peak;
} other;

static double level(double v)
{
    return 20 * log10(v);
}

/* Fed in steps of 10 ms, so that its momentary and short-term windows end where ours do. */
static other measured_by_other(const sound *x)
{
    other o = {.momentary = -INFINITY, .short_term = -INFINITY};
    size_t hop = (size_t)x->rate / 100, channels = (size_t)x->channels;
    ebur128_state *s = ebur128_init((unsigned)x->channels, (unsigned long)x->rate,
                                    EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_S | EBUR128_MODE_TRUE_PEAK);
    float *frames = malloc(hop * channels * sizeof *frames);
    for (size_t at = 0; at < x->frames; at += hop) {
        size_t n = x->frames - at < hop ? x->frames - at : hop;
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < channels; c++) frames[i * channels + c] = x->channel[c][at + i];
        CHECK(ebur128_add_frames_float(s, frames, n) == EBUR128_SUCCESS);
        double m, t;
        if (n < hop) break;
        if (at + n >= 4 * loudness_cell_frames(x->rate) && ebur128_loudness_momentary(s, &m) == 0)
            o.momentary = fmax(o.momentary, m);
        if (at + n >= 30 * loudness_cell_frames(x->rate) && ebur128_loudness_shortterm(s, &t) == 0)
            o.short_term = fmax(o.short_term, t);
    }
    CHECK(ebur128_loudness_global(s, &o.integrated) == 0 && ebur128_loudness_range(s, &o.range) == 0);
    CHECK(ebur128_relative_threshold(s, &o.gate) == 0);
    for (unsigned c = 0; c < channels; c++) {
        double peak = 0;
        CHECK(ebur128_true_peak(s, c, &peak) == 0);
        o.true_peak = fmax(o.true_peak, peak);
    }
    ebur128_destroy(&s);
    free(frames);
    return o;
}

TEST(figures_are_those_of_libebur128)
{
    static const struct {
        int rate, channels;
    } formats[] = {{44100, 2}, {48000, 1}, {22050, 2}, {96000, 2}, {48000, 5}, {44100, 6}};
    uint64_t rng = t_seed;
    for (size_t f = 0; f < COUNT(formats); f++) {
        programme p = programme_noise(formats[f].rate, formats[f].channels, 14.37, 0.5, t_seed + f);
        size_t stretch = (size_t)formats[f].rate * 7 / 10;
        for (size_t from = 0; from < p.s.frames; from += stretch) {
            float gain = powf(10, -1.25f + 1.25f * rng_uniform(&rng));
            for (size_t i = from; i < p.s.frames && i < from + stretch; i++)
                for (int c = 0; c < p.s.channels; c++) p.s.channel[c][i] *= gain;
        }
        figures got;
        CHECK(figures_measure(&got, &p.s, kern_best(), NULL) == DRGEN_OK);
        other want = measured_by_other(&p.s);
        const loudness_figures *l = &got.loudness;
        CHECKF(fabs(l->integrated - want.integrated) < 0.001 && fabs(l->relative_gate - want.gate) < 0.001 &&
                   fabs(l->max_momentary - want.momentary) < 0.001 &&
                   fabs(l->max_short_term - want.short_term) < 0.001,
               "%d Hz, %d channels: I %.5f, theirs %.5f; M %.5f, %.5f; S %.5f, %.5f", p.s.rate, p.s.channels,
               l->integrated, want.integrated, l->max_momentary, want.momentary, l->max_short_term, want.short_term);
        CHECKF(fabs(l->range_1s_hop - want.range) < 0.01 && want.range > 0, "LRA %.4f, theirs %.4f", l->range_1s_hop,
               want.range);
        programme_free(&p);
    }
}

/* The strict check is never below it, the meter near it for tones. */
TEST(peaks_are_those_of_libebur128)
{
    for (int k = 0; k < 12; k++) {
        int rate = k % 2 ? 44100 : 96000;
        programme p = k < 6 ? programme_tone(rate, 0.3, 0.03 + 0.05 * k, 0.7, 13 * k, 10)
                            : programme_noise(rate, 2, 0.3, 0.5, t_seed + (unsigned)k);
        figures got;
        CHECK(figures_measure(&got, &p.s, kern_best(), NULL) == DRGEN_OK);
        double want = level(measured_by_other(&p.s).true_peak), strict = level(tp_verify(&p.s, NULL, 1, kern_best()));
        if (k < 6) CHECKF(fabs(got.true_peak - want) < 0.1, "tone %d: %.4f, theirs %.4f", k, got.true_peak, want);
        CHECKF(strict > want - 1e-4, "%d: strict %.6f, theirs %.6f", k, strict, want);
        programme_free(&p);
    }
}
#else
TEST(figures_are_those_of_libebur128)
{
    t_skip("built without libebur128");
}
#endif
