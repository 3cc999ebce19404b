/* nn.h - layers: shapes in the signature, float32 activations row-major [rows, width], time-major. All functions
 * are void: model loaders checked the shapes. Work memory comes from the context's arena and is given back before
 * return; with a measuring arena every function only counts, so that a model's layout is one dry run. */
#ifndef NN_NN_H
#define NN_NN_H

#include "base/arena.h"
#include "base/pool.h"
#include "io/weights.h"
#include "kernels/gemm.h"
#include "kernels/gemm_q8.h"
#include "kernels/kern.h"

typedef struct {
    const kern_table *kern;
    pool *pool;  /* NULL: one thread */
    arena *work; /* base NULL: measuring, nothing is computed */
} nn;

/* 1 when the context only measures memory. */
static inline int nn_dry(const nn *n)
{
    return n->work->base == NULL;
}

/* y = x W^T + b (b NULL: none); add: y += instead. x [rows, w.cols] with row stride ldx, y [rows, w.rows], row
 * stride ldy. No overlap. With an int8 w, x is quantised first. */
void nn_linear(nn *n, float *y, size_t ldy, const float *x, size_t ldx, const wmat *w, const float *b, size_t rows,
               int add);
/* The same with A as any view (convolutions): m rows. */
void nn_linear_view(nn *n, float *y, size_t ldy, gemm_view x, const wmat *w, const float *b, size_t rows, int add);

/* ---- int8: activations in the products' layout, in memory from the context's arena until it is rewound. */
q8_rows nn_q8_rows(nn *n, size_t rows, size_t depth);
void nn_q8_quantise(nn *n, const q8_rows *r, const float *x, size_t ldx);                      /* x [rows, depth] */
void nn_q8_rmsnorm(nn *n, const q8_rows *r, const float *x, const float *w, float eps);        /* of RMSNorm(x) w */
/* Columns [col0, col0 + cols) become silu(gate) * up, both [rows, cols]; col0 a multiple of Q8_GROUP, and cols too unless
 * they are the last. gate gets the same in float32. */
void nn_q8_swiglu(nn *n, const q8_rows *r, size_t col0, size_t cols, float *gate, const float *up);
/* y = x W^T + b, or y +=, for an int8 w. */
void nn_q8_linear(nn *n, float *y, size_t ldy, const q8_rows *x, const wmat *w, const float *b, int add);

/* Row-wise over [rows, width], threads over rows. In place allowed. */
void nn_rmsnorm(nn *n, float *y, const float *x, const float *w, float eps, size_t rows, size_t width);
void nn_layernorm(nn *n, float *y, const float *x, const float *w, const float *b, float eps, size_t rows,
                  size_t width);

typedef enum { NN_SILU, NN_GELU, NN_MISH, NN_RELU } nn_act;
void nn_activate(nn *n, nn_act act, float *y, const float *x, size_t count);      /* in place allowed */
void nn_swiglu(nn *n, float *y, const float *gate, const float *up, size_t count); /* y may be gate */
void nn_add(nn *n, float *y, const float *x, size_t count);                        /* y += x */
/* y = x + sin^2(a x) * s per channel over [rows, width]. In place allowed. */
void nn_snake(nn *n, float *y, const float *x, const float *a, const float *s, size_t rows, size_t width);

/* Llama rotary frequencies: w[j] = 1/base^(2j / (2 half)), j < half, rounded to half precision if half_tables; and the
 * tables of cos and sin of float32(pos * w[j]): c, s [count, half]. */
void nn_rope_freq(float *w, size_t half, double base, int half_tables);
void nn_rope_tables(float *c, float *s, size_t count, size_t half, double base, int half_tables);
/* Rotates every head of x [rows, heads * 2*half], position = row % period. */
void nn_rope(nn *n, float *x, size_t ldx, const float *c, const float *s, size_t rows, size_t period, size_t heads,
             size_t half);

