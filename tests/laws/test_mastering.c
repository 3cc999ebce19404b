/* What mastering as a whole promises: loudness and true peak together, whatever comes in. Source: spec mastering.md D.2.
 * DRGEN_FULL=1: 200 seeds instead of 5. */
#include <stdlib.h>

#include "dsp/biquad.h"
#include "dsp/loudness.h"
#include "dsp/master.h"
#include "dsp/truepeak.h"
#include "tests/laws/mastering.h"
#include "tests/t.h"

static const double pi = 3.14159265358979323846;

static double peak_of(const law_sound *x)
{
    return 20 * log10(tp_verify(&x->s, NULL, 1, kern_best()) + 1e-30);
}

static double loudness_of(const law_sound *x)
{
    loudness_figures f;
    CHECK(loudness_measure(&f, &x->s, kern_best(), NULL) == DRGEN_OK);
    return f.integrated;
}

static drgen_mastering preset(const char *name)
{
    drgen_mastering s = {0};
    CHECK(master_preset(name, &s, NULL) == DRGEN_OK);
    return s;
}

static drgen_master_report run(law_sound *x, const drgen_mastering *s)
{
    drgen_master_report r;
    drgen_err err = {0};
    CHECKF(master_run(&x->s, s, NULL, 0, &r, &err) == DRGEN_OK, "%s", err.message);
    return r;
}

/* Level of the difference beside the level of a, dB. */
static double null_db(const law_sound *a, const law_sound *b, double gain)
{
    double apart = 0, all = 1e-30;
    for (int c = 0; c < a->s.channels; c++)
        for (size_t i = 0; i < a->s.frames; i++) {
            double v = (double)a->s.channel[c][i], d = gain * v - (double)b->s.channel[c][i];
            apart += d * d;
            all += gain * gain * v * v;
        }
    return 10 * log10(apart / all + 1e-30);
}

/* ---- the ceiling holds, and the loudness unless the report says so */

static void promise(law_sound *x, const char *name, const char *what)
{
    drgen_mastering s = preset(name);
    drgen_master_report r = run(x, &s);
    double peak = peak_of(x), loudness = loudness_of(x);
    CHECKF(peak <= s.ceiling, "%s, %s: %.5f dBTP", what, name, peak);
    for (int c = 0; c < x->s.channels; c++)
        for (size_t i = 0; i < x->s.frames; i++) CHECK(isfinite(x->s.channel[c][i]));
    CHECKF(fabs(fmax(r.true_peak, -500) - fmax(peak, -500)) < 1e-9, "%s: reported %.6f dBTP", what, r.true_peak);
    if (r.status == DRGEN_MASTER_OK)
        CHECKF(fabs(loudness - s.target) <= 0.1 && r.max_reduction <= s.max_reduction, "%s, %s: %.3f LUFS", what, name, loudness);
    if (r.status == DRGEN_MASTER_LIMITED)
        CHECKF(fabs(loudness - s.target) > 0.1 || r.max_reduction > s.max_reduction, "%s, %s: limited for nothing", what, name);
    CHECK(r.status != DRGEN_MASTER_SILENT || !isfinite(loudness));
}

static void random_promise(uint64_t seed)
{
    char what[32];
    law_sound x = law_random(seed);
    snprintf(what, sizeof what, "seed %u", (unsigned)seed);
    promise(&x, master_preset_name((int)(seed / 7 % 5)), what);
    law_free(&x);
}

TEST(ceiling_and_loudness_hold_together)
{
    law_each(random_promise);
}

TEST(each_preset_masters_the_song)
{
    static const double gains[] = {1, 0.1, 10};
    for (int p = 0; master_preset_name(p); p++) {
        law_sound x = law_song(30, 5, gains[p % 3]);
        drgen_mastering s = preset(master_preset_name(p));
        drgen_master_report r = run(&x, &s);
        CHECKF(r.status == DRGEN_MASTER_OK && fabs(loudness_of(&x) - s.target) <= 0.1, "%s: %.3f LUFS",
               master_preset_name(p), loudness_of(&x));
        CHECKF(peak_of(&x) <= s.ceiling, "%s: %.4f dBTP", master_preset_name(p), peak_of(&x));
        double before = loudness_of(&x);
        run(&x, &s); /* once more changes nothing much */
        CHECKF(fabs(loudness_of(&x) - before) <= 0.2 && fabs(loudness_of(&x) - s.target) <= 0.1, "%s again: %.3f LUFS",
               master_preset_name(p), loudness_of(&x));
        CHECK(peak_of(&x) <= s.ceiling);
        law_free(&x);
    }
}

