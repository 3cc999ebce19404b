/* rng.h - random numbers: splitmix64 for tests and synthetic weights, and torch's CPU generator for seeds that
 * match PyTorch. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Next 64 bits of a splitmix64 stream. */
uint64_t rng_split(uint64_t *state);
/* Uniform in [0, 1), exact multiples of 2^-53. */
double rng_unit(uint64_t *state);
/* Uniform in [-1, 1), exact multiples of 2^-23. */
float rng_uniform(uint64_t *state);

/* Rule synth-1: values of a made-up tensor as a pure function of (name, index, seed). Element i of the tensor is
 * float32(mean + r * half) with r in [-1, 1); first is the index of out[0]. */
void rng_synth(float *out, size_t first, size_t count, const char *name, double mean, double half, uint64_t seed);

/* torch.manual_seed and torch.randn for float32 on CPU (MT19937, Box-Muller in blocks of 16, a cached normal for
 * short calls). Source: PyTorch aten/native/cpu/DistributionTemplates.h, ATen/core/TransformationHelper.h. */
typedef struct {
    uint32_t s[624];
    int next;
    int has_spare;
    double spare;
} rng_torch;

void rng_torch_seed(rng_torch *r, uint64_t seed); /* only the low 32 bits count */
uint32_t rng_torch_u32(rng_torch *r);
void rng_torch_normal(rng_torch *r, float *out, size_t n);

#endif
