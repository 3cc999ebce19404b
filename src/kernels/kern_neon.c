/* kern_neon.c - kernels for AArch64, whose baseline has NEON with FMA. Exports its table only. */
#include "kernels/kern.h"

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "kernels/vec_neon.h"

enum { MR = 12, NR = 8 };

#include "kernels/body_math.inc"
#include "kernels/body_elem.inc"
#include "kernels/body_reduce.inc"
#include "kernels/body_wino.inc"
#include "kernels/body_toom.inc"
#include "kernels/body_audio.inc"
#include "kernels/body_master.inc"

/* Rows r[i] of four become columns. */
static inline void transpose4(float32x4_t *r)
{
    float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1])), b = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3])), d = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    r[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    r[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    r[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    r[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
}

static void pack_a(float *dst, const float *const *src, int rows, size_t depth)
{
    float32x4_t r[4];
    for (int g = 0; g < MR; g += 4)
        for (size_t k = 0; k < depth; k += 4) {
            size_t n = depth - k < 4 ? depth - k : 4;
            for (int i = 0; i < 4; i++) r[i] = g + i < rows ? vquarter(src[g + i] + k, n) : vdupq_n_f32(0);
            transpose4(r);
            for (size_t i = 0; i < n; i++) vst1q_f32(dst + (k + i) * MR + g, r[i]);
        }
}

/* The first n of four weights from p on, widened. */
static inline float32x4_t widen4(const void *p, kern_type type, size_t n)
{
    uint16_t part[4] = {0};
    if (type == KERN_F32) return vquarter(p, n);
    if (n < 4) p = memcpy(part, p, n * sizeof *part);
    uint16x4_t h = vld1_u16(p);
    return type == KERN_F16 ? vcvt_f32_f16(vreinterpret_f16_u16(h)) : vreinterpretq_f32_u32(vshll_n_u16(h, 16));
}

static void pack_b(float *dst, const void *src, kern_type type, size_t ld, int cols, size_t depth)
{
    const char *from = src;
    size_t bytes = type == KERN_F32 ? sizeof(float) : sizeof(uint16_t);
    float32x4_t r[4];
    for (int g = 0; g < NR; g += 4)
        for (size_t k = 0; k < depth; k += 4) {
            size_t n = depth - k < 4 ? depth - k : 4;
            for (int i = 0; i < 4; i++)
                r[i] = g + i < cols ? widen4(from + ((size_t)(g + i) * ld + k) * bytes, type, n) : vdupq_n_f32(0);
            transpose4(r);
            for (size_t i = 0; i < n; i++) vst1q_f32(dst + (k + i) * NR + g, r[i]);
        }
}

/* Four rows of the tile: s[i] += v[i] * b. */
static inline void four_rows(float32x4_t (*s)[2], float32x4_t v, float32x4_t b0, float32x4_t b1)
{
    s[0][0] = vfmaq_laneq_f32(s[0][0], b0, v, 0);
    s[0][1] = vfmaq_laneq_f32(s[0][1], b1, v, 0);
    s[1][0] = vfmaq_laneq_f32(s[1][0], b0, v, 1);
    s[1][1] = vfmaq_laneq_f32(s[1][1], b1, v, 1);
    s[2][0] = vfmaq_laneq_f32(s[2][0], b0, v, 2);
    s[2][1] = vfmaq_laneq_f32(s[2][1], b1, v, 2);
    s[3][0] = vfmaq_laneq_f32(s[3][0], b0, v, 3);
    s[3][1] = vfmaq_laneq_f32(s[3][1], b1, v, 3);
}

/* 12 x 8: 24 accumulators, two registers of B and three of A out of 32; rows are multiplied by a lane of A. */
static void micro(float *c, size_t ldc, const float *a, const float *b, size_t depth, int add)
{
    float32x4_t s[MR][2];
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) {
        s[i][0] = s[i][1] = vdupq_n_f32(0);
        __builtin_prefetch(c + (size_t)i * ldc, 1);
    }
    for (size_t k = 0; k < depth; k++) {
        float32x4_t b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4);
        four_rows(s, vld1q_f32(a), b0, b1);
        four_rows(s + 4, vld1q_f32(a + 4), b0, b1);
        four_rows(s + 8, vld1q_f32(a + 8), b0, b1);
        a += MR;
        b += NR;
    }
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) {
        float *row = c + (size_t)i * ldc;
        if (add) {
            s[i][0] = vaddq_f32(s[i][0], vld1q_f32(row));
            s[i][1] = vaddq_f32(s[i][1], vld1q_f32(row + 4));
        }
        vst1q_f32(row, s[i][0]);
        vst1q_f32(row + 4, s[i][1]);
    }
}

static void micro_rows(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t depth, int add)
{
    float32x4_t s[MR][2];
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) s[i][0] = s[i][1] = vdupq_n_f32(0);
    for (size_t k = 0; k < depth; k++) {
        float32x4_t b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4);
#pragma GCC unroll 12
        for (int i = 0; i < MR; i++) {
            float32x4_t v = vdupq_n_f32(a[(size_t)i * lda + k]);
            s[i][0] = vfmaq_f32(s[i][0], v, b0);
            s[i][1] = vfmaq_f32(s[i][1], v, b1);
        }
        b += NR;
    }
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) {
        float *row = c + (size_t)i * ldc;
        vst1q_f32(row, add ? vaddq_f32(s[i][0], vld1q_f32(row)) : s[i][0]);
        vst1q_f32(row + 4, add ? vaddq_f32(s[i][1], vld1q_f32(row + 4)) : s[i][1]);
    }
}

extern const kern_table kern_neon;
const kern_table kern_neon = {
    .isa = "neon",
#include "kernels/body_table.inc"
};
