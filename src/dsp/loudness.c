/* loudness.c - see loudness.h: K-weighting, gates and ranges over 100 ms cells. The streaming meter is in
 * loudness_meter.c. */
#include "dsp/loudness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/loudness_range.h"

static const double pi = 3.14159265358979323846;

/* The standard gives coefficients at 48 kHz only; these analogue prototypes give its table, and one for every rate. */
void loudness_weighting_init(loudness_weighting *w, int rate)
{
    double q = 0.7071752369554196, k = tan(pi * 1681.974450955533 / rate), v = pow(10, 3.999843853973347 / 20);
    double vb = pow(v, 0.4996667741545416), a0 = 1 + k / q + k * k;
    *w = (loudness_weighting){
        .shelf_b = {(v + vb * k / q + k * k) / a0, 2 * (k * k - v) / a0, (v - vb * k / q + k * k) / a0},
        .shelf_a = {1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0},
        .pass_b = {1, -2, 1}, /* not divided by a0: so printed in the standard */
    };
    q = 0.5003270373238773;
    k = tan(pi * 38.13547087602444 / rate);
    a0 = 1 + k / q + k * k;
    w->pass_a[0] = 1;
    w->pass_a[1] = 2 * (k * k - 1) / a0;
    w->pass_a[2] = (1 - k / q + k * k) / a0;
}

void loudness_filter_init(kern_iir4 *f, int rate)
{
    loudness_weighting w;
    double b[5] = {0}, a[5] = {0};
    loudness_weighting_init(&w, rate);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            b[i + j] += w.shelf_b[i] * w.pass_b[j];
            a[i + j] += w.shelf_a[i] * w.pass_a[j];
        }
    kern_iir4_init(f, b, a);
}

double loudness_channel_weight(int channels, int channel)
{
    static const double five[] = {1, 1, 1, 1.41, 1.41}, six[] = {1, 1, 1, 0, 1.41, 1.41};
    if (channels == 5) return five[channel];
    return channels == 6 ? six[channel] : 1;
}

double loudness_of_energy(double mean_square)
{
    return mean_square > 0 ? -0.691 + 10 * log10(mean_square) : -INFINITY;
}

/* The energy of a level: the gates compare energies, which saves a logarithm a block. */
static double energy_of_loudness(double level)
{
    return pow(10, (level + 0.691) / 10);
}

static void settle(double state[8])
{
    double largest = 0;
    for (int j = 0; j < 8; j++) largest = fmax(largest, fabs(state[j]));
    if (largest < 1e-150) memset(state, 0, 8 * sizeof *state);
}

double loudness_energy(const kern_iir4 *f, double state[8], const float *x, const float *gain, size_t n,
                       const kern_table *kern)
{
    double before[8];
    memcpy(before, state, sizeof before);
    double energy = kern->iir4_energy(f, state, x, gain, n);
    if (!isfinite(energy)) {
        energy = 0;
        memcpy(state, before, sizeof before);
        for (size_t i = 0; i < n; i++) {
            float v = isfinite(x[i]) ? x[i] : 0, g = !gain ? 1 : isfinite(gain[i]) ? gain[i] : 0;
            energy += kern->iir4_energy(f, state, &v, &g, 1);
        }
    }
    settle(state);
    return energy;
}

void loudness_weigher_init(loudness_weigher *w, int rate, const kern_table *kern)
{
    loudness_filter_init(&w->filter, rate);
    w->cell_frames = loudness_cell_frames(rate);
    w->kern = kern;
}

void loudness_add_cells(double *cell, const loudness_weigher *w, const float *x, const float *gain, double weight,
                        size_t frames)
{
    double state[8] = {0};
    size_t size = w->cell_frames;
    for (size_t i = 0; i < frames / size && weight != 0; i++) {
        const float *g = gain ? gain + i * size : NULL;
        cell[i] += weight / (double)size * loudness_energy(&w->filter, state, x + i * size, g, size, w->kern);
    }
}

static double block_energy(const double *cell, size_t i)
{
    return 0.25 * (cell[i] + cell[i + 1] + cell[i + 2] + cell[i + 3]);
}

/* Mean of the 400 ms blocks above (or, from the second gate on, at) a threshold; -1 without any. */
static double gated_mean(const double *cell, size_t cells, double threshold, double least)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i + 4 <= cells; i++) {
        double e = block_energy(cell, i);
        if (e > threshold && e >= least) sum += e, count++;
    }
    return count ? sum / (double)count : -1;
}

double loudness_integrate(const double *cell, size_t cells, double scale, double *gate)
{
    double power = scale * scale;
    double threshold = power > 0 ? energy_of_loudness(-70) / power : INFINITY; /* of the sound before scaling */
    double mean = gated_mean(cell, cells, threshold, 0);
    if (gate) *gate = mean > 0 ? loudness_of_energy(0.1 * mean * power) : -INFINITY;
    if (mean <= 0) return -INFINITY;
    return loudness_of_energy(gated_mean(cell, cells, threshold, 0.1 * mean) * power);
}

double loudness_gained(const sound *x, const float *gain, double scale, double *cell, const kern_table *kern)
{
    loudness_weigher w;
    size_t cells = loudness_cells(x->frames, x->rate);
    loudness_weigher_init(&w, x->rate, kern);
    memset(cell, 0, cells * sizeof *cell);
    for (int c = 0; c < x->channels; c++)
        loudness_add_cells(cell, &w, x->channel[c], gain, loudness_channel_weight(x->channels, c), x->frames);
    return loudness_integrate(cell, cells, scale, NULL);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double loudness_range_of(const double *cell, size_t cells, size_t hop, double *work)
{
    enum { BLOCK = 30 };
    size_t count = 0, low = 0;
    double sum = 0, gate = energy_of_loudness(-70);
    for (size_t i = 0; i + BLOCK <= cells; i += hop) {
        double e = 0;
        for (size_t k = 0; k < BLOCK; k++) e += cell[i + k];
        e /= BLOCK;
        if (e > gate) sum += work[count++] = e;
    }
    if (!count) return 0;
    qsort(work, count, sizeof *work, by_size);
    while (low < count - 1 && work[low] < 0.01 * sum / (double)count) low++;
    double last = (double)(count - low - 1);
    size_t p10 = (size_t)floor(last * 0.10 + 0.5), p95 = (size_t)floor(last * 0.95 + 0.5);
    return 10 * log10(work[low + p95] / work[low + p10]);
}
