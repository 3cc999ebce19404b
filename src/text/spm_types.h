/* spm_types.h - what the tokenizer's files share: the character map, the pieces and the table that finds them. Internal
 * to text/spm*.c. */
#ifndef TEXT_SPM_TYPES_H
#define TEXT_SPM_TYPES_H

#include "text/spm.h"

enum {
    SPM_FIRST_ID = 4,         /* of the pieces; before them <s>, <pad>, </s>, <unk>; behind them <mask> */
    SPM_MAX_PIECES = 1 << 22,
    SPM_MAX_PIECE = 1024,     /* bytes of a piece (XLM-R: 48): keeps a damaged model's search linear */
    SPM_MAX_RULE = 1024       /* bytes of a rule's input, and of its replacement (XLM-R: 33) */
};

/* Piece i has id SPM_FIRST_ID + i; its bytes are text[at .. at + size). */
typedef struct {
    uint32_t at, size;
    float score;
} spm_piece;

/* Open addressing. tag: high half of the key's hash; piece: index + 1, 0 in a free slot. */
typedef struct {
    uint32_t tag, piece;
} spm_slot;

struct spm {
    uint32_t *trie; /* double array over bytes, spec section 2 */
    size_t units;
    char *pool; /* replacement strings, each ended by a zero */
    size_t pool_size;

    char *text; /* bytes of all pieces */
    size_t text_size, text_room;
    spm_piece *pieces;
    size_t count, room;
    spm_slot *slots;
    size_t mask;     /* slots - 1 */
    size_t longest;  /* bytes of the longest piece */
    float lowest, unknown_score;
};

/* FNV-1a, a byte at a time: the hash of every prefix of a text comes for free. */
#define SPM_HASH_START UINT64_C(0xCBF29CE484222325)
static inline uint64_t spm_hash_step(uint64_t h, char byte)
{
    return (h ^ (unsigned char)byte) * UINT64_C(0x100000001B3);
}

/* Index of the piece with these bytes and their hash, or -1. */
int32_t spm_find(const spm *s, const char *text, size_t size, uint64_t hash);

/* The two readers add pieces in the order of ids, and set the map once; both check and copy what they get. */
drgen_status spm_add_piece(spm *s, const char *text, size_t size, float score, const char *name, drgen_err *err);
drgen_status spm_set_map(spm *s, const uint8_t *map, size_t size, const char *name, drgen_err *err);
drgen_status spm_read_model(spm *s, const uint8_t *bytes, size_t size, const char *name, drgen_err *err);
drgen_status spm_read_json(spm *s, const uint8_t *bytes, size_t size, const char *name, drgen_err *err);

/* Best segmentation of normalised text as ids, <s> and </s> included; *ids is malloc'd. */
drgen_status spm_segment(const spm *s, const char *text, size_t size, int32_t **ids, size_t *count, drgen_err *err);

#endif
