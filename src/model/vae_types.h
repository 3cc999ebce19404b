/* vae_types.h - the decoder's weights, shared by vae_load.c and vae_decode.c. */
#ifndef MODEL_VAE_TYPES_H
#define MODEL_VAE_TYPES_H

#include "model/vae.h"

enum { VAE_UNITS = 3, VAE_TAPS = 7 };

typedef struct {
    const float *a, *s; /* e^alpha and 1 / (e^beta + 1e-9) per channel */
} vae_snake;

typedef struct {
    nn_up up; /* weights in the layout of weights_tools/pack.h, bias repeated s times */
    size_t in, out, stride, pad;
    nn_unit unit[VAE_UNITS];
} vae_level;

struct vae {
    vae_cfg cfg;
    wmat first;
    float *first_bias;
    vae_level level[CONFIG_MAX_LEVELS]; /* in decoding order */
    vae_snake snake;
    float *last; /* [io, 7 * width], widened */
    float **owned;
    size_t owned_count, owned_room;
};

#endif
