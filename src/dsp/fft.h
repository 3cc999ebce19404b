/* fft.h - real Fourier transforms through FFTW (seen only in fft.c). */
#ifndef DSP_FFT_H
#define DSP_FFT_H

#include <stddef.h>

#include "base/err.h"

typedef struct fft fft;

/* A plan for real input of this length; planning is serialised, running is not. One plan per thread. */
drgen_status fft_open(fft **out, size_t size, drgen_err *err);
void fft_close(fft *f); /* NULL is fine */
/* Input [size], to be filled before fft_run. */
double *fft_input(fft *f);
/* Transforms; returns size/2 + 1 pairs (real, imaginary), valid until the next run. */
const double (*fft_run(fft *f))[2];

#endif
