/* en_norm.c - abbreviations and numbers of an English text to words: nine passes, each over the whole text,
 * in the original's order. Where it uses a regular expression, a loop here finds the same leftmost-longest
 * matches in one sweep. Source: DiffRhythm g2p/g2p/english.py; spec lyrics.md 3.1, 3.2. */
#include <string.h>

#include "base/utf8.h"
#include "text/en.h"

typedef struct {
    str *out;
    int strict;
    drgen_err *err;
} pass;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the run of digits and of the characters in `also` at s. */
static size_t run_of(const char *s, size_t size, const char *also)
{
    size_t n = 0;
    while (n < size && (is_digit(s[n]) || (s[n] && strchr(also, s[n])))) n++;
    return n;
}

/* The same run without what follows its last digit. */
static size_t run_to_digit(const char *s, size_t size, const char *also)
{
    size_t n = run_of(s, size, also);
    while (n && !is_digit(s[n - 1])) n--;
    return n;
}

static drgen_status too_large(const pass *p, size_t digits)
{
    return err_fail(p->err, DRGEN_ERR_TEXT, "a number of %zu digits cannot be read in compatibility mode",
                    digits);
}

/* ---- abbreviations ---- */

static const struct {
    const char *shorter, *words;
} abbreviations[] = {
    {"mrs", "misess"},   {"mr", "mister"},    {"dr", "doctor"},     {"st", "saint"},
    {"co", "company"},   {"jr", "junior"},    {"maj", "major"},     {"gen", "general"},
    {"drs", "doctors"},  {"rev", "reverend"}, {"lt", "lieutenant"}, {"hon", "honorable"},
    {"sgt", "sergeant"}, {"capt", "captain"}, {"esq", "esquire"},   {"ltd", "limited"},
    {"col", "colonel"},  {"ft", "fort"},      {"etc", "et cetera"}, {"btw", "by the way"},
};

/* Equal apart from case. Python's regular expressions take the long s for an s, too. */
static int same_word(const char *s, size_t size, const char *lower)
{
    for (size_t at = 0, n; at < size; at += n) {
        uint32_t cp;
        n = utf8_decode(s + at, size - at, &cp);
        if (cp == 0x17F) cp = 's';
        if (cp >= 'A' && cp <= 'Z') cp += 'a' - 'A';
        if (!*lower || cp != (unsigned char)*lower++) return 0;
    }
    return !*lower;
}

/* No expansion is an abbreviation itself or touches its neighbours, so one sweep over whole words does what
 * the original does in one sweep per abbreviation. */
static drgen_status expand_abbreviations(const pass *p, const char *s, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t from = at, n;
        uint32_t cp;
        while (at < size && (n = utf8_decode(s + at, size - at, &cp)) && utf8_is_word(cp)) at += n;
        const char *words = NULL;
        for (size_t i = 0; at > from && i < sizeof abbreviations / sizeof *abbreviations && !words; i++)
            if (same_word(s + from, at - from, abbreviations[i].shorter)) words = abbreviations[i].words;
        if (words) str_puts(p->out, words);
        else str_add(p->out, s + from, at - from);
        if (at == size) break;
        n = utf8_decode(s + at, size - at, &cp);
        str_add(p->out, s + at, n);
        at += n;
    }
    return DRGEN_OK;
}

/* ---- numbers, in the order they run ---- */

/* [0-9][0-9,]+[0-9]: without its commas */
static drgen_status drop_commas(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = is_digit(s[at]) ? run_to_digit(s + at, size - at, ",") : 0;
        if (n == 0) {
            str_add(p->out, s + at++, 1);
            continue;
        }
        for (size_t i = 0; i < n; i++)
            if (s[at + i] != ',') str_add(p->out, s + at + i, 1);
        at += n;
    }
    return DRGEN_OK;
}

/* pound sign, [0-9,]*[0-9]+ */
static drgen_status expand_pounds(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size;) {
        int sign = size - at > 2 && memcmp(s + at, "£", 2) == 0;
        size_t n = sign ? run_to_digit(s + at + 2, size - at - 2, ",") : 0;
        if (n == 0) {
            str_add(p->out, s + at++, 1);
            continue;
        }
        str_add(p->out, s + at + 2, n);
        str_puts(p->out, " pounds");
        at += 2 + n;
    }
    return DRGEN_OK;
}

/* The digits of an amount without leading zeros; empty for zero. */
static size_t significant(const char **s, size_t size)
{
    while (size && **s == '0') {
        (*s)++;
        size--;
    }
    return size;
}

static void put_amount(str *out, const char *digits, size_t count, const char *unit)
{
    str_add(out, digits, count);
    str_puts(out, unit);
    if (count != 1 || *digits != '1') str_puts(out, "s");
}

