/* noise.h - reproducible uniform noise: a number for every (seed, index), in any order. Source: splitmix64 (Steele, Lea,
 * Flood 2014); spec mastering.md B.14. */
#ifndef DSP_NOISE_H
#define DSP_NOISE_H

#include <stdint.h>

/* Uniform in [-1, 1), a multiple of 2^-23: exact in float and double. */
static inline double noise_uniform(uint64_t seed, uint64_t index)
{
    const uint64_t golden = 0x9E3779B97F4A7C15u;
    uint64_t z = (seed + 1) * golden + (index + 1) * golden;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (double)(z >> 40) * 0x1p-23 - 1.0;
}

#endif
