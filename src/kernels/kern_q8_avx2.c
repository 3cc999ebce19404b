/* kern_q8_avx2.c - int8 kernels without a dot-product instruction. Exports its table only.
 *
 * vpmaddubsw adds two products in 16 bits and saturates: 255 * 127 * 2 would not fit. So the activation's sign is moved
 * to the weight first and its magnitude (at most 127) multiplied: 2 * 127 * 127 fits. */
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_q8.h"

typedef struct {
    __m256i sign, magnitude;
} q8_operand;

static inline q8_operand q8_row(__m256i quad)
{
    __m256i v = _mm256_xor_si256(quad, _mm256_set1_epi8(-128));
    return (q8_operand){v, _mm256_abs_epi8(v)};
}

static inline __m256i q8_dot(__m256i s, q8_operand a, __m256i b)
{
    __m256i pairs = _mm256_maddubs_epi16(a.magnitude, _mm256_sign_epi8(b, a.sign));
    return _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* The rows' zero point is gone already. */
static inline __m256i q8_bias(__m256i sums)
{
    (void)sums;
    return _mm256_setzero_si256();
}

static inline __m256i q8_pairs(__m256i s, __m256i a, __m256i b)
{
    return _mm256_add_epi32(s, _mm256_madd_epi16(a, b));
}

#include "kernels/body_q8_256.inc"

extern const kern_q8 kern_q8_avx2;
const kern_q8 kern_q8_avx2 = {"avx2", Q8_MR, Q8_NR, q8_absmax, q8_quant, q8_pack, q8_micro,
                              q8_to_bytes, q8_softmax_pairs, Q8_MR, q8_values};
