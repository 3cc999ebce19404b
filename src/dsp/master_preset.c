/* master_preset.c - the presets' tables and the ranges of every setting. Source: spec mastering.md B.15. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "dsp/denoise.h"
#include "dsp/loudness.h"
#include "dsp/master.h"

typedef struct {
    const char *name;
    double highpass, peak[DRGEN_PEAKS], threshold[DRGEN_BANDS], ratio[DRGEN_BANDS]; /* threshold 0: no bands */
    double exciter, width, bass, look_ahead, release, target, most;
} preset;

static const preset presets[] = {
    {"subtle", 20, {0}, {0}, {0}, 0, 1.05, 0.5, 2, 120, -14, 6},
    {"balanced", 25, {1, -0.8, 0.5, 1}, {-24, -26, -28, -34}, {2, 1.8, 1.6, 1.6}, 0.05, 1.1, 0.2, 1.5, 80, -14, 9},
    {"loud", 30, {1.5, -1, 1, 2}, {-27, -29, -31, -37}, {3, 2.5, 2, 2}, 0.1, 1.15, 0, 1, 50, -10, 12},
    {"broadcast", 30, {0, -1, 0.5, 1}, {-27, -28, -30, -36}, {2.5, 2, 2, 2}, 0, 1.05, 0, 1.5, 100, -14, 9},
    {"r128", 30, {0}, {0}, {0}, 0, 1, 1, 1.5, 100, -23, 9},
};

enum { PRESETS = sizeof presets / sizeof presets[0] };

static const double split[] = {200, 800, 4000}, attack[] = {30, 15, 10, 5}, band_release[] = {200, 150, 100, 80};
static const double detector[] = {10, 5, 5, 3};

const char *master_preset_name(int index)
{
    return index >= 0 && index < PRESETS ? presets[index].name : NULL;
}

drgen_status master_preset(const char *name, drgen_mastering *out, drgen_err *err)
{
    for (int i = 0; i < PRESETS; i++) {
        const preset *p = &presets[i];
        if (strcmp(name, p->name) != 0) continue;
        *out = (drgen_mastering){.highpass = p->highpass, .align = -18, .multiband = p->threshold[0] < 0,
            .exciter = p->exciter, .exciter_hz = 3000, .exciter_drive = 3, .width = p->width, .bass_width = p->bass,
            .bass_hz = 120, .look_ahead = p->look_ahead, .release = p->release, .target = p->target, .ceiling = -1,
            .max_reduction = p->most, .match_amount = 1, .shaper = "none"};
        memcpy(out->peak, p->peak, sizeof out->peak);
        memcpy(out->split, split, sizeof out->split);
        for (int k = 0; k < DRGEN_BANDS; k++)
            out->band[k] = (drgen_band){.threshold = p->threshold[k], .ratio = p->ratio[k] > 0 ? p->ratio[k] : 1,
                .knee = 6, .attack = attack[k], .release = band_release[k], .detector = detector[k]};
        return DRGEN_OK;
    }
    return err_fail(err, DRGEN_ERR_ARG, "mastering preset '%s' is unknown; there are subtle, balanced, loud, broadcast "
                    "and r128", name);
}

/* ---- ranges */

typedef struct {
    const char *name, *unit;
    double least, most;
    size_t at; /* of a double in drgen_mastering */
} range;

#define SETTING(member, unit, least, most) {#member, unit, least, most, offsetof(drgen_mastering, member)}

