/* programme.h - test programmes for meters in closed form, computed in double, rounded to float32: the sequences of EBU
 * Tech 3341 and 3342 and more. Source: golden/mastering/README.md, spec mastering.md D.1. */
#ifndef TESTS_PROGRAMME_H
#define TESTS_PROGRAMME_H

#include <stdint.h>

#include "dsp/sound.h"

typedef struct {
    sound s;
    float *memory;
} programme;

/* A stretch of a tone: peak level per channel in dBFS, PROGRAMME_SILENCE or below for none. */
typedef struct {
    double level[SOUND_MAX_CHANNELS], seconds;
} programme_step;

#define PROGRAMME_SILENCE (-900.0)

/* One sine of f Hz on all channels, its level changing by steps; every step is rounded to whole frames. */
programme programme_steps(int rate, int channels, double f, const programme_step *step, size_t count);
/* The same with equal levels on two channels at 1 kHz. */
typedef struct {
    double level, seconds;
} programme_level;

programme programme_levels(int rate, const programme_level *level, size_t count);
/* amp sin(2 pi ratio n + degrees) with linear tapers of taper_ms, two channels. */
programme programme_tone(int rate, double seconds, double ratio, double amp, double degrees, double taper_ms);
/* Cases 20-23 of Tech 3341: a short full-level burst inside a tone, made at four times the rate, of which every fourth
 * sample from offset on is kept. */
programme programme_offset(int rate, double seconds, int offset);
/* Uniform noise: channel c of frame i is amp * u(seed, i * channels + c). */
programme programme_noise(int rate, int channels, double seconds, double amp, uint64_t seed);
/* An exponential sweep, the right channel at half. */
programme programme_chirp(int rate, double seconds, double from, double to, double amp);
/* Single samples every 250 ms, the right channel -0.5 of the left. */
programme programme_clicks(int rate, double seconds, double amp);
/* Frames first..first + frames - 1 of the test song. */
programme programme_song(int rate, int channels, size_t first, size_t frames);

void programme_free(programme *p);

#endif
