/* dither.c - see dither.h. */
#include "dsp/dither.h"

#include <math.h>
#include <string.h>

#include "dsp/noise.h"

static const struct {
    const char *name;
    int taps, any_rate;
    double shape[DITHER_MOST_TAPS];
} shapers[] = {
    {"none", 0, 1, {0}},
    {"hp1", 1, 1, {1}},
    {"wanna3", 3, 0, {1.623, -0.982, 0.109}},
    {"lip5", 5, 0, {2.033, -2.165, 1.959, -1.590, 0.6149}},
};

drgen_status dither_open(dither *d, int bits, const char *shaper, int rate, drgen_err *err)
{
    *d = (dither){.bits = bits};
    if (bits != 16 && bits != 24)
        return err_fail(err, DRGEN_ERR_ARG, "dither: %d bits; wanted 16 or 24", bits);
    for (size_t i = 0; i < sizeof shapers / sizeof shapers[0]; i++) {
        if (strcmp(shaper, shapers[i].name) != 0) continue;
        if (!shapers[i].any_rate && rate != 44100 && rate != 48000)
            return err_fail(err, DRGEN_ERR_ARG, "dither: %s is made for 44100 and 48000 Hz, not %d; use hp1 or none",
                            shaper, rate);
        d->taps = shapers[i].taps;
        memcpy(d->shape, shapers[i].shape, sizeof d->shape);
        return DRGEN_OK;
    }
    return err_fail(err, DRGEN_ERR_ARG, "dither: shaper '%s' is unknown; there are none, hp1, wanna3 and lip5", shaper);
}

/* To the nearest integer, halves to even, for |v| < 2^51. */
static inline double nearest(double v)
{
    const double magic = 0x1.8p52;
    return v + magic - magic;
}

static void run_channel(dither *d, float *row, size_t frames, size_t channels, size_t channel)
{
    double steps = ldexp(1, d->bits - 1), back = 1 / steps, *error = d->error[channel];
    for (size_t i = 0; i < frames; i++) {
        uint64_t k = (uint64_t)(d->frame + i) * channels + channel;
        double noise = (noise_uniform(d->seed, 2 * k) + noise_uniform(d->seed, 2 * k + 1)) / 2, v = (double)row[i] * steps;
        double feedback = 0;
        for (int j = 0; j < d->taps; j++) feedback += d->shape[j] * error[j];
        v -= feedback;
        double q = nearest(v + noise);
        for (int j = d->taps - 1; j > 0; j--) error[j] = error[j - 1];
        error[0] = q - v;
        if (q > steps - 1 || q < -steps) {
            q = q < 0 ? -steps : steps - 1;
            d->clamped++;
        }
        row[i] = (float)(q * back);
    }
}

void dither_run(dither *d, sound *x)
{
    for (int c = 0; c < x->channels; c++) run_channel(d, x->channel[c], x->frames, (size_t)x->channels, (size_t)c);
    d->frame += x->frames;
}

double dither_room(const dither *d)
{
    /* an error is at most 1.5 steps; what a chain of them adds between samples is bounded by twice their sum */
    double most = 1.5;
    for (int j = 0; j < d->taps; j++) most += 1.5 * fabs(d->shape[j]);
    return 20 * log10(1 + 2 * most / ldexp(1, d->bits - 1));
}

size_t dither_whole(dither *d, sound *x)
{
    int sounds = 0;
    for (int c = 0; c < x->channels && !sounds; c++)
        for (size_t i = 0; i < x->frames && !sounds; i++) sounds = x->channel[c][i] != 0;
    if (sounds) dither_run(d, x);
    return d->clamped;
}
