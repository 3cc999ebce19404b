/* songs.h - endless songs for training the embedded model, made when they are asked for, and those kept back to judge it.
 * Source: spec nano.md section 5. */
#ifndef NANO_SONGS_H
#define NANO_SONGS_H

#include "nano/compose.h"
#include "text/g2p.h"
#include "train/trainer.h"

typedef struct {
    int32_t *ids;
    size_t count;
} lyric_tokens;

typedef struct {
    token_sounds sounds;
    float *table;                         /* words_table */
    lyric_tokens *lines;                  /* [line_count] in the order of lines.h, those that are too short or long empty */
    size_t line_count;
    double empty;                         /* share of songs without lyrics */
} nano_songs;

/* Reads all lines of lines.h through the front end g. NOMEM; errors of g2p_line. */
drgen_status nano_songs_open(nano_songs **out, g2p *g, drgen_err *err);
void nano_songs_close(nano_songs *s); /* NULL is fine */

/* tokens [frames], one a frame: lines with pauses between them, a fifth of the songs (s->empty) none. held: only lines
 * kept back from training, else only the others (and, three of ten times, random tokens). */
void nano_grid(const nano_songs *s, int held, int32_t *tokens, size_t frames, uint64_t *state);

/* A prompt with one genre and one mood, of a pair that training does not see (held) or does see. */
void nano_prompt(words *w, int held, uint64_t *state);

/* The source of songs for trainer.h: every index is another song, made from its key. validation: as many songs for
 * validation, of pairs and lines kept back. The batch must have ROLL_WIDTH channels and WORDS_STYLE wide styles. */
train_source nano_source(nano_songs *s, size_t validation);

#endif
