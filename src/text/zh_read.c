/* zh_read.c - Chinese words to phoneme tokens: readings, tone sandhi, syllables. Source: spec lyrics.md 4.5 to 4.8. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/zh.h"

enum { YI = 0x4E00, BU = 0x4E0D, ER = 0x513F, DI = 0x7B2C, YUE = 0x6708, RI = 0x65E5, HAO = 0x53F7, ZI = 0x5B57, ITEMS = 64 };

/* What a word is made of: a syllable, or a character that has no reading. */
typedef struct {
    zh_syllable syllable; /* ZH_NO_READING: raw */
    uint32_t raw;
} item;

static int tone(const item *i)
{
    return i->syllable == ZH_NO_READING ? 0 : i->syllable & 7;
}

static void set_tone(item *i, int t)
{
    if (i->syllable != ZH_NO_READING) i->syllable = (zh_syllable)((i->syllable & ~7u) | (unsigned)t);
}

static size_t read_word(const zh_dict *d, const uint32_t *word, size_t size, item *items)
{
    zh_syllable s[ITEMS];
    size_t n = 0;
    if (!(size == 1 && zh_dict_polyphone(d, word[0]) != ZH_NO_READING)) n = zh_dict_reading(d, word, size, s, ITEMS);
    if (n) {
        for (size_t i = 0; i < n; i++) items[i] = (item){s[i], 0};
        return n;
    }
    if (size > ITEMS) size = ITEMS; /* zh_word_tokens hands over less */
    for (size_t i = 0; i < size; i++) {
        zh_syllable p = zh_dict_polyphone(d, word[i]);
        items[i] = (item){p != ZH_NO_READING ? p : zh_dict_single(d, word[i]), word[i]};
    }
    return size;
}

static void sandhi_bu(const zh_dict *d, const uint32_t *w, size_t size, item *x)
{
    size_t only = 0;
    while (only < size && w[only] == BU) only++;
    if (only == size || (size == 2 && w[0] == BU && w[1] == ZI)) return;
    if (size == 3 && w[1] == BU && zh_dict_base_is(d, x[1].syllable, "bu")) {
        set_tone(&x[1], 5);
        return;
    }
    for (size_t i = 0; i + 1 < size; i++)
        if (w[i] == BU && tone(&x[i + 1]) == 4) set_tone(&x[i], 2);
}

/* Python's isnumeric among Han, without 一 itself. */
static int is_numeric(uint32_t cp)
{
    static const uint16_t numeric[] = {
        0x4E03, 0x4E07, 0x4E09, 0x4E8C, 0x4E94, 0x4E96, 0x4EBF, 0x4EC0, 0x4EDF, 0x4EE8, 0x4F0D, 0x4F70, 0x5104, 0x5146,
        0x5169, 0x516B, 0x516D, 0x5341, 0x5343, 0x5344, 0x5345, 0x534C, 0x53C1, 0x53C2, 0x53C3, 0x53C4, 0x56DB, 0x58F1,
        0x58F9, 0x5E7A, 0x5EFE, 0x5EFF, 0x5F0C, 0x5F0D, 0x5F0E, 0x5F10, 0x62FE, 0x634C, 0x67D2, 0x6F06, 0x7396, 0x767E,
        0x8086, 0x842C, 0x8CAE, 0x8CB3, 0x8D30, 0x9621, 0x9646, 0x964C, 0x9678, 0x96F6, 0x4E5D};
    for (size_t i = 0; i < sizeof numeric / sizeof numeric[0]; i++)
        if (numeric[i] == cp) return 1;
    return 0;
}

static int is_counting(uint32_t cp) /* 零 to 十 */
{
    static const uint16_t digits[] = {0x96F6, 0x4E00, 0x4E8C, 0x4E09, 0x56DB, 0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D, 0x5341};
    for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++)
        if (digits[i] == cp) return 1;
    return 0;
}

