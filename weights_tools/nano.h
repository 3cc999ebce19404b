/* nano.h - the model inside the program: a small transformer trained on what src/nano composes, and a text tower made by
 * formula that hears keywords and what people say for them. Both go through the engine's usual code.
 *
 * The tower (spec nano.md section 4): XLM-R without layers, a MuLan transformer without layers. A piece's row of the word
 * table holds how much of each keyword it means; the projection's columns are the keywords' style rows; pieces that mean
 * nothing have a row of zeros. Three more columns give every other row mean 0 and the same length, so that the embedding's
 * LayerNorm hands it on unchanged. */
#ifndef WEIGHTS_TOOLS_NANO_H
#define WEIGHTS_TOOLS_NANO_H

#include "nano/words.h"
#include "weights_tools/synth.h"

/* Words and phrases, separated by |, and what they mean: keywords, some with :share. */
typedef struct {
    const char *words, *means;
} nano_synonym;
extern const nano_synonym nano_synonyms[];
extern const size_t nano_synonym_count;

/* A piece of the tokenizer: text with blanks as U+2581, and its row: how much of each keyword it means. */
typedef struct {
    char *text;
    float share[WORDS_COUNT];
} nano_piece;

typedef struct {
    nano_piece *pieces; /* in the order of ids, the keywords first */
    size_t count, room;
} nano_vocab;

/* Every keyword, synonym, count of beats a minute and refusal ("no drums"), and pieces that keep short words from being
 * heard at the start of longer ones. ARG error for a table that names an unknown keyword. Free with nano_vocab_free. */
drgen_status nano_vocab_make(nano_vocab *out, drgen_err *err);
void nano_vocab_free(nano_vocab *v); /* NULL-safe, idempotent */

/* The character map of a SentencePiece model, malloc'd: capitals, accents, full-width forms and traditional characters
 * become plain ones, punctuation a blank. */
drgen_status nano_charmap(unsigned char **out, size_t *size, drgen_err *err);

/* tokenizer.model of the vocabulary, written atomically. */
drgen_status nano_write_tokenizer(const char *path, const nano_vocab *v, drgen_err *err);
/* mulan.safetensors of the vocabulary, and its sizes. */
drgen_status nano_write_tower(const char *path, const nano_vocab *v, mulan_text_cfg *cfg, drgen_err *err);

/* Makes dir, which must not exist or be empty, a model folder. trained: folder with the transformer's sizes (model.json or
 * sizes.json) and dit.safetensors; without that file the transformer is made up, and the model says so. bytes: its blocks
 * in int8. */
drgen_status nano_write(const char *dir, const char *trained, int bytes, drgen_err *err);
/* A trained dit.safetensors with the composer's negative style; bytes: blocks in int8 instead of as they are. */
drgen_status nano_copy_transformer(const char *from, const char *to, int bytes, drgen_err *err);

#endif
