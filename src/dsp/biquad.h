/* biquad.h - second-order filters in a row, in double precision, over one or two channels at a time. Sources: Bristow-
 * Johnson's cookbook (peaks), Butterworth and Linkwitz-Riley by the bilinear transform; spec mastering.md B.1, B.3. */
#ifndef DSP_BIQUAD_H
#define DSP_BIQUAD_H

#include <stddef.h>

/* y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]. */
typedef struct {
    double b0, b1, b2, a1, a2;
} biquad;

/* hz below half the rate. Butterworth: q = sqrt(1/2). */
biquad biquad_highpass(double hz, double q, double rate);
biquad biquad_lowpass(double hz, double q, double rate);
biquad biquad_allpass(double hz, double q, double rate);
/* A peak of db at hz. */
biquad biquad_peak(double hz, double db, double q, double rate);

enum { BIQUAD_MOST = 6 };

/* 1 to BIQUAD_MOST filters in a row and their state (transposed direct form II), channel by channel; start from zeros. */
typedef struct {
    int count;
    biquad section[BIQUAD_MOST];
    double state[BIQUAD_MOST][2][2]; /* [section][one of two][channel] */
} biquad_row;

/* y = (x - offset) * gain, filtered; in place. right may be NULL (and to_right then is not written). */
typedef struct {
    const float *left, *right;
    float *to_left, *to_right;
    double offset[2], gain;
} biquad_job;

void biquad_run(biquad_row *row, const biquad_job *job, size_t frames);

#endif
