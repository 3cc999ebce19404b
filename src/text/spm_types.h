/* spm_types.h - the tokenizer's inside, shared by its loaders, normaliser and search. */
#ifndef TEXT_SPM_TYPES_H
#define TEXT_SPM_TYPES_H

#include "base/strmap.h"
#include "text/spm.h"

typedef struct {
    const char *text; /* in spm.pool */
    size_t size;
    float score;
    int32_t id;
} spm_piece;

struct spm {
    char *pool;          /* texts of all pieces */
    size_t pool_size, pool_room;
    size_t *offsets;     /* of piece texts in the pool while it grows */
    spm_piece *pieces;   /* matchable ones */
    size_t count, room;
    strmap index;        /* text to index in pieces */
    size_t longest;      /* bytes */
    float unknown_score;
    int32_t vocab;
    unsigned char *map;  /* precompiled character map, copied */
    size_t map_size;
    size_t units;        /* 32-bit units of its trie; 0: no map */
};

/* Adds a matchable piece. */
drgen_status spm_add_piece(spm *s, const char *text, size_t size, float score, int32_t id, const char *name, drgen_err *err);
/* Takes a copy of the character map and checks its frame. */
drgen_status spm_set_map(spm *s, const void *map, size_t size, const char *name, drgen_err *err);

drgen_status spm_read_model(spm *s, const unsigned char *bytes, size_t size, const char *name, drgen_err *err);
drgen_status spm_read_json(spm *s, const unsigned char *bytes, size_t size, const char *name, drgen_err *err);

#endif
