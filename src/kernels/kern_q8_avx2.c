/* kern_q8_avx2.c - int8 kernels without a dot-product instruction. Exports its table only.
 *
 * vpmaddubsw, the product of bytes, saturates at 16 bits: it needs the sign of one operand moved to the other, and a second
 * multiplication to reach 32 bits. vpmaddwd on values widened once, when they are stored, multiplies as often and does
 * nothing besides: 4 instructions for 32 products, not 5, and registers for six rows. */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_q8.h"

/* Written as the instructions: the compiler's own order of them keeps too much at hand and the sums in memory. */
static inline __m256i q8_pairs(__m256i s, __m256i a, __m256i b)
{
    __m256i t;
    __asm__("vpmaddwd %3, %2, %1\n\t"
            "vpaddd %1, %0, %0"
            : "+x"(s), "=&x"(t)
            : "x"(a), "x"(b));
    return s;
}

#include "kernels/body_q8_256.inc"

/* 16 columns of a row as int16. */
static inline __m256i q8_words(const float *x, float inv)
{
    __m256 f = _mm256_set1_ps(inv);
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(q8_eight(x, f), q8_eight(x + 8, f)), 0xD8);
}

/* Pairs that n columns fill, with the rest of their last quad. */
static inline size_t q8_pair_count(size_t n)
{
    return (n + 3) / 4 * 2;
}

static void q8_quant(uint8_t *dst, const float *const *src, const float *inv, int rows, size_t n)
{
    const __m256i lanes = _mm256_cmpgt_epi32(_mm256_set1_epi32(Q8_MR), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    for (size_t k = 0; k < n; k += 16) {
        size_t left = n - k < 16 ? n - k : 16;
        __m256i r[8];
        for (int i = 0; i < 8; i++) {
            float part[16] = {0};
            if (i >= rows) r[i] = _mm256_setzero_si256();
            else if (left == 16) r[i] = q8_words(src[i] + k, inv[i]);
            else {
                memcpy(part, src[i] + k, left * sizeof *part);
                r[i] = q8_words(part, inv[i]);
            }
        }
        q8_transpose(r);
        for (size_t q = 0; q < q8_pair_count(left); q++)
            _mm256_maskstore_epi32((int *)(void *)(dst + (k / 2 + q) * 4 * Q8_MR), lanes, r[q]);
    }
}

static void q8_pack(int8_t *dst, int32_t *sums, const int8_t *src, size_t ld, int cols, size_t depth)
{
    for (int g = 0; g < Q8_NR; g += 8) {
        __m256i sum = _mm256_setzero_si256();
        for (size_t k = 0; k < depth; k += 16) {
            size_t n = depth - k < 16 ? depth - k : 16;
            __m256i r[8];
            for (int i = 0; i < 8; i++) {
                const int8_t *from = src + (size_t)(g + i) * ld + k;
                int8_t part[16] = {0};
                if (g + i < cols && n < 16) memcpy(part, from, n);
                r[i] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(g + i < cols && n == 16 ? from : part)));
            }
            q8_transpose(r);
            for (size_t q = 0; q < q8_pair_count(n); q++) {
                sum = q8_pairs(sum, r[q], _mm256_set1_epi16(1));
                _mm256_storeu_si256((__m256i *)(void *)(dst + ((k / 2 + q) * Q8_NR + (size_t)g) * 4), r[q]);
            }
        }
        _mm256_storeu_si256((__m256i *)(void *)(sums + g), sum);
    }
}

/* No zero point: t->sums are of no use. */
static void q8_micro(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *t)
{
    __m256i s[Q8_MR][2];
#pragma GCC unroll 6
    for (int i = 0; i < Q8_MR; i++) s[i][0] = s[i][1] = _mm256_setzero_si256();
    for (size_t q = 0; q < quads; q++) {
#pragma GCC unroll 2
        for (int p = 0; p < 2; p++) {
            __m256i b0 = _mm256_loadu_si256((const __m256i *)(const void *)(b + 64 * p));
            __m256i b1 = _mm256_loadu_si256((const __m256i *)(const void *)(b + 64 * p + 32));
#pragma GCC unroll 6
            for (int i = 0; i < Q8_MR; i++) {
                int pair;
                memcpy(&pair, a + 4 * (Q8_MR * p + i), 4);
                __m256i v = _mm256_set1_epi32(pair);
                s[i][0] = q8_pairs(s[i][0], v, b0);
                s[i][1] = q8_pairs(s[i][1], v, b1);
            }
        }
        a += 2 * 4 * Q8_MR;
        b += 2 * 4 * Q8_NR;
    }
    q8_finish(c, ldc, s, t);
}

extern const kern_q8 kern_q8_avx2;
const kern_q8 kern_q8_avx2 = {"avx2", 2, Q8_MR, Q8_NR, q8_absmax, q8_quant, q8_pack, q8_micro,
                              q8_to_bytes, q8_softmax_pairs, Q8_MR, q8_values};
