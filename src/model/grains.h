/* grains.h - an autoencoder made of formulas: no file, no training. Its decoder is a bank of 162 short sounds ("grains")
 * behind the tensors of an ordinary Oobleck decoder of one level, its encoder the least-squares answer to it. Source: spec
 * nano.md sections 1 and 2.
 *
 * A frame of 64 latents is GRAINS_SCALE * (roll - GRAINS_OFFSET), roll near 0 or 1: which of 64 instruments sound. */
#ifndef MODEL_GRAINS_H
#define MODEL_GRAINS_H

#include "io/safetensors.h"
#include "model/config.h"

#define GRAINS_SCALE 3.0
#define GRAINS_OFFSET 0.07

/* The sizes of this autoencoder, encoder and decoder: the only ones it comes in. */
vae_cfg grains_config(void);

/* Makes the tensors vae_load wants for *cfg, in the layouts of weights_tools/pack.h: those of the decoder, and with
 * cfg->has_encoder the encoder's. The same bits every time. name is for messages. MODEL error when *cfg has other sizes;
 * NOMEM. */
drgen_status grains_make(st_file **out, const vae_cfg *cfg, const char *name, drgen_err *err);

#endif
