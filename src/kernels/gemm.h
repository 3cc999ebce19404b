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
    return (gemm_view){data, row, k ? k : 1, 0};
}

/* Which code computes products: own micro-kernels where the table has them, else OpenBLAS. */
const char *gemm_backend(const kern_table *kern);

/* OpenBLAS core name, "none" when built without it. */
const char *gemm_blas_core(void);
/* 1 when OpenBLAS runs on kernels far below what the CPU can do (it does not know newer CPUs); *better then names the
 * core to ask for with OPENBLAS_CORETYPE. */
int gemm_blas_is_slow(const char **better);
/* OpenBLAS must be single-threaded inside our tasks. */
void gemm_blas_setup(void);

#endif
