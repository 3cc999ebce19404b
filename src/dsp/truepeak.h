/* truepeak.h - peaks between samples: the BS.1770 annex 2 meter, the strict check after a limiter, and the limiter's
 * envelope, all by windowed-sinc interpolation. Source: spec mastering.md B.7-B.9. Values are linear magnitudes, full
 * scale 1; samples that are no finite numbers count as 0. */
#ifndef DSP_TRUEPEAK_H
#define DSP_TRUEPEAK_H

#include <stddef.h>

#include "dsp/sound.h"
#include "kernels/kern.h"

enum { TP_MAX_PHASES = 16, TP_MAX_HALF = 32 };

/* Interpolators at p / phases after a sample, 2 half taps each, as the kernel wants them; phase 0 is the sample itself.
 * bound: no value between samples exceeds bound times the largest of the samples it is made of. */
typedef struct {
    int phases, half;
    double bound;
    float taps[TP_MAX_HALF * (TP_MAX_PHASES - 1)];
} tp_bank;

/* Kaiser-windowed sinc, every phase normalised to sum 1. phases 2, 4, 8 or 16; half 1..TP_MAX_HALF. */
void tp_bank_kaiser(tp_bank *b, int phases, int half, double beta);
/* Hann-windowed sinc, not normalised: phases 4, half 6 is the 49-point interpolator of a common meter. */
void tp_bank_hann(tp_bank *b, int phases, int half);
/* The 2 half taps of phase 0 <= p <= phases in double: tap[t] multiplies sample n + t - half + 1. beta < 0: Hann. */
void tp_taps(double *tap, int phases, int half, double beta, int p);

/* ---- the meter: 4 phases below 96 kHz, 2 below 192 kHz, else samples only; 32 taps, Kaiser 6 */

enum { TP_METER_HALF = 16, TP_METER_HISTORY = 2 * TP_METER_HALF - 1 };

/* One channel; all of it is the meter's own. */
typedef struct {
    double sample_peak, between; /* so far; between: of interpolated values only */
    size_t sample_frame, between_frame; /* where first: between frames n and n + 1 is n */
    float history[TP_METER_HISTORY];
} tp_channel;

/* A meter is this struct: no memory to free. Results do not depend on how the sound is cut. */
typedef struct {
    const kern_table *kern;
    tp_bank bank; /* phases 1: none */
    int channels;
    size_t frames; /* fed */
    tp_channel channel[SOUND_MAX_CHANNELS];
} tp_meter;

typedef struct {
    double true_peak, sample_peak;
    size_t true_peak_frame, sample_peak_frame;
} tp_figures;

/* channels 1..SOUND_MAX_CHANNELS, any rate (Hz). */
void tp_open(tp_meter *m, int rate, int channels, const kern_table *kern);
void tp_feed(tp_meter *m, const float *const *channel, size_t frames);
/* Peaks of one channel so far, as if silence followed; feeding may go on. The true peak is at least the sample peak. */
tp_figures tp_read(const tp_meter *m, int channel);

/* ---- the strict check: what a ceiling is judged by */

/* Worst of three interpolators over all channels: 4 phases x 32 taps Kaiser 6, 16 x 64 taps Kaiser 8, and the 49-point
 * Hann one at the phases of the sound's rate. gain (one value a frame, or NULL) and scale multiply the samples first.
 * Exact, though most of it is skipped where a bound shows that no new worst value can be. */
double tp_verify(const sound *x, const float *gain, float scale, const kern_table *kern);

/* ---- the limiter's envelope */

/* e[0..frames) for frames first.. of x: the largest magnitude, any channel, in [n - 1, n + 1] by 8 phases x 32 taps
 * Kaiser 6. Depends on nothing but x, so that ranges may be done on different threads. b: tp_bank_kaiser(8, 16, 6). */
void tp_envelope(float *e, const sound *x, size_t first, size_t frames, const tp_bank *b, const kern_table *kern);

#endif
