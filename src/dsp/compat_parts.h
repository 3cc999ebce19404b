/* compat_parts.h - what the files of compat.h share: two lanes of double, a soft clipper, and how a chain goes over a
 * sound in blocks. */
#ifndef DSP_COMPAT_PARTS_H
#define DSP_COMPAT_PARTS_H

#include <math.h>
#include <string.h>

#include "dsp/compat.h"

/* Left and right side by side; every machine the program runs on has registers for it. */
typedef double pair __attribute__((vector_size(16)));
typedef unsigned long long pair_bits __attribute__((vector_size(16)));

/* Frames a block: it stays in the first cache, and a decaying filter cannot reach denormals within it from where
 * compat_settle cuts. */
enum { COMPAT_BLOCK = 128 };

static inline pair pair_load(const double *x)
{
    pair v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline void pair_store(double *x, pair v)
{
    memcpy(x, &v, sizeof v);
}

static inline pair pair_all(double v)
{
    return (pair){v, v};
}

static inline pair pair_abs(pair v)
{
    return (pair)((pair_bits)v & 0x7FFFFFFFFFFFFFFFull);
}

static inline pair pair_pick(pair_bits mask, pair yes, pair no)
{
    return (pair)((mask & (pair_bits)yes) | (~mask & (pair_bits)no));
}

static inline pair pair_max(pair a, pair b)
{
    return pair_pick((pair_bits)(a > b), a, b);
}

static inline pair pair_min(pair a, pair b)
{
    return pair_pick((pair_bits)(a < b), a, b);
}

/* sign's sign on a magnitude. */
static inline pair pair_signed(pair magnitude, pair sign)
{
    return (pair)((pair_bits)magnitude | ((pair_bits)sign & (pair_bits)pair_all(-0.0)));
}

/* tanh within 4e-16, absolute. */
pair compat_tanh(pair x);

/* Makes zeros of sums that have all but died away. */
void compat_settle(double *state, size_t count);

/* A stage at work on a sound, block by block. */
typedef void (*compat_block_fn)(void *state, double (*x)[2], size_t n);

typedef struct {
    compat_block_fn run;
    void *state;
} compat_stage;

/* All stages over every block in turn. */
void compat_run_stages(compat_sound *x, const compat_stage *stage, int stages);

/* One-pole factor for a time constant (s). */
static inline double compat_pole(double seconds, int rate)
{
    return exp(-1 / (seconds * rate));
}

/* Largest magnitude of all lanes. */
double compat_peak(const compat_sound *x);

/* Side times width, between channels; state: const double *width. */
void compat_width_block(void *state, double (*x)[2], size_t n);

/* Either chain up to its limiter. */
void compat_seed_front(compat_sound *x, const compat_preset *p);
void compat_fork_front(compat_sound *x, const compat_preset *p);

#endif
