/* fir.h - long linear-phase filters over a whole programme, in place, by overlap-save with a response of zero phase:
 * nothing is delayed. Source: spec mastering.md B.3. */
#ifndef DSP_FIR_H
#define DSP_FIR_H

#include <stddef.h>

#include "base/err.h"
#include "dsp/fft.h"

/* h[0..taps), taps odd: low-pass at hz, Kaiser-windowed sinc, sum 1. hz is brought below half the rate. */
void fir_lowpass(double *h, size_t taps, double hz, double rate, double beta);

/* Half the length of a filter that is 2 half + 1 taps long at 44.1 kHz, at another rate. */
size_t fir_half(size_t half, int rate);

/* How a filter of 2 half + 1 taps goes over a signal: hop frames at a time, by transforms of size. */
typedef struct {
    size_t half, size, hop; /* hop: a multiple of 64, at least half */
    fftf *fft;
} fir_plan;

drgen_status fir_open(fir_plan *p, size_t half, drgen_err *err);
void fir_close(fir_plan *p); /* all zero is fine */

/* Floats of a response: one a real and imaginary part, scaled for fftf_inverse. */
static inline size_t fir_response_size(const fir_plan *p)
{
    return p->size + 2;
}

/* response = that of h [2 half + 1], symmetric. DRGEN_ERR_NOMEM. */
drgen_status fir_response(const fir_plan *p, float *response, const double *h, drgen_err *err);

/* Loads what frames pos .. pos + hop of x (frames long) need into the plan's transform and runs it: the bins then hold
 * the spectrum. pos = 0, hop, 2 hop ...; history [half], zeros at first, keeps what is lost once outputs replace inputs.
 * After response-weighted bins went back by fftf_inverse, the outputs lie in fftf_time from half on. */
void fir_load(fir_plan *p, float *history, const float *x, size_t frames, size_t pos);

#endif
