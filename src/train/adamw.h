/* adamw.h - AdamW over flat arrays, with an average of the weights beside it. Sources: Loshchilov and Hutter, "Decoupled
 * Weight Decay Regularization" (2019); torch.optim.AdamW; spec training.md section 3. */
#ifndef TRAIN_ADAMW_H
#define TRAIN_ADAMW_H

#include "base/pool.h"
#include "kernels/kern_grad.h"

typedef struct {
    float *p, *g, *m, *v; /* [count] weights, gradients, moments */
    float *ema;           /* [count] the weights' average, or NULL */
    size_t count;
} adamw_arrays;

typedef struct {
    double lr, b1, b2, eps, decay;
    double clip; /* largest norm of the gradient; 0: any */
    double ema;  /* the average's decay in the long run */
} adamw_how;

/* How far the average moves to the weights of update n (from 1): 1 - min(ema, (1 + n) / (10 + n)). */
float adamw_average(double ema, long n);

/* Norm of the gradient. sums: room for adamw_pieces(count) doubles. Same value for any number of threads. */
size_t adamw_pieces(size_t count);
double adamw_norm(pool *p, const kern_grad *k, const adamw_arrays *a, double *sums);

/* Update n (from 1) with a gradient of this norm. */
void adamw_update(pool *p, const kern_grad *k, const adamw_arrays *a, const adamw_how *how, long n, double norm);

typedef enum { LR_CONSTANT, LR_LINEAR, LR_COSINE, LR_LATE } lr_schedule;
/* Rate of update n (from 1) of total: rises over warmup updates, then stays, or falls towards 0; late: stays for the first
 * half, then falls in a straight line. */
double adamw_rate(lr_schedule s, double lr, long n, long warmup, long total);

#endif
