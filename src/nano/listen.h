/* listen.h - tempo and drums of a song of the embedded model from its sound alone: where energy rises at the start of a
 * latent frame, in five bands, against what the composer's arrangements would give. Knows nothing of latents or prompts.
 * Source: spec nano.md sections 2 and 3 (sounds and patterns); the bands' weights were fitted on decoded composer songs. */
#ifndef NANO_LISTEN_H
#define NANO_LISTEN_H

#include "base/err.h"
#include "nano/compose.h"

typedef struct {
    int step;    /* frames of a sixteenth: 2, 3, 4; 0: nothing to be heard */
    int family;  /* of drum patterns, see compose_family; -1: nothing to be heard */
    double fit;  /* correlation with the arrangement found, mean of the bands, -1..1 */
} heard;

/* pcm [samples, channels] at 44.1 kHz, from the song's beginning. NOMEM only. */
drgen_status listen(heard *out, const float *pcm, size_t samples, int channels, drgen_err *err);

#endif
