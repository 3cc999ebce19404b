/* exciter.h - harmonics for the treble: the high band through a saturating curve at four times the rate, so that
 * nothing folds back; only what the curve adds is mixed in. Source: spec mastering.md B.5. */
#ifndef DSP_EXCITER_H
#define DSP_EXCITER_H

#include "base/err.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

typedef struct {
    double hz;     /* the band begins here */
    double drive;  /* above 0; 3 is usual */
    double amount; /* of what is added; 0: nothing */
} exciter_settings;

/* x in place, any number of channels. DRGEN_ERR_NOMEM. */
drgen_status exciter_run(sound *x, const exciter_settings *s, const kern_table *kern, drgen_err *err);

#endif
