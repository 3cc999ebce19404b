/* kern_grad.h - the kernels that only training needs, in a table of their own: inference carries none of them.
 * The rules of kern.h hold. kern_grad_ref defines what each entry means (plain loops, double inside). */
#ifndef KERNELS_KERN_GRAD_H
#define KERNELS_KERN_GRAD_H

#include "kernels/kern.h"

/* One step of AdamW with its bias corrections already in step and root: p *= keep; m = b1 m + (1-b1) g s;
 * v = b2 v + (1-b2) (g s)^2; p -= step * m / (sqrt(v) * root + eps). s scales the gradient (clipping). */
typedef struct {
    float keep, b1, b2, scale, step, root, eps;
} kern_adamw;

typedef struct kern_grad {
    const char *isa; /* "ref", "avx2", "avx512" */

    /* dx = dy * f'(x); dx may be dy.                                           [rel 4e-6 of |dy| max(1, |f'|)] */
    void (*silu)(float *dx, const float *dy, const float *x, size_t n);
    void (*gelu)(float *dx, const float *dy, const float *x, size_t n);
    void (*mish)(float *dx, const float *dy, const float *x, size_t n);
    /* y = silu(gate) * up: dgate, dup from dy. dgate may be gate, dup may be up.                    [as silu] */
    void (*swiglu)(float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n);

    /* y = x w / sqrt(mean(x^2) + eps): dx += its gradient; dw += dy x / sqrt(...), unless NULL.     [nmse 1e-11] */
    void (*rmsnorm)(float *dx, float *dw, const float *dy, const float *x, const float *w, float eps, size_t n);
    /* y = (x - mean) / sqrt(var + eps) * w + b: dx = its gradient (dx may be dy); dw, db += unless NULL; w NULL: 1.
     *                                                                                               [nmse 1e-10] */
    void (*layernorm)(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, float eps,
                      size_t n);
    /* ds = p * (dp - delta[c]) * scale over rows [rows, cols], column c; ds may be dp.             [abs 1e-6] */
    void (*softmax_cols)(float *ds, const float *p, const float *dp, const float *delta, float scale, size_t rows,
                         size_t cols);
    void (*mul_add)(float *y, const float *a, const float *b, size_t n); /* y += a * b        [rel 1e-6 of sum] */
    double (*energy)(const float *x, size_t n); /* sum of x^2 in double; not finite when one x is not  [rel 1e-6] */
    void (*adamw)(float *p, const float *g, float *m, float *v, const kern_adamw *a, size_t n); /*    [rel 1e-5] */
    void (*lerp)(float *y, const float *x, float a, size_t n); /* y += a * (x - y)              [rel 1e-6 of sum] */
} kern_grad;

extern const kern_grad kern_grad_ref;

/* The table that goes with a float table; kern_grad_ref where there is none of that name. */
const kern_grad *kern_grad_of(const kern_table *kern);

#endif
