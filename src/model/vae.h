/* vae.h - the Oobleck autoencoder in exact tiles. Source: spec vae.md; stable-audio-tools autoencoders.py. */
#ifndef MODEL_VAE_H
#define MODEL_VAE_H

#include "model/config.h"
#include "nn/nn.h"

typedef struct vae vae;

/* Binds the tensors of the decoder, and with cfg->has_encoder those of the encoder (weight norm folded, layouts of
 * weights_tools/pack.h); the file must outlive it. */
drgen_status vae_load(vae **out, const vae_cfg *cfg, const st_file *weights, drgen_err *err);
void vae_free(vae *v); /* NULL is fine */
const vae_cfg *vae_config(const vae *v);

/* Optional look inside: output of decoder.layers.i or encoder.layers.i, time-major [rows, width]. */
typedef void (*vae_tap)(void *user, const char *name, const float *data, size_t rows, size_t width);

/* Decodes frames latents z [frames, latent_dim] at once into pcm [frames * ratio, io_channels], time-major. Zero
 * padding at both ends, like the original. Measuring: counts only. */
void vae_decode(const vae *v, nn *n, const float *z, size_t frames, float *pcm, vae_tap tap, void *user);

/* Latent frames that influence a sample, beyond its own frame, on each side: 10 for the real model. */
size_t vae_halo(const vae_cfg *cfg);

/* Called with finished samples, in order. Return 0 to go on, else the decode stops. */
typedef int (*vae_sink)(void *user, const float *pcm, size_t samples, size_t done_frames, size_t total_frames);

/* Decodes any number of frames in tiles of tile frames (0: a good default); every layer computes just the rows that the
 * tile's samples depend on, so tiles are exact and waste little. Equal to vae_decode of the whole to float rounding;
 * memory is independent of frames. Returns 0 when the sink stopped it, else 1. Measuring: counts only. */
int vae_decode_tiled(const vae *v, nn *n, const float *z, size_t frames, size_t tile, vae_sink sink, void *user);

/* ---- encoding; only with cfg.has_encoder */

/* Latent frames of so many samples: samples / ratio for even strides. */
size_t vae_frames(const vae_cfg *cfg, size_t samples);

/* Encodes a whole sound pcm [samples, io_channels] into h [vae_frames, 2 * latent_dim]: a frame's mean, then its scale
 * (before the softplus). Samples behind the last whole frame still influence it. Measuring: counts only. */
void vae_encode(const vae *v, nn *n, const float *pcm, size_t samples, float *h, vae_tap tap, void *user);

/* Called when so many frames are done, in order. Return 0 to go on, else the encode stops. */
typedef int (*vae_step)(void *user, size_t done_frames, size_t total_frames);

/* The same in tiles of tile frames (0: a good default), each layer computing just the rows that its latents hang on:
 * equal to vae_encode to float rounding, in memory that does not grow with the sound. step may be NULL. Returns 0 when
 * it stopped the work, else 1. */
int vae_encode_tiled(const vae *v, nn *n, const float *pcm, size_t samples, size_t tile, float *h, vae_step step,
                     void *user);

/* The original's windows: chunk frames long, overlapping, each encoded as if it were alone (vae.md section 3). The
 * original's prepared data were made so; differs from vae_encode near window edges when overlap / 2 is below the
 * encoder's reach, and in the last window, which need not begin on a frame. overlap < chunk. A sound shorter than a
 * chunk is one window. */
typedef struct {
    size_t chunk, overlap; /* frames; the original: 128, 32 */
} vae_chunks;
int vae_encode_chunked(const vae *v, nn *n, const float *pcm, size_t samples, vae_chunks how, float *h, vae_step step,
                       void *user);

/* The bottleneck's draw: latent = noise * (softplus(scale) + 1e-4) + mean, count values each. */
void vae_bottleneck(float *latent, const float *mean, const float *scale, const float *noise, size_t count);

#endif
