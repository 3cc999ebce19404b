/* compressor.h - a linked compressor whose gain is computed once in eight frames and goes straight between. Source: spec
 * mastering.md B.4; Giannoulis, Massberg, Reiss, JAES 60 (2012), for the knee and smoothing in dB. */
#ifndef DSP_COMPRESSOR_H
#define DSP_COMPRESSOR_H

#include <stddef.h>

#include "base/err.h"
#include "kernels/kern.h"

/* Gain in dB (0 or less) for a level in dB, makeup left out. */
double compressor_curve(const drgen_band *s, double level);

/* One band in progress; all of it is the compressor's own. */
typedef struct {
    float weight[8];           /* of the octet's frames in the detector */
    double keep;               /* what an octet leaves of the detector's power */
    double attack, release;    /* what it leaves of the gain */
    drgen_band set;
    double power[2], wanted, gain_db;
    double reduced;            /* sum of gain_db over octets */
    size_t octets;
} compressor;

void compressor_init(compressor *c, const drgen_band *set, int rate);

/* g[0..octets] for octets * 8 frames of one or two channels: g[0] the gain before them, g[q + 1] at the end of octet q.
 * energy: room for octets. */
void compressor_gains(compressor *c, float *g, const float *const *x, int channels, size_t octets, float *energy,
                      const kern_table *kern);

#endif
