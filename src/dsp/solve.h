/* solve.h - loudness and true peak at once: the drive into the limiter that gives the wanted loudness, and the threshold
 * that keeps the ceiling on every meter. Source: spec mastering.md B.8. */
#ifndef DSP_SOLVE_H
#define DSP_SOLVE_H

#include "base/err.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

typedef struct {
    double target;               /* LUFS */
    double ceiling;              /* dBTP */
    double look_ahead, release;  /* ms */
    double max_reduction;        /* dB: more is reported as limited */
} solve_settings;

/* x in place; the solver's part of the report is filled. The ceiling holds whatever the loudness. A programme without
 * loudness (silent, or shorter than 400 ms) stays as it is, brought under the ceiling if it lies above.
 * DRGEN_ERR_NOMEM: as much memory as two channels of x is needed. */
drgen_status solve_run(sound *x, const solve_settings *s, drgen_master_report *report, const kern_table *kern,
                       drgen_err *err);

#endif