TEST(ceiling_holds_for_hostile_signals)
{
    static const struct {
        const char *name;
        double seconds;
    } kinds[] = {{"fs/4 tone", 1}, {"clicks", 2}, {"square", 1}, {"alternating", 1}, {"first sample", 0.6}, {"last sample", 0.6}};
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (int p = 0; p < 3; p += 2) {
            law_sound x = law_silence(44100, 2, (size_t)(44100 * kinds[k].seconds));
            size_t n = x.s.frames;
            for (int c = 0; c < 2; c++)
                for (size_t i = 0; i < n; i++) {
                    double t = (double)i, v = 0;
                    if (k == 0) v = 1.41 * sin(pi / 2 * t + pi / 4);
                    if (k == 1) v = i % 11025 == 5000 ? 3 : 0;
                    if (k == 2) v = sin(2 * pi * 997 / 44100 * t) > 0 ? 1 : -1;
                    if (k == 3) v = i % 2 ? -1 : 1;
                    if (k == 4) v = i == 0;
                    if (k == 5) v = i == n - 1;
                    x.s.channel[c][i] = (float)v;
                }
            promise(&x, master_preset_name(p), kinds[k].name);
            law_free(&x);
        }
}

TEST(level_of_the_input_does_not_matter)
{
    static const double gains[] = {0.1, 4};
    law_sound a = law_song(33, 4, 1);
    drgen_mastering s = preset("balanced");
    run(&a, &s);
    for (size_t i = 0; i < COUNT(gains); i++) {
        law_sound b = law_song(33, 4, gains[i]);
        run(&b, &s);
        CHECKF(null_db(&a, &b, 1) < -80, "times %g: %.1f dB", gains[i], null_db(&a, &b, 1));
        law_free(&b);
    }
    law_free(&a);
}

TEST(too_much_is_reported_as_limited)
{
    law_sound x = law_song(30, 6, 1);
    drgen_mastering s = preset("balanced");
    s.target = -3;
    CHECK(run(&x, &s).status == DRGEN_MASTER_LIMITED);
    CHECK(peak_of(&x) <= s.ceiling);
    law_free(&x);
}

/* ---- nothing to do is done exactly */

static void neutral(uint64_t seed)
{
    law_sound x = law_random(seed), y = law_copy(&x);
    drgen_mastering s = preset("balanced");
    biquad_row row = {1, {biquad_highpass(s.highpass, sqrt(0.5), x.s.rate)}, {{{0}}}};
    double mean[2] = {0};
    for (int c = 0; c < x.s.channels; c++) {
        for (size_t i = 0; i < x.s.frames; i++) mean[c] += (double)x.s.channel[c][i];
        mean[c] /= (double)x.s.frames;
    }
    int two = x.s.channels == 2;
    biquad_job job = {x.s.channel[0], two ? x.s.channel[1] : NULL, x.s.channel[0], two ? x.s.channel[1] : NULL,
                      {mean[0], mean[1]}, 1};
    biquad_run(&row, &job, x.s.frames);
    for (int k = 0; k < DRGEN_BANDS; k++) s.band[k].ratio = 1;
    for (int k = 0; k < DRGEN_PEAKS; k++) s.peak[k] = 0;
    s.exciter = 0;
    s.width = s.bass_width = 1;
    s.ceiling = 30;
    s.target = fmin(0, loudness_of(&x));
    if (isfinite(s.target)) {
        run(&y, &s);
        double db = null_db(&x, &y, pow(10, (s.target - loudness_of(&x)) / 20));
        CHECKF(db < -120, "seed %u: %.1f dB", (unsigned)seed, db);
    }
    law_free(&x);
    law_free(&y);
}

TEST(neutral_settings_leave_the_sound_alone)
{
    law_each(neutral);
}

