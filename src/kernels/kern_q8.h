/* kern_q8.h - the int8 kernels: activations quantised per row and group of columns, weights per output row, sums in
 * int32. A table of its own, because the instructions for it (VNNI) come and go independently of the float ones.
 *
 * With values one byte wide activations are stored as q + 128 (1..255), weights as signed bytes -127..127: the order of
 * operands that the dot-product instructions want; four consecutive columns lie together. With two bytes both are int16
 * and two columns lie together. Either way g = 4 / width values make a group of four bytes, and the depth is filled up to
 * whole quads of columns. */
#ifndef KERNELS_KERN_Q8_H
#define KERNELS_KERN_Q8_H

#include "kernels/kern.h"

/* What turns the integer sum s of row i and column j into a float: row[i] * col[j] * (s - zero * sums[j]), added to
 * from[i * ld + j]; zero is 128 with values of one byte, 0 with two. */
typedef struct {
    const float *row, *col; /* [mr], [nr] */
    const int32_t *sums;    /* [nr] sums of the weights of each column of this panel */
    const float *from;      /* may be the result itself; NULL: zeros */
    size_t ld;
} kern_q8_tile;

typedef struct kern_q8 {
    const char *isa; /* "ref", "avx2", "avxvnni", "avx512vnni", "neon", "dotprod", "i8mm" */
    int width;       /* bytes of a stored value */
    int mr, nr;      /* rows and columns of the register tile; at most KERN_MAX_MR, KERN_MAX_NR */

    /* max |x|; 0 for n = 0.                                                                              [exact] */
    float (*absmax)(const float *x, size_t n);
    /* Activations into a panel: value (k / g * mr + i) * g + k % g of dst = rint(src[i][k] * inv[i]), ties to even, for
     * i < rows <= mr; |x * inv| <= 127.5. Rows beyond and the rest of the last quad become 0.            [exact] */
    void (*quant)(uint8_t *dst, const float *const *src, const float *inv, int rows, size_t n);
    /* Value (k / g * nr + j) * g + k % g of dst = src[j * ld + k], j < cols <= nr; 0 beyond cols and in the rest of the
     * last quad. sums[j] = sum over k.                                                                   [exact] */
    void (*pack)(int8_t *dst, int32_t *sums, const int8_t *src, size_t ld, int cols, size_t depth);
    /* c[i * ldc + j] = t->from + scaled sum over the columns of row i of a and column j of b, for the full mr x nr tile;
     * at most 16384 quads.                                                    [abs 3e-7 of the largest term] */
    void (*micro)(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *t);

    /* ---- attention (nn/attention_q8.c). NULL in a table that leaves it to float32.
     * q[k] = rint(x[k] * inv), |x * inv| <= 127.                                                          [exact] */
    void (*bytes)(int8_t *q, const float *x, float inv, size_t n);
    /* A block of online softmax down the columns of s [keys, nr], whose unit is a power of two: m' = max(m, s), alpha =
     * 2^(m - m'), w = rint(KERN_Q8_ONE * 2^(s - m')), l = l * alpha + sum over keys of w, m = m'. w of key k and column
     * j lies at p[(k / 2 * nr + j) * 2 + k % 2]; an odd last key has a 0 beside it. m, l, alpha are [nr]; start with m =
     * -INFINITY, l = 0. keys >= 1.                                    [w: 1; l: keys; alpha: rel 1e-6 + 1e-37] */
    void (*softmax_pairs)(int16_t *p, const float *s, size_t keys, float *m, float *l, float *alpha);
    int vr; /* rows of the next one's tile, at most KERN_MAX_MR */
    /* o[i * nr + j] = alpha[j] * o + scale[i] * sum over pairs of v[(t * vr + i) * 2 + ..] * p[(t * nr + j) * 2 + ..] for
     * the full vr x nr tile. |v| <= KERN_Q8_VALUE, pairs <= 128: sums fit in 32 bits.   [rel 1e-6 of the terms] */
    void (*values)(float *o, const int16_t *v, const int16_t *p, size_t pairs, const float *scale, const float *alpha);
} kern_q8;

enum { KERN_Q8_ONE = 16383, KERN_Q8_VALUE = 255 };

extern const kern_q8 kern_q8_ref;

/* The best int8 table of this machine that goes with a float table (whose choice DRGEN_ISA may have capped: with
 * "avx2", VNNI is not used). Thread-safe. */
const kern_q8 *kern_q8_of(const kern_table *kern);

/* All int8 tables that can run here, kern_q8_ref first; *count gets their number. For tests and bench. */
const kern_q8 *const *kern_q8_available(size_t *count);

#endif
