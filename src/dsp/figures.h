/* figures.h - everything a report says about a sound in numbers, measured in one pass. Source: spec mastering.md B.7,
 * B.16. Nothing is NaN, whatever comes in; where a figure has no value its comment says what stands there. */
#ifndef DSP_FIGURES_H
#define DSP_FIGURES_H

#include <stddef.h>

#include "base/err.h"
#include "dsp/loudness.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

/* Their fields, with units, are in drgen.h. */
typedef drgen_channel_figures figures_channel;
typedef drgen_figures figures;

typedef struct figures_meter figures_meter;

/* A meter for any amount of sound in blocks of any size; what it says does not depend on the blocks. Rate and channels
 * as for loudness_open. DRGEN_ERR_ARG, DRGEN_ERR_NOMEM. */
drgen_status figures_open(figures_meter **out, int rate, int channels, const kern_table *kern, drgen_err *err);
drgen_status figures_feed(figures_meter *m, const float *const *channel, size_t frames, drgen_err *err);
/* Once, after the last block. */
drgen_status figures_finish(figures_meter *m, figures *out, drgen_err *err);
/* The loudness meter inside, for its curve. */
const loudness_meter *figures_loudness(const figures_meter *m);
void figures_close(figures_meter *m); /* NULL is fine */

/* All of it for a sound. */
drgen_status figures_measure(figures *out, const sound *x, const kern_table *kern, drgen_err *err);

#endif
