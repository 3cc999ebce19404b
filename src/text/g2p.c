/* g2p.c - see g2p.h: checks a line, splits it by language, calls each language's reader, numbers the
 * phonemes. */
#include "text/g2p.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/en.h"
#include "text/en_espeak.h"
#include "text/phones.h"
#include "text/segment.h"

struct g2p {
    phones phones;
    g2p_voice voice;
    char *espeak_data;
};

static drgen_status espeak_phonemes(void *user, const char *piece, void (*put)(void *to, const char *ipa),
                                    void *to, drgen_err *err)
{
    const g2p *g = user;
    return en_espeak_phonemes(g->espeak_data, piece, put, to, err);
}

drgen_status g2p_open_voice(g2p **out, const g2p_voice *voice, drgen_err *err)
{
    *out = NULL;
    g2p *g = calloc(1, sizeof *g);
    if (!g) return err_fail(err, DRGEN_ERR_NOMEM, "out of memory for the lyrics reader");
    drgen_status status = phones_open(&g->phones, err);
    if (status != DRGEN_OK) {
        free(g);
        return status;
    }
    g->voice = *voice;
    *out = g;
    return DRGEN_OK;
}

drgen_status g2p_open(g2p **out, const char *espeak_data, drgen_err *err)
{
    g2p_voice voice = {espeak_phonemes, NULL, en_espeak_version()};
    ERR_TRY(g2p_open_voice(out, &voice, err));
    g2p *g = *out;
    g->voice.user = g;
    g->espeak_data = espeak_data ? strdup(espeak_data) : NULL;
    if (espeak_data && !g->espeak_data) {
        g2p_close(g);
        *out = NULL;
        return err_fail(err, DRGEN_ERR_NOMEM, "out of memory for the lyrics reader");
    }
    return DRGEN_OK;
}

void g2p_close(g2p *g)
{
    if (!g) return;
    phones_close(&g->phones);
    free(g->espeak_data);
    free(g);
}

const char *g2p_espeak_version(const g2p *g)
{
    return g->voice.version;
}

const char *g2p_espeak_warning(const g2p *g)
{
    /* 1.51 writes "four" with the phoneme the training data has; 1.52 and later with another. */
    const char *v = g->voice.version;
    char *end;
    long major = strtol(v, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    if (major < 1 || (major == 1 && minor < 52)) return NULL;
    return "this espeak-ng (1.52 or later) writes some vowels (four, more, story) unlike the one the model was trained "
           "with; version 1.51 data sounds closest";
}

const char *g2p_symbol(int32_t id)
{
    return phones_symbol(id);
}

typedef drgen_status (*reader)(en_tokens *out, const phones *p, const g2p_voice *voice, const char *text,
                               size_t size, int strict, drgen_err *err);

static const struct {
    reader read;
    const char *missing; /* what to say when there is no reader */
} languages[SEGMENT_LANGUAGES] = {
    [SEGMENT_OTHER] = {en_read, NULL}, /* digits alone: read in English */
    [SEGMENT_EN] = {en_read, NULL},
    [SEGMENT_ZH] = {NULL, "Chinese lyrics are not supported yet; write this line in Latin letters"},
};

/* A line without Chinese and Latin letters: 1 when it is digits that can be read aloud; else 0 and why not,
 * NULL for a blank line. */
static int only_digits(const char *s, size_t size, const char **why)
{
    int digits = 0, blank = 1;
    *why = NULL;
    for (size_t at = 0; at < size;) {
        uint32_t cp = 0;
        at += utf8_decode(s + at, size - at, &cp);
        blank &= utf8_is_space(cp);
        digits |= cp >= '0' && cp <= '9';
        if (!utf8_is_word(cp) || utf8_decimal(cp) >= 0) continue;
        *why = "its script is not one the model knows (Latin letters and Chinese)";
        return 0;
    }
    if (!digits && !blank) *why = "it has no letters";
    return digits;
}

static drgen_status read_segments(const g2p *g, en_tokens *out, const char *line, size_t size, int compat,
                                  drgen_err *err)
{
    segment_language last = SEGMENT_OTHER;
    while (size) {
        segment s = segment_next(line, size);
        last = s.language;
        if (!languages[last].read) return err_fail(err, DRGEN_ERR_TEXT, "%s", languages[last].missing);
        ERR_TRY(languages[last].read(out, &g->phones, &g->voice, s.text, s.size, compat, err));
        line += s.size;
        size -= s.size;
    }
    /* No word gap behind a last English segment. */
    if (last != SEGMENT_ZH && out->count && out->ids[out->count - 1] == PHONES_GAP) out->count--;
    size_t known = 0;
    for (size_t i = 0; i < out->count; i++)
        if (out->ids[i]) out->ids[known++] = out->ids[i];
    out->count = known;
    return DRGEN_OK;
}

drgen_status g2p_line(g2p *g, const char *line, int compat, int32_t **ids, size_t *count, const char **silent,
                      drgen_err *err)
{
    *ids = NULL;
    *count = 0;
    *silent = NULL;
    size_t size = strlen(line);
    if (utf8_valid(line, size) != size) return err_fail(err, DRGEN_ERR_TEXT, "the text is not UTF-8");
    if (size == 0 || segment_next(line, size).language == SEGMENT_OTHER) {
        if (compat)
            return err_fail(err, DRGEN_ERR_TEXT,
                            "no Latin or Chinese letter in it; the original stops at such a line");
        if (!only_digits(line, size, silent)) return DRGEN_OK;
    }
    en_tokens out = {0};
    drgen_status status = read_segments(g, &out, line, size, compat, err);
    if (status != DRGEN_OK || out.count == 0) {
        free(out.ids);
        return status;
    }
    *ids = out.ids;
    *count = out.count;
    return DRGEN_OK;
}
