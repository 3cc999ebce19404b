/* half.h - f16 and bf16 to and from float32, one value at a time. IEEE rules: round to nearest even, subnormals,
 * infinities and NaN kept. Kernels have vector forms; these define them. */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_bits_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t half_float_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float half_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu;
    if (rest >= 0x7c00u) return half_bits_float(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    if (rest >= 0x0400u) return half_bits_float(sign | ((rest << 13) + 0x38000000u));
    float f = (float)rest * 0x1p-24f; /* subnormal: exact */
    return half_bits_float(sign | half_float_bits(f));
}

static inline uint16_t half_to_f16(float f)
{
    uint32_t u = half_float_bits(f), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x3ffu));
    if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds to 65536 or more */
    if (a >= 0x38800000u) {
        uint32_t r = a - 0x38000000u;
        return (uint16_t)(sign | (r + 0xfffu + (r >> 13 & 1u)) >> 13);
    }
    if (a < 0x33000000u) return (uint16_t)sign;
    uint32_t shift = 126u - (a >> 23), mant = (a & 0x7fffffu) | 0x800000u; /* value = mant * 2^-(24 + shift - 14 + ...) */
    uint32_t q = mant >> shift, rem = mant & ((1u << shift) - 1u), mid = 1u << (shift - 1u);
    if (rem > mid || (rem == mid && (q & 1u))) q++;
    return (uint16_t)(sign | q);
}

static inline float half_from_bf16(uint16_t h)
{
    return half_bits_float((uint32_t)h << 16);
}

static inline uint16_t half_to_bf16(float f)
{
    uint32_t u = half_float_bits(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

#endif
