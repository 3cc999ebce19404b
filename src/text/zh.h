/* zh.h - the Chinese path, one stage a function. Internal to text/; g2p.c calls zh_read, tests call the stages. Texts are
 * arrays of code points here. Source: spec lyrics.md section 4. */
#ifndef TEXT_ZH_H
#define TEXT_ZH_H

#include <stddef.h>
#include <stdint.h>

#include "text/en.h"

/* ---- code points and words, growable; failed: out of memory, then additions do nothing */

typedef struct {
    uint32_t *at;
    size_t count, room;
    int failed;
} zh_text;

void zh_text_add(zh_text *t, uint32_t cp);
void zh_text_free(zh_text *t);

/* Words of a text: word i is text.at[ends[i-1] .. ends[i]). */
typedef struct {
    zh_text text;
    size_t *ends;
    size_t count, room;
    int failed;
} zh_words;

size_t zh_word(const zh_words *w, size_t i, const uint32_t **at); /* its length */
void zh_words_add(zh_words *w, const uint32_t *at, size_t size);   /* at must not lie in w */
void zh_words_free(zh_words *w);

/* ---- the dictionary: read-only data in the program, used in place */

enum { ZH_BASES = 512, ZH_NO_READING = 0xffff };

/* A syllable: base * 8 + tone (1..5). */
typedef uint16_t zh_syllable;

typedef struct {
    const uint8_t *words;      /* front-coded blocks */
    const uint8_t *blocks;     /* u32 offset of each block */
    size_t words_size, block_count, word_count;
    const uint8_t *bases;      /* records: name[8], then 5 tones of 4 u16 tokens */
    size_t base_count;
    const uint8_t *singles, *polyphones; /* records: u16 character, u16 syllable; sorted */
    size_t single_count, polyphone_count;
    const uint8_t *hmm;        /* start[4], trans[4][4] as doubles; then per state: u32 count, */
    const uint8_t *emit[4];    /* records: u16 character, then the doubles */
    size_t emit_count[4];
    double total_log;
    const struct zh_lexicon *lexicon; /* the user's own readings, asked first; NULL: none */
} zh_dict;

/* The original's chinese_lexicon.txt: lines of word TAB syllables, e.g. "qiang2 diao4". Lines that are something else are
 * skipped; a file without a single usable one is an error. */
typedef struct zh_lexicon zh_lexicon;
drgen_status zh_lexicon_open(zh_lexicon **out, const char *path, drgen_err *err);
void zh_lexicon_close(zh_lexicon *l); /* NULL is fine */
/* The reading of a word as the file has it, or NULL; *size gets its bytes. */
const char *zh_lexicon_find(const zh_lexicon *l, const char *word, size_t word_size, size_t *size);

/* The dictionary in the program. Checks every offset and count once. */
drgen_status zh_dict_open(zh_dict *d, drgen_err *err);
drgen_status zh_dict_open_bytes(zh_dict *d, const uint8_t *data, size_t size, drgen_err *err);

/* Frequency of a word: -1 not a word of the segmenter. *more: it begins a longer word (or is one). */
int32_t zh_dict_frequency(const zh_dict *d, const uint32_t *word, size_t size, int *more);
/* Syllables of a word in the dictionary, at most room; 0 when it has none. */
size_t zh_dict_reading(const zh_dict *d, const uint32_t *word, size_t size, zh_syllable *out, size_t room);
/* Reading of a character by itself, or ZH_NO_READING. */
zh_syllable zh_dict_single(const zh_dict *d, uint32_t cp);
/* Usual reading of a character with several, or ZH_NO_READING when it has one. */
zh_syllable zh_dict_polyphone(const zh_dict *d, uint32_t cp);
int zh_dict_base_is(const zh_dict *d, zh_syllable s, const char *name);
/* Up to 4 tokens of a syllable. */
size_t zh_dict_tokens(const zh_dict *d, zh_syllable s, int32_t out[4]);
/* Log-probabilities of the word-boundary model; states B, E, M, S = 0..3. */
double zh_dict_start(const zh_dict *d, int state);
double zh_dict_trans(const zh_dict *d, int from, int to);
double zh_dict_emit(const zh_dict *d, int state, uint32_t cp);

/* ---- stages */

/* 4.1: numbers to words. */
void zh_numbers(zh_text *out, const uint32_t *at, size_t size);
/* A whole number (ASCII digits) as in zh_numbers; 0 when it has more than 16 digits. */
int zh_integer(zh_text *out, const char *digits, size_t size);
/* A number [-]digits[.digits] of so many code points; 0 when it has too many digits. */
int zh_number(zh_text *out, const uint32_t *at, size_t size);
/* 4.2: only Han and the model's punctuation stay. */
void zh_normalize(zh_text *out, const uint32_t *at, size_t size);
/* 4.3 */
drgen_status zh_segment(const zh_dict *d, const uint32_t *at, size_t size, zh_words *out, drgen_err *err);
/* 4.4. keep: a 不 with no word behind it stays; the original loses it. */
drgen_status zh_merge(const zh_words *in, zh_words *out, int keep, drgen_err *err);
/* 4.5 to 4.8: tokens of one word. */
void zh_word_tokens(const zh_dict *d, const phones *p, const uint32_t *word, size_t size, en_tokens *out);

/* All of it for one segment. strict: 不 is lost where the original loses it. */
drgen_status zh_read(const zh_dict *d, en_tokens *out, const phones *p, const char *text, size_t size, int strict,
                     drgen_err *err);

#endif
