/* muq.h - MuQ-MuLan's audio tower: ten seconds of sound to a unit style vector. Source: spec mulan.md sections 4, 5, 7. */
#ifndef MODEL_MUQ_H
#define MODEL_MUQ_H

#include "model/config.h"
#include "model/mulan.h"
#include "nn/nn.h"

enum { MUQ_BANDS = 128 };

typedef struct muq muq;

/* Binds every tensor of mulan_audio.safetensors by name and exact shape; matrices are used in place, so the file must
 * outlive the model. MODEL errors name the tensor, wanted and found shape. */
drgen_status muq_load(muq **out, const mulan_audio_cfg *cfg, const st_file *weights, drgen_err *err);
void muq_free(muq *m); /* NULL is fine */

/* mel [MUQ_BANDS][frames] in decibels (dsp/mel) of one clip to style [dim_latent] of length 1. Taps as in
 * golden/mulan_tiny: "res0" and "res1" as [height, width, channels], "hidden0", "conf0.ffn1", "conf3", ... Measuring: counts. */
void muq_encode(const muq *m, nn *n, const float *mel, size_t frames, float *style, mulan_tap tap, void *user);

/* Clips of `clip` samples from a recording: whole ones in order, then the rest filled up from the start of the recording
 * (once; a recording shorter than half a clip gives one clip of twice its length). Number of clips; with out (may be NULL)
 * clip i starts at out + i * clip and *last gets the samples of the last one. */
size_t muq_clips(const float *samples, size_t count, size_t clip, float *out, size_t *last);

#endif
