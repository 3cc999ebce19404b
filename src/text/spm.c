/* spm.c - the tokenizer's frame: loading, and text to ids by the best path through its pieces.
 * Source: spec xlmr_tokenizer.md; Kudo, "Subword Regularization" (2018), for the unigram model. */
#include "text/spm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/spm_types.h"

enum { ID_BOS = 0, ID_EOS = 2, ID_UNKNOWN = 3 };

drgen_status spm_add_piece(spm *s, const char *text, size_t size, float score, int32_t id, const char *name, drgen_err *err)
{
    if (size == 0 || size > 4096 || !isfinite(score))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: piece %d is empty, too long, or without a score", name, (int)id);
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 4096;
        spm_piece *pieces = realloc(s->pieces, room * sizeof *pieces);
        if (pieces) s->pieces = pieces;
        size_t *offsets = pieces ? realloc(s->offsets, room * sizeof *offsets) : NULL;
        if (!offsets) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
        s->offsets = offsets;
        s->room = room;
    }
    if (s->pool_room - s->pool_size < size) {
        size_t room = 2 * s->pool_room + size + 65536;
        char *pool = realloc(s->pool, room);
        if (!pool) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
        s->pool = pool;
        s->pool_room = room;
    }
    memcpy(s->pool + s->pool_size, text, size);
    s->offsets[s->count] = s->pool_size;
    s->pool_size += size;
    s->pieces[s->count++] = (spm_piece){NULL, size, score, id};
    if (size > s->longest) s->longest = size;
    return DRGEN_OK;
}

/* The pool has stopped moving: texts get their addresses, the index is built. */
static drgen_status finish(spm *s, const char *name, drgen_err *err)
{
    float least = 0;
    if (!s->count) return err_fail(err, DRGEN_ERR_FORMAT, "%s: a tokenizer without pieces", name);
    for (size_t i = 0; i < s->count; i++) {
        spm_piece *p = &s->pieces[i];
        p->text = s->pool + s->offsets[i];
        if (i == 0 || p->score < least) least = p->score;
        if (!strmap_put(&s->index, p->text, p->size, (int32_t)i, 0))
            return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    s->unknown_score = least - 10.0f;
    return DRGEN_OK;
}

drgen_status spm_load(spm **out, const void *bytes, size_t size, const char *name, drgen_err *err)
{
    *out = NULL;
    spm *s = calloc(1, sizeof *s);
    if (!s) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    const unsigned char *p = bytes;
    size_t start = 0;
    while (start < size && strchr(" \t\r\n", p[start]) && p[start]) start++;
    int json = start < size && p[start] == '{';
    drgen_status status = json ? spm_read_json(s, p, size, name, err) : spm_read_model(s, p, size, name, err);
    if (status == DRGEN_OK) status = finish(s, name, err);
    if (status != DRGEN_OK) spm_free(s);
    else *out = s;
    return status;
}

void spm_free(spm *s)
{
    if (!s) return;
    strmap_free(&s->index);
    free(s->pool);
    free(s->offsets);
    free(s->pieces);
    free(s->map);
    free(s);
}

int32_t spm_vocab_size(const spm *s)
{
    return s->vocab;
}

/* One state of the search: the best way to reach a byte offset. */
typedef struct {
    float score;
    int32_t id;
    uint32_t from; /* offset where the last piece starts */
    int reached;
} node;

static size_t char_size(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static void search(const spm *s, const char *text, size_t size, node *best)
{
    for (size_t i = 0; i < size;) {
        size_t step = char_size((unsigned char)text[i]), covered = 0;
        if (step > size - i) step = size - i;
        for (size_t n = step; n <= s->longest && n <= size - i;) {
            int32_t p = strmap_get(&s->index, text + i, n, -1);
            if (p >= 0) {
                /* Compared unrounded, stored rounded: repetitive text is full of exact ties, and this is how the
                 * original breaks them. */
                double candidate = (double)s->pieces[p].score + (double)best[i].score;
                node *to = &best[i + n];
                if (!to->reached || candidate > (double)to->score)
                    *to = (node){(float)candidate, s->pieces[p].id, (uint32_t)i, 1};
                covered |= n == step;
            }
            if (n >= size - i) break;
            n += char_size((unsigned char)text[i + n]);
        }
        if (!covered) {
            float candidate = s->unknown_score + best[i].score;
            node *to = &best[i + step];
            if (!to->reached || candidate > to->score) *to = (node){candidate, ID_UNKNOWN, (uint32_t)i, 1};
        }
        i += step;
    }
}

drgen_status spm_encode(const spm *s, const void *text, size_t size, int32_t **ids, size_t *count, drgen_err *err)
{
    char *normal = NULL;
    size_t n = 0;
    *ids = NULL;
    *count = 0;
    if (size > 1u << 30) return err_fail(err, DRGEN_ERR_TEXT, "prompt: %zu bytes are too long", size);
    ERR_TRY(spm_normalize(s, text, size, &normal, &n, err));
    node *best = n < UINT32_MAX ? calloc(n + 1, sizeof *best) : NULL;
    int32_t *out = malloc((n + 2) * sizeof *out);
    if (!best || !out) {
        free(best), free(out), free(normal);
        return err_fail(err, DRGEN_ERR_NOMEM, "prompt: out of memory");
    }
    best[0].reached = 1;
    search(s, normal, n, best);
    /* Back from the end, unknown neighbours merged; written from the back of the array, then moved. */
    size_t at = n + 2;
    out[--at] = ID_EOS;
    for (size_t i = n; i > 0; i = best[i].from)
        if (best[i].id != ID_UNKNOWN || out[at] != ID_UNKNOWN) out[--at] = best[i].id;
    out[--at] = ID_BOS;
    *count = n + 2 - at;
    memmove(out, out + at, *count * sizeof *out);
    *ids = out;
    free(best), free(normal);
    return DRGEN_OK;
}
