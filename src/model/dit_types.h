/* dit_types.h - the transformer's weights, shared by dit_load.c, dit_cond.c, dit_block.c and dit.c. */
#ifndef MODEL_DIT_TYPES_H
#define MODEL_DIT_TYPES_H

#include "model/lora.h"

enum { DIT_SINUS = 256, DIT_POS_TAPS = 31, DIT_TEXT_TAPS = 7 };

typedef struct {
    wmat w0, w2;
    const float *b0, *b2;
} dit_time_mlp;

typedef struct {
    wmat pw1, pw2;
    const float *dw, *dw_bias, *norm_w, *norm_b, *pw1_bias, *gamma, *beta, *pw2_bias;
} dit_text_block;

/* y += b (a x) beside an int8 matrix; a.rows 0: nothing. */
typedef struct {
    wmat a, b; /* [rank, in], [out, rank] */
} dit_term;

typedef struct {
    wmat q, k, v, o, gate, up, down;
    const float *attn_norm, *mlp_norm;
    int int8;              /* all seven matrices are */
    const dit_term *terms; /* [LORA_SITES] adapters of an int8 block; NULL: none */
} dit_block;

typedef struct {
    wmat w;
    const float *bias;
} dit_linear;

struct dit {
    dit_cfg cfg;
    dit_time_mlp time, start, duration;
    wmat tokens;
    dit_text_block *text;  /* [conv_layers] */
    dit_linear proj, pos[2], norm_out, out;
    dit_block *blocks;     /* [depth] */
    dit_linear *fusion;    /* [depth / 2] */
    const float *negative; /* or NULL */
    struct dit_lora *lora; /* what is attached, NULL: nothing (lora.c) */
    size_t term_rank;      /* of the widest term; 0: there are none */
    float **owned;         /* widened vectors */
    size_t owned_count, owned_room;
};

/* c [cond_dim] = MLP(sinusoidal features of u), added to c when add. */
void dit_time(const dit *d, nn *n, const dit_time_mlp *m, float u, float *c, int add);

/* Text features [frames, cond_dim] of one branch; text NULL: filler everywhere. */
void dit_text(const dit *d, nn *n, const int32_t *text, size_t frames, int half_tables, float *out);

/* h [frames, dim] of one branch: the two position convolutions and their residual. */
void dit_position(const dit *d, nn *n, float *h, size_t frames);

/* One Llama block over all branches stacked: h [branches * frames, dim] in place. */
void dit_block_run(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *h);

#endif