static const range ranges[] = {
    SETTING(highpass, "Hz", 0, 500),          SETTING(align, "LUFS", -60, 0),
    SETTING(peak[0], "dB", -24, 24),          SETTING(peak[1], "dB", -24, 24),
    SETTING(peak[2], "dB", -24, 24),          SETTING(peak[3], "dB", -24, 24),
    SETTING(split[0], "Hz", 20, 20000),       SETTING(split[1], "Hz", 20, 20000),
    SETTING(split[2], "Hz", 20, 20000),       SETTING(exciter, "", 0, 1),
    SETTING(exciter_hz, "Hz", 100, 20000),    SETTING(exciter_drive, "", 0.1, 20),
    SETTING(width, "", 0, 2),                 SETTING(bass_width, "", 0, 2),
    SETTING(bass_hz, "Hz", 20, 1000),         SETTING(look_ahead, "ms", 0, 20),
    SETTING(release, "ms", 1, 5000),          SETTING(target, "LUFS", -60, 0),
    SETTING(ceiling, "dBTP", -40, 40),        SETTING(max_reduction, "dB", 0, 40),
    SETTING(denoise, "dB", 0, DENOISE_MOST),  SETTING(noise_from, "s", 0, 1e6),
    SETTING(noise_to, "s", 0, 1e6),           SETTING(match_amount, "", 0, 1),
};

#undef SETTING

static const range band_ranges[] = {
    {"threshold", "dB", -100, 20, offsetof(drgen_band, threshold)},
    {"ratio", "", 1, 100, offsetof(drgen_band, ratio)},
    {"knee", "dB", 0, 40, offsetof(drgen_band, knee)},
    {"makeup", "dB", -24, 24, offsetof(drgen_band, makeup)},
    {"attack", "ms", 0.1, 5000, offsetof(drgen_band, attack)},
    {"release", "ms", 1, 10000, offsetof(drgen_band, release)},
    {"detector", "ms", 0.1, 1000, offsetof(drgen_band, detector)},
};

static int within(const range *r, const void *settings, double *value)
{
    memcpy(value, (const char *)settings + r->at, sizeof *value);
    return *value >= r->least && *value <= r->most; /* false for NaN */
}

drgen_status master_check(const drgen_mastering *s, int rate, drgen_err *err)
{
    double v;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (!within(&ranges[i], s, &v))
            return err_fail(err, DRGEN_ERR_ARG, "mastering: %s %g %s is outside %g..%g", ranges[i].name, v,
                            ranges[i].unit, ranges[i].least, ranges[i].most);
    for (int k = 0; k < DRGEN_BANDS; k++)
        for (size_t i = 0; i < sizeof band_ranges / sizeof band_ranges[0]; i++)
            if (!within(&band_ranges[i], &s->band[k], &v))
                return err_fail(err, DRGEN_ERR_ARG, "mastering: band %d: %s %g %s is outside %g..%g", k + 1,
                                band_ranges[i].name, v, band_ranges[i].unit, band_ranges[i].least, band_ranges[i].most);
    if (!(s->split[0] < s->split[1] && s->split[1] < s->split[2]))
        return err_fail(err, DRGEN_ERR_ARG, "mastering: bands split at %g, %g, %g Hz; wanted rising", s->split[0],
                        s->split[1], s->split[2]);
    if (s->crossover != DRGEN_CROSSOVER_LINEAR && s->crossover != DRGEN_CROSSOVER_LR4)
        return err_fail(err, DRGEN_ERR_ARG, "mastering: crossover %d is unknown", s->crossover);
    if (s->bits != 0 && s->bits != 16 && s->bits != 24)
        return err_fail(err, DRGEN_ERR_ARG, "mastering: %d bits; wanted 16, 24 or 0 for none", s->bits);
    if (s->rate && (s->rate < LOUDNESS_MIN_RATE || s->rate > LOUDNESS_MAX_RATE))
        return err_fail(err, DRGEN_ERR_ARG, "mastering: %d Hz wanted; %d..%d can be made", s->rate, LOUDNESS_MIN_RATE,
                        LOUDNESS_MAX_RATE);
    if (rate < LOUDNESS_MIN_RATE || rate > LOUDNESS_MAX_RATE)
        return err_fail(err, DRGEN_ERR_ARG, "mastering: a sound at %d Hz; %d..%d can be mastered", rate,
                        LOUDNESS_MIN_RATE, LOUDNESS_MAX_RATE);
    return DRGEN_OK;
}
