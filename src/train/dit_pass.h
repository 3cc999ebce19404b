/* dit_pass.h - what a training pass holds between forward and back; shared by dit_grad*.c. */
#ifndef TRAIN_DIT_PASS_H
#define TRAIN_DIT_PASS_H

#include "train/dit_grad.h"

/* One block's activations; rows = songs * frames. */
typedef struct {
    float *q, *k, *v, *o, *mid; /* [rows, dim]; q and k rotated; mid: after attention's residual */
    float *lse;                 /* [songs, heads, frames] */
    float *gate, *up;           /* [rows, inner] */
    float *fused;               /* [rows, dim] what text adds, before its SiLU; NULL past the first half */
} block_acts;

/* One layer of the text encoder; x is its input. */
typedef struct {
    float *x, *conv, *normed;  /* [rows, c] */
    float *wide, *act, *grn;   /* [rows, 2c]: before GELU, after it, after GRN */
    float *norm;               /* [songs, 2c] */
} text_acts;

typedef struct {
    float *feature, *hidden; /* [songs, DIT_SINUS], [songs, c] before the SiLU */
} time_acts;

struct dit_pass {
    dit_trained m;
    dit_batch b;
    size_t rows, dim, inner, c, mel, heads;
    float *rope_cos, *rope_sin, *rope_back; /* back: -sin */
    float *h;              /* [depth + 1, rows, dim] inputs of the blocks, and the last output */
    block_acts *acts;      /* [depth], all the same memory unless keep */
    text_acts text[32];
    float *text_out;       /* [rows, c] */
    time_acts time[3];
    float *time_out, *time_silu; /* [songs, c] */
    float *joined;         /* [rows, 2 mel + 3 c] the input projection's input */
    float *first;          /* [rows, dim] its output */
    float *conv[2], *mish; /* [rows, dim]: before each Mish; after the first */
    float *scale;          /* [songs, 2 dim]: 1 + scale, shift */
    /* on the way back */
    float *dh;             /* [rows, dim] */
    float *dtext;          /* [rows, c] */
    float *dtime;          /* [songs, c] */
};

/* Pointer arithmetic that a measuring run survives. */
static inline float *part(float *p, size_t offset)
{
    return p ? p + offset : NULL;
}
static inline const float *cpart(const float *p, size_t offset)
{
    return p ? p + offset : NULL;
}

/* A linear layer of block b at a site, with what is trained of it. */
typedef struct {
    const wmat *w;
    float *dw;               /* NULL: not trained */
    const lora_pair *lora, *dlora; /* NULL: none */
    uint64_t key;            /* of its dropout */
} site;
site dit_site(const dit_pass *p, int block, lora_site s);

/* y [rows, w.rows] (+)= x W^T + scale B A x. */
void site_forward(nn *n, float *y, const float *x, const site *s, size_t rows, int add);
/* Gradients of the weights, then dx (+)= (dx may be x unless add; NULL: not wanted). */
void site_backward(nn *n, float *dx, const float *dy, const float *x, const site *s, size_t rows, int add);

/* h [rows, dim] after block i and its text's addition from h before it; out NULL: only the activations are made. */
void block_forward(dit_pass *p, nn *n, int i, const float *h, float *out);
/* dh of the output becomes that of the input; last: nobody wants that. */
void block_backward(dit_pass *p, nn *n, int i, const float *h, int last);

/* Sizes of the batch; nothing is allocated yet. */
void pass_begin(dit_pass *p, const dit_trained *m, const dit_batch *b);
void cond_layout(dit_pass *p, nn *n);
/* Text features, time vector, input projection and position convolutions into h. */
void cond_forward(dit_pass *p, nn *n, float *h);
/* From p->dh, dtext, dtime to the weights of all these. */
void cond_backward(dit_pass *p, nn *n);

#endif
