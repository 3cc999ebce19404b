/* kern_q8_avx512.c - int8 kernels for AVX-512 with VNNI. Exports its table only. */
#include <immintrin.h>
#include <string.h>

#include "kernels/kern_q8.h"

enum { MR = 14, NR = 32 };

static inline __mmask16 low(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

static float absmax(const float *x, size_t n)
{
    __m512 m = _mm512_setzero_ps();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) m = _mm512_max_ps(m, _mm512_abs_ps(_mm512_loadu_ps(x + i)));
    if (i < n) m = _mm512_max_ps(m, _mm512_abs_ps(_mm512_maskz_loadu_ps(low(n - i), x + i)));
    return _mm512_reduce_max_ps(m);
}

/* Rows r[i] of sixteen dwords become columns. */
static inline void transpose16(__m512i *r)
{
    __m512i t[16];
    for (int i = 0; i < 16; i += 4) {
        __m512i a = _mm512_unpacklo_epi32(r[i], r[i + 1]), b = _mm512_unpackhi_epi32(r[i], r[i + 1]);
        __m512i c = _mm512_unpacklo_epi32(r[i + 2], r[i + 3]), d = _mm512_unpackhi_epi32(r[i + 2], r[i + 3]);
        t[i] = _mm512_unpacklo_epi64(a, c);
        t[i + 1] = _mm512_unpackhi_epi64(a, c);
        t[i + 2] = _mm512_unpacklo_epi64(b, d);
        t[i + 3] = _mm512_unpackhi_epi64(b, d);
    }
    for (int i = 0; i < 4; i++) {
        __m512i a = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xdd);
        __m512i c = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88), d = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xdd);
        r[i] = _mm512_shuffle_i32x4(a, c, 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
        r[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
        r[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
}

/* 16 columns as bytes. */
static inline __m128i bytes16(const float *x, __m512 inv, size_t n)
{
    __m512 v = n >= 16 ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(low(n), x);
    return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(v, inv)));
}

/* n of 64 columns of a row as bytes q + 128. */
static inline __m512i bytes64(const float *x, float inv, size_t n)
{
    __m512 f = _mm512_set1_ps(inv);
    __m512i v = _mm512_castsi128_si512(bytes16(x, f, n));
    v = _mm512_inserti32x4(v, n > 16 ? bytes16(x + 16, f, n - 16) : _mm_setzero_si128(), 1);
    v = _mm512_inserti32x4(v, n > 32 ? bytes16(x + 32, f, n - 32) : _mm_setzero_si128(), 2);
    v = _mm512_inserti32x4(v, n > 48 ? bytes16(x + 48, f, n - 48) : _mm_setzero_si128(), 3);
    return _mm512_xor_si512(v, _mm512_set1_epi8(-128));
}

static void quant(uint8_t *dst, const float *const *src, const float *inv, int rows, size_t n)
{
    for (size_t k = 0; k < n; k += 64) {
        size_t left = n - k < 64 ? n - k : 64;
        __m512i r[16];
        for (int i = 0; i < 16; i++) r[i] = i < rows ? bytes64(src[i] + k, inv[i], left) : _mm512_set1_epi8(-128);
        transpose16(r);
        for (size_t q = 0; q < (left + 3) / 4; q++) _mm512_mask_storeu_epi32(dst + (k / 4 + q) * 4 * MR, low(MR), r[q]);
    }
}

static void pack(int8_t *dst, int32_t *sums, const int8_t *src, size_t ld, int cols, size_t depth)
{
    for (int g = 0; g < NR; g += 16) {
        __m512i sum = _mm512_setzero_si512();
        for (size_t k = 0; k < depth; k += 64) {
            size_t n = depth - k < 64 ? depth - k : 64;
            __mmask64 some = n < 64 ? ((__mmask64)1 << n) - 1 : ~(__mmask64)0;
            __m512i r[16];
            for (int i = 0; i < 16; i++)
                r[i] = g + i < cols ? _mm512_maskz_loadu_epi8(some, src + (size_t)(g + i) * ld + k) : _mm512_setzero_si512();
            transpose16(r);
            for (size_t q = 0; q < (n + 3) / 4; q++) {
                sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), r[q]);
                _mm512_storeu_si512(dst + ((k / 4 + q) * NR + (size_t)g) * 4, r[q]);
            }
        }
        _mm512_storeu_si512(sums + g, sum);
    }
}

/* s + the dot products of each lane's quads. Written as the instruction: the compiler's own form of it moves the
 * accumulators through memory. */
static inline __m512i dot(__m512i s, __m512i a, __m512i b)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(s) : "v"(a), "v"(b));
    return s;
}

/* 14 x 32: 28 accumulators, two columns of weights and one broadcast fill the 32 registers. */
static void micro(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *t)
{
    __m512i s[MR][2];
    __m512i zero = _mm512_setzero_si512();
    __m512i first0 = _mm512_sub_epi32(zero, _mm512_slli_epi32(_mm512_loadu_si512(t->sums), 7));
    __m512i first1 = _mm512_sub_epi32(zero, _mm512_slli_epi32(_mm512_loadu_si512(t->sums + 16), 7));
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++) {
        s[i][0] = first0;
        s[i][1] = first1;
        _mm_prefetch((const char *)(c + (size_t)i * ldc), _MM_HINT_T0);
        _mm_prefetch((const char *)(c + (size_t)i * ldc + 16), _MM_HINT_T0);
    }
    for (size_t q = 0; q < quads; q++) {
        __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 64);
        _mm_prefetch((const char *)(a + 10 * 4 * MR), _MM_HINT_T0);
#pragma GCC unroll 14
        for (int i = 0; i < MR; i++) {
            int quad;
            memcpy(&quad, a + 4 * i, 4);
            __m512i v = _mm512_set1_epi32(quad);
            s[i][0] = dot(s[i][0], v, b0);
            s[i][1] = dot(s[i][1], v, b1);
        }
        a += 4 * MR;
        b += 4 * NR;
    }
    __m512 col0 = _mm512_loadu_ps(t->col), col1 = _mm512_loadu_ps(t->col + 16);
#pragma GCC unroll 14
    for (int i = 0; i < MR; i++) {
        float *row = c + (size_t)i * ldc;
        __m512 f = _mm512_set1_ps(t->row[i]);
        __m512 y0 = _mm512_mul_ps(_mm512_cvtepi32_ps(s[i][0]), _mm512_mul_ps(f, col0));
        __m512 y1 = _mm512_mul_ps(_mm512_cvtepi32_ps(s[i][1]), _mm512_mul_ps(f, col1));
        if (t->from) {
            y0 = _mm512_add_ps(y0, _mm512_loadu_ps(t->from + (size_t)i * t->ld));
            y1 = _mm512_add_ps(y1, _mm512_loadu_ps(t->from + (size_t)i * t->ld + 16));
        }
        _mm512_storeu_ps(row, y0);
        _mm512_storeu_ps(row + 16, y1);
    }
}

extern const kern_q8 kern_q8_avx512;
const kern_q8 kern_q8_avx512 = {"avx512vnni", MR, NR, absmax, quant, pack, micro};
