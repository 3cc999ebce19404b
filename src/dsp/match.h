/* match.h - optional matching of a sound's colour to that of a reference: average spectra of the loud parts, a smooth
 * correction within narrow limits, a linear-phase filter. Source: spec mastering.md B.13. */
#ifndef DSP_MATCH_H
#define DSP_MATCH_H

#include "base/err.h"
#include "dsp/sound.h"

enum { MATCH_FRAME = 4096, MATCH_BINS = MATCH_FRAME / 2 + 1, MATCH_TAPS = 4095 };

/* Average magnitudes by bin, of (L + R) / 2 and (L - R) / 2; a mono sound has no side. 32 KiB: for the heap. */
typedef struct {
    int rate, has_side;
    double mid[MATCH_BINS], side[MATCH_BINS];
} match_curve;

/* Of the pieces of at most 15 s whose middle is as loud as all together on average. DRGEN_ERR_ARG: other than 1 or 2
 * channels, a rate below 8000, no frames, or a sample that is no finite number; DRGEN_ERR_NOMEM. */
drgen_status match_measure(match_curve *out, const sound *x, drgen_err *err);

/* The way from one curve to another, and how much of it. */
typedef struct {
    const double *from, *to; /* [MATCH_BINS] */
    int from_rate, to_rate;  /* Hz */
    double amount, limit;    /* 0..1; dB */
} match_question;

enum { MATCH_GAINS_ROOM = 3 * MATCH_BINS + 2 };

/* gain[0..MATCH_BINS) in dB at the bins of from_rate; the rest of its MATCH_GAINS_ROOM is for working. Smoothed over a
 * third of an octave, 0 on average in the octave around 1 kHz, then times amount; level below 30 Hz and above 18 kHz,
 * within +-limit. */
void match_gains(double *gain, const match_question *q);

/* Filters x in place, mid within +-6 dB, side within +-3 dB; nothing is delayed, the level is not matched. A side that
 * either has not stays as it is. Rates may differ. DRGEN_ERR_ARG: as for match_measure, or amount outside 0..1; x is
 * untouched then. DRGEN_ERR_NOMEM. */
drgen_status match_apply(sound *x, const match_curve *reference, double amount, drgen_err *err);

#endif
