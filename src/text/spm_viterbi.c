/* spm_viterbi.c - the best segmentation of a normalised text into pieces. One pass, a cell per byte, no recursion.
 * Source: spec xlmr_tokenizer.md section 4; SentencePiece unigram_model.cc, EncodeOptimized. */
#include <stdlib.h>

#include "text/spm_types.h"

enum { START_ID = 0, END_ID = 2, UNKNOWN_ID = 3 };
enum { UNKNOWN = -1 };

/* Best way to reach a byte position: its score, and the last step into it. */
typedef struct {
    float score;
    uint32_t size; /* bytes of the last step; 0: not reached */
    int32_t piece;
} cell;

/* Bytes of the character that starts with this byte. */
static size_t lead_size(char c)
{
    unsigned char b = (unsigned char)c;
    return b < 0xC0 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

static int inside_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* All steps that start at text[at]. Candidates are compared unrounded and stored rounded: exact ties are common in
 * repetitive text, and this is the order in which the original breaks them. */
static size_t extend(const spm *s, const char *text, size_t size, size_t at, cell *best)
{
    size_t left = size - at, character = lead_size(text[at]), most = left < s->longest ? left : s->longest;
    if (character > left) character = left;
    uint64_t hash = SPM_HASH_START;
    int single = 0;
    for (size_t n = 0; n < most;) {
        hash = spm_hash_step(hash, text[at + n++]);
        if (n < left && inside_character(text[at + n])) continue; /* no piece ends there */
        int32_t piece = spm_find(s, text + at, n, hash);
        if (piece < 0) continue;
        double sum = (double)s->pieces[piece].score + (double)best[at].score;
        cell *to = &best[at + n];
        if (!to->size || sum > (double)to->score) *to = (cell){(float)sum, (uint32_t)n, piece};
        single |= n == character;
    }
    if (!single) {
        float sum = s->unknown_score + best[at].score;
        cell *to = &best[at + character];
        if (!to->size || sum > to->score) *to = (cell){sum, (uint32_t)character, UNKNOWN};
    }
    return character;
}

/* Follows the steps back from the end, filling ids from their end (NULL: only counts); neighbouring unknowns are one. */
static size_t trace(const cell *best, size_t size, int32_t *ids_end)
{
    size_t count = 0;
    int32_t after = 0;
    for (size_t at = size; at > 0; at -= best[at].size) {
        int32_t piece = best[at].piece;
        if (piece == UNKNOWN && after == UNKNOWN) continue;
        count++;
        if (ids_end) *--ids_end = piece == UNKNOWN ? UNKNOWN_ID : piece + SPM_FIRST_ID;
        after = piece;
    }
    return count;
}

drgen_status spm_segment(const spm *s, const char *text, size_t size, int32_t **ids, size_t *count, drgen_err *err)
{
    *ids = NULL;
    *count = 0;
    cell *best = size < SIZE_MAX / sizeof *best ? calloc(size + 1, sizeof *best) : NULL;
    size_t pieces = 0;
    if (best) {
        for (size_t at = 0; at < size;) at += extend(s, text, size, at, best);
        pieces = trace(best, size, NULL);
        *ids = malloc((pieces + 2) * sizeof **ids);
    }
    if (!*ids) {
        free(best);
        return err_fail(err, DRGEN_ERR_NOMEM, "prompt: out of memory for %zu bytes", size);
    }
    (*ids)[0] = START_ID;
    trace(best, size, *ids + 1 + pieces);
    (*ids)[pieces + 1] = END_ID;
    *count = pieces + 2;
    free(best);
    return DRGEN_OK;
}
