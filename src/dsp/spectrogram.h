/* spectrogram.h - levels over time and frequency for a picture: 4096-point Hann frames on a logarithmic frequency
 * axis. Source: spec mastering.md B.16. */
#ifndef DSP_SPECTROGRAM_H
#define DSP_SPECTROGRAM_H

#include "base/pool.h"
#include "dsp/sound.h"

enum { SPECTROGRAM_FRAME = 4096, SPECTROGRAM_FLOOR = -100, SPECTROGRAM_LOWEST = 20 };

typedef struct {
    size_t columns, rows;
    size_t frames_a_column; /* averaged in power; 1.. */
} spectrogram_size;

/* level[row * columns + column], row 0 on top: dB of full scale, SPECTROGRAM_FLOOR..0; a sine at full scale on every
 * channel is 0. Column c is centred on (c + 1/2) / columns of the sound, zeros around it; rows are equal ratios from
 * SPECTROGRAM_LOWEST Hz (bottom edge) to half the rate (top edge), each with its loudest bin, or between two bins
 * where these are wider than rows. Channels are averaged in power. Samples that are no finite numbers count as 0. The
 * same bits for any number of threads. DRGEN_ERR_ARG: a rate below 8000; DRGEN_ERR_NOMEM. */
drgen_status spectrogram_make(float *level, spectrogram_size size, const sound *x, pool *threads, drgen_err *err);

/* Frequency (Hz) at this height, 0 the bottom edge and 1 the top edge, and back. */
double spectrogram_frequency(double height, int rate);
double spectrogram_height(double frequency, int rate);

#endif
