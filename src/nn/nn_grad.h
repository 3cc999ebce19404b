/* nn_grad.h - the layers' way back: from the gradient of a layer's output to those of its input and its weights. The
 * rules of nn.h hold. Gradients of weights are always added to what is there, those of inputs where it says so; a NULL
 * output is left out. Rows of several songs lie one after the other. */
#ifndef NN_NN_GRAD_H
#define NN_NN_GRAD_H

#include "nn/nn.h"

/* y = x W^T + b. dx [rows, w.cols] = dy W (add: +=), row strides ldx, ldy. */
void nn_linear_dx(nn *n, float *dx, size_t ldx, const float *dy, size_t ldy, const wmat *w, size_t rows, int add);
/* dw [out, in] += dy^T x, row stride ldw; x any view of [rows, in]. */
void nn_linear_dw(nn *n, float *dw, size_t ldw, const float *dy, size_t ldy, gemm_view x, size_t out, size_t in,
                  size_t rows);
/* db [width] += the sum of dy's rows. */
void nn_bias_grad(nn *n, float *db, const float *dy, size_t ldy, size_t rows, size_t width);

void nn_rmsnorm_grad(nn *n, float *dx, float *dw, const float *dy, const float *x, const float *w, float eps,
                     size_t rows, size_t width); /* dx += */
void nn_layernorm_grad(nn *n, float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
                       float eps, size_t rows, size_t width); /* dx may be dy */
void nn_activate_grad(nn *n, nn_act act, float *dx, const float *dy, const float *x,
                      size_t count); /* dx may be dy; no ReLU */
/* y = silu(gate) * up. dgate may be gate, dup may be up. */
void nn_swiglu_grad(nn *n, float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t count);

/* a as it went forward, with o and lse of then; d: gradient of o, row stride a->ldo. dq, dk, dv (row strides of q, k, v)
 * may be q, k, v themselves. Probabilities are made again tile by tile: no score matrix. */
void nn_attention_grad(nn *n, const nn_attn *a, const float *d, float *dq, float *dk, float *dv);

/* ---- layers of the text encoder and the input, forward and back: songs of `frames` rows each, `songs` of them */

/* Depthwise convolution over time, odd taps, zeros outside: w [taps, width]. */
void nn_depthwise(nn *n, float *y, const float *x, const float *w, const float *b, size_t taps, size_t songs,
                  size_t frames, size_t width);
void nn_depthwise_grad(nn *n, float *dx, float *dw, const float *dy, const float *x, const float *w, size_t taps,
                       size_t songs, size_t frames, size_t width);

/* Global response normalisation (ConvNeXt V2) over each song's frames: y = gamma (x N) + beta + x with N the norm of a
 * channel over time, divided by the channels' mean of it + 1e-6. norm [songs, width] gets the channels' norms. */
void nn_grn(nn *n, float *y, float *norm, const float *x, const float *gamma, const float *beta, size_t songs,
            size_t frames, size_t width);
void nn_grn_grad(nn *n, float *dx, float *dgamma, float *dbeta, const float *dy, const float *x, const float *norm,
                 const float *gamma, size_t songs, size_t frames, size_t width); /* dx may be dy */

/* Convolution over time in groups, odd taps, zeros outside: w [width, taps, width / groups], groups of outputs reading the
 * same group of inputs. Back: w must be float32. */
typedef struct {
    const wmat *w;
    size_t taps, groups, songs, frames, width;
} nn_grouped;
void nn_grouped_conv(nn *n, float *y, const float *x, const float *b, const nn_grouped *c);
void nn_grouped_conv_grad(nn *n, float *dx, float *dw, const float *dy, const float *x, const nn_grouped *c);

/* dtable [.., width] += rows of dy where they were looked up: row r in dtable[ids[r]] (ids NULL: 0). */
void nn_embedding_grad(nn *n, float *dtable, const float *dy, const int32_t *ids, size_t rows, size_t width);

#endif
