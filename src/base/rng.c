/* rng.c - see rng.h. */
#include "base/rng.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

#define GOLDEN 0x9E3779B97F4A7C15u

uint64_t rng_split(uint64_t *state)
{
    *state += GOLDEN;
    return mix(*state);
}

double rng_unit(uint64_t *state)
{
    return (double)(rng_split(state) >> 11) * 0x1p-53;
}

float rng_uniform(uint64_t *state)
{
    return (float)((double)(rng_split(state) >> 40) * 0x1p-23 - 1.0);
}

void rng_synth(float *out, size_t first, size_t count, const char *name, double mean, double half, uint64_t seed)
{
    uint64_t key = 0xCBF29CE484222325u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) key = (key ^ *c) * 0x100000001B3u;
    key ^= seed * GOLDEN;
    for (size_t i = 0; i < count; i++) {
        uint64_t z = mix(key + (uint64_t)(first + i + 1) * GOLDEN);
        double r = (double)(z >> 40) * 0x1p-23 - 1.0;
        out[i] = (float)(mean + r * half);
    }
}

void rng_torch_seed(rng_torch *r, uint64_t seed)
{
    r->s[0] = (uint32_t)seed;
    for (uint32_t j = 1; j < 624; j++) r->s[j] = 1812433253u * (r->s[j - 1] ^ (r->s[j - 1] >> 30)) + j;
    r->next = 624;
    r->has_spare = 0;
    r->spare = 0;
}

static void twist(rng_torch *r)
{
    for (int j = 0; j < 624; j++) {
        uint32_t u = r->s[j], v = r->s[(j + 1) % 624];
        uint32_t y = (u & 0x80000000u) | (v & 0x7fffffffu);
        r->s[j] = r->s[(j + 397) % 624] ^ (y >> 1) ^ (v & 1u ? 0x9908B0DFu : 0u);
    }
    r->next = 0;
}

uint32_t rng_torch_u32(rng_torch *r)
{
    if (r->next == 624) twist(r);
    uint32_t y = r->s[r->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9D2C5680u;
    y ^= (y << 15) & 0xEFC60000u;
    return y ^ (y >> 18);
}

static float uniform24(rng_torch *r)
{
    return (float)(rng_torch_u32(r) & 0xFFFFFFu) * 0x1p-24f;
}

/* Sixteen uniforms at v become sixteen normals: v[j] and v[j+8] are one Box-Muller pair. */
static void normal16(float *v)
{
    for (int j = 0; j < 8; j++) {
        float a = 1.0f - v[j], b = v[j + 8];
        float radius = sqrtf(-2.0f * logf(a)), theta = 6.283185307179586f * b;
        v[j] = radius * cosf(theta);
        v[j + 8] = radius * sinf(theta);
    }
}

static double uniform53(rng_torch *r)
{
    uint64_t high = rng_torch_u32(r), word = high << 32 | rng_torch_u32(r);
    return (double)(word & 0x1FFFFFFFFFFFFFu) * 0x1p-53;
}

static float normal_one(rng_torch *r)
{
    if (r->has_spare) {
        r->has_spare = 0;
        return (float)r->spare;
    }
    double u1 = uniform53(r), u2 = uniform53(r);
    double radius = sqrt(-2.0 * log1p(-u2)), theta = 2.0 * 3.14159265358979323846 * u1;
    r->spare = radius * sin(theta);
    r->has_spare = 1;
    return (float)(radius * cos(theta));
}

void rng_torch_normal(rng_torch *r, float *out, size_t n)
{
    if (n < 16) {
        for (size_t i = 0; i < n; i++) out[i] = normal_one(r);
        return;
    }
    for (size_t i = 0; i < n; i++) out[i] = uniform24(r);
    for (size_t i = 0; i + 16 <= n; i += 16) normal16(out + i);
    if (n % 16) {
        for (size_t i = n - 16; i < n; i++) out[i] = uniform24(r);
        normal16(out + n - 16);
    }
}
