/* denoise.h - optional noise reduction: a spectral gate that turns down what does not rise above the noise. Source:
 * spec mastering.md B.12. */
#ifndef DSP_DENOISE_H
#define DSP_DENOISE_H

#include "base/err.h"
#include "dsp/sound.h"

#define DENOISE_MOST 24.0 /* dB */

typedef struct {
    double reduction;       /* dB, 0..DENOISE_MOST; 0: nothing is done */
    double noise_from, noise_to; /* s of a stretch with noise alone; equal: the quietest 5 % of all frames (at least
                                    half a second or so), digital silence left out */
} denoise_settings;

/* In place; nothing is delayed. Frames of 2048 every 512; the same gains for all channels, found from the loudest of
 * them. Memory: 8 bytes a sample of one channel. DRGEN_ERR_ARG: reduction, section or a sample out of range;
 * DRGEN_ERR_NOMEM. x is untouched then. */
drgen_status denoise(sound *x, const denoise_settings *s, drgen_err *err);

#endif
