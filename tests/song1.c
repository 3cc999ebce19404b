/* song1.c - see song1.h. */
#include "tests/song1.h"

#include <math.h>

#include "dsp/noise.h"

static const double pi = 3.14159265358979323846;

static double section(double t)
{
    static const struct {
        double until, level;
    } parts[] = {{10, 0.35}, {35, 0.7}, {60, 1}, {70, 0.3}, {90, 1}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (t < parts[i].until) return parts[i].level;
    return t < 95 ? (95 - t) / 5 : 0;
}

static double sample(int c, int rate, size_t n)
{
    static const double roots[4] = {55.0, 65.41, 49.0, 73.42};
    static const double chords[4][3] = {{220, 261.63, 329.63}, {261.63, 329.63, 392}, {196, 246.94, 293.66}, {293.66, 349.23, 440}};
    double t = (double)n / rate, tb = fmod(t, 0.5), th = fmod(t, 0.25);
    int bar = (int)fmod(floor(t / 2.0), 4);
    double detune = c == 0 ? 1.0 - 0.0007 : 1.0 + 0.0007, pan = c == 0 ? 0.9 : 0.5;
    double kick = 0.70 * exp(-tb / 0.09) * sin(2 * pi * (50.0 * tb + 4.0 * (1 - exp(-tb / 0.02))));
    double bass = 0.22 * sin(2 * pi * roots[bar] * t);
    double lead = 0.12 * (0.5 + 0.5 * sin(2 * pi * 0.25 * t)) * sin(2 * pi * 880.0 * t + 2.0 * sin(2 * pi * 5.0 * t));
    double hat = 0.20 * exp(-th / 0.03) * noise_uniform(11 + (unsigned)c, n);
    double pad = 0;
    for (int k = 0; k < 3; k++) pad += 0.07 * sin(2 * pi * chords[bar][k] * detune * t + 0.3 * k);
    return section(t) * (kick + bass + pad + hat + pan * lead) + 0.003;
}

void song1(double *const *out, int channels, int rate, size_t first, size_t frames)
{
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < frames; i++) out[c][i] = sample(c, rate, first + i);
}

void song1_float(float *const *out, int channels, int rate, size_t first, size_t frames)
{
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < frames; i++) out[c][i] = (float)sample(c, rate, first + i);
}
