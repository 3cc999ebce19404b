/* kern_q8_avx512.c - int8 kernels for AVX-512 with VNNI. Exports its table only. */
#include <immintrin.h>
#include <string.h>

#include "kernels/kern_q8.h"

enum { MR = 14, NR = 32, VR = 13 };

static inline __mmask16 low(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

/* Four maxima at a time: one would wait for itself. */
static float absmax(const float *x, size_t n)
{
    __m512 m[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; i + 64 <= n; i += 64)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) m[k] = _mm512_max_ps(m[k], _mm512_abs_ps(_mm512_loadu_ps(x + i + 16 * k)));
    for (; i + 16 <= n; i += 16) m[0] = _mm512_max_ps(m[0], _mm512_abs_ps(_mm512_loadu_ps(x + i)));
    if (i < n) m[0] = _mm512_max_ps(m[0], _mm512_abs_ps(_mm512_maskz_loadu_ps(low(n - i), x + i)));
    return _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(m[0], m[1]), _mm512_max_ps(m[2], m[3])));
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
    }
    /* Lines of C are asked for one row at a time: all at once they would stand in front of the panels. */
    size_t q = 0;
    for (size_t row = 0; row < MR; row++) {
        size_t end = quads * (row + 1) / MR;
        _mm_prefetch((const char *)(c + row * ldc), _MM_HINT_T0);
        _mm_prefetch((const char *)(c + row * ldc + 16), _MM_HINT_T0);
        for (; q < end; q++) {
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

static void bytes(int8_t *q, const float *x, float inv, size_t n)
{
    __m512 f = _mm512_set1_ps(inv);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) _mm_storeu_si128((__m128i *)(void *)(q + i), bytes16(x + i, f, 16));
    if (i < n) _mm_mask_storeu_epi8(q + i, low(n - i), bytes16(x + i, f, n - i));
}

/* 2^x within 4e-6 for x <= 0: a polynomial on +-1/2 (fitted for this program) and the exponent. */
static inline __m512 power2(__m512 x)
{
    x = _mm512_max_ps(x, _mm512_set1_ps(-126.0f));
    __m512 k = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), f = _mm512_sub_ps(x, k);
    __m512 p = _mm512_fmadd_ps(f, _mm512_set1_ps(0.0095700966f), _mm512_set1_ps(0.0559178628f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.240247443f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693121791f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.999999284f));
    return _mm512_scalef_ps(p, k);
}

/* The weight of a key as an integer. */
static inline __m512i weight(const float *s, __m512 top)
{
    return _mm512_cvtps_epi32(_mm512_mul_ps(power2(_mm512_sub_ps(_mm512_loadu_ps(s), top)), _mm512_set1_ps(KERN_Q8_ONE)));
}

static void softmax_pairs(int16_t *p, const float *s, size_t keys, float *m, float *l, float *alpha)
{
    for (int c = 0; c < NR; c += 16) {
        __m512 before = _mm512_loadu_ps(m + c), top[4] = {before, before, before, before};
        size_t k = 0;
        for (; k + 4 <= keys; k += 4)
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++) top[i] = _mm512_max_ps(top[i], _mm512_loadu_ps(s + (k + i) * NR + c));
        for (; k < keys; k++) top[0] = _mm512_max_ps(top[0], _mm512_loadu_ps(s + k * NR + c));
        __m512 most = _mm512_max_ps(_mm512_max_ps(top[0], top[1]), _mm512_max_ps(top[2], top[3]));
        __m512i sum = _mm512_setzero_si512();
        for (k = 0; k < keys; k += 2) {
            __m512i a = weight(s + k * NR + c, most);
            __m512i b = k + 1 < keys ? weight(s + (k + 1) * NR + c, most) : _mm512_setzero_si512();
            sum = _mm512_add_epi32(sum, _mm512_add_epi32(a, b));
            _mm512_storeu_si512(p + (k / 2 * NR + (size_t)c) * 2, _mm512_or_si512(a, _mm512_slli_epi32(b, 16)));
        }
        __m512 shrink = power2(_mm512_sub_ps(before, most));
        _mm512_storeu_ps(alpha + c, shrink);
        _mm512_storeu_ps(l + c, _mm512_fmadd_ps(_mm512_loadu_ps(l + c), shrink, _mm512_cvtepi32_ps(sum)));
        _mm512_storeu_ps(m + c, most);
    }
}

static inline __m512i dot_pairs(__m512i s, __m512i a, __m512i b)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(s) : "v"(a), "v"(b));
    return s;
}

/* 13 x 32: five tiles hold a head of 64. */
static void values(float *o, const int16_t *v, const int16_t *p, size_t pairs, const float *scale, const float *alpha)
{
    __m512i s[VR][2];
#pragma GCC unroll 13
    for (int i = 0; i < VR; i++) s[i][0] = s[i][1] = _mm512_setzero_si512();
    for (size_t t = 0; t < pairs; t++) {
        __m512i p0 = _mm512_loadu_si512(p), p1 = _mm512_loadu_si512(p + 32);
#pragma GCC unroll 13
        for (int i = 0; i < VR; i++) {
            int pair;
            memcpy(&pair, v + 2 * i, 4);
            __m512i a = _mm512_set1_epi32(pair);
            s[i][0] = dot_pairs(s[i][0], a, p0);
            s[i][1] = dot_pairs(s[i][1], a, p1);
        }
        v += 2 * VR;
        p += 2 * NR;
    }
    __m512 a0 = _mm512_loadu_ps(alpha), a1 = _mm512_loadu_ps(alpha + 16);
#pragma GCC unroll 13
    for (int i = 0; i < VR; i++) {
        __m512 f = _mm512_set1_ps(scale[i]);
        float *row = o + i * NR;
        _mm512_storeu_ps(row, _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[i][0]), f, _mm512_mul_ps(a0, _mm512_loadu_ps(row))));
        _mm512_storeu_ps(row + 16, _mm512_fmadd_ps(_mm512_cvtepi32_ps(s[i][1]), f, _mm512_mul_ps(a1, _mm512_loadu_ps(row + 16))));
    }
}

extern const kern_q8 kern_q8_avx512;
const kern_q8 kern_q8_avx512 = {"avx512vnni", 1, MR, NR, absmax, quant, pack, micro, bytes, softmax_pairs, VR, values};
