/* mastering.h - random sounds for the laws of mastering, and how many of them. */
#ifndef TESTS_LAWS_MASTERING_H
#define TESTS_LAWS_MASTERING_H

#include <stdint.h>

#include "dsp/sound.h"

typedef struct {
    sound s; /* its rows are each malloc'd */
} law_sound;

/* 0.5 to 1.2 s of noise, tones, clicks or song at a random level and rate, one or two channels: all by the seed. */
law_sound law_random(uint64_t seed);
law_sound law_random_stereo(uint64_t seed);
law_sound law_silence(int rate, int channels, size_t frames);
law_sound law_song(double from, double seconds, double gain); /* song-1, stereo at 44.1 kHz */
law_sound law_copy(const law_sound *x);
void law_free(law_sound *x);

/* Runs the law for 5 seeds, 200 with DRGEN_FULL=1. */
void law_each(void (*law)(uint64_t seed));

#endif
