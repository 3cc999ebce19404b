/* heard.c - what of a prompt a model understood. Only models whose text tower knows a vocabulary of its own can tell: there,
 * pieces that mean nothing have a row of zeros, <unk> among them. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/engine.h"

enum { UNKNOWN_ID = 3, FIRST_ID = 4 };
static const char mark[] = "\xE2\x96\x81"; /* a blank, in a piece */

/* Text that grows within a given room, and ends before the first part that does not fit. */
typedef struct {
    char *out;
    size_t size, room;
} line;

static void add(line *l, const char *text, size_t size)
{
    if (l->room - l->size <= size) {
        l->room = l->size;
        return;
    }
    memcpy(l->out + l->size, text, size);
    l->size += size;
    l->out[l->size] = '\0';
}

static void add_text(line *l, const char *text)
{
    add(l, text, strlen(text));
}

/* A piece's text with blanks, without one in front or between Chinese characters; returns its size. */
static size_t plain(const char *piece, size_t size, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < size && n + 1 < room;) {
        int blank = size - i >= sizeof mark - 1 && memcmp(piece + i, mark, sizeof mark - 1) == 0;
        if (blank) i += sizeof mark - 1;
        if (!blank) out[n++] = piece[i++];
        else if (n && i < size && (unsigned char)piece[i] < 0x80) out[n++] = ' ';
    }
    out[n] = '\0';
    return n;
}

/* "sad (melancholic)": the words, and the first in the vocabulary that mean the same unless these begin with it. */
static void add_piece(const drgen *g, line *l, int32_t id)
{
    char word[128], twin[128];
    size_t size = 0;
    const char *text = spm_piece_text(g->spm, id, &size);
    if (!text) return;
    plain(text, size, word, sizeof word);
    text = spm_piece_text(g->spm, mulan_text_twin(g->text, id, FIRST_ID), &size);
    size = text ? plain(text, size, twin, sizeof twin) : 0;
    add_text(l, l->size ? ", " : "");
    add_text(l, word);
    if (!size || strncmp(word, twin, size) == 0) return;
    add_text(l, " (");
    add_text(l, twin);
    add_text(l, ")");
}

drgen_status drgen_prompt_heard(drgen *g, const char *prompt, char *out, size_t room, drgen_err *err)
{
    int32_t *ids = NULL;
    size_t count = 0;
    line l = {.out = out, .room = room};
    err_clear(err);
    if (room == 0) return err_fail(err, DRGEN_ERR_ARG, "prompt: no room for an answer");
    out[0] = '\0';
    ERR_TRY(engine_need_text(g, err));
    if (mulan_text_hears(g->text, UNKNOWN_ID)) return DRGEN_OK;
    ERR_TRY(spm_encode(g->spm, prompt, strlen(prompt), &ids, &count, err));
    int rest = 0;
    for (size_t i = 1; i + 1 < count; i++) { /* between <s> and </s> */
        int known = ids[i] >= 0 && ids[i] < g->cfg.text.vocab_size && mulan_text_hears(g->text, ids[i]);
        if (known) add_piece(g, &l, ids[i]);
        else rest = 1;
    }
    if (!l.size) add_text(&l, "nothing; the prompt means nothing to this model");
    else if (rest) add_text(&l, "; the rest means nothing to this model");
    free(ids);
    return DRGEN_OK;
}
