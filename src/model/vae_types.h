/* vae_types.h - the autoencoder's weights and what encoder and decoder share of their way through a song: rows of a layer
 * as spans, and the residual unit. Private to vae_*.c. */
#ifndef MODEL_VAE_TYPES_H
#define MODEL_VAE_TYPES_H

#include "model/vae.h"

enum { VAE_UNITS = 3, VAE_TAPS = 7, VAE_LAST_TAPS = 3 /* of the encoder's last convolution */ };

typedef struct {
    float *a, *s; /* e^alpha and 1 / (e^beta + 1e-9) per channel */
} vae_snake;

typedef struct {
    vae_snake first, second;
    wmat wide, point; /* [C, 7, C], [C, 1, C] */
    float *wide_bias, *point_bias;
    size_t dilation;
} vae_unit;

typedef struct {
    vae_snake snake;
    wmat up;        /* [s * out, 2 * in], layout of weights_tools/pack.h */
    float *up_bias; /* repeated s times */
    size_t in, out, stride, pad;
    vae_unit unit[VAE_UNITS];
} vae_level;

/* A level of the encoder: units at width in, then a strided convolution to width out. */
typedef struct {
    vae_unit unit[VAE_UNITS];
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

/* Work buffers, each as large as a plan's largest use of it. */
typedef struct {
    float *x, *y;   /* activations of this level and the next */
    float *padded, *inner;
} vae_buffers;

/* Rows [want.from, want.to) of a layer's input, which has rows `have` of 0..total at x: zeros outside the song, snake (or
 * a copy, s NULL) inside. */
void vae_gather(nn *n, float *out, span want, const float *x, span have, long total, size_t width, const vae_snake *s);

/* x + conv1(snake(conv7(snake(x)))) on rows `out`, in place in x, which holds rows `have`. padded takes as many rows and
 * VAE_TAPS - 1 times the dilation, inner as many, both of width floats. */
void vae_run_unit(nn *n, const vae_unit *u, float *x, span have, span out, long total, size_t width, const vae_buffers *b);

#endif
