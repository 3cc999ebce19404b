/* gemm_q8.h - C = A . W^T in int8: weights quantised per output row, activations per row and group of columns as they
 * come, sums in int32, the result in float32.
 *
 * Same bits for any number of threads. Source of the scheme: Dettmers et al., "LLM.int8()" (2022), and Xiao et al.,
 * "SmoothQuant" (2023), for weights per row and activations per token; groups keep one large value from spending the
 * range of a whole row. */
#ifndef KERNELS_GEMM_Q8_H
#define KERNELS_GEMM_Q8_H

#include "base/pool.h"
#include "kernels/kern_q8.h"

enum { Q8_GROUP = 512 }; /* columns that share a scale; a multiple of 64 */

/* Quantised activations in the layout of the products: panels of mr rows, each as groups of quads. */
typedef struct {
    uint8_t *data;
    float *scale;       /* [panels][groups][mr] */
    size_t rows, depth; /* of the matrix */
} q8_rows;

/* Bytes of memory q8_rows_at needs, alignment included. */
size_t q8_rows_bytes(const kern_q8 *q, size_t rows, size_t depth);
/* Lays rows out in memory (64-byte aligned, q8_rows_bytes). Every panel is to be set before a product. */
q8_rows q8_rows_at(const kern_q8 *q, void *memory, size_t rows, size_t depth);
size_t q8_panels(const kern_q8 *q, size_t rows);
/* Groups of columns in a row. */
size_t q8_groups(size_t depth);
/* Quantises group g of panel p: rows p * mr and on, columns g * Q8_GROUP and on, given as pointers to the group's first
 * column, one for each row the panel holds (fewer in the last). Different panels and groups at the same time are fine. */
void q8_set_group(const kern_q8 *q, const q8_rows *r, size_t p, size_t g, const float *const *src);
/* All groups of panel p, from its own rows x [mr or fewer, depth]. */
void q8_set_rows(const kern_q8 *q, const q8_rows *r, size_t p, const float *x, size_t ldx);
/* All groups of panel p of the matrix x [rows, depth], row stride ldx. */
void q8_set_panel(const kern_q8 *q, const q8_rows *r, size_t p, const float *x, size_t ldx);

typedef struct {
    float *c;           /* [a->rows, n], row stride ldc */
    size_t ldc;
    const q8_rows *a;
    const int8_t *w;    /* [n, depth] */
    const float *scale; /* [n] */
    const float *bias;  /* [n] or NULL */
    int add;            /* 1: c += product */
    size_t n;
} gemm_q8;

/* Bytes of scratch for products up to n x depth. */
size_t gemm_q8_scratch(const pool *p, const kern_q8 *q, size_t n, size_t depth);
/* scratch: gemm_q8_scratch bytes, 64-byte aligned. */
void gemm_q8_run(pool *p, const kern_q8 *q, const gemm_q8 *g, void *scratch);

/* Weights of one output row: w = rint(x / scale), scale = max |x| / 127 (1 for a row of zeros). */
void q8_quantise_weights(int8_t *w, float *scale, const float *x, size_t n);

#endif
