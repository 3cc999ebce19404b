/* gemm_turned.h - the matrix products of backward passes, whose sums run along the other axis: C = A . B and
 * C = A^T . B. Packing turns the operands, the register tiles are those of gemm.h.
 *
 * Same bits for any number of threads: tile sizes depend on shapes only, each output is summed by one task. */
#ifndef KERNELS_GEMM_TURNED_H
#define KERNELS_GEMM_TURNED_H

#include "kernels/gemm.h"

typedef struct {
    float *c;       /* [m, n], row stride ldc */
    size_t ldc;
    gemm_view a;    /* [m, k]; a_turned: [k, m], element (i, k) in row k; rows may come in runs, seg is not looked at */
    int a_turned;
    gemm_view b;    /* [k, n]: row k, column j; data are elements of type */
    kern_type type;
    int add;        /* 1: c += product */
    size_t m, n, k;
} gemm_turned;

/* Floats of scratch for products up to m x n x k. */
size_t gemm_turned_scratch(const kern_table *kern, size_t m, size_t n, size_t k);

/* scratch: gemm_turned_scratch floats, 64-byte aligned. c may not overlap a, b or scratch. p NULL: on this thread. */
void gemm_turned_run(pool *p, const kern_table *kern, const gemm_turned *g, float *scratch);

#endif
