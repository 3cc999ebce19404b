/* multiband.h - four bands, each with its compressor, and their sum. Source: spec mastering.md B.3, B.4. */
#ifndef DSP_MULTIBAND_H
#define DSP_MULTIBAND_H

#include "base/err.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

typedef struct {
    int crossover;                 /* DRGEN_CROSSOVER_LINEAR: the bands' sum is the input exactly and nothing is delayed;
                                      _LR4: the sum has a flat magnitude and an all-pass's phase */
    double split[DRGEN_BANDS - 1]; /* Hz, rising; those above half the rate leave the bands above empty */
    drgen_band band[DRGEN_BANDS];
} multiband_settings;

/* x (1 or 2 channels) in place; reduction gets each band's average gain in dB, makeup left out. DRGEN_ERR_NOMEM. */
drgen_status multiband_run(sound *x, const multiband_settings *s, double reduction[DRGEN_BANDS], const kern_table *kern,
                           drgen_err *err);

/* The bands alone: band[k] rows of x->frames a channel, all of the caller's. For tests and pictures. */
drgen_status multiband_split(const sound *x, const multiband_settings *s, sound band[DRGEN_BANDS],
                             const kern_table *kern, drgen_err *err);

#endif
