/* mulan_types.h - the text tower's weights, shared by mulan_load.c, xlmr.c and mulan.c. */
#ifndef MODEL_MULAN_TYPES_H
#define MODEL_MULAN_TYPES_H

#include "model/mulan.h"

typedef struct {
    wmat w;
    const float *bias;
} mulan_linear;

typedef struct {
    const float *w, *b;
} mulan_norm;

typedef struct {
    mulan_linear q, k, v, o, up, down;
    mulan_norm attn_norm, out_norm;
} mulan_xlmr_layer;

typedef struct {
    wmat q, kv, o, up, down;
    const float *attn_gamma, *ff_gamma, *q_scale, *k_scale;
} mulan_tf_layer;

struct mulan_text {
    mulan_text_cfg cfg;
    wmat words, positions, token_type;
    mulan_norm embed_norm;
    mulan_xlmr_layer *layers; /* [layers] */
    mulan_linear proj, latent;
    mulan_tf_layer *tf; /* [tf_depth] */
    float **owned;      /* widened vectors */
    size_t owned_count, owned_room;
};

/* Sizes of a MuLan transformer: row width, heads of head_width, inner width of its feed-forward. */
typedef struct {
    size_t dim, heads, head_width, inner;
} mulan_tf_size;

/* The MuLan transformer over x [rows, dim], in place; taps tf0.attn, tf0.ff, ... */
void mulan_tf_run(nn *n, const mulan_tf_layer *layers, int depth, mulan_tf_size size, float *x, size_t rows, mulan_tap tap,
                  void *user);
/* Mean over rows, the projection to the style space, length 1: style [latent.w.rows]; tap latent_raw. */
void mulan_head(nn *n, const mulan_linear *latent, const float *x, size_t rows, size_t dim, float *style, mulan_tap tap,
                void *user);

/* A tap under a name made of a stem, a layer number (< 0: none) and a tail. */
void mulan_look(mulan_tap tap, void *user, const char *stem, int layer, const char *tail, const float *x, size_t rows,
                size_t width);

/* XLM-R: ids to x [count, hidden_size]. */
void xlmr_encode(const mulan_text *m, nn *n, const int32_t *ids, size_t count, float *x, mulan_tap tap, void *user);

#endif
