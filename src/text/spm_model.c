/* spm_model.c - reads sentencepiece.bpe.model: protocol buffers' wire format, just the fields that are needed. */
#include <string.h>

#include "text/spm_types.h"

typedef struct {
    const unsigned char *p, *end;
    int bad;
} wire;

typedef struct {
    int field, kind;
    uint64_t number;          /* kind 0; kinds 1 and 5: raw bits */
    const unsigned char *data; /* kind 2 */
    size_t size;
} item;

static uint64_t varint(wire *w)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (w->p == w->end || shift == 63 + 7) break;
        unsigned char b = *w->p++;
        v |= shift < 64 ? (uint64_t)(b & 0x7f) << shift : 0;
        if (!(b & 0x80)) return v;
    }
    w->bad = 1;
    return 0;
}

/* The next field, 0 at the end or when the bytes make no sense (w->bad). */
static int next(wire *w, item *it)
{
    if (w->p == w->end || w->bad) return 0;
    uint64_t key = varint(w);
    *it = (item){.field = (int)(key >> 3 & 0x1fffffff), .kind = (int)(key & 7)};
    size_t fixed = it->kind == 1 ? 8 : it->kind == 5 ? 4 : 0;
    if (it->kind == 0) it->number = varint(w);
    else if (it->kind == 2) {
        uint64_t size = varint(w);
        if (w->bad || size > (uint64_t)(w->end - w->p)) w->bad = 1;
        else {
            it->data = w->p;
            it->size = (size_t)size;
            w->p += size;
        }
    } else if (fixed && (size_t)(w->end - w->p) >= fixed) {
        for (size_t i = fixed; i-- > 0;) it->number = it->number << 8 | w->p[i];
        w->p += fixed;
    } else w->bad = 1;
    return !w->bad;
}

static wire inside(const item *it)
{
    return (wire){it->data, it->data + it->size, 0};
}

static drgen_status damaged(const char *name, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: not a SentencePiece model, or damaged", name);
}

enum { PIECE_NORMAL = 1, PIECE_UNKNOWN = 2, PIECE_CONTROL = 3 };

/* Piece number `index`; XLM-R moves every piece from 3 on up by one. */
static drgen_status read_piece(spm *s, const item *message, int32_t index, const char *name, drgen_err *err)
{
    wire w = inside(message);
    item it, text = {0};
    float score = 0;
    uint64_t type = PIECE_NORMAL;
    while (next(&w, &it)) {
        if (it.field == 1 && it.kind == 2) text = it;
        if (it.field == 2 && it.kind == 5) {
            uint32_t bits = (uint32_t)it.number;
            memcpy(&score, &bits, sizeof score);
        }
        if (it.field == 3 && it.kind == 0) type = it.number;
    }
    if (w.bad) return damaged(name, err);
    if (type == PIECE_UNKNOWN || type == PIECE_CONTROL) return DRGEN_OK;
    if (type != PIECE_NORMAL)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: piece %d is of kind %llu; only plain pieces are supported", name, (int)index,
                        (unsigned long long)type);
    return spm_add_piece(s, (const char *)text.data, text.size, score, index + 1, name, err);
}

/* Unigram, no byte fallback, no suffix white space: anything else is another tokenizer. */
static drgen_status check_trainer(const item *message, const char *name, drgen_err *err)
{
    wire w = inside(message);
    for (item it; next(&w, &it);)
        if (it.kind == 0 && ((it.field == 3 && it.number != 1) || ((it.field == 24 || it.field == 35) && it.number)))
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: not a unigram model like XLM-RoBERTa's", name);
    return w.bad ? damaged(name, err) : DRGEN_OK;
}

static drgen_status read_normaliser(spm *s, const item *message, const char *name, drgen_err *err)
{
    wire w = inside(message);
    for (item it; next(&w, &it);) {
        if (it.field == 2 && it.kind == 2) ERR_TRY(spm_set_map(s, it.data, it.size, name, err));
        if (it.field >= 3 && it.field <= 5 && it.kind == 0 && !it.number)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: white space is not treated as in XLM-RoBERTa", name);
    }
    return w.bad ? damaged(name, err) : DRGEN_OK;
}

drgen_status spm_read_model(spm *s, const unsigned char *bytes, size_t size, const char *name, drgen_err *err)
{
    wire w = {bytes, bytes + size, 0};
    int32_t index = 0;
    for (item it; next(&w, &it);) {
        if (it.kind != 2) continue;
        if (it.field == 1) {
            if (index == INT32_MAX - 2) return damaged(name, err);
            ERR_TRY(read_piece(s, &it, index++, name, err));
        } else if (it.field == 2) ERR_TRY(check_trainer(&it, name, err));
        else if (it.field == 3) ERR_TRY(read_normaliser(s, &it, name, err));
    }
    if (w.bad || index < 4) return damaged(name, err);
    s->vocab = index + 2; /* <pad> in front, <mask> behind */
    return DRGEN_OK;
}
