/* zh_norm.c - Chinese text before it is cut into words: numbers read out, signs cleaned. Source: spec lyrics.md 4.1, 4.2
 * (cn2an's an2cn transform). */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/zh.h"

void zh_text_add(zh_text *t, uint32_t cp)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        uint32_t *grown = t->failed ? NULL : realloc(t->at, room * sizeof *grown);
        if (!grown) {
            t->failed = 1;
            return;
        }
        t->at = grown;
        t->room = room;
    }
    t->at[t->count++] = cp;
}

void zh_text_free(zh_text *t)
{
    free(t->at);
    *t = (zh_text){0};
}

static void add_all(zh_text *t, const uint32_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++) zh_text_add(t, at[i]);
}

static const uint32_t numerals[10] = {0x96F6, 0x4E00, 0x4E8C, 0x4E09, 0x56DB, 0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D};
enum {
    ZERO = 0x96F6, ONE = 0x4E00, TEN = 0x5341, HUNDRED = 0x767E, THOUSAND = 0x5343, MYRIAD = 0x4E07, HUNDRED_MILLION = 0x4EBF,
    YEAR = 0x5E74, MONTH = 0x6708, DAY = 0x65E5, PART = 0x5206, OF = 0x4E4B, MINUS = 0x8D1F, POINT = 0x70B9, CELSIUS = 0x2103
};

/* a b -> b wherever it stands, left to right. */
static void drop_before(zh_text *t, uint32_t a, uint32_t b)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (i + 1 < t->count && t->at[i] == a && t->at[i + 1] == b) {
            t->at[n++] = b;
            i++;
        } else t->at[n++] = t->at[i];
    }
    t->count = n;
}

int zh_integer(zh_text *out, const char *digits, size_t size)
{
    static const uint32_t units[16] = {0, TEN, HUNDRED, THOUSAND, MYRIAD, TEN, HUNDRED, THOUSAND, HUNDRED_MILLION, TEN, HUNDRED,
                                       THOUSAND, MYRIAD, TEN, HUNDRED, THOUSAND};
    zh_text t = {0};
    while (size > 1 && *digits == '0') digits++, size--;
    if (size > 16) return 0;
    for (size_t i = 0; i < size; i++) {
        size_t power = size - 1 - i;
        int d = digits[i] - '0';
        if (d || power % 4 == 0) {
            zh_text_add(&t, numerals[d]);
            if (units[power]) zh_text_add(&t, units[power]);
        }
        if (!d && i > 0 && t.count && t.at[t.count - 1] != ZERO) zh_text_add(&t, ZERO);
    }
    drop_before(&t, ZERO, ZERO);
    drop_before(&t, ZERO, MYRIAD);
    drop_before(&t, ZERO, HUNDRED_MILLION);
    /* 亿万 becomes 亿 */
    size_t n = 0;
    for (size_t i = 0; i < t.count; i++) {
        t.at[n++] = t.at[i];
        if (t.at[i] == HUNDRED_MILLION && i + 1 < t.count && t.at[i + 1] == MYRIAD) i++;
    }
    size_t from = 0;
    while (n > from && t.at[n - 1] == ZERO) n--;
    while (from < n && t.at[from] == ZERO) from++;
    if (n - from >= 2 && t.at[from] == ONE && t.at[from + 1] == TEN) from++;
    if (from == n) zh_text_add(out, ZERO);
    else add_all(out, t.at + from, n - from);
    out->failed |= t.failed;
    zh_text_free(&t);
    return 1;
}

/* Digits of any script that Python's \d knows. */
static int digit(uint32_t cp)
{
    return utf8_decimal(cp);
}

static size_t run(const uint32_t *at, size_t size)
{
    size_t n = 0;
    while (n < size && digit(at[n]) >= 0) n++;
    return n;
}

static int integer(zh_text *out, const uint32_t *at, size_t n)
{
    char digits[64];
    while (n > 1 && digit(*at) == 0) at++, n--;
    if (n > 16) return 0;
    for (size_t i = 0; i < n; i++) digits[i] = (char)('0' + digit(at[i]));
    return zh_integer(out, digits, n);
}

int zh_number(zh_text *out, const uint32_t *at, size_t size)
{
    size_t start = out->count, i = 0;
    if (at[0] == '-') zh_text_add(out, MINUS), i = 1;
    size_t n = run(at + i, size - i);
    if (!integer(out, at + i, n)) {
        out->count = start;
        return 0;
    }
    i += n;
    if (i == size) return 1;
    zh_text_add(out, POINT);
    size_t last = size - i - 1 > 16 ? i + 17 : size;
    for (i++; i < last; i++) zh_text_add(out, numerals[digit(at[i])]);
    return 1;
}

/* Length of -?(\d+\.)?\d+ at `at`, 0 when there is none. */
static size_t number_length(const uint32_t *at, size_t size)
{
    size_t i = size && at[0] == '-', a = run(at + i, size - i), b;
    if (!a) return 0;
    i += a;
    if (i < size && at[i] == '.' && (b = run(at + i + 1, size - i - 1))) i += 1 + b;
    return i;
}

