/* sound.h - how dsp passes audio around: one float row a channel, full scale at 1, values above it legal. */
#ifndef DSP_SOUND_H
#define DSP_SOUND_H

#include <stddef.h>

#include "base/err.h"

enum { SOUND_MAX_CHANNELS = DRGEN_MAX_CHANNELS };

/* Borrowed rows: whoever made them frees them. rate in Hz. */
typedef struct {
    float *channel[SOUND_MAX_CHANNELS];
    size_t frames;
    int channels, rate;
} sound;

#endif
