/* biquad.c - see biquad.h. */
#include "dsp/biquad.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

biquad biquad_highpass(double hz, double q, double rate)
{
    double k = tan(pi * hz / rate), a0 = 1 + k / q + k * k;
    return (biquad){1 / a0, -2 / a0, 1 / a0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}

biquad biquad_lowpass(double hz, double q, double rate)
{
    double k = tan(pi * hz / rate), a0 = 1 + k / q + k * k;
    return (biquad){k * k / a0, 2 * k * k / a0, k * k / a0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}

biquad biquad_allpass(double hz, double q, double rate)
{
    double k = tan(pi * hz / rate), a0 = 1 + k / q + k * k, a1 = 2 * (k * k - 1) / a0, a2 = (1 - k / q + k * k) / a0;
    return (biquad){a2, a1, 1, a1, a2};
}

biquad biquad_peak(double hz, double db, double q, double rate)
{
    double a = pow(10, db / 40), w = 2 * pi * hz / rate, alpha = sin(w) / (2 * q), a0 = 1 + alpha / a;
    return (biquad){(1 + alpha * a) / a0, -2 * cos(w) / a0, (1 - alpha * a) / a0, -2 * cos(w) / a0,
                    (1 - alpha / a) / a0};
}

/* Two channels in one register: GCC's and Clang's vectors, SSE2 and NEON alike. */
typedef double pair __attribute__((vector_size(16)));

/* count is a constant: states and loops then live in registers, and the sections overlap in time. */
static inline __attribute__((always_inline)) void run(biquad_row *row, const biquad_job *j, size_t from, size_t to,
                                                      int count)
{
    pair s1[BIQUAD_MOST] = {0}, s2[BIQUAD_MOST] = {0}, offset = {j->offset[0], j->offset[1]};
#pragma GCC unroll 8
    for (int k = 0; k < count; k++) {
        s1[k] = (pair){row->state[k][0][0], row->state[k][0][1]};
        s2[k] = (pair){row->state[k][1][0], row->state[k][1][1]};
    }
    for (size_t i = from; i < to; i++) {
        pair v = {(double)j->left[i], j->right ? (double)j->right[i] : 0};
        v = (v - offset) * j->gain;
#pragma GCC unroll 8
        for (int k = 0; k < count; k++) {
            const biquad *f = &row->section[k];
            pair y = f->b0 * v + s1[k];
            s1[k] = f->b1 * v - f->a1 * y + s2[k];
            s2[k] = f->b2 * v - f->a2 * y;
            v = y;
        }
        j->to_left[i] = (float)v[0];
        if (j->right) j->to_right[i] = (float)v[1];
    }
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
        for (int c = 0; c < 2; c++) {
            /* what rings on below any sound would end in denormals, which are slow */
            row->state[k][0][c] = fabs(s1[k][c]) < 1e-30 ? 0 : s1[k][c];
            row->state[k][1][c] = fabs(s2[k][c]) < 1e-30 ? 0 : s2[k][c];
        }
}

void biquad_run(biquad_row *row, const biquad_job *job, size_t frames)
{
    enum { BLOCK = 2048 };
    for (size_t from = 0, to; from < frames; from = to) {
        to = frames - from < BLOCK ? frames : from + BLOCK;
        switch (row->count) {
        case 1: run(row, job, from, to, 1); break;
        case 2: run(row, job, from, to, 2); break;
        case 3: run(row, job, from, to, 3); break;
        case 4: run(row, job, from, to, 4); break;
        case 5: run(row, job, from, to, 5); break;
        default: run(row, job, from, to, 6); break;
        }
    }
}
