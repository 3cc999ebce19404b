/* loudness.h - programme loudness: ITU-R BS.1770-4 (K-weighting, 400 ms blocks, two gates), EBU Tech 3341 (momentary
 * and short-term maxima on a 10 ms hop) and EBU Tech 3342 (loudness range). Source: spec mastering.md B.7. Levels in
 * LUFS, a silent or too short programme has -INFINITY; nothing here returns NaN. */
#ifndef DSP_LOUDNESS_H
#define DSP_LOUDNESS_H

#include <stddef.h>

#include "base/err.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

enum { LOUDNESS_MIN_RATE = 8000, LOUDNESS_MAX_RATE = 192000 };

typedef drgen_loudness loudness_figures; /* its fields, with units, are in drgen.h */

/* ---- K-weighting */

/* Coefficients at this rate (Hz): {shelf, high-pass}, a[0] = 1. */
typedef struct {
    double shelf_b[3], shelf_a[3], pass_b[3], pass_a[3];
} loudness_weighting;

void loudness_weighting_init(loudness_weighting *w, int rate);

/* Both sections as one filter, the form the kernel runs. */
void loudness_filter_init(kern_iir4 *f, int rate);

/* What a channel counts for: order L R C LFE Ls Rs for six, L R C Ls Rs for five; surrounds 1.41, LFE 0; 1 for every
 * channel of any other count up to SOUND_MAX_CHANNELS. */
double loudness_channel_weight(int channels, int channel);

/* Frames of a 100 ms cell, the gating grid. */
static inline size_t loudness_cell_frames(int rate)
{
    return (size_t)(rate + 5) / 10;
}

/* ---- a meter that is fed as sound comes in; results do not depend on how it is cut */

typedef struct loudness_meter loudness_meter;

/* rate LOUDNESS_MIN_RATE..LOUDNESS_MAX_RATE, channels 1..SOUND_MAX_CHANNELS. DRGEN_ERR_ARG, DRGEN_ERR_NOMEM. */
drgen_status loudness_open(loudness_meter **out, int rate, int channels, const kern_table *kern, drgen_err *err);
void loudness_close(loudness_meter *m); /* NULL is fine */

/* frames more of each channel: planar, channel[c][0..frames-1]. A sample that is no finite number counts as 0. Memory
 * grows by 80 bytes a second and channel; DRGEN_ERR_NOMEM. */
drgen_status loudness_feed(loudness_meter *m, const float *const *channel, size_t frames, drgen_err *err);

/* Figures of everything fed so far; the meter can go on. DRGEN_ERR_NOMEM. */
drgen_status loudness_read(const loudness_meter *m, loudness_figures *out, drgen_err *err);

/* Integrated loudness (LUFS) of one channel on its own with weight 1, as a mono file of it would have. */
double loudness_read_channel(const loudness_meter *m, int channel);

/* Whole cells so far, and the weighted mean square of one. */
size_t loudness_cell_count(const loudness_meter *m);
double loudness_cell(const loudness_meter *m, size_t i);

/* Maxima so far (LUFS), without the work of the rest. */
double loudness_max_momentary(const loudness_meter *m);
double loudness_max_short_term(const loudness_meter *m);

/* Short-term loudness as a curve: value i is the 3 s that end at (i + 1) cells, -INFINITY for i < 29. Writes at most
 * room values and returns how many there are. */
size_t loudness_series(const loudness_meter *m, float *out, size_t room);

/* All figures of a sound. DRGEN_ERR_ARG, DRGEN_ERR_NOMEM. */
drgen_status loudness_measure(loudness_figures *out, const sound *x, const kern_table *kern, drgen_err *err);

/* ---- the lean form for a loudness solver: a signal with a gain curve, measured without storing it */

/* Whole cells in so many frames. */
static inline size_t loudness_cells(size_t frames, int rate)
{
    return frames / loudness_cell_frames(rate);
}

/* What measuring cells of one rate needs. */
typedef struct {
    kern_iir4 filter;
    size_t cell_frames;
    const kern_table *kern;
} loudness_weigher;

void loudness_weigher_init(loudness_weigher *w, int rate, const kern_table *kern);

/* cell[0..frames / w->cell_frames) += weight * mean square of the K-weighted x[i] * gain[i] per cell (gain NULL: 1).
 * Start from zeros; channels may be measured at the same time into cells of their own, but are added in order. */
void loudness_add_cells(double *cell, const loudness_weigher *w, const float *x, const float *gain, double weight,
                        size_t frames);

/* Integrated loudness (LUFS) of these cells when the sound is multiplied by scale; *gate, if not NULL, gets the
 * relative gate. No allocation: two passes over the cells. */
double loudness_integrate(const double *cell, size_t cells, double scale, double *gate);

/* The two together for a sound: cell has room for loudness_cells(x->frames, x->rate). */
double loudness_gained(const sound *x, const float *gain, double scale, double *cell, const kern_table *kern);

/* Loudness of a mean square energy, LUFS; -INFINITY for 0. */
double loudness_of_energy(double mean_square);

#endif