static void sandhi_yi(const uint32_t *w, size_t size, item *x)
{
    size_t yi = 0, numbers = 0;
    for (size_t i = 0; i < size; i++) {
        yi += w[i] == YI;
        numbers += is_numeric(w[i]);
    }
    if (!yi) return;
    if (numbers) {
        for (size_t i = 0; i < size; i++) {
            if (w[i] != YI) continue;
            if (i == 0 && size > 1 && !is_counting(w[1])) set_tone(&x[0], tone(&x[1]) >= 4 ? 2 : 4);
            else set_tone(&x[i], 1);
        }
    } else if (size == 3 && w[1] == YI && w[0] == w[2]) set_tone(&x[1], 5);
    else if (w[0] == DI && size > 1 && w[1] == YI) set_tone(&x[1], 1);
    else if (w[0] == YI && size > 1 && (w[1] == YUE || w[1] == RI || w[1] == HAO)) set_tone(&x[0], 1);
    else
        for (size_t i = 0; i + 1 < size; i++) {
            if (w[i] != YI) continue;
            if (tone(&x[i + 1]) == 4) set_tone(&x[i], 2);
            else if (!en_is_mark(w[i + 1]) || w[i + 1] == 0x2026) set_tone(&x[i], 4); /* the original forgets the ellipsis */
        }
}

/* The retroflex ending has no tone, save in a few words where it is a syllable of its own. */
static void sandhi_er(const uint32_t *w, size_t size, item *x, size_t count)
{
    static const uint16_t whole[] = {0x5973, 0x8001, 0x7537, 0x5C11, 0x5C0F};
    if (size < 2 || w[size - 1] != ER) return;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0] && size == 2; i++)
        if (w[0] == whole[i]) return;
    set_tone(&x[count - 1], 5);
}

void zh_word_tokens(const zh_dict *d, const phones *p, const uint32_t *word, size_t size, en_tokens *out)
{
    item x[ITEMS];
    for (; size > ITEMS / 2; word += ITEMS / 2, size -= ITEMS / 2) /* no such word exists; runs of dots may be long */
        zh_word_tokens(d, p, word, ITEMS / 2, out);
    size_t n = read_word(d, word, size, x);
    if (n == size) { /* a reading of another length (letters in the word) has no place for the rules */
        if (size == 2 && tone(&x[0]) == 3 && tone(&x[1]) == 3) set_tone(&x[0], 2);
        sandhi_bu(d, word, size, x);
        sandhi_yi(word, size, x);
        sandhi_er(word, size, x, n);
    }
    for (size_t i = 0; i < n; i++) {
        int32_t ids[4];
        if (x[i].syllable == ZH_NO_READING) {
            char c[4];
            size_t k = utf8_encode(x[i].raw, c);
            en_tokens_add(out, phones_id(p, c, k));
            continue;
        }
        size_t k = zh_dict_tokens(d, x[i].syllable, ids);
        for (size_t t = 0; t < k; t++) en_tokens_add(out, ids[t]);
    }
}

drgen_status zh_read(const zh_dict *d, en_tokens *out, const phones *p, const char *text, size_t size, int strict,
                     drgen_err *err)
{
    zh_text raw = {0}, counted = {0}, normal = {0};
    zh_words words = {0}, merged = {0};
    uint32_t cp = 0;
    for (size_t at = 0, n; at < size && (n = utf8_decode(text + at, size - at, &cp)); at += n) zh_text_add(&raw, cp);
    zh_numbers(&counted, raw.at, raw.count);
    zh_normalize(&normal, counted.at, counted.count);
    drgen_status status = raw.failed | counted.failed | normal.failed
                              ? err_fail(err, DRGEN_ERR_NOMEM, "out of memory for Chinese lyrics")
                              : zh_segment(d, normal.at, normal.count, &words, err);
    if (status == DRGEN_OK) status = zh_merge(&words, &merged, !strict, err);
    for (size_t i = 0; i < merged.count && status == DRGEN_OK; i++) {
        const uint32_t *word;
        size_t n = zh_word(&merged, i, &word);
        zh_word_tokens(d, p, word, n, out);
    }
    if (status == DRGEN_OK && out->failed) status = err_fail(err, DRGEN_ERR_NOMEM, "out of memory for Chinese lyrics");
    zh_text_free(&raw), zh_text_free(&counted), zh_text_free(&normal);
    zh_words_free(&words), zh_words_free(&merged);
    return status;
}
