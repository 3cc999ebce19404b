/* vae_types.h - the autoencoder's weights and what encoder and decoder share of their way through a song: rows of a
 * layer as spans, and how they are gathered. Private to vae_*.c. */
#ifndef MODEL_VAE_TYPES_H
#define MODEL_VAE_TYPES_H

#include "model/vae.h"

enum { VAE_UNITS = 3, VAE_TAPS = 7, VAE_LAST_TAPS = 3 /* of the encoder's last convolution */ };

typedef struct {
    const float *a, *s; /* e^alpha and 1 / (e^beta + 1e-9) per channel */
} vae_snake;

typedef struct {
    nn_up up; /* weights in the layout of weights_tools/pack.h, bias repeated s times */
    size_t in, out, stride, pad;
    nn_unit unit[VAE_UNITS];
} vae_level;

/* A level of the encoder: units at width in, then a strided convolution to width out. */
typedef struct {
    nn_unit unit[VAE_UNITS];
    vae_snake snake;
    wmat down; /* [out, 2 * stride, in] */
    float *down_bias;
    size_t in, out, stride, pad;
} vae_down;

typedef struct {
    wmat first; /* [ch[0], 7, io] */
    float *first_bias;
    vae_down level[CONFIG_MAX_LEVELS];
    vae_snake snake;
    wmat last; /* [2 * latent, 3, ch[n]]: mean, then scale */
    float *last_bias;
} vae_encoder;

struct vae {
    vae_cfg cfg;
    wmat first;
    float *first_bias;
    vae_level level[CONFIG_MAX_LEVELS]; /* in decoding order */
    vae_snake snake;
    float *last; /* [io, 7 * width], widened */
    vae_encoder encoder; /* when cfg.has_encoder */
    float **owned;
    size_t owned_count, owned_room;
};

/* Rows [from, to) at some layer's rate. */
typedef struct {
    long from, to;
} span;

static inline span span_widen(span s, long reach, long total)
{
    span w = {s.from - reach, s.to + reach};
    if (w.from < 0) w.from = 0;
    if (w.to > total) w.to = total;
    return w;
}

static inline size_t span_length(span s)
{
    return (size_t)(s.to - s.from);
}

static inline size_t vae_most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rows [want.from, want.to) of a layer's input, which has rows `have` of 0..total at x: zeros outside the song, snake
 * (or a copy, s NULL) inside. */
void vae_gather(nn *n, float *out, span want, const float *x, span have, long total, size_t width, const vae_snake *s);

#endif
