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

/* The same in single precision and both ways, for long filters over audio. */
typedef struct fftf fftf;

/* size: even. Plans do not depend on timing, so results are the same on every run. */
drgen_status fftf_open(fftf **out, size_t size, drgen_err *err);
void fftf_close(fftf *f); /* NULL is fine */
float *fftf_time(fftf *f);  /* [size], aligned to 64 bytes */
float *fftf_bins(fftf *f);  /* size / 2 + 1 pairs (real, imaginary), aligned alike */
void fftf_forward(fftf *f); /* time to bins; time is lost */
void fftf_inverse(fftf *f); /* bins to size times the signal; bins are lost */

#endif