/* o = softmax(scale * q k^T) v per head, no mask. q [rows_q, heads*width] with row stride ldq, k and v [rows_k, ...].
 * Tiled with online softmax: no score matrix. o may be q. */
typedef struct {
    float *o;
    const float *q, *k, *v;
    size_t ldo, ldq, ldk, ldv;
    size_t rows_q, rows_k, heads, width;
    float scale;
    float *lse; /* [heads, rows_q] logarithm of each softmax's sum, for the way back; NULL: not wanted */
} nn_attn;
void nn_attention(nn *n, const nn_attn *a);
/* The same in integers, for models whose other products are: scores in int8, weights and values in int16. o may be q.
 * width at most Q8_GROUP. */
void nn_attention_q8(nn *n, const nn_attn *a);

/* Sinusoidal features of a scalar: out[0..half) = sin(a_i), out[half..) = cos(a_i), a_i = float32(1000 u) * f_i,
 * f_i = exp(i * -(ln 10000 / (half - 1))). Source: dit.md section 3. */
void nn_sinus_freq(float *f, size_t half);
void nn_sinus(float *out, size_t half, float u);

/* 1-D convolution over time-major rows, stride 1, groups 1: y[t][o] = b[o] + sum_k sum_c w[o][k][c] x[t + k*dil -
 * pad][c], zeros outside. w is [out, taps, in] bound as out x taps*in. x [rows, in] needs no padding by the caller.
 * add: y +=. */
void nn_conv1d(nn *n, float *y, const float *x, const wmat *w, const float *b, size_t rows, size_t in, size_t taps,
               size_t dil, size_t pad, int add);

/* 3x3 convolution of an image [height, width, in] (stride 1 or 2, one pixel of zeros around it) to [ceil(height/stride),
 * ceil(width/stride), w.rows]; w is [out, 3, 3, in] bound as out x 9*in. y may not overlap x. how: y += with
 * NN_CONV_ADD, then negative values become zero with NN_CONV_RELU. */
enum { NN_CONV_ADD = 1, NN_CONV_RELU = 2 };
void nn_conv3x3(nn *n, float *y, const float *x, const wmat *w, const float *b, size_t height, size_t width, size_t in,
                size_t stride, int how);

/* The autoencoder's residual unit: y = x + point(snake(wide(snake(x)))), wide a kernel-7 convolution with a dilation. */
typedef struct {
    const float *a[2], *s[2];              /* of the two snakes, see nn_snake */
    wmat wide, point;                      /* [width, 7, width], [width, 1, width] */
    const float *wide_bias, *point_bias;   /* [width] */
    size_t width, dilation;
} nn_unit;

/* Its weights as the products read them: 15 width^2 floats of the arena, alive until the caller rewinds it. */
typedef struct {
    const float *wide, *point;
} nn_unit_weights;
nn_unit_weights nn_unit_prepare(nn *n, const nn_unit *u);

/* Rows [from, to) of an output y [to - from, width] that stand on rows [have_from, have_to) of an input at x. */
typedef struct {
    float *y;
    const float *x;
    long have_from, have_to, from, to;
} nn_stretch;
/* The input holds the output's rows, and 3 * dilation more on each side unless the signal ends there: rows it does not hold
 * count as zeros. No overlap. Threads over stretches of rows. */
void nn_unit_run(nn *n, const nn_unit *u, nn_unit_weights w, const nn_stretch *r);

/* Snake and transposed convolution of kernel 2 stride: y[m] = b + W (snake(x[m-1]), snake(x[m])), stride rows of output in
 * one. y, b [w.rows] = [stride * out]. */
typedef struct {
    const float *a, *s; /* of the snake */
    wmat w;             /* [stride * out, 2 * in] */
    const float *bias;
    size_t in;
} nn_up;
const float *nn_up_prepare(nn *n, const nn_up *u); /* 4 * in * w.rows floats of the arena */
/* Rows m in [from, to); x counts as zero outside the rows it holds. No overlap. */
void nn_up_run(nn *n, const nn_up *u, const float *weights, const nn_stretch *r);

#endif
