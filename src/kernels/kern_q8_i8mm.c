/* kern_q8_i8mm.c - int8 kernels for AArch64 with products of small matrices of bytes (Armv8.6 I8MM). Exports its table
 * only.
 *
 * An instruction multiplies two rows by two columns, eight deep: twice the work of a dot product's. Two quads of a row
 * become neighbours by interleaving two loads. */
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_q8.h"

enum { Q8_MR = 8, Q8_NR = 12 };

#include "kernels/body_q8_neon.inc"

/* [rows 2p, 2p + 1] of four, two quads deep. */
static inline int8x16_t q8_pair(int8x16_t first, int8x16_t second, int p)
{
    int32x4_t a = vreinterpretq_s32_s8(first), b = vreinterpretq_s32_s8(second);
    return vreinterpretq_s8_s32(p ? vzip2q_s32(a, b) : vzip1q_s32(a, b));
}

static inline uint8x16_t q8_unsigned(int8x16_t v) { return vreinterpretq_u8_s8(v); }

/* s[p][j] += rows 2p, 2p + 1 times columns 2j, 2j + 1, two quads deep, the second 0 after the last. */
static inline void q8_two_quads(int32x4_t s[Q8_MR / 2][Q8_NR / 2], const uint8_t *a, const int8_t *b, int odd)
{
    const int8x16_t none = vdupq_n_s8(0);
    uint8x16_t rows[4];
#pragma GCC unroll 2
    for (int g = 0; g < 2; g++) {
        int8x16_t first = vreinterpretq_s8_u8(vld1q_u8(a + 16 * g));
        int8x16_t second = odd ? none : vreinterpretq_s8_u8(vld1q_u8(a + 4 * Q8_MR + 16 * g));
        rows[2 * g] = q8_unsigned(q8_pair(first, second, 0));
        rows[2 * g + 1] = q8_unsigned(q8_pair(first, second, 1));
    }
#pragma GCC unroll 3
    for (int g = 0; g < 3; g++) {
        q8_order();
        int8x16_t first = vld1q_s8(b + 16 * g), second = odd ? none : vld1q_s8(b + 4 * Q8_NR + 16 * g);
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
            int8x16_t cols = q8_pair(first, second, h);
#pragma GCC unroll 4
            for (int p = 0; p < 4; p++) s[p][2 * g + h] = vusmmlaq_s32(s[p][2 * g + h], rows[p], cols);
        }
    }
}

/* Activations stay unsigned; the sums start from what their zero point adds. */
static void q8_micro(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *t)
{
    int32x4_t s[Q8_MR / 2][Q8_NR / 2];
#pragma GCC unroll 6
    for (int j = 0; j < Q8_NR / 2; j++) {
        int32x2_t two = vneg_s32(vshl_n_s32(vld1_s32(t->sums + 2 * j), 7));
#pragma GCC unroll 4
        for (int p = 0; p < Q8_MR / 2; p++) s[p][j] = vcombine_s32(two, two);
    }
    for (; quads >= 2; quads -= 2) {
        q8_two_quads(s, a, b, 0);
        a += 8 * Q8_MR;
        b += 8 * Q8_NR;
    }
    if (quads) q8_two_quads(s, a, b, 1);
#pragma GCC unroll 4
    for (int p = 0; p < Q8_MR / 2; p++)
#pragma GCC unroll 3
        for (int j = 0; j < Q8_NR / 4; j++) {
            int64x2_t l = vreinterpretq_s64_s32(s[p][2 * j]), r = vreinterpretq_s64_s32(s[p][2 * j + 1]);
            float *to = c + (size_t)(2 * p) * ldc + 4 * j;
            q8_store(to, vreinterpretq_s32_s64(vtrn1q_s64(l, r)), t, 2 * (size_t)p, 4 * (size_t)j);
            q8_store(to + ldc, vreinterpretq_s32_s64(vtrn2q_s64(l, r)), t, 2 * (size_t)p + 1, 4 * (size_t)j);
        }
}

extern const kern_q8 kern_q8_i8mm;
const kern_q8 kern_q8_i8mm = {"i8mm", 1, Q8_MR, Q8_NR, q8_absmax, q8_quant, q8_pack, q8_micro};