TEST(swapped_channels_and_turned_signs_come_out_so)
{
    law_sound a = law_song(36, 3, 0.8), swapped = law_copy(&a), turned = law_copy(&a);
    drgen_mastering s = preset("loud");
    for (size_t i = 0; i < a.s.frames; i++) {
        swapped.s.channel[0][i] = a.s.channel[1][i];
        swapped.s.channel[1][i] = a.s.channel[0][i];
        for (int c = 0; c < 2; c++) turned.s.channel[c][i] = -a.s.channel[c][i];
    }
    run(&a, &s);
    run(&swapped, &s);
    run(&turned, &s);
    float *l = swapped.s.channel[0];
    swapped.s.channel[0] = swapped.s.channel[1];
    swapped.s.channel[1] = l;
    CHECKF(null_db(&a, &swapped, 1) < -100, "swapped: %.1f dB", null_db(&a, &swapped, 1));
    CHECKF(null_db(&a, &turned, -1) < -120, "turned: %.1f dB", null_db(&a, &turned, -1));
    law_free(&a);
    law_free(&swapped);
    law_free(&turned);
}

TEST(mastering_is_the_same_every_time)
{
    law_sound a = law_song(12, 2, 1), b = law_copy(&a);
    drgen_mastering s = preset("loud");
    run(&a, &s);
    run(&b, &s);
    for (int c = 0; c < 2; c++) CHECK(memcmp(a.s.channel[c], b.s.channel[c], a.s.frames * sizeof(float)) == 0);
    law_free(&a);
    law_free(&b);
}

/* ---- odd input */

TEST(any_length_and_rate_can_be_mastered)
{
    static const size_t lengths[] = {0, 1, 2, 10, 4409, 17639};
    static const int rates[] = {8000, 11025, 22050, 44100, 48000, 96000, 192000};
    for (size_t l = 0; l < COUNT(lengths); l++)
        for (size_t r = 0; r < COUNT(rates); r++) {
            law_sound x = law_silence(rates[r], 1 + (int)((l + r) % 2), lengths[l]);
            for (int c = 0; c < x.s.channels; c++)
                for (size_t i = 0; i < lengths[l]; i++) x.s.channel[c][i] = (float)(1.3 * sin(0.05 * (double)(i + 1)));
            promise(&x, master_preset_name((int)(l + r) % 5), "odd length");
            CHECK(x.s.frames == lengths[l]);
            law_free(&x);
        }
}

TEST(silence_and_dc_stay_harmless)
{
    law_sound x = law_silence(44100, 2, 44100);
    drgen_mastering s = preset("loud");
    CHECK(run(&x, &s).status == DRGEN_MASTER_SILENT);
    for (size_t i = 0; i < x.s.frames; i++) CHECK(x.s.channel[0][i] == 0 && x.s.channel[1][i] == 0);
    for (size_t i = 0; i < x.s.frames; i++) x.s.channel[0][i] = 0.5f;
    run(&x, &s);
    for (size_t i = 0; i < x.s.frames; i++) CHECK(fabsf(x.s.channel[0][i]) < 1e-3f && x.s.channel[1][i] == 0);
    law_free(&x);
}

static void refused(law_sound *x, const drgen_mastering *s, const char *why)
{
    drgen_master_report r;
    drgen_err err = {0};
    CHECKF(master_run(&x->s, s, NULL, 0, &r, &err) == DRGEN_ERR_ARG && strstr(err.message, why), "%s: '%s'", why,
           err.message);
}

TEST(what_cannot_be_mastered_is_refused)
{
    law_sound x = law_silence(44100, 2, 5000), six = law_silence(44100, 6, 100);
    drgen_mastering s = preset("balanced"), bad = s;
    drgen_err err = {0};
    x.s.channel[1][1234] = NAN;
    refused(&x, &s, "frame 1234");
    x.s.channel[1][1234] = -INFINITY;
    refused(&x, &s, "channel 2");
    refused(&six, &s, "6 channels");
    x.s.channel[1][1234] = 0;
    x.s.rate = 4000;
    refused(&x, &s, "4000");
    x.s.rate = 44100;
    bad.width = (double)NAN;
    refused(&x, &bad, "width");
    bad = s, bad.band[2].attack = 0;
    refused(&x, &bad, "band 3: attack");
    bad = s, bad.split[1] = 100;
    refused(&x, &bad, "rising");
    bad = s, bad.bits = 12;
    refused(&x, &bad, "12 bits");
    CHECK(master_preset("radio", &bad, &err) == DRGEN_ERR_ARG && strstr(err.message, "broadcast"));
    law_free(&x);
    law_free(&six);
}
