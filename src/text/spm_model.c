/* spm_model.c - reads sentencepiece.bpe.model, a protobuf message. Source: spec xlmr_tokenizer.md section 1;
 * sentencepiece_model.proto for the field numbers. Knows nothing of what the pieces are for. */
#include <string.h>

#include "text/spm_types.h"

enum { VARINT, FIXED64, BYTES, FIXED32 = 5 }; /* wire kinds */
enum { NORMAL = 1, UNKNOWN, CONTROL };        /* piece types */

/* A message being read; start is the file's, so that at - start is a position to show. */
typedef struct {
    const uint8_t *at, *end, *start;
    const char *name;
    drgen_err *err;
} message;

typedef struct {
    uint64_t number; /* of the field */
    int kind;
    uint64_t value;  /* VARINT, FIXED32, FIXED64 */
    const uint8_t *bytes;
    size_t size;     /* BYTES */
} field;

static drgen_status damaged(const message *m, const char *what)
{
    return err_fail(m->err, DRGEN_ERR_FORMAT,
                    "%s: not a SentencePiece model, or a damaged one: %s near byte %zu; download the file again", m->name,
                    what, (size_t)(m->at - m->start));
}

static int read_varint(message *m, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 70 && m->at < m->end; shift += 7) {
        uint8_t b = *m->at++;
        if (shift == 63 && b > 1) return 0;
        *out |= (uint64_t)(b & 127) << shift;
        if (b < 128) return 1;
    }
    return 0;
}

static int read_fixed(message *m, size_t size, uint64_t *out)
{
    *out = 0;
    if ((size_t)(m->end - m->at) < size) return 0;
    for (size_t i = 0; i < size; i++) *out |= (uint64_t)m->at[i] << 8 * i;
    m->at += size;
    return 1;
}

/* The next field; only called while m->at < m->end. */
static drgen_status read_field(message *m, field *f)
{
    uint64_t key, size;
    if (!read_varint(m, &key)) return damaged(m, "a field without a key");
    f->number = key >> 3;
    f->kind = (int)(key & 7);
    if (f->number == 0) return damaged(m, "a field with number 0");
    switch (f->kind) {
    case VARINT:
        if (!read_varint(m, &f->value)) return damaged(m, "a cut number");
        return DRGEN_OK;
    case FIXED64:
        if (!read_fixed(m, 8, &f->value)) return damaged(m, "a cut number");
        return DRGEN_OK;
    case FIXED32:
        if (!read_fixed(m, 4, &f->value)) return damaged(m, "a cut number");
        return DRGEN_OK;
    case BYTES:
        if (!read_varint(m, &size) || size > (size_t)(m->end - m->at)) return damaged(m, "a length past the end");
        f->bytes = m->at;
        f->size = (size_t)size;
        m->at += size;
        return DRGEN_OK;
    default: return damaged(m, "an unknown kind of field");
    }
}

static message inside(const message *m, const field *f)
{
    return (message){f->bytes, f->bytes + f->size, m->start, m->name, m->err};
}

/* Pieces 0, 1, 2 are the specials, all others normal: ids are position + 1. */
static drgen_status read_piece(spm *s, const message *outer, const field *from, size_t position)
{
    message m = inside(outer, from);
    field f, text = {.size = 0};
    uint64_t type = NORMAL;
    float score = 0;
    while (m.at < m.end) {
        ERR_TRY(read_field(&m, &f));
        if (f.number == 1 && f.kind == BYTES) text = f;
        else if (f.number == 2 && f.kind == FIXED32) {
            uint32_t bits = (uint32_t)f.value;
            memcpy(&score, &bits, sizeof score);
        } else if (f.number == 3 && f.kind == VARINT) type = f.value;
        else if (f.number <= 3) return damaged(&m, "a piece's field of the wrong kind");
    }
    uint64_t want = position == 0 ? UNKNOWN : position < 3 ? CONTROL : NORMAL;
    if (type != want)
        return err_fail(m.err, DRGEN_ERR_FORMAT,
                        "%s: piece %zu is of type %llu, %llu wanted: not the tokenizer of XLM-RoBERTa", m.name, position,
                        (unsigned long long)type, (unsigned long long)want);
    return type == NORMAL ? spm_add_piece(s, (const char *)text.bytes, text.size, score, m.name, m.err) : DRGEN_OK;
}

static drgen_status read_trainer(const message *outer, const field *from)
{
    message m = inside(outer, from);
    field f;
    while (m.at < m.end) {
        ERR_TRY(read_field(&m, &f));
        if ((f.number == 3 && (f.kind != VARINT || f.value != 1)) ||
            ((f.number == 24 || f.number == 35) && (f.kind != VARINT || f.value != 0)))
            return err_fail(m.err, DRGEN_ERR_FORMAT,
                            "%s: only plain unigram models can be used, and trainer setting %d says it is another kind",
                            m.name, (int)f.number);
    }
    return DRGEN_OK;
}

static drgen_status read_normalizer(spm *s, const message *outer, const field *from)
{
    message m = inside(outer, from);
    field f;
    while (m.at < m.end) {
        ERR_TRY(read_field(&m, &f));
        if (f.number == 2) {
            if (f.kind != BYTES) return damaged(&m, "a character map of the wrong kind");
            ERR_TRY(spm_set_map(s, f.bytes, f.size, m.name, m.err));
        } else if (f.number >= 3 && f.number <= 5 && (f.kind != VARINT || f.value != 1))
            return err_fail(m.err, DRGEN_ERR_FORMAT,
                            "%s: normaliser setting %d is off; models that keep or glue spaces cannot be used", m.name,
                            (int)f.number);
    }
    return DRGEN_OK;
}

drgen_status spm_read_model(spm *s, const uint8_t *bytes, size_t size, const char *name, drgen_err *err)
{
    message m = {bytes, bytes + size, bytes, name, err};
    field f;
    size_t position = 0;
    while (m.at < m.end) {
        ERR_TRY(read_field(&m, &f));
        if (f.number <= 3 && f.kind != BYTES) return damaged(&m, "a field of the wrong kind");
        if (f.number == 1) ERR_TRY(read_piece(s, &m, &f, position++));
        else if (f.number == 2) ERR_TRY(read_trainer(&m, &f));
        else if (f.number == 3) ERR_TRY(read_normalizer(s, &m, &f));
    }
    return DRGEN_OK;
}
