/* gemm.h - C = A . W^T (+ bias) (+ C): the one matrix product. A is a view, so that every convolution is a product
 * too; W is a weight matrix [n, k] in f32, f16 or bf16, widened while it is packed.
 *
 * Same bits for any number of threads: tile sizes depend on shapes only, each output is summed by one task. */
#ifndef KERNELS_GEMM_H
#define KERNELS_GEMM_H

#include "base/arena.h"
#include "base/pool.h"
#include "kernels/kern.h"

/* Row i, column k of A is data[i*row + (k / seg) * jump + k % seg]. A plain matrix has seg = k and jump = 0. A
 * convolution over time-major rows [T, C] with dilation d has row = C, seg = C, jump = d*C, k = taps*C. */
typedef struct {
    const float *data;
    size_t row, seg, jump;
    size_t run, run_jump; /* run > 0: rows come in runs of so many, run_jump apart (the lines of an image): row i is
                           * data + i / run * run_jump + i % run * row */
} gemm_view;

typedef struct {
    float *c;          /* [m, n], row stride ldc */
    size_t ldc;
    gemm_view a;
    const void *w;     /* [n, k], row stride ldw elements */
    size_t ldw;
    kern_type type;
    const float *bias; /* [n] or NULL */
    int add;           /* 1: c += product (residual) */
    size_t m, n, k;
} gemm;

/* Floats of scratch gemm_run needs for products up to m x n x k. */
size_t gemm_scratch(const kern_table *kern, size_t m, size_t n, size_t k);

/* scratch: gemm_scratch floats, 64-byte aligned. c may not overlap a, w or scratch. */
void gemm_run(pool *p, const kern_table *kern, const gemm *g, float *scratch);

/* Plain matrix as a view. */
static inline gemm_view gemm_plain(const float *data, size_t row, size_t k)
{
    return (gemm_view){data, row, k ? k : 1, 0, 0, 0};
}

/* Which code computes products here: "own" where a vector table can run, else "openblas" if it is built in.
 * DRGEN_GEMM=own|openblas in the environment decides otherwise (a check of one against the other). */
const char *gemm_backend(void);

/* ---- OpenBLAS (gemm_blas.c, the only file that sees it) */

/* Core name of the loaded OpenBLAS, "none" when built without it. */
const char *gemm_blas_core(void);
/* When OpenBLAS runs on kernels far below what this CPU can do (it does not know newer processors), the core name to
 * ask for with OPENBLAS_CORETYPE; else NULL. */
const char *gemm_blas_advice(void);
/* c [m, n] = a [m, k] . b [n, k]^T (+ c), one thread. Only when gemm_backend says "openblas". */
void gemm_blas_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m, size_t n,
                    size_t k, int add);

#endif
