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
#include "text/zh.h"

struct g2p {
    phones phones;
    zh_dict zh;
    zh_lexicon *lexicon; /* the user's, or NULL */
    int digits_in_chinese;
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
    drgen_status status = zh_dict_open(&g->zh, err);
    if (status == DRGEN_OK) status = phones_open(&g->phones, err);
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
    zh_lexicon_close(g->lexicon);
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

drgen_status g2p_set_lexicon(g2p *g, const char *path, drgen_err *err)
{
    zh_lexicon *l = NULL;
    ERR_TRY(zh_lexicon_open(&l, path, err));
    zh_lexicon_close(g->lexicon);
    g->zh.lexicon = g->lexicon = l;
    return DRGEN_OK;
}

void g2p_digits_in(g2p *g, int chinese)
{
    g->digits_in_chinese = chinese;
}

typedef drgen_status (*reader)(const g2p *g, en_tokens *out, const char *text, size_t size, int strict, drgen_err *err);

static drgen_status read_english(const g2p *g, en_tokens *out, const char *text, size_t size, int strict, drgen_err *err)
{
    return en_read(out, &g->phones, &g->voice, text, size, strict, err);
}

static drgen_status read_chinese(const g2p *g, en_tokens *out, const char *text, size_t size, int strict, drgen_err *err)
{
    return zh_read(&g->zh, out, &g->phones, text, size, strict, err);
}

/* Digits alone, in the language most of the song is in. */
static drgen_status read_digits(const g2p *g, en_tokens *out, const char *text, size_t size, int strict, drgen_err *err)
{
    return (g->digits_in_chinese ? read_chinese : read_english)(g, out, text, size, strict, err);
}

static const reader readers[SEGMENT_LANGUAGES] = {
    [SEGMENT_OTHER] = read_digits, [SEGMENT_EN] = read_english, [SEGMENT_ZH] = read_chinese};

/* Scripts the model never heard, by where they lie in Unicode, and what to do about each. */
static const struct {
    uint32_t from, to;
    const char *why;
} scripts[] = {
    {0x3040, 0x30FF, "it is in Japanese kana, which the model cannot sing; write it in Latin letters (romaji)"},
    {0xFF66, 0xFF9D, "it is in Japanese kana, which the model cannot sing; write it in Latin letters (romaji)"},
    {0xAC00, 0xD7A3, "it is in Korean Hangul, which the model cannot sing; write it in Latin letters"},
    {0x1100, 0x11FF, "it is in Korean Hangul, which the model cannot sing; write it in Latin letters"},
    {0x3130, 0x318F, "it is in Korean Hangul, which the model cannot sing; write it in Latin letters"},
    {0x0400, 0x052F, "it is in Cyrillic, which the model cannot sing; write it in Latin letters"},
    {0x0370, 0x03FF, "it is in Greek, which the model cannot sing; write it in Latin letters"},
    {0x0590, 0x05FF, "it is in Hebrew, which the model cannot sing; write it in Latin letters"},
    {0x0600, 0x06FF, "it is in Arabic, which the model cannot sing; write it in Latin letters"},
    {0x0900, 0x097F, "it is in Devanagari, which the model cannot sing; write it in Latin letters"},
    {0x0E00, 0x0E7F, "it is in Thai, which the model cannot sing; write it in Latin letters"},
    {0x3400, 0x4DBF, "its characters are rare ones the model never learned; use common ones"},
    {0x20000, 0x2FFFF, "its characters are rare ones the model never learned; use common ones"},
};

static const char *script_of(uint32_t cp)
{
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (cp >= scripts[i].from && cp <= scripts[i].to) return scripts[i].why;
    return "its script is not one the model knows; write it in Latin letters or Chinese";
}

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
        *why = script_of(cp);
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
        ERR_TRY(readers[last](g, out, s.text, s.size, compat, err));
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

/* What {k|æ|t} inside a lyric says: these phonemes, instead of reading. */
static drgen_status read_override(const g2p *g, en_tokens *out, const char *text, size_t size, drgen_err *err)
{
    while (size) {
        size_t n = 0;
        while (n < size && text[n] != '|') n++;
        size_t length = n;
        const char *symbol = utf8_trim(text, &length);
        int32_t id = phones_id(&g->phones, symbol, length);
        if (length && !id)
            return err_fail(err, DRGEN_ERR_TEXT, "{...}: the model has no phoneme \"%.*s\"; `drgen phonemes` shows how words are written",
                            length > 40 ? 40 : (int)length, symbol);
        if (length) en_tokens_add(out, id);
        if (n < size) n++;
        text += n;
        size -= n;
    }
    return out->failed ? err_fail(err, DRGEN_ERR_NOMEM, "out of memory for the lyrics reader") : DRGEN_OK;
}

/* One stretch without overrides; 0 tokens when nothing in it can be read. */
static drgen_status read_stretch(const g2p *g, en_tokens *out, const char *text, size_t size, int compat, const char **silent,
                                 drgen_err *err)
{
    const char *why = NULL;
    if (size == 0 || segment_next(text, size).language == SEGMENT_OTHER) {
        if (compat)
            return err_fail(err, DRGEN_ERR_TEXT, "no Latin or Chinese letter in it; the original stops at such a line");
        if (!only_digits(text, size, &why)) {
            if (why && !*silent) *silent = why;
            return DRGEN_OK;
        }
    }
    return read_segments(g, out, text, size, compat, err);
}

static drgen_status read_with_overrides(const g2p *g, en_tokens *out, const char *line, size_t size, const char **silent, drgen_err *err)
{
    while (size) {
        const char *open = memchr(line, '{', size), *close = open ? memchr(open, '}', size - (size_t)(open - line)) : NULL;
        size_t plain = close ? (size_t)(open - line) : size, length = plain;
        const char *text = utf8_trim(line, &length);
        if (length) ERR_TRY(read_stretch(g, out, text, length, 0, silent, err));
        /* A word gap between words that blanks part, as between any two English words. */
        if (close && out->count && plain > length && out->ids[out->count - 1] != PHONES_GAP) en_tokens_add(out, PHONES_GAP);
        if (!close) return DRGEN_OK;
        ERR_TRY(read_override(g, out, open + 1, (size_t)(close - open - 1), err));
        size -= (size_t)(close + 1 - line);
        line = close + 1;
        if (size && (*line == ' ' || *line == '\t')) en_tokens_add(out, PHONES_GAP);
    }
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
    en_tokens out = {0};
    int overrides = !compat && strchr(line, '{') && strchr(line, '}');
    drgen_status status = overrides ? read_with_overrides(g, &out, line, size, silent, err)
                                    : read_stretch(g, &out, line, size, compat, silent, err);
    while (overrides && out.count && out.ids[out.count - 1] == PHONES_GAP) out.count--;
    if (status != DRGEN_OK || out.count == 0) {
        free(out.ids);
        return status;
    }
    *silent = NULL;
    *ids = out.ids;
    *count = out.count;
    return DRGEN_OK;
}

int g2p_is_chinese(const char *line)
{
    size_t size = strlen(line), all = utf8_valid(line, size);
    uint32_t cp = 0;
    for (size_t at = 0, n; at < all && (n = utf8_decode(line + at, all - at, &cp)); at += n)
        if (utf8_is_han(cp)) return 1;
    return 0;
}
