/* latents.h - sounds on their way into the encoder. Private to pipeline/. */
#ifndef PIPELINE_LATENTS_H
#define PIPELINE_LATENTS_H

#include "pipeline/engine.h"

/* A sound as the encoder takes it: [frames, ENGINE_CHANNELS] at ENGINE_RATE; mono doubled, of more channels the first
 * two. *out is malloc'd and has room for a whole number of latent frames; the last one is filled up with silence.
 * ARG error for no sound, for less than a frame of it and for samples that are not finite. */
drgen_status latents_sound(const drgen_audio *audio, float **out, size_t *frames, drgen_err *err);

/* The encoder on so many samples of such a sound: mean and scale, each malloc'd [*frames, latent_dim]. What fills no
 * whole frame has no frame of its own, but is heard in the last ones. */
drgen_status latents_encode(drgen *g, const float *pcm, size_t samples, const drgen_encoding *how, float **mean,
                            float **scale, size_t *frames, drgen_err *err);

#endif
