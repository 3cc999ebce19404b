/* kern_q8_avxvnni.c - int8 kernels for processors with AVX-VNNI and no AVX-512. Exports its table only. */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_q8.h"

typedef __m256i q8_operand;

static inline q8_operand q8_row(__m256i quad) { return quad; }
/* Written as the instruction: the compiler's own form of it moves the accumulators through memory. */
static inline __m256i q8_dot(__m256i s, q8_operand a, __m256i b)
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

extern const kern_q8 kern_q8_avxvnni;
const kern_q8 kern_q8_avxvnni = {"avxvnni", Q8_MR, Q8_NR, q8_absmax, q8_quant, q8_pack, q8_micro,
                                 q8_to_bytes, q8_softmax_pairs, Q8_MR, q8_values};
