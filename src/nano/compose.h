/* compose.h - the composer whose songs the embedded model learns: from words and timed phonemes to a roll of on and off, one
 * row a latent frame. Latents are a roll times 3, moved down by 0.21. Source: spec nano.md sections 1 and 3. */
#ifndef NANO_COMPOSE_H
#define NANO_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "nano/words.h"

/* Channels of a latent. */
enum {
    ROLL_KICK, ROLL_SNARE, ROLL_CLAP, ROLL_HAT, ROLL_OPEN_HAT, ROLL_SHAKER, ROLL_TOM, ROLL_CRASH,
    ROLL_BASS = 8,      /* E F G A B C D */
    ROLL_KEYS = 15,     /* C D E F G A B C D E */
    ROLL_GUITAR = 25,   /* the same */
    ROLL_STRINGS = 35,  /* chords C F G Am Em, held */
    ROLL_SYNTH = 40,    /* the same */
    ROLL_AH = 45,       /* lead A C E G A C D E, held */
    ROLL_EE = 53,       /* the same */
    ROLL_SIBILANT = 61, ROLL_PLOSIVE, ROLL_NASAL,
    ROLL_WIDTH = 64
};

/* A token's part in the tune. */
typedef enum { SOUND_NONE, SOUND_AH, SOUND_EE, SOUND_SIBILANT, SOUND_PLOSIVE, SOUND_NASAL } sound;
enum { COMPOSE_TOKENS = 364, COMPOSE_CHORDS = 5, COMPOSE_FAMILIES = 11, COMPOSE_STEPS = 16, COMPOSE_DRUMS = 6 };
typedef struct {
    unsigned char kind[COMPOSE_TOKENS]; /* sound */
    unsigned char rank[COMPOSE_TOKENS]; /* of a vowel, low to high: 0..4 */
} token_sounds;
void compose_sounds(token_sounds *out);

/* The two choices of a song that its words leave open, 0 or 1 each. */
typedef struct {
    int progression, pattern;
} compose_bits;

/* roll [frames, ROLL_WIDTH] of 0 and 1; tokens [frames]. Onsets of the lead, in order, go to onsets (room for frames + 1;
 * NULL: not wanted); returns their number. One may lie just behind the end. */
size_t compose(unsigned char *roll, const words_plan *plan, compose_bits bits, const int32_t *tokens, size_t frames,
               const token_sounds *sounds, int32_t *onsets);

void compose_latent(float *latent, const unsigned char *roll, size_t count);

/* For those who judge songs. */
int compose_family(int genre);                                          /* of drum patterns */
const char *compose_pattern(int family, int variant, int drum);         /* "x..." of COMPOSE_STEPS; drum: kick..shaker */
int compose_in_chord(int channel, int chord); /* how often a bass, keys, guitar or pad channel counts for it: 0 or 1 */

#endif
