/* programme.c - see programme.h. */
#include "tests/programme.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/noise.h"
#include "tests/song1.h"

static const double pi = 3.14159265358979323846;

static size_t frames_of(double seconds, int rate)
{
    return (size_t)rint(seconds * rate);
}

static programme silent(int rate, int channels, size_t frames)
{
    programme p = {.s = {.frames = frames, .channels = channels, .rate = rate}};
    p.memory = calloc((size_t)channels * frames + 1, sizeof *p.memory);
    if (!p.memory) {
        fprintf(stderr, "out of memory for a test programme\n");
        exit(1);
    }
    for (int c = 0; c < channels; c++) p.s.channel[c] = p.memory + (size_t)c * frames;
    return p;
}

void programme_free(programme *p)
{
    free(p->memory);
    memset(p, 0, sizeof *p);
}

/* One period of a tone: f and rate are whole numbers, so the phase repeats every second at the latest. */
static double *second_of(double f, int rate)
{
    double *sine = malloc((size_t)rate * sizeof *sine);
    for (int n = 0; sine && n < rate; n++) sine[n] = sin(2 * pi * fmod(f * n, rate) / rate);
    return sine;
}

programme programme_steps(int rate, int channels, double f, const programme_step *step, size_t count)
{
    size_t frames = 0, at = 0;
    for (size_t i = 0; i < count; i++) frames += frames_of(step[i].seconds, rate);
    programme p = silent(rate, channels, frames);
    double *sine = second_of(f, rate);
    for (size_t i = 0; i < count && sine; i++) {
        size_t end = at + frames_of(step[i].seconds, rate);
        for (int c = 0; c < channels; c++) {
            double amp = step[i].level[c] <= PROGRAMME_SILENCE ? 0 : pow(10, step[i].level[c] / 20);
            int same = c > 0 && step[i].level[c] == step[i].level[0];
            if (same) memcpy(p.s.channel[c] + at, p.s.channel[0] + at, (end - at) * sizeof(float));
            else
                for (size_t n = at, k = at % (size_t)rate; n < end; n++, k = k + 1 < (size_t)rate ? k + 1 : 0)
                    p.s.channel[c][n] = (float)(amp * sine[k]);
        }
        at = end;
    }
    free(sine);
    return p;
}

programme programme_levels(int rate, const programme_level *level, size_t count)
{
    programme_step *step = calloc(count + 1, sizeof *step);
    for (size_t i = 0; i < count; i++) step[i] = (programme_step){{level[i].level, level[i].level}, level[i].seconds};
    programme p = programme_steps(rate, 2, 1000, step, count);
    free(step);
    return p;
}

/* Linear from 0 at the beginning and to 0 at the end. */
static void taper(double *x, size_t n, double rate, double ms)
{
    size_t length = (size_t)rint(rate * ms / 1000);
    for (size_t i = 0; i < length && i < n; i++) {
        x[i] *= (double)i / (double)length;
        x[n - 1 - i] *= (double)i / (double)length;
    }
}

programme programme_tone(int rate, double seconds, double ratio, double amp, double degrees, double taper_ms)
{
    programme p = silent(rate, 2, frames_of(seconds, rate));
    double *x = malloc((p.s.frames + 1) * sizeof *x);
    for (size_t n = 0; n < p.s.frames; n++) x[n] = amp * sin(2 * pi * ratio * (double)n + degrees * pi / 180);
    taper(x, p.s.frames, rate, taper_ms);
    for (size_t n = 0; n < p.s.frames; n++) p.s.channel[0][n] = p.s.channel[1][n] = (float)x[n];
    free(x);
    return p;
}

programme programme_offset(int rate, double seconds, int offset)
{
    enum { TAPS = 1023, MIDDLE = 511 };
    size_t n = frames_of(seconds, 4 * rate), burst = n / 2 / 24 * 24;
    programme p = silent(rate, 2, (n - (size_t)offset + 3) / 4);
    double *x = malloc((n + TAPS) * sizeof *x), *h = malloc(TAPS * sizeof *h), phase = 0, sum = 0;
    memset(x, 0, (n + TAPS) * sizeof *x); /* MIDDLE zeros on each side */
    for (size_t i = 0; i < n; i++) {
        int in = i >= burst && i < burst + 16;
        x[MIDDLE + i] = (in ? 1.0 : 0.5) * sin(2 * pi * phase);
        phase += in ? 1 / 16.0 : 1 / 24.0;
    }
    taper(x + MIDDLE, n, 4.0 * rate, 10);
    for (int k = 0; k < TAPS; k++) { /* a low-pass at 0.9 of the kept samples' Nyquist frequency, Hamming window */
        double t = 0.9 / 4 * (k - MIDDLE);
        h[k] = (t == 0 ? 1 : sin(pi * t) / (pi * t)) * (0.54 - 0.46 * cos(2 * pi * k / (TAPS - 1)));
        sum += h[k];
    }
    for (size_t i = 0; i < p.s.frames; i++) {
        double y = 0;
        for (size_t k = 0; k < TAPS; k++) y += h[k] / sum * x[4 * i + (size_t)offset + k];
        p.s.channel[0][i] = p.s.channel[1][i] = (float)y;
    }
    free(x);
    free(h);
    return p;
}

programme programme_noise(int rate, int channels, double seconds, double amp, uint64_t seed)
{
    programme p = silent(rate, channels, frames_of(seconds, rate));
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < p.s.frames; i++)
            p.s.channel[c][i] = (float)(amp * noise_uniform(seed, i * (size_t)channels + (size_t)c));
    return p;
}

programme programme_chirp(int rate, double seconds, double from, double to, double amp)
{
    programme p = silent(rate, 2, frames_of(seconds, rate));
    double k = log(to / from);
    for (size_t n = 0; n < p.s.frames; n++) {
        double x = amp * sin(2 * pi * from * seconds / k * (exp((double)n / rate / seconds * k) - 1));
        p.s.channel[0][n] = (float)x;
        p.s.channel[1][n] = (float)(0.5 * x);
    }
    return p;
}

programme programme_clicks(int rate, double seconds, double amp)
{
    programme p = silent(rate, 2, frames_of(seconds, rate));
    size_t period = frames_of(0.25, rate);
    for (size_t n = period / 2; n < p.s.frames; n += period) {
        p.s.channel[0][n] = (float)amp;
        p.s.channel[1][n] = (float)(-0.5 * amp);
    }
    return p;
}

programme programme_song(int rate, int channels, size_t first, size_t frames)
{
    programme p = silent(rate, channels, frames);
    song1_float(p.s.channel, channels, rate, first, frames);
    return p;
}
