/* mel.h - torchaudio's mel spectrogram in decibels, as MuQ's front end uses it. Source: spec mulan.md section 5. */
#ifndef DSP_MEL_H
#define DSP_MEL_H

#include <stddef.h>

#include "base/err.h"

enum { MEL_RATE = 24000, MEL_FFT = 2048, MEL_HOP = 240, MEL_BANDS = 128, MEL_BINS = MEL_FFT / 2 + 1 };

/* Frames of so many samples: the last, half-empty one is dropped. Needs more than 1024 samples. */
static inline size_t mel_frames(size_t samples)
{
    return samples / MEL_HOP;
}

/* db [MEL_BANDS][frames] of x [samples]: 10 log10(max(power, 1e-10)), no top_db limit. */
drgen_status mel_db(const float *x, size_t samples, float *db, drgen_err *err);

/* The filter bank: weight of bin k in band m. */
double mel_weight(int bin, int band);

#endif
