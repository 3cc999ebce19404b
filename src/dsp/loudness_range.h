/* loudness_range.h - what loudness.c and loudness_meter.c share. */
#ifndef DSP_LOUDNESS_RANGE_H
#define DSP_LOUDNESS_RANGE_H

#include <stddef.h>

#include "kernels/kern.h"

/* Loudness range (LU) of 3 s blocks every hop cells; gates -70 LUFS and 20 LU below the mean, nearest-rank 10th and
 * 95th percentiles. work has room for one number a cell. Source: EBU Tech 3342. */
double loudness_range_of(const double *cell, size_t cells, size_t hop, double *work);

/* Energy of n frames through the filter f; samples that are no finite numbers count as 0, and a state that has died
 * away becomes 0: numbers below the normal range would slow silence down. */
double loudness_energy(const kern_iir4 *f, double state[8], const float *x, const float *gain, size_t n,
                       const kern_table *kern);

#endif
