/* grains_wave.h - the sounds of grains.h: which there are, and their samples. Private to grains*.c and its tests. */
#ifndef MODEL_GRAINS_WAVE_H
#define MODEL_GRAINS_WAVE_H

#include "base/err.h"

enum {
    GRAINS_CHANNELS = 64, /* latents of a frame */
    GRAINS_HOP = 2048,    /* samples of a frame */
    GRAINS_SPAN = 4096,   /* of a grain: frame t's begins at sample 2048 t - 1024 */
    GRAINS_COUNT = 162,
    GRAINS_SAMPLES = 2 * GRAINS_SPAN /* floats of a grain: left, then right */
};

/* A grain sounds in frame t as latent `channel` of frame t - tap says. */
typedef struct {
    int channel, tap;
} grains_atom;

/* All of them, in the order of their channels, then taps. */
void grains_list(grains_atom out[GRAINS_COUNT]);

/* Their samples into out [GRAINS_COUNT][2][GRAINS_SPAN]. NOMEM. */
drgen_status grains_render(float *out, drgen_err *err);

#endif
