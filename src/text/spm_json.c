/* spm_json.c - reads tokenizer.json, the other file form of the same model: pieces already in the order of ids, the
 * character map in base64. Source: spec xlmr_tokenizer.md section 1. */
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "text/spm_types.h"

static drgen_status not_ours(const char *name, const char *why, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: not the tokenizer of XLM-RoBERTa: %s", name, why);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* out holds 3/4 of the text; returns the bytes written, or SIZE_MAX when the text is no padded base64. RFC 4648. */
static size_t base64_decode(const char *text, size_t size, uint8_t *out)
{
    if (size % 4) return SIZE_MAX;
    size_t pad = size && text[size - 1] == '=' ? 1u + (text[size - 2] == '=') : 0, n = 0;
    for (size_t i = 0; i < size; i += 4) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int v = i + k < size - pad ? base64_value(text[i + k]) : 0;
            if (v < 0) return SIZE_MAX;
            bits = bits << 6 | (uint32_t)v;
        }
        for (int shift = 16; shift >= 0; shift -= 8) out[n++] = (uint8_t)(bits >> shift);
    }
    return n - pad;
}

static int is_text(const json_node *n, const char *want)
{
    return strcmp(json_string(n, ""), want) == 0;
}

/* The map stands in "normalizer" itself, or in its list of steps in newer files. */
static const char *find_map(const json_node *normalizer)
{
    if (is_text(json_get(normalizer, "type"), "Precompiled"))
        return json_string(json_get(normalizer, "precompiled_charsmap"), NULL);
    for (const json_node *n = json_first(json_get(normalizer, "normalizers")); n; n = json_next(n))
        if (is_text(json_get(n, "type"), "Precompiled")) return json_string(json_get(n, "precompiled_charsmap"), NULL);
    return NULL;
}

static drgen_status read_map(spm *s, const json_node *root, const char *name, drgen_err *err)
{
    const char *text = find_map(json_get(root, "normalizer"));
    if (!text) return not_ours(name, "normalizer: no precompiled_charsmap", err);
    size_t size = strlen(text);
    uint8_t *map = malloc(size / 4 * 3 + 3);
    if (!map) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    size_t bytes = base64_decode(text, size, map);
    drgen_status status = bytes == SIZE_MAX ? not_ours(name, "normalizer: precompiled_charsmap is no base64", err)
                                            : spm_set_map(s, map, bytes, name, err);
    free(map);
    return status;
}

static drgen_status read_pieces(spm *s, const json_node *model, const char *name, drgen_err *err)
{
    static const char *const specials[SPM_FIRST_ID] = {"<s>", "<pad>", "</s>", "<unk>"};
    const json_node *vocab = json_get(model, "vocab"), *type = json_get(model, "type");
    if (!json_is_array(vocab) || (type && !is_text(type, "Unigram")))
        return not_ours(name, "model: a Unigram model with a list of pieces is wanted", err);
    if (json_number(json_get(model, "unk_id"), -1) != 3 || json_bool(json_get(model, "byte_fallback"), 0))
        return not_ours(name, "model: unk_id 3 and no byte_fallback wanted", err);
    size_t id = 0;
    for (const json_node *entry = json_first(vocab); entry; entry = json_next(entry), id++) {
        const json_node *text = json_first(entry), *score = json_next(text);
        if (!json_is_array(entry) || !json_is_string(text) || !json_is_number(score))
            return not_ours(name, "model: a piece that is no [text, score]", err);
        const char *piece = json_string(text, "");
        if (id < SPM_FIRST_ID) {
            if (strcmp(piece, specials[id]) != 0) return not_ours(name, "model: ids 0..3 are not <s> <pad> </s> <unk>", err);
        } else if (json_next(entry))
            ERR_TRY(spm_add_piece(s, piece, strlen(piece), (float)json_number(score, 0), name, err));
        else if (strcmp(piece, "<mask>") != 0) return not_ours(name, "model: the last piece is not <mask>", err);
    }
    return DRGEN_OK;
}

drgen_status spm_read_json(spm *s, const uint8_t *bytes, size_t size, const char *name, drgen_err *err)
{
    json_doc *doc = NULL;
    drgen_status status = json_parse(&doc, bytes, size, name, err);
    if (status == DRGEN_OK) status = read_map(s, json_root(doc), name, err);
    if (status == DRGEN_OK) status = read_pieces(s, json_get(json_root(doc), "model"), name, err);
    json_free(doc);
    return status;
}
