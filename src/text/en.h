/* en.h - the English path, one stage a function: what a number is called, how a text is spelled out and
 * cleaned, and how espeak's notation becomes phoneme tokens. Internal to text/; g2p.c calls en_read, tests
 * call the stages. Nothing here knows espeak itself: the voice is a callback. Source: spec lyrics.md
 * section 3. */
#ifndef TEXT_EN_H
#define TEXT_EN_H

#include <stddef.h>
#include <stdint.h>

#include "text/g2p.h"
#include "text/phones.h"
#include "text/str.h"

/* digits: ASCII digits, count > 0, leading zeros allowed. Words are appended to out. Returns 1, or 0 when the
 * number has more than 36 digits; then digit by digit ("one two three"). Source: inflect's number_to_words
 * and ordinal. */
int en_cardinal(str *out, const char *digits, size_t count, int with_and);
int en_ordinal(str *out, const char *digits, size_t count); /* with "and" */
int en_spoken(str *out, const char *digits, size_t count); /* as in a lyric: 1984 is "nineteen eighty-four" */

/* Section 3.1 and 3.2: abbreviations and numbers to words. strict: TEXT error where the original raises (a
 * number beyond 10^36, "$,5"); otherwise such a number is read digit by digit and such an amount is left
 * alone. */
drgen_status en_expand(str *out, const char *text, size_t size, int strict, drgen_err *err);

/* Section 3.3: one kind of punctuation, no other signs, single blanks. */
void en_clean(str *out, const char *text, size_t size);

/* 1 when cp is one of , . ? ! ; : ' and the ellipsis: where a text is cut into pieces for the voice. */
int en_is_mark(uint32_t cp);

/* Section 3.4: espeak's output for one piece, appended to out as phonemes with "|" between them. */
void en_piece_phonemes(str *out, const char *raw, size_t size);

/* A growing list of token ids; 0 stands for a phoneme the model does not know. */
typedef struct {
    int32_t *ids;
    size_t count, room;
    int failed; /* out of memory */
} en_tokens;

/* Section 3.5: "|"-separated phonemes of one segment to tokens, merged and renamed. strict: TEXT error when
 * there are none, like the original. */
drgen_status en_join(en_tokens *out, const phones *p, const char *phonemes, size_t size, int strict,
                     drgen_err *err);
void en_tokens_add(en_tokens *t, int32_t id);

/* All of it for one segment. */
drgen_status en_read(en_tokens *out, const phones *p, const g2p_voice *voice, const char *text, size_t size,
                     int strict, drgen_err *err);

#endif
