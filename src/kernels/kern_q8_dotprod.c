/* kern_q8_dotprod.c - int8 kernels for AArch64 with dot products of signed bytes (Armv8.2 DotProd). Exports its table
 * only. */
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_q8.h"

enum { Q8_MR = 8, Q8_NR = 12 };

#include "kernels/body_q8_neon.inc"

/* Four rows of the tile against twelve columns, a quad deep. */
static inline void q8_four_rows(int32x4_t (*s)[3], int8x16_t a, const int8x16_t b[3])
{
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++) {
        s[0][j] = vdotq_laneq_s32(s[0][j], b[j], a, 0);
        s[1][j] = vdotq_laneq_s32(s[1][j], b[j], a, 1);
        s[2][j] = vdotq_laneq_s32(s[2][j], b[j], a, 2);
        s[3][j] = vdotq_laneq_s32(s[3][j], b[j], a, 3);
    }
}

/* 8 x 12: 24 accumulators, three registers of B and two of A out of 32. */
static void q8_micro(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *t)
{
    int32x4_t s[Q8_MR][3];
#pragma GCC unroll 8
    for (int i = 0; i < Q8_MR; i++) s[i][0] = s[i][1] = s[i][2] = vdupq_n_s32(0);
    for (size_t q = 0; q < quads; q++) {
        int8x16_t v[3] = {vld1q_s8(b), vld1q_s8(b + 16), vld1q_s8(b + 32)};
        q8_four_rows(s, q8_rows4(a), v);
        q8_four_rows(s + 4, q8_rows4(a + 16), v);
        a += 4 * Q8_MR;
        b += 4 * Q8_NR;
    }
#pragma GCC unroll 8
    for (int i = 0; i < Q8_MR; i++)
#pragma GCC unroll 3
        for (int j = 0; j < 3; j++) q8_store(c + (size_t)i * ldc + 4 * j, s[i][j], t, (size_t)i, 4 * (size_t)j);
}

extern const kern_q8 kern_q8_dotprod;
const kern_q8 kern_q8_dotprod = {"dotprod", 1, Q8_MR, Q8_NR, q8_absmax, q8_quant, q8_pack, q8_micro};
