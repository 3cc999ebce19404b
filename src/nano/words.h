/* words.h - the words the embedded model's music is made from: what they mean for a song, and the style vector they stand
 * for. Source: spec nano.md sections 3 and 4. */
#ifndef NANO_WORDS_H
#define NANO_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum {
    WORDS_GENRES = 20,
    WORDS_MOODS = 19,
    WORDS_INSTRUMENTS = 20,
    WORDS_TEMPI = 3,
    WORDS_MOOD0 = WORDS_GENRES,
    WORDS_INSTRUMENT0 = WORDS_MOOD0 + WORDS_MOODS,
    WORDS_TEMPO0 = WORDS_INSTRUMENT0 + WORDS_INSTRUMENTS,
    WORDS_COUNT = WORDS_TEMPO0 + WORDS_TEMPI,
    WORDS_STYLE = 128 /* width of a style vector */
};

/* Words by number, in the order they were found or drawn; that order decides between two genres. */
typedef struct {
    unsigned char id[WORDS_COUNT];
    size_t count;
} words;

const char *words_name(int id);
/* Keywords inside free text: case does not matter, longest first, each match is taken out before the next is looked for.
 * Returns their number. */
size_t words_find(const char *text, words *out);
/* Adds a word unless it is there. */
void words_add(words *w, int id);

/* A random prompt: a genre 95 %, a mood 85 %, up to three instruments, a tempo word 60 %. */
void words_draw(words *w, uint64_t *state);
/* 1 for a pair of one genre and one mood that training never sees (a tenth of all pairs, by a hash of the names). */
int words_held_out(const words *w);

/* table [WORDS_COUNT + 1, WORDS_STYLE]: a row for each word and, last, the negative style; orthonormal. */
void words_table(float *table);
/* Sum of the words' rows at length 1; zeros without words. */
void words_style(const words *w, const float *table, float style[WORDS_STYLE]);

/* What the words ask of a song. */
typedef enum { COLOUR_KEYS, COLOUR_GUITAR, COLOUR_STRINGS, COLOUR_SYNTH, COLOURS } colour;
typedef struct {
    int genre, mood;
    int step;            /* frames of a sixteenth: 2, 3, 4 (161.5, 107.7, 80.7 beats a minute) */
    int colours[COLOURS];
    int percussion;
} words_plan;
words_plan words_read(const words *w);

#endif
