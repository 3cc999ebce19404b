/* en_phones.c - see en.h: sections 3.4 and 3.5, from espeak's notation to tokens. Source: phonemizer 3.3.0
 * (espeak backend, its line post-processing), DiffRhythm g2p/g2p/english.py. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/en.h"

/* ---- one piece ---- */

static size_t drop_double_blanks(char *s, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        s[n++] = s[i];
        if (s[i] == ' ' && i + 1 < size && s[i + 1] == ' ') i++; /* one pass: three blanks leave two */
    }
    return n;
}

/* Runs of "_" to one, none in front of a blank. */
static size_t squeeze_gaps(char *s, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (s[i] == '_' && i + 1 < size && (s[i + 1] == '_' || s[i + 1] == ' ')) continue;
        s[n++] = s[i];
    }
    return n;
}

/* \(.+?\): the marks of a change of language */
static size_t drop_switches(char *s, size_t size)
{
    size_t n = 0;
    int closed = 1; /* a closing bracket may still follow */
    for (size_t i = 0; i < size; i++) {
        const char *close =
            closed && s[i] == '(' && size - i > 2 ? memchr(s + i + 2, ')', size - i - 2) : NULL;
        if (close) {
            i = (size_t)(close - s);
            continue;
        }
        if (s[i] == '(') closed = 0;
        s[n++] = s[i];
    }
    return n;
}

void en_piece_phonemes(str *out, const char *raw, size_t size)
{
    raw = utf8_trim(raw, &size);
    str line = {0};
    str_add(&line, raw, size);
    if (line.failed || size == 0) {
        out->failed |= line.failed;
        str_free(&line);
        return;
    }
    for (size_t i = 0; i < size; i++)
        if (line.data[i] == '\n') line.data[i] = ' ';
    size = drop_double_blanks(line.data, size);
    size = squeeze_gaps(line.data, size);
    size = drop_switches(line.data, size);
    for (size_t i = 0; i < size; i++) {
        const char *c = line.data + i;
        if (*c == ' ') str_puts(out, "|_|");
        else if (*c == '_') str_puts(out, "|");
        else if (size - i > 1 && (memcmp(c, "ˈ", 2) == 0 || memcmp(c, "ˌ", 2) == 0)) i++;
        else if (*c != '\'' && *c != '-') str_add(out, c, 1);
    }
    str_free(&line);
}

/* ---- joining ---- */

/* Symbols that only the rules below know. Ids follow the vocabulary's. */
enum { EXTRA = PHONES_COUNT + 1 };
static const char *const extra[] = {"ᵻ", "əl", "ɬ", "ʔ", "n̩"};

static int32_t symbol_id(const phones *p, const char *s, size_t size)
{
    int32_t id = phones_id(p, s, size);
    for (size_t i = 0; id == 0 && i < sizeof extra / sizeof *extra; i++)
        if (strlen(extra[i]) == size && memcmp(extra[i], s, size) == 0) id = EXTRA + (int32_t)i;
    return id;
}

void en_tokens_add(en_tokens *t, int32_t id)
{
    if (t->failed) return;
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        int32_t *grown = room <= SIZE_MAX / sizeof *grown ? realloc(t->ids, room * sizeof *grown) : NULL;
        if (!grown) {
            t->failed = 1;
            return;
        }
        t->ids = grown;
        t->room = room;
    }
    t->ids[t->count++] = id;
}

/* Applied one after the other; with `second` to neighbours, without to single symbols. */
static const struct {
    const char *first, *second, *becomes;
} rules[] = {{"t", "ɹ", "tɹ"}, {"d", "ɹ", "dɹ"}, {"t", "s", "ts"},  {"d", "z", "dz"}, {"ɪ", "ɹ", "ɪɹ"},
             {"ɐ", NULL, "ɚ"}, {"ᵻ", NULL, "ɪ"}, {"əl", NULL, "l"}, {"x", NULL, "k"}, {"ɬ", NULL, "l"},
             {"ʔ", NULL, "t"}, {"n̩", NULL, "n"}, {"oː", "ɹ", "oːɹ"}};

