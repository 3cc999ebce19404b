/* overview.h - a whole sound seen in a given number of columns: what both forms of the QC picture draw. */
#ifndef DSP_OVERVIEW_H
#define DSP_OVERVIEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

typedef struct {
    float low, high, rms; /* of the samples of the column, full scale 1; samples that are no finite numbers are 0 */
} overview_column;

/* Column c holds frames c * frames / columns up to those of c + 1, at least one; zeros for an empty sound. */
void overview_channel(overview_column *out, size_t columns, const sound *x, int channel);

/* *series (malloc'd) gets *count short-term loudness values as loudness_series gives them. Errors of loudness_open. */
drgen_status overview_measure(float **series, size_t *count, const sound *x, const kern_table *kern, drgen_err *err);

/* Short-term loudness (LUFS) of the 3 s centred on this second; -INFINITY where they are not all there. */
double overview_loudness(const float *series, size_t count, double second);

/* The smallest round step (s) with at most `most` ticks in so many seconds. */
double overview_time_step(double seconds, int most);
/* "1:05" for a minute and more, else "5 s", "0.25 s"; for ticks of this step in a sound of so many seconds. */
void overview_time_label(char *out, size_t room, double second, double seconds);

/* Dark to light over count colours, in integers. */
void overview_ramp(uint8_t (*rgb)[3], int count);

#endif