/* One rule: at a match it appends what replaces it and returns the match's length, else 0. */
typedef size_t (*rule)(zh_text *out, const uint32_t *at, size_t size);

static size_t date(zh_text *out, const uint32_t *at, size_t size)
{
    static const struct {
        size_t least, most;
        uint32_t mark;
    } parts[] = {{2, 4, YEAR}, {1, 2, MONTH}, {1, 2, DAY}};
    size_t i = 0;
    for (int p = 0; p < 3; p++) {
        size_t n = run(at + i, size - i);
        if (n < parts[p].least || n > parts[p].most || i + n >= size || at[i + n] != parts[p].mark) continue;
        if (p == 0)
            for (size_t k = 0; k < n; k++) zh_text_add(out, numerals[digit(at[i + k])]);
        else integer(out, at + i, n);
        zh_text_add(out, parts[p].mark);
        i += n + 1;
    }
    return i;
}

static size_t fraction(zh_text *out, const uint32_t *at, size_t size)
{
    size_t a = run(at, size), b = a && a < size && at[a] == '/' ? run(at + a + 1, size - a - 1) : 0, start = out->count;
    if (!b) return 0;
    int ok = integer(out, at + a + 1, b);
    zh_text_add(out, PART);
    zh_text_add(out, OF);
    if (!(integer(out, at, a) && ok)) {
        out->count = start;
        add_all(out, at, a + 1 + b);
    }
    return a + 1 + b;
}

static size_t percent(zh_text *out, const uint32_t *at, size_t size)
{
    size_t n = number_length(at, size), start = out->count;
    if (!n || n == size || at[n] != '%') return 0;
    zh_text_add(out, HUNDRED);
    zh_text_add(out, PART);
    zh_text_add(out, OF);
    if (!zh_number(out, at, n)) {
        out->count = start;
        add_all(out, at, n + 1);
    }
    return n + 1;
}

static size_t celsius(zh_text *out, const uint32_t *at, size_t size)
{
    size_t n = run(at, size);
    if (!n || n == size || at[n] != CELSIUS) return 0;
    if (!integer(out, at, n)) {
        add_all(out, at, n + 1);
        return n + 1;
    }
    zh_text_add(out, 0x6444); /* 摄氏度 */
    zh_text_add(out, 0x6C0F);
    zh_text_add(out, 0x5EA6);
    return n + 1;
}

static size_t plain(zh_text *out, const uint32_t *at, size_t size)
{
    size_t n = number_length(at, size);
    if (n && !zh_number(out, at, n)) add_all(out, at, n);
    return n;
}

void zh_numbers(zh_text *out, const uint32_t *at, size_t size)
{
    static const rule rules[] = {date, fraction, percent, celsius, plain};
    zh_text a = {0}, b = {0};
    while (size && utf8_is_space(at[0])) at++, size--;
    while (size && utf8_is_space(at[size - 1])) size--;
    add_all(&a, at, size);
    for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
        b.count = 0;
        for (size_t i = 0; i < a.count;) {
            size_t n = rules[r](&b, a.at + i, a.count - i);
            if (!n) zh_text_add(&b, a.at[i]);
            i += n ? n : 1;
        }
        zh_text swap = a;
        a = b;
        b = swap;
    }
    add_all(out, a.at, a.count);
    out->failed |= a.failed | b.failed;
    zh_text_free(&a);
    zh_text_free(&b);
}

/* Three in a row of `dot` become one ellipsis. */
static void ellipses(zh_text *t, uint32_t dot)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        int three = i + 2 < t->count && t->at[i] == dot && t->at[i + 1] == dot && t->at[i + 2] == dot;
        t->at[n++] = three ? 0x2026 : t->at[i];
        if (three) i += 2;
    }
    t->count = n;
}

void zh_normalize(zh_text *out, const uint32_t *at, size_t size)
{
    static const uint32_t signs[][2] = {{0xFF0C, ','}, {0x3002, '.'}, {0xFF01, '!'},  {0xFF1F, '?'},  {0xFF1B, ';'},
                                        {0xFF1A, ':'}, {0x3001, ','}, {0x2018, '\''}, {0x2019, '\''}, {0x22EF, 0x2026}};
    zh_text t = {0};
    for (size_t i = 0; i < size; i++) {
        uint32_t cp = at[i];
        for (size_t s = 0; s < sizeof signs / sizeof signs[0]; s++)
            if (cp == signs[s][0]) cp = signs[s][1];
        zh_text_add(&t, cp);
    }
    ellipses(&t, 0xB7);
    ellipses(&t, 0x30FB);
    ellipses(&t, '.');
    for (size_t i = 0; i < t.count; i++) {
        uint32_t cp = t.at[i];
        if ((cp >= 0x4E00 && cp <= 0x9FFF) || cp == '_' || en_is_mark(cp)) zh_text_add(out, cp);
    }
    out->failed |= t.failed;
    zh_text_free(&t);
}