static size_t apply_rules(const phones *p, int32_t *ids, size_t count)
{
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
        int32_t first = symbol_id(p, rules[r].first, strlen(rules[r].first));
        int32_t second = rules[r].second ? symbol_id(p, rules[r].second, strlen(rules[r].second)) : 0;
        int32_t becomes = symbol_id(p, rules[r].becomes, strlen(rules[r].becomes));
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            int hit = ids[i] == first && (!second || (i + 1 < count && ids[i + 1] == second));
            ids[n++] = hit ? becomes : ids[i];
            if (hit && second) i++;
        }
        count = n;
    }
    return count;
}

/* A segment that ends with one of these gets a word gap behind it. */
static int wants_gap(const char *s, size_t size)
{
    static const char ends[] = "p⁼ʰmftnlkxʃs`ɹaoəɛɪeɑʊŋiuɥwæjː";
    size_t from = size - 1;
    while (from > 0 && ((unsigned char)s[from] & 0xC0) == 0x80) from--;
    uint32_t last = 0, cp;
    utf8_decode(s + from, size - from, &last);
    for (size_t at = 0; at < sizeof ends - 1;) {
        at += utf8_decode(ends + at, sizeof ends - 1 - at, &cp);
        if (cp == last) return 1;
    }
    return 0;
}

drgen_status en_join(en_tokens *out, const phones *p, const char *phonemes, size_t size, int strict,
                     drgen_err *err)
{
    size_t from = out->count, last = 0, last_size = 0;
    for (size_t at = 0; at < size;) {
        size_t stop = at;
        while (stop < size && phonemes[stop] != '|') stop++;
        if (stop > at) {
            last = at;
            last_size = stop - at;
            en_tokens_add(out, symbol_id(p, phonemes + at, stop - at));
        }
        at = stop + 1;
    }
    if (last_size == 0)
        return strict
                   ? err_fail(err, DRGEN_ERR_TEXT, "espeak-ng finds nothing to say; the original stops here")
                   : DRGEN_OK;
    if (wants_gap(phonemes + last, last_size)) en_tokens_add(out, PHONES_GAP);
    if (out->failed) return err_fail(err, DRGEN_ERR_NOMEM, "out of memory for lyrics");
    out->count = from + apply_rules(p, out->ids + from, out->count - from);
    return DRGEN_OK;
}

/* ---- all of it ---- */

static void put_raw(void *to, const char *ipa)
{
    str_puts(to, ipa);
}

/* Cuts cleaned text at its marks, has every piece spoken, and puts both back in order. */
static drgen_status speak(str *out, const g2p_voice *voice, const str *clean, drgen_err *err)
{
    str piece = {0}, raw = {0};
    drgen_status status = DRGEN_OK;
    const char *s = str_text(clean);
    for (size_t at = 0; at < clean->size && status == DRGEN_OK;) {
        size_t from = at, n = 0;
        uint32_t cp = 0;
        while (at < clean->size && (n = utf8_decode(s + at, clean->size - at, &cp)) && !en_is_mark(cp))
            at += n;
        if (at > from) {
            str_clear(&piece);
            str_clear(&raw);
            str_add(&piece, s + from, at - from);
            status = str_check(&piece, err);
            if (status == DRGEN_OK)
                status = voice->phonemes(voice->user, str_text(&piece), put_raw, &raw, err);
            if (status == DRGEN_OK) status = str_check(&raw, err);
            if (status == DRGEN_OK) en_piece_phonemes(out, str_text(&raw), raw.size);
        } else {
            str_puts(out, "|");
            str_add(out, s + at, n);
            str_puts(out, "|");
            at += n;
        }
    }
    str_free(&piece);
    str_free(&raw);
    return status == DRGEN_OK ? str_check(out, err) : status;
}

drgen_status en_read(en_tokens *out, const phones *p, const g2p_voice *voice, const char *text, size_t size,
                     int strict, drgen_err *err)
{
    str words = {0}, clean = {0}, phonemes = {0};
    drgen_status status = en_expand(&words, text, size, strict, err);
    if (status != DRGEN_OK) goto done;
    en_clean(&clean, str_text(&words), words.size);
    if ((status = str_check(&clean, err)) != DRGEN_OK) goto done;
    if ((status = speak(&phonemes, voice, &clean, err)) != DRGEN_OK) goto done;
    status = en_join(out, p, str_text(&phonemes), phonemes.size, strict, err);
done:
    str_free(&words);
    str_free(&clean);
    str_free(&phonemes);
    return status;
}
