/* kern_avx2.c - kernels for AVX2 with FMA and F16C. Exports its table only. */
#include "kernels/kern.h"

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "kernels/vec_avx2.h"

enum { MR = 6, NR = 16 };

#include "kernels/body_math.inc"
#include "kernels/body_elem.inc"
#include "kernels/body_reduce.inc"
#include "kernels/body_wino.inc"
#include "kernels/body_toom.inc"
#include "kernels/body_audio.inc"
#include "kernels/body_master.inc"

/* Rows r[i] of eight become columns. */
static inline void transpose8(__m256 *r)
{
    __m256 t[8];
    for (int i = 0; i < 8; i += 4) {
        __m256 a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

static void pack_a(float *dst, const float *const *src, int rows, size_t depth)
{
    __m256 r[8];
    for (size_t k = 0; k < depth; k += 8) {
        size_t n = depth - k < 8 ? depth - k : 8;
        for (int i = 0; i < 8; i++) r[i] = i < rows ? vloadn(src[i] + k, n) : vset(0);
        transpose8(r);
        for (size_t i = 0; i < n; i++) vstoren(dst + (k + i) * MR, r[i], MR);
    }
}

/* The first n of eight half-precision values: the tail goes through a buffer, so nothing past it is read. */
static inline __m256 widen_tail(const uint16_t *h, kern_type type, size_t n)
{
    uint16_t buffer[8] = {0};
    memcpy(buffer, h, n * sizeof *h);
    return type == KERN_F16 ? vwiden_f16(buffer) : vwiden_bf16(buffer);
}

static void pack_b(float *dst, const void *src, kern_type type, size_t ld, int cols, size_t depth)
{
    const float *f = src;
    const uint16_t *h = src;
    __m256 r[8];
    for (int g = 0; g < NR; g += 8)
        for (size_t k = 0; k < depth; k += 8) {
            size_t n = depth - k < 8 ? depth - k : 8;
            for (int i = 0; i < 8; i++) {
                size_t at = (size_t)(g + i) * ld + k;
                if (g + i >= cols) r[i] = vset(0);
                else if (type == KERN_F32) r[i] = vloadn(f + at, n);
                else if (n < 8) r[i] = widen_tail(h + at, type, n);
                else r[i] = type == KERN_F16 ? vwiden_f16(h + at) : vwiden_bf16(h + at);
            }
            transpose8(r);
            for (size_t i = 0; i < n; i++) vstore(dst + (k + i) * NR + g, r[i]);
        }
}

/* 6 x 16: 12 accumulators, two columns of B and a broadcast of the 16 registers. */
static void micro(float *c, size_t ldc, const float *a, const float *b, size_t depth, int add)
{
    enum { STEP = 16 }; /* of depth, at least, between two rows of C that are asked for */
    __m256 s[MR][2];
#pragma GCC unroll 6
    for (int i = 0; i < MR; i++) s[i][0] = s[i][1] = _mm256_setzero_ps();
    const char *line = (const char *)c;
    for (size_t k = 0, step = depth / MR < STEP ? STEP : depth / MR + 1; k < depth; line += ldc * sizeof *c) {
        size_t end = depth - k < step ? depth : k + step;
        _mm_prefetch(line, _MM_HINT_T1);
        for (; k < end; k++) {
            __m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + 8);
            _mm_prefetch((const char *)(b + 12 * NR), _MM_HINT_T0);
#pragma GCC unroll 6
            for (int i = 0; i < MR; i++) {
                __m256 v = _mm256_broadcast_ss(a + i);
                s[i][0] = _mm256_fmadd_ps(v, b0, s[i][0]);
                s[i][1] = _mm256_fmadd_ps(v, b1, s[i][1]);
            }
            a += MR;
            b += NR;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < MR; i++) {
        float *row = c + (size_t)i * ldc;
        if (add) {
            s[i][0] = _mm256_add_ps(s[i][0], _mm256_loadu_ps(row));
            s[i][1] = _mm256_add_ps(s[i][1], _mm256_loadu_ps(row + 8));
        }
        _mm256_storeu_ps(row, s[i][0]);
        _mm256_storeu_ps(row + 8, s[i][1]);
    }
}

/* Rows are reached from every third one, so that few registers hold addresses. */
static void micro_rows(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t depth, int add)
{
    __m256 s[MR][2];
    const float *base[2] = {a, a + 3 * lda};
#pragma GCC unroll 6
    for (int i = 0; i < MR; i++) {
        s[i][0] = s[i][1] = _mm256_setzero_ps();
        _mm_prefetch((const char *)(c + (size_t)i * ldc), _MM_HINT_T0);
    }
    for (size_t k = 0; k < depth; k++) {
        __m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + 8);
        _mm_prefetch((const char *)(b + 12 * NR), _MM_HINT_T0);
#pragma GCC unroll 6
        for (int i = 0; i < MR; i++) {
            __m256 v = _mm256_broadcast_ss(base[i / 3] + (size_t)(i % 3) * lda);
            s[i][0] = _mm256_fmadd_ps(v, b0, s[i][0]);
            s[i][1] = _mm256_fmadd_ps(v, b1, s[i][1]);
        }
        base[0]++;
        base[1]++;
        b += NR;
    }
#pragma GCC unroll 6
    for (int i = 0; i < MR; i++) {
        float *row = c + (size_t)i * ldc;
        if (add) {
            s[i][0] = _mm256_add_ps(s[i][0], _mm256_loadu_ps(row));
            s[i][1] = _mm256_add_ps(s[i][1], _mm256_loadu_ps(row + 8));
        }
        _mm256_storeu_ps(row, s[i][0]);
        _mm256_storeu_ps(row + 8, s[i][1]);
    }
}

extern const kern_table kern_avx2;
const kern_table kern_avx2 = {
    .isa = "avx2",
#include "kernels/body_table.inc"
};
