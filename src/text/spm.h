/* spm.h - SentencePiece unigram tokenizer with XLM-R's ids. Source: spec xlmr_tokenizer.md; google/sentencepiece.
 *
 * Differs: the original's Python runs the Rust `tokenizers` pipeline when a tokenizer.json is there; this is the library
 * the model was trained with. The two agree on ordinary prompts of any language and part on control characters, literal
 * "<s>", half-width kana with voicing marks, decomposed accents on compatibility characters, and exact ties. */
#ifndef TEXT_SPM_H
#define TEXT_SPM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct spm spm;

/* From sentencepiece.bpe.model (protobuf) or tokenizer.json, told apart by content. Bytes are copied as needed; name
 * is for messages. FORMAT error when the file is damaged or no tokenizer of XLM-R's kind. */
drgen_status spm_load(spm **out, const void *bytes, size_t size, const char *name, drgen_err *err);
void spm_free(spm *s); /* NULL is fine */
int32_t spm_vocab_size(const spm *s); /* largest id + 1, <mask> included */

/* Ids of any bytes (need not be UTF-8), <s> in front and </s> behind; *ids is malloc'd. Never <pad> or <mask>. Time and
 * memory are linear in size; NOMEM is the only error. */
drgen_status spm_encode(const spm *s, const void *text, size_t size, int32_t **ids, size_t *count, drgen_err *err);
/* A piece's text, not zero-terminated, blanks as U+2581; NULL for ids that have none (<s>, <unk>...). */
const char *spm_piece_text(const spm *s, int32_t id, size_t *size);
/* The normalised text, malloc'd, zero-terminated (tests). */
drgen_status spm_normalize(const spm *s, const void *text, size_t size, char **out, size_t *out_size, drgen_err *err);

#endif
