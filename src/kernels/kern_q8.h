/* kern_q8.h - the int8 kernels: activations quantised per row and group of columns, weights per output row, sums in
 * int32. A table of its own, because the instructions for it (VNNI) come and go independently of the float ones.
 *
 * Activations are stored as bytes q + 128 (1..255), weights as signed bytes -127..127: the order of operands that the
 * dot-product instructions want. Four consecutive columns ("a quad") lie together. */
#ifndef KERNELS_KERN_Q8_H
#define KERNELS_KERN_Q8_H

#include "kernels/kern.h"

/* What turns the integer sum s of row i and column j into a float: row[i] * col[j] * (s - 128 * sums[j]). */
typedef struct {
    const float *row, *col; /* [mr], [nr] */
    const int32_t *sums;    /* [nr] sums of the weights of each column of this panel */
} kern_q8_scale;

typedef struct kern_q8 {
    const char *isa; /* "ref", "avx2", "avxvnni", "avx512vnni", "neon", "dotprod", "i8mm" */
    int mr, nr;      /* rows and columns of the register tile; at most KERN_MAX_MR, KERN_MAX_NR */

    /* max |x|; 0 for n = 0.                                                                              [exact] */
    float (*absmax)(const float *x, size_t n);
    /* Activations into a panel: dst[(k / 4 * mr + i) * 4 + k % 4] = rint(src[i][k] * inv[i]) + 128, ties to even, for
     * i < rows <= mr; |x * inv| <= 127.5. Rows beyond and the rest of the last quad become 128.          [exact] */
    void (*quant)(uint8_t *dst, const float *const *src, const float *inv, int rows, size_t n);
    /* dst[k / 4 * nr * 4 + j * 4 + k % 4] = src[j * ld + k], j < cols <= nr; 0 beyond cols and in the rest of the last
     * quad. sums[j] = sum over k.                                                                        [exact] */
    void (*pack)(int8_t *dst, int32_t *sums, const int8_t *src, size_t ld, int cols, size_t depth);
    /* c[i * ldc + j] = (add ? c : 0) + scaled sum over quads of a[(q * mr + i) * 4 + ..] * b[(q * nr + j) * 4 + ..] for
     * the full mr x nr tile; at most 16384 quads.                             [abs 3e-7 of the largest term] */
    void (*micro)(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_scale *s, int add);
} kern_q8;

extern const kern_q8 kern_q8_ref;

/* The best int8 table of this machine that goes with a float table (whose choice DRGEN_ISA may have capped: with
 * "avx2", VNNI is not used). Thread-safe. */
const kern_q8 *kern_q8_of(const kern_table *kern);

/* All int8 tables that can run here, kern_q8_ref first; *count gets their number. For tests and bench. */
const kern_q8 *const *kern_q8_available(size_t *count);

#endif
