/* dit_grad.h - the transformer's forward pass for training and its way back, for several songs at once.
 *
 * Memory stays near inference: of every block only its input is kept and the rest made again on the way back, or, when
 * `keep` is set, everything (13 dim floats a frame and block), which saves a third of the work. Same bits for any number of
 * threads, and the same results whether kept or not. */
#ifndef TRAIN_DIT_GRAD_H
#define TRAIN_DIT_GRAD_H

#include "model/dit_types.h"
#include "nn/nn_grad.h"

/* y += scale * B (A x): a [rank, in], b [out, rank]; rank 0: none. Gradients have the same form. dropout: the share of x
 * that A does not see, drawn from key. */
typedef struct {
    float *a, *b;
    size_t rank;
    float scale, dropout;
} lora_pair;

/* What is trained. */
typedef struct {
    const dit *d;               /* weights; with grad they must be float32 */
    const dit *grad;            /* their gradients, added to; NULL: the weights stay as they are */
    const lora_pair *lora;      /* [depth * LORA_SITES] or NULL */
    const lora_pair *lora_grad; /* the same for gradients, added to */
    int keep;
} dit_trained;

/* Some songs of equal length, one after the other. */
typedef struct {
    size_t songs, frames;
    const float *x;                    /* [songs * frames, mel_dim] */
    const float *cond;                 /* the same; NULL: zeros */
    const int32_t *text;               /* [songs * frames]; NULL: filler */
    const float *style;                /* [songs, cond_dim] */
    const float *t, *start, *duration; /* [songs]; duration is looked at in full models only */
    uint64_t key;                      /* of this batch's dropout inside adapters */
} dit_batch;

typedef struct dit_pass dit_pass;

/* v [songs * frames, mel_dim] from the batch. Everything that the way back needs comes from n->work and stays in use until
 * the caller rewinds; the batch's arrays must stay too. With a measuring arena both functions only count (v, dv NULL).
 * p: caller's memory of dit_pass_size() bytes. Close to dit_forward's values, not the same bits: other sums. */
size_t dit_pass_size(void);
void dit_pass_forward(dit_pass *p, nn *n, const dit_trained *m, const dit_batch *b, float *v);
/* From the gradient of v to those of the weights, or of the adapters. dv is not changed. Once after each forward. */
void dit_pass_backward(dit_pass *p, nn *n, const float *dv);

/* The text encoder alone, of the batch's tokens: features [songs * frames, cond_dim], in use until the caller rewinds; and
 * from their gradient d to its weights' (m->grad). For training it before the rest. */
const float *dit_text_forward(dit_pass *p, nn *n, const dit_trained *m, const dit_batch *b);
void dit_text_backward(dit_pass *p, nn *n, const float *d);

/* Multiplications and additions (2 each) that one song's way there and back takes, as it is done: with blocks made again
 * unless keep, weight gradients only where they are wanted. For shares of the machine's limit. */
double dit_pass_flop(const dit_trained *m, size_t frames);

#endif
