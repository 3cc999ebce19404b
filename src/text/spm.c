/* spm.c - the tokenizer's front: loading from either file form, the table of pieces, encoding. Knows neither file format
 * (spm_model.c, spm_json.c) nor the rules of normalisation (spm_norm.c) and search (spm_viterbi.c). */
#include "text/spm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/spm_types.h"

enum { MAX_FILE = 256 << 20 };

static size_t slot_of(const spm *s, uint64_t hash)
{
    return (size_t)(hash ^ hash >> 32) & s->mask;
}

int32_t spm_find(const spm *s, const char *text, size_t size, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t i = slot_of(s, hash); s->slots[i].piece; i = (i + 1) & s->mask) {
        if (s->slots[i].tag != tag) continue;
        const spm_piece *p = &s->pieces[s->slots[i].piece - 1];
        if (p->size == size && memcmp(s->text + p->at, text, size) == 0) return (int32_t)s->slots[i].piece - 1;
    }
    return -1;
}

static drgen_status no_memory(const char *name, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
}

drgen_status spm_add_piece(spm *s, const char *text, size_t size, float score, const char *name, drgen_err *err)
{
    size_t id = s->count + SPM_FIRST_ID;
    if (size == 0 || size > SPM_MAX_PIECE || utf8_valid(text, size) != size)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: the piece with id %zu is empty, too long or not UTF-8", name, id);
    if (!isfinite(score)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: the piece with id %zu has no finite score", name, id);
    if (s->count == SPM_MAX_PIECES) return err_fail(err, DRGEN_ERR_FORMAT, "%s: too many pieces", name);
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 4096;
        spm_piece *grown = realloc(s->pieces, room * sizeof *grown);
        if (!grown) return no_memory(name, err);
        s->pieces = grown;
        s->room = room;
    }
    if (s->text_room - s->text_size < size) {
        size_t room = 2 * s->text_room + 65536;
        char *grown = realloc(s->text, room);
        if (!grown) return no_memory(name, err);
        s->text = grown;
        s->text_room = room;
    }
    memcpy(s->text + s->text_size, text, size);
    s->pieces[s->count++] = (spm_piece){(uint32_t)s->text_size, (uint32_t)size, score};
    s->text_size += size;
    if (size > s->longest) s->longest = size;
    if (s->count == 1 || score < s->lowest) s->lowest = score;
    return DRGEN_OK;
}

/* Fills the table of pieces, at most half full. */
static drgen_status build_table(spm *s, const char *name, drgen_err *err)
{
    size_t slots = 16;
    while (slots < 2 * s->count) slots *= 2;
    s->slots = calloc(slots, sizeof *s->slots);
    if (!s->slots) return no_memory(name, err);
    s->mask = slots - 1;
    for (size_t p = 0; p < s->count; p++) {
        const char *text = s->text + s->pieces[p].at;
        size_t size = s->pieces[p].size;
        uint64_t h = SPM_HASH_START;
        for (size_t i = 0; i < size; i++) h = spm_hash_step(h, text[i]);
        int32_t twin = spm_find(s, text, size, h);
        if (twin >= 0)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: the pieces with ids %zu and %zu are the same", name,
                            (size_t)twin + SPM_FIRST_ID, p + SPM_FIRST_ID);
        size_t i = slot_of(s, h);
        while (s->slots[i].piece) i = (i + 1) & s->mask;
        s->slots[i] = (spm_slot){(uint32_t)(h >> 32), (uint32_t)p + 1};
    }
    return DRGEN_OK;
}

/* An object in text form. A protobuf model starts with a newline and a length below '{'. */
static int looks_like_json(const uint8_t *bytes, size_t size)
{
    size_t i = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (i < size && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n')) i++;
    return i < size && bytes[i] == '{';
}

drgen_status spm_load(spm **out, const void *bytes, size_t size, const char *name, drgen_err *err)
{
    *out = NULL;
    if (size > MAX_FILE) return err_fail(err, DRGEN_ERR_FORMAT, "%s: %zu bytes are too many for a tokenizer", name, size);
    spm *s = calloc(1, sizeof *s);
    if (!s) return no_memory(name, err);
    drgen_status status = looks_like_json(bytes, size) ? spm_read_json(s, bytes, size, name, err)
                                                       : spm_read_model(s, bytes, size, name, err);
    if (status == DRGEN_OK && s->count == 0) status = err_fail(err, DRGEN_ERR_FORMAT, "%s: no pieces in it", name);
    if (status == DRGEN_OK) status = build_table(s, name, err);
    if (status != DRGEN_OK) {
        spm_free(s);
        return status;
    }
    s->unknown_score = s->lowest - 10.0f;
    *out = s;
    return DRGEN_OK;
}

void spm_free(spm *s)
{
    if (!s) return;
    free(s->trie);
    free(s->pool);
    free(s->text);
    free(s->pieces);
    free(s->slots);
    free(s);
}

int32_t spm_vocab_size(const spm *s)
{
    return (int32_t)s->count + SPM_FIRST_ID + 1;
}

const char *spm_piece_text(const spm *s, int32_t id, size_t *size)
{
    if (id < SPM_FIRST_ID || (size_t)id - SPM_FIRST_ID >= s->count) return NULL;
    const spm_piece *p = &s->pieces[id - SPM_FIRST_ID];
    *size = p->size;
    return s->text + p->at;
}

drgen_status spm_encode(const spm *s, const void *text, size_t size, int32_t **ids, size_t *count, drgen_err *err)
{
    char *normal = NULL;
    size_t normal_size = 0;
    *ids = NULL;
    *count = 0;
    drgen_status status = spm_normalize(s, text, size, &normal, &normal_size, err);
    if (status == DRGEN_OK) status = spm_segment(s, normal, normal_size, ids, count, err);
    free(normal);
    return status;
}
