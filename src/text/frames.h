/* frames.h - places the tokens of timed lines on the latent frame grid. Source: spec lyrics.md section 5. */
#ifndef TEXT_FRAMES_H
#define TEXT_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct {
    double seconds;
    const int32_t *ids;
    size_t count;
    int line;      /* of the file, for notes */
    long start;    /* out: frame where it begins, -1 when it was left out */
    size_t placed; /* out: tokens on the grid, its closing period included */
} frames_line;

/* Shortest and longest song of a model, seconds. */
void frames_lengths(int max_frames, double range[2]);
/* Latent frames of a song: max_frames 2048 wants exactly 95 s and gives 2048; 6144 wants 96..285 and gives
 * min((int)(seconds * 44100/2048), 6144). ERR_ARG otherwise, saying the rule. Other (embedded) max_frames:
 * any length from 1 s that fits. */
drgen_status frames_count(int max_frames, double seconds, size_t *out, drgen_err *err);

/* What the model is told about the length: frames / max_frames, rounded to half precision. */
float frames_duration(size_t frames, int max_frames);

typedef void (*frames_note)(void *user, int line, const char *message);

/* grid [frames], filled: one token a frame from each line's start, a period behind each line, 0 elsewhere. A
 * line that starts before the one above it has ended waits for it. compat: lines in the order given; drops
 * the last line of a 2048-frame song, cuts a line at the end of the grid. Otherwise lines are expected in
 * order of time; those without tokens are ignored, except that they end the line above; a line that does not
 * fit before the end is left out. What was dropped, is late, or will be hard to sing is noted; note may be
 * NULL. Any times are safe, also infinite ones. */
void frames_place(int32_t *grid, size_t frames, int max_frames, double seconds, frames_line *lines,
                  size_t count, int compat, frames_note note, void *user);

#endif
