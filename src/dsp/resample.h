/* resample.h - band-limited resampling of one channel: libsoxr at its HQ setting where it is built in (seen only in
 * resample.c), else our own Kaiser-windowed filter. */
#ifndef DSP_RESAMPLE_H
#define DSP_RESAMPLE_H

#include <stddef.h>

#include "base/err.h"

/* out [frames] = the float32 mean over channels of in [frames][channels], summed in order. out may be in. */
void resample_mono(float *out, const float *in, size_t frames, int channels);

/* *out (malloc'd) gets ceil(count * (to / from)) samples, computed in double like the original's loader: at most one zero
 * at the end. Zero phase. Rates 1000..1000000. */
drgen_status resample(const float *in, size_t count, int from, int to, float **out, size_t *out_count, drgen_err *err);

/* The same always with our own filter (tests compare the two). */
drgen_status resample_own(const float *in, size_t count, int from, int to, float **out, size_t *out_count, drgen_err *err);

#endif
