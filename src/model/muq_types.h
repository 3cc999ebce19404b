/* muq_types.h - the audio tower's weights, shared by muq_load.c, muq_stem.c and muq.c. */
#ifndef MODEL_MUQ_TYPES_H
#define MODEL_MUQ_TYPES_H

#include "model/mulan_types.h"
#include "model/muq.h"

typedef struct {
    mulan_norm ffn1_norm, attn_norm, conv_norm, ffn2_norm, final_norm;
    mulan_linear ffn1_in, ffn1_out, ffn2_in, ffn2_out, q, k, v, o;
    wmat point1, point2;
    const float *depth, *depth_bias; /* [taps, width] with BatchNorm folded in */
} muq_layer;

struct muq {
    mulan_audio_cfg cfg;
    mulan_linear stem[2][3], linear;
    muq_layer *layers;
    mulan_norm norm;
    mulan_linear proj, latent;
    mulan_tf_layer *tf;
    float **owned;
    size_t owned_count;
};

/* mel [128][frames] in decibels to rows [muq_rows(frames), width]. */
void muq_stem(const muq *m, nn *n, const float *mel, size_t frames, float *out, mulan_tap tap, void *user);
static inline size_t muq_rows(size_t frames)
{
    return ((frames + 1) / 2 + 1) / 2;
}

#endif
