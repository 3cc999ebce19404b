/* spm_json.c - reads tokenizer.json: the same model as the hub stores it, pieces already in final id order. */
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "text/spm_types.h"

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static drgen_status read_map(spm *s, const char *text, const char *name, drgen_err *err)
{
    size_t size = strlen(text), n = 0;
    unsigned char *out = malloc(size / 4 * 3 + 4);
    if (!out) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    uint32_t bits = 0;
    int held = 0;
    drgen_status status = DRGEN_OK;
    for (size_t i = 0; i < size && text[i] != '='; i++) {
        int d = base64_digit(text[i]);
        if (d < 0) {
            status = err_fail(err, DRGEN_ERR_FORMAT, "%s: precompiled_charsmap is not base64", name);
            break;
        }
        bits = bits << 6 | (uint32_t)d;
        held += 6;
        if (held >= 8) out[n++] = (unsigned char)(bits >> (held -= 8));
    }
    if (status == DRGEN_OK) status = spm_set_map(s, out, n, name, err);
    free(out);
    return status;
}

/* The character map: the normaliser itself, or one of a sequence. */
static const char *find_map(const json_node *normalizer)
{
    const char *map = json_string(json_get(normalizer, "precompiled_charsmap"), NULL);
    for (const json_node *n = json_first(json_get(normalizer, "normalizers")); n && !map; n = json_next(n))
        map = json_string(json_get(n, "precompiled_charsmap"), NULL);
    return map;
}

drgen_status spm_read_json(spm *s, const unsigned char *bytes, size_t size, const char *name, drgen_err *err)
{
    json_doc *doc;
    ERR_TRY(json_parse(&doc, bytes, size, name, err));
    const json_node *root = json_root(doc), *vocab = json_get(json_get(root, "model"), "vocab");
    const char *map = find_map(json_get(root, "normalizer"));
    drgen_status status = DRGEN_OK;
    if (!json_is_array(vocab) || !map)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: no model.vocab list or no precompiled_charsmap; a unigram tokenizer.json is wanted",
                          name);
    else status = read_map(s, map, name, err);
    int32_t id = 0;
    for (const json_node *n = json_first(vocab); n && status == DRGEN_OK; n = json_next(n), id++) {
        const json_node *text = json_first(n), *score = json_next(text);
        const char *piece = json_string(text, NULL);
        if (!piece || !json_is_number(score))
            status = err_fail(err, DRGEN_ERR_FORMAT, "%s: vocab entry %d is not [piece, score]", name, (int)id);
        else if (id >= 4 && strcmp(piece, "<mask>") != 0) /* the first four and <mask> are specials */
            status = spm_add_piece(s, piece, strlen(piece), (float)json_number(score, 0), id, name, err);
    }
    s->vocab = id;
    json_free(doc);
    return status;
}
