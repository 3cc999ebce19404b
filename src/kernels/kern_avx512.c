/* kern_avx512.c - kernels for AVX-512 F, DQ, BW, VL. Exports its table only. */
#include "kernels/kern.h"

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "kernels/vec_avx512.h"

enum { MR = 14, NR = 32 };

#include "kernels/body_math.inc"
#include "kernels/body_elem.inc"
#include "kernels/body_reduce.inc"
#include "kernels/body_wino.inc"
#include "kernels/body_toom.inc"
#include "kernels/body_audio.inc"
#include "kernels/body_master.inc"

/* Rows r[i] of sixteen become columns. */
static inline void transpose16(__m512 *r)
{
    __m512 t[16];
    for (int i = 0; i < 16; i += 4) {
        __m512 a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
        __m512 c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    for (int i = 0; i < 4; i++) {
        __m512 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        __m512 c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88), d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        r[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        r[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

static void pack_a(float *dst, const float *const *src, int rows, size_t depth)
{
    __m512 r[16];
    for (size_t k = 0; k < depth; k += 16) {
        size_t n = depth - k < 16 ? depth - k : 16;
        for (int i = 0; i < 16; i++) r[i] = i < rows ? vloadn(src[i] + k, n) : vset(0);
        transpose16(r);
        for (size_t i = 0; i < n; i++) vstoren(dst + (k + i) * MR, r[i], MR);
    }
}

static void pack_b(float *dst, const void *src, kern_type type, size_t ld, int cols, size_t depth)
{
    const float *f = src;
    const uint16_t *h = src;
    __m512 r[16];
    for (int g = 0; g < NR; g += 16)
        for (size_t k = 0; k < depth; k += 16) {
            size_t n = depth - k < 16 ? depth - k : 16;
            for (int i = 0; i < 16; i++) {
                size_t at = (size_t)(g + i) * ld + k;
                if (g + i >= cols) r[i] = vset(0);
                else if (type == KERN_F32) r[i] = vloadn(f + at, n);
                else {
                    __m256i v = _mm256_maskz_loadu_epi16(vmask(n), h + at);
                    r[i] = type == KERN_F16 ? _mm512_cvtph_ps(v)
                                            : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
                }
            }
            transpose16(r);
            for (size_t i = 0; i < n; i++) vstore(dst + (k + i) * NR + g, r[i]);
        }
}

/* 14 x 32: 28 accumulators, two columns of B and one broadcast fill the 32 registers. The lines of C are asked for a row
 * at a time on the way: all at once they would hold up the panels behind twenty-eight misses. rows is a constant wherever
 * this is inlined. */
static inline __attribute__((always_inline)) void product(float *c, size_t ldc, const float *a, const float *b, size_t depth,
                                                          int add, int rows)
{
    enum { STEP = 16 }; /* of depth, at least, between two rows */
    __m512 s[MR][2];
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) s[i][0] = s[i][1] = _mm512_setzero_ps();
    const char *line = (const char *)c;
    for (size_t k = 0, step = depth / MR < STEP ? STEP : depth / MR + 1; k < depth; line += ldc * sizeof *c) {
        size_t end = depth - k < step ? depth : k + step;
        _mm_prefetch(line, _MM_HINT_T1);
        _mm_prefetch(line + 64, _MM_HINT_T1);
        for (; k < end; k++) {
            __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
            _mm_prefetch((const char *)(b + 8 * NR), _MM_HINT_T0);
            _mm_prefetch((const char *)(b + 8 * NR + 16), _MM_HINT_T0);
#pragma GCC unroll 14
            for (int i = 0; i < rows; i++) {
                __m512 v = _mm512_set1_ps(a[i]);
                s[i][0] = _mm512_fmadd_ps(v, b0, s[i][0]);
                s[i][1] = _mm512_fmadd_ps(v, b1, s[i][1]);
            }
            a += MR;
            b += NR;
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
        float *row = c + (size_t)i * ldc;
        if (add) {
            s[i][0] = _mm512_add_ps(s[i][0], _mm512_loadu_ps(row));
            s[i][1] = _mm512_add_ps(s[i][1], _mm512_loadu_ps(row + 16));
        }
        _mm512_storeu_ps(row, s[i][0]);
        _mm512_storeu_ps(row + 16, s[i][1]);
    }
}

static void micro(float *c, size_t ldc, const float *a, const float *b, size_t depth, int add)
{
    product(c, ldc, a, b, depth, add, MR);
}

static void micro_part(float *c, size_t ldc, const float *a, const float *b, size_t depth, int add, size_t rows)
{
    switch (rows) {
    case 1: product(c, ldc, a, b, depth, add, 1); break;
    case 2: product(c, ldc, a, b, depth, add, 2); break;
    case 3: product(c, ldc, a, b, depth, add, 3); break;
    case 4: product(c, ldc, a, b, depth, add, 4); break;
    case 5: product(c, ldc, a, b, depth, add, 5); break;
    case 6: product(c, ldc, a, b, depth, add, 6); break;
    case 7: product(c, ldc, a, b, depth, add, 7); break;
    case 8: product(c, ldc, a, b, depth, add, 8); break;
    case 9: product(c, ldc, a, b, depth, add, 9); break;
    case 10: product(c, ldc, a, b, depth, add, 10); break;
    case 11: product(c, ldc, a, b, depth, add, 11); break;
    case 12: product(c, ldc, a, b, depth, add, 12); break;
    case 13: product(c, ldc, a, b, depth, add, 13); break;
    default: product(c, ldc, a, b, depth, add, MR); break;
    }
}

/* Rows are reached from every third one, so that few registers hold addresses. */
static void micro_rows(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t depth, int add)
{
    __m512 s[MR][2];
    const float *base[5] = {a, a + 3 * lda, a + 6 * lda, a + 9 * lda, a + 12 * lda};
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++) {
        s[i][0] = s[i][1] = _mm512_setzero_ps();
        _mm_prefetch((const char *)(c + (size_t)i * ldc), _MM_HINT_T0);
        _mm_prefetch((const char *)(c + (size_t)i * ldc + 16), _MM_HINT_T0);
    }
    for (size_t k = 0; k < depth; k++) {
        __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
        _mm_prefetch((const char *)(b + 8 * NR), _MM_HINT_T0);
        _mm_prefetch((const char *)(b + 8 * NR + 16), _MM_HINT_T0);
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++) {
            __m512 v = _mm512_set1_ps(base[i / 3][(size_t)(i % 3) * lda]);
            s[i][0] = _mm512_fmadd_ps(v, b0, s[i][0]);
            s[i][1] = _mm512_fmadd_ps(v, b1, s[i][1]);
        }
#pragma GCC unroll 5
        for (int i = 0; i < 5; i++) base[i]++;
        b += NR;
    }
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++) {
        float *row = c + (size_t)i * ldc;
        if (add) {
            s[i][0] = _mm512_add_ps(s[i][0], _mm512_loadu_ps(row));
            s[i][1] = _mm512_add_ps(s[i][1], _mm512_loadu_ps(row + 16));
        }
        _mm512_storeu_ps(row, s[i][0]);
        _mm512_storeu_ps(row + 16, s[i][1]);
    }
}

extern const kern_table kern_avx512;
const kern_table kern_avx512 = {
    .isa = "avx512",
    .micro_part = micro_part,
#include "kernels/body_table.inc"
};
