/* song1.h - a test song in closed form: kick, bass, chords, hat and lead in six sections, 95 s, with a little DC.
 * Source: spec mastering.md B.14. */
#ifndef TESTS_SONG1_H
#define TESTS_SONG1_H

#include <stddef.h>

/* Frames first..first + frames - 1 at this rate into out[channel][...], channels 1 or 2. */
void song1(double *const *out, int channels, int rate, size_t first, size_t frames);
/* The same rounded to float32. */
void song1_float(float *const *out, int channels, int rate, size_t first, size_t frames);

#endif