/* $ [0-9.,]*[0-9]+; g is the amount */
static drgen_status expand_dollar(const pass *p, const char *g, size_t size)
{
    const char *dot = memchr(g, '.', size), *end = g + size;
    if (dot && memchr(dot + 1, '.', (size_t)(end - dot - 1))) {
        str_puts(p->out, " ");
        str_add(p->out, g, size);
        str_puts(p->out, " dollars ");
        return DRGEN_OK;
    }
    if (memchr(g, ',', size)) {
        if (p->strict)
            return err_fail(p->err, DRGEN_ERR_TEXT, "an amount of dollars with a stray comma cannot be read");
        str_puts(p->out, "$");
        str_add(p->out, g, size);
        return DRGEN_OK;
    }
    const char *dollars = g, *cents = dot ? dot + 1 : end;
    size_t d = significant(&dollars, dot ? (size_t)(dot - g) : size),
           c = significant(&cents, (size_t)(end - cents));
    str_puts(p->out, " ");
    if (d) put_amount(p->out, dollars, d, " dollar");
    if (d && c) str_puts(p->out, ", ");
    if (c) put_amount(p->out, cents, c, " cent");
    str_puts(p->out, d || c ? " " : "zero dollars ");
    return DRGEN_OK;
}

static drgen_status expand_dollars(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = s[at] == '$' ? run_to_digit(s + at + 1, size - at - 1, ".,") : 0;
        if (n) ERR_TRY(expand_dollar(p, s + at + 1, n));
        else str_add(p->out, s + at, 1);
        at += 1 + n;
    }
    return DRGEN_OK;
}

static int is_number(const char *digits, size_t count, char value)
{
    count = significant(&digits, count);
    return count == 1 && *digits == value;
}

/* [0-9]+/[0-9]+ */
static drgen_status expand_fractions(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = run_of(s + at, size - at, ""), slash = at + n;
        size_t m = n && slash < size && s[slash] == '/' ? run_of(s + slash + 1, size - slash - 1, "") : 0;
        if (m == 0) {
            n += n == 0;
            str_add(p->out, s + at, n);
            at += n;
            continue;
        }
        const char *part = s + slash + 1;
        int one = is_number(s + at, n, '1'), half = is_number(part, m, '2'),
            quarter = is_number(part, m, '4'), named = 1;
        str_puts(p->out, " ");
        if (one && (half || quarter)) str_puts(p->out, half ? "one half" : "one quarter");
        else {
            named = en_cardinal(p->out, s + at, n, 1);
            str_puts(p->out, half ? " halves" : quarter ? " quarters" : " ");
            if (!half && !quarter) named &= en_ordinal(p->out, part, m);
        }
        str_puts(p->out, " ");
        if (!named && p->strict) return too_large(p, n > m ? n : m);
        at = slash + 1 + m;
    }
    return DRGEN_OK;
}

/* [0-9]+\.[0-9]+ */
static drgen_status expand_points(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = run_of(s + at, size - at, ""), m = 0;
        if (n && at + n < size && s[at + n] == '.') m = run_of(s + at + n + 1, size - at - n - 1, "");
        if (m) {
            str_add(p->out, s + at, n);
            str_puts(p->out, " point ");
            str_add(p->out, s + at + n + 1, m);
            at += n + 1 + m;
        } else {
            n += n == 0;
            str_add(p->out, s + at, n);
            at += n;
        }
    }
    return DRGEN_OK;
}

/* [0-9.,]*[0-9]+% */
static drgen_status expand_percents(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        if (s[at] == '%' && at && is_digit(s[at - 1])) str_puts(p->out, " percent ");
        else str_add(p->out, s + at, 1);
    }
    return DRGEN_OK;
}

/* [0-9]+(st|nd|rd|th), also in front of more letters */
static drgen_status expand_ordinals(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = run_of(s + at, size - at, "");
        const char *suffix = s + at + n;
        int found = 0;
        for (const char *c = "stndrdth"; n && *c && size - at - n >= 2; c += 2)
            found |= memcmp(suffix, c, 2) == 0;
        if (!found) {
            n += n == 0;
            str_add(p->out, s + at, n);
            at += n;
            continue;
        }
        str_puts(p->out, " ");
        if (!en_ordinal(p->out, s + at, n) && p->strict) return too_large(p, n);
        str_puts(p->out, " ");
        at += n + 2;
    }
    return DRGEN_OK;
}

/* [0-9]+ */
static drgen_status expand_rest(const pass *p, const char *s, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t n = run_of(s + at, size - at, "");
        if (n == 0) {
            str_add(p->out, s + at++, 1);
            continue;
        }
        str_puts(p->out, " ");
        if (!en_spoken(p->out, s + at, n) && p->strict) return too_large(p, n);
        str_puts(p->out, " ");
        at += n;
    }
    return DRGEN_OK;
}

drgen_status en_expand(str *out, const char *text, size_t size, int strict, drgen_err *err)
{
    static drgen_status (*const passes[])(const pass *, const char *, size_t) = {
        expand_abbreviations, drop_commas,     expand_pounds,   expand_dollars, expand_fractions,
        expand_points,        expand_percents, expand_ordinals, expand_rest,
    };
    enum { PASSES = sizeof passes / sizeof *passes };
    str turn[2] = {{0}, {0}};
    drgen_status status = DRGEN_OK;
    for (int i = 0; i < PASSES && status == DRGEN_OK; i++) {
        str *to = i == PASSES - 1 ? out : &turn[i & 1];
        const str *from = &turn[(i & 1) ^ 1];
        pass p = {to, strict, err};
        if (to != out) str_clear(to);
        status = i == 0 ? passes[0](&p, text, size) : passes[i](&p, str_text(from), from->size);
        if (status == DRGEN_OK) status = str_check(to, err);
    }
    str_free(&turn[0]);
    str_free(&turn[1]);
    return status;
}
