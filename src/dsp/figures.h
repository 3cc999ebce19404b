/* figures.h - everything a report says about a sound in numbers, measured in one pass. Source: spec mastering.md B.7,
 * B.16. Nothing is NaN, whatever comes in; where a figure has no value its comment says what stands there. */
#ifndef DSP_FIGURES_H
#define DSP_FIGURES_H

#include <stddef.h>

#include "base/err.h"
#include "dsp/loudness.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

/* One channel. Levels in dB of full scale, -INFINITY for silence. */
typedef struct {
    double true_peak;          /* dBTP */
    double sample_peak;        /* dBFS */
    size_t true_peak_frame;    /* it lies between this frame and the next, or on it */
    size_t sample_peak_frame;  /* the first that has it */
    double rms;                /* dBFS, a square wave at full scale is 0; DC included */
    double crest;              /* sample peak to RMS, dB; 0 for silence */
    double dc;                 /* mean, of full scale 1 */
    double integrated;         /* LUFS of the channel on its own, weight 1 */
} figures_channel;

typedef struct {
    size_t frames;
    int rate, channels; /* Hz; count */
    double seconds;
    figures_channel channel[SOUND_MAX_CHANNELS];

    loudness_figures loudness;
    double true_peak, sample_peak; /* largest of all channels, dBTP and dBFS */
    double rms, crest;             /* over all channels: dBFS; largest sample to RMS, dB */
    double plr;                    /* true peak less integrated loudness, dB; 0 without loudness */

    /* Two channels; else the values of a mono sound: 1, 1, 0, -INFINITY, 0. DC is taken away where it would count. */
    double correlation;         /* of the programme, -1..1; 1 when a channel is silent */
    double min_correlation;     /* smallest of the 400 ms blocks (every 100 ms) above -60 LUFS; 1 without any */
    double balance;             /* integrated loudness left less right, LU; +-INFINITY: one side has none, 0: both */
    double side_mid;            /* energy of (L - R) / 2 to that of (L + R) / 2, dB, within +-300; -INFINITY: silence */
    double mono_loss;           /* loudness of (L + R) / 2 on both sides to that of the stereo, LU: 0 for equal
                                   channels; -INFINITY when nothing is left, 0 without loudness */

    double head_silence, tail_silence; /* s below -60 dBFS (0.001) on every channel; all of it when silent */
    int silent;                        /* 1: nowhere above */
    size_t clip_runs;                  /* runs of 3 or more equal samples at or above 0.9999, all channels */
    size_t longest_clip;               /* samples of the longest of these */
    size_t over;                       /* samples above full scale, all channels */
    size_t bad_samples;                /* NaN or infinite ones, all channels: measured as 0 */
    size_t first_bad_frame;            /* when there are any */
} figures;

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
