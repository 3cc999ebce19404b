/* timing.h - times for plain lyrics: how long lines take follows what the model was trained on. Knows no phonemes; the
 * caller counts tokens. */
#ifndef TEXT_TIMING_H
#define TEXT_TIMING_H

#include <stddef.h>

#include "base/err.h"

typedef enum { TIMING_SUNG, TIMING_SECTION, TIMING_BLANK } timing_kind;

typedef struct {
    timing_kind kind;
    const char *text;  /* into the input, not terminated, trimmed */
    size_t size;
    int line;          /* 1-based */
    size_t tokens;     /* SUNG: set by the caller */
    double seconds;    /* SUNG: set by timing_place */
} timing_line;

typedef struct {
    timing_line *lines;
    size_t count, room;
} timing;

/* Splits plain text: blank lines, section headers ("[Chorus]", "(Verse 2)", "Bridge:"), and lines to sing. */
drgen_status timing_read(timing *out, const char *text, size_t size, drgen_err *err);
void timing_free(timing *t);

/* Places every sung line. seconds: length of the song; bpm: beat to start lines on, 0: none given (a beat is then chosen
 * to fit, but lines are not moved to it). A line of n tokens gets 43 + 2.63 n latent frames (median regression over the
 * authors' own songs, whose lines fill 12 to 21 % of the frames to the next), headers two bars, blank lines one, an intro
 * of two to four bars and an end come around it; everything shrinks together when the song is short. *density gets the largest share of frames that
 * a line's tokens fill: above 1 words will be lost. ARG error when nothing is to be sung. */
drgen_status timing_place(timing *t, double seconds, double bpm, double *density, drgen_err *err);

#endif
