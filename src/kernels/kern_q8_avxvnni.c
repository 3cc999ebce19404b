/* kern_q8_avxvnni.c - int8 kernels for processors with AVX-VNNI and no AVX-512. Exports its table only. */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_q8.h"

/* Written as the instruction: the compiler's own form of it moves the accumulators through memory. */
static inline __m256i q8_dot(__m256i s, __m256i a, __m256i b)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(s) : "x"(a), "x"(b));
    return s;
}

static inline __m256i q8_bias(__m256i sums) { return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(sums, 7)); }

static inline __m256i q8_pairs(__m256i s, __m256i a, __m256i b)
{
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(s) : "x"(a), "x"(b));
    return s;
}

#include "kernels/body_q8_256.inc"

static void q8_quant(uint8_t *dst, const float *const *src, const float *inv, int rows, size_t n)
{
    const __m256i zero = _mm256_set1_epi8(-128);
    const __m256i lanes = _mm256_cmpgt_epi32(_mm256_set1_epi32(Q8_MR), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    for (size_t k = 0; k < n; k += 32) {
        size_t left = n - k < 32 ? n - k : 32;
        __m256i r[8];
        for (int i = 0; i < 8; i++) {
            float part[32] = {0};
            if (i >= rows) r[i] = zero;
            else if (left == 32) r[i] = _mm256_xor_si256(q8_bytes(src[i] + k, inv[i]), zero);
            else {
                memcpy(part, src[i] + k, left * sizeof *part);
                r[i] = _mm256_xor_si256(q8_bytes(part, inv[i]), zero);
            }
        }
        q8_transpose(r);
        for (size_t q = 0; q < (left + 3) / 4; q++)
            _mm256_maskstore_epi32((int *)(void *)(dst + (k / 4 + q) * 4 * Q8_MR), lanes, r[q]);
    }
}

/* Sums of the signed bytes of each dword. */
static inline __m256i q8_dword_sums(__m256i v)
{
    return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), v), _mm256_set1_epi16(1));
}

static void q8_pack(int8_t *dst, int32_t *sums, const int8_t *src, size_t ld, int cols, size_t depth)
{
    for (int g = 0; g < Q8_NR; g += 8) {
        __m256i sum = _mm256_setzero_si256();
        for (size_t k = 0; k < depth; k += 32) {
            size_t n = depth - k < 32 ? depth - k : 32, quads = (n + 3) / 4;
            __m256i r[8];
            for (int i = 0; i < 8; i++) {
                const int8_t *from = src + (size_t)(g + i) * ld + k;
                int8_t part[32] = {0};
                if (g + i >= cols) r[i] = _mm256_setzero_si256();
                else if (n == 32) r[i] = _mm256_loadu_si256((const __m256i *)(const void *)from);
                else {
                    memcpy(part, from, n);
                    r[i] = _mm256_loadu_si256((const __m256i *)(const void *)part);
                }
            }
            q8_transpose(r);
            for (size_t q = 0; q < quads; q++) {
                sum = _mm256_add_epi32(sum, q8_dword_sums(r[q]));
                _mm256_storeu_si256((__m256i *)(void *)(dst + ((k / 4 + q) * Q8_NR + (size_t)g) * 4), r[q]);
            }
        }
        _mm256_storeu_si256((__m256i *)(void *)(sums + g), sum);
    }
}

static void q8_micro(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *t)
{
    __m256i s[Q8_MR][2];
    __m256i first0 = q8_bias(_mm256_loadu_si256((const __m256i *)(const void *)t->sums));
    __m256i first1 = q8_bias(_mm256_loadu_si256((const __m256i *)(const void *)(t->sums + 8)));
#pragma GCC unroll 6
    for (int i = 0; i < Q8_MR; i++) {
        s[i][0] = first0;
        s[i][1] = first1;
    }
    for (size_t q = 0; q < quads; q++) {
        __m256i b0 = _mm256_loadu_si256((const __m256i *)(const void *)b);
        __m256i b1 = _mm256_loadu_si256((const __m256i *)(const void *)(b + 32));
#pragma GCC unroll 6
        for (int i = 0; i < Q8_MR; i++) {
            int quad;
            memcpy(&quad, a + 4 * i, 4);
            __m256i v = _mm256_set1_epi32(quad);
            s[i][0] = q8_dot(s[i][0], v, b0);
            s[i][1] = q8_dot(s[i][1], v, b1);
        }
        a += 4 * Q8_MR;
        b += 4 * Q8_NR;
    }
    q8_finish(c, ldc, s, t);
}

extern const kern_q8 kern_q8_avxvnni;
const kern_q8 kern_q8_avxvnni = {"avxvnni", 1, Q8_MR, Q8_NR, q8_absmax, q8_quant, q8_pack, q8_micro,
                                 q8_to_bytes, q8_softmax_pairs, Q8_MR, q8_values};
