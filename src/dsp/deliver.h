/* deliver.h - from one sample rate to another for delivery: a windowed sinc in as many phases as the rates ask for,
 * nothing delayed. Source: spec mastering.md B.11. The style path has its own resampler (resample.h), which follows the
 * original's loader. */
#ifndef DSP_DELIVER_H
#define DSP_DELIVER_H

#include "base/err.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

/* Frames of a sound at another rate. */
size_t deliver_frames(size_t frames, int from, int to);

/* x at rate `to`, 8000..192000 Hz: *y gets rows of its own, each malloc'd. In-band error below -120 dB, nothing kept
 * above 0.945 of the lower half rate's middle. DRGEN_ERR_ARG, DRGEN_ERR_NOMEM. */
drgen_status deliver_run(sound *y, const sound *x, int to, const kern_table *kern, drgen_err *err);

#endif
