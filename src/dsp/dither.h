/* dither.h - from floats to the steps of 16 or 24 bits: triangular noise of reproducible numbers, optionally with its
 * error shaped out of the ear's way. Source: Lipshitz, Wannamaker, Vanderkooy, JAES 40 (1992); spec mastering.md B.10. */
#ifndef DSP_DITHER_H
#define DSP_DITHER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dsp/sound.h"

enum { DITHER_MOST_TAPS = 5 };

/* In progress; all of it is the ditherer's own. */
typedef struct {
    int bits, taps;
    double shape[DITHER_MOST_TAPS], error[SOUND_MAX_CHANNELS][DITHER_MOST_TAPS]; /* newest first */
    uint64_t seed;
    size_t frame;   /* done so far */
    size_t clamped; /* samples that had to be clipped so far */
} dither;

/* bits 16 or 24; shaper "none", "hp1", "wanna3" or "lip5", of which the last two are made for 44100 and 48000 Hz.
 * DRGEN_ERR_ARG names what there is. */
drgen_status dither_open(dither *d, int bits, const char *shaper, int rate, drgen_err *err);

/* The next frames of x in place: every sample becomes a multiple of 2^-15 or 2^-23 within -1 .. 1 less one step, which a
 * float holds exactly. Results do not depend on how the sound is cut. */
void dither_run(dither *d, sound *x);

/* dB to leave below a ceiling near full scale, so that what dither adds between samples does not lift a peak over it. */
double dither_room(const dither *d);

/* The whole of x, except that digital silence stays digital silence; returns how many samples were clipped. */
size_t dither_whole(dither *d, sound *x);

#endif
