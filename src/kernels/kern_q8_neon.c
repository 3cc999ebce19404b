/* kern_q8_neon.c - int8 kernels for AArch64 without a dot-product instruction. Exports its table only.
 *
 * Two products of magnitudes up to 127 are added in 16 bits (2 * 127 * 127 fits), then pairs of these in 32. */
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_q8.h"

enum { Q8_MR = 4, Q8_NR = 8 };

#include "kernels/body_q8_neon.inc"

/* s + two quads of a row, each four times, times those of four columns, b0 and b1: s[0] has two sums for each of the
 * first two columns, s[1] for the others. */
static inline void q8_row(int32x4_t s[2], int32x4_t a0, int32x4_t a1, int8x16_t b0, int8x16_t b1)
{
    int8x16_t v0 = vreinterpretq_s8_s32(a0), v1 = vreinterpretq_s8_s32(a1);
    int16x8_t lo = vmlal_s8(vmull_s8(vget_low_s8(v0), vget_low_s8(b0)), vget_low_s8(v1), vget_low_s8(b1));
    s[0] = vpadalq_s16(s[0], lo);
    s[1] = vpadalq_s16(s[1], vmlal_high_s8(vmull_high_s8(v0, b0), v1, b1));
}

/* Four rows' quads times eight columns', then the next quads; b1 NULL: there are none. */
static inline void q8_two_quads(int32x4_t s[Q8_MR][2][2], int8x16_t a0, int8x16_t a1, const int8_t *b0, const int8_t *b1)
{
    int32x4_t v0 = vreinterpretq_s32_s8(a0), v1 = vreinterpretq_s32_s8(a1);
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
        q8_order();
        int8x16_t w0 = vld1q_s8(b0 + 16 * h), w1 = b1 ? vld1q_s8(b1 + 16 * h) : vdupq_n_s8(0);
        q8_row(s[0][h], vdupq_laneq_s32(v0, 0), vdupq_laneq_s32(v1, 0), w0, w1);
        q8_row(s[1][h], vdupq_laneq_s32(v0, 1), vdupq_laneq_s32(v1, 1), w0, w1);
        q8_row(s[2][h], vdupq_laneq_s32(v0, 2), vdupq_laneq_s32(v1, 2), w0, w1);
        q8_row(s[3][h], vdupq_laneq_s32(v0, 3), vdupq_laneq_s32(v1, 3), w0, w1);
    }
}

static void q8_micro(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *t)
{
    int32x4_t s[Q8_MR][2][2];
#pragma GCC unroll 4
    for (int i = 0; i < Q8_MR; i++) s[i][0][0] = s[i][0][1] = s[i][1][0] = s[i][1][1] = vdupq_n_s32(0);
    for (; quads >= 2; quads -= 2) {
        q8_two_quads(s, q8_rows4(a), q8_rows4(a + 4 * Q8_MR), b, b + 4 * Q8_NR);
        a += 8 * Q8_MR;
        b += 8 * Q8_NR;
    }
    if (quads) q8_two_quads(s, q8_rows4(a), vdupq_n_s8(0), b, NULL);
#pragma GCC unroll 4
    for (int i = 0; i < Q8_MR; i++)
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++)
            q8_store(c + (size_t)i * ldc + 4 * h, vpaddq_s32(s[i][h][0], s[i][h][1]), t, (size_t)i, 4 * (size_t)h);
}

extern const kern_q8 kern_q8_neon;
const kern_q8 kern_q8_neon = {"neon", 1, Q8_MR, Q8_NR, q8_absmax, q8_quant, q8_pack, q8_micro};
