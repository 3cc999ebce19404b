/* lrc_compat.c - reads timed lyrics exactly as the original does: time in columns 1 to 8, lyric from column
 * 10, numbers as Python's int() and float() take them. Source: DiffRhythm infer/infer_utils.py, parse_lyrics;
 * CPython 3.11 longobject.c, floatobject.c. */
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "text/lrc_sink.h"

enum { TIME_FROM = 1, TIME_TO = 9, LYRIC_FROM = 10, TIME_CHARS = TIME_TO - TIME_FROM };

/* What int() and float() do first: text that is not all ASCII gets its digits and blanks made ASCII, and ends
 * at the first character that is neither. At most TIME_CHARS characters. */
static void to_ascii(const char *s, size_t size, char out[TIME_CHARS + 1])
{
    size_t n = 0;
    for (size_t at = 0; at < size && n < TIME_CHARS;) {
        uint32_t cp;
        at += utf8_decode(s + at, size - at, &cp);
        if (cp >= 127 && utf8_is_space(cp)) cp = ' ';
        else if (cp >= 127) cp = utf8_decimal(cp) < 0 ? '?' : '0' + (uint32_t)utf8_decimal(cp);
        out[n++] = (char)cp;
    }
    out[n] = '\0';
}

static const char *skip_blanks(const char *s)
{
    while (*s && strchr(" \t\n\v\f\r", *s)) s++;
    return s;
}

/* Digits with single underscores between them. Returns how many; they are appended to *value. */
static int read_digits(const char **s, int64_t *value)
{
    int n = 0;
    for (;; (*s)++) {
        if (n && **s == '_' && (*s)[1] >= '0' && (*s)[1] <= '9') (*s)++;
        if (**s < '0' || **s > '9') return n;
        *value = *value * 10 + (**s - '0');
        n++;
    }
}

static int read_sign(const char **s)
{
    if (**s == '-') return (*s)++, -1;
    if (**s == '+') (*s)++;
    return 1;
}

static int read_int(const char *s, double *out)
{
    int64_t value = 0;
    s = skip_blanks(s);
    int sign = read_sign(&s), n = read_digits(&s, &value);
    *out = (double)(sign * value);
    return n > 0 && !*skip_blanks(s);
}

/* mantissa * 10^e. Rounded once for |e| <= 22; beyond that eight characters only spell times far outside a
 * song. */
static double scale(double mantissa, int64_t e)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (e > 400) e = 400;
    if (e < -400) e = -400;
    for (; e > 22; e -= 22) mantissa *= 1e22;
    for (; e < -22; e += 22) mantissa /= 1e22;
    return e < 0 ? mantissa / powers[-e] : mantissa * powers[e];
}

static int read_float(const char *s, double *out)
{
    s = skip_blanks(s);
    int sign = read_sign(&s);
    static const struct {
        const char *name;
        double value;
    } words[] = {{"infinity", INFINITY}, {"inf", INFINITY}, {"nan", NAN}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(s, words[i].name, strlen(words[i].name)) == 0) {
            *out = sign * words[i].value;
            return !*skip_blanks(s + strlen(words[i].name));
        }
    int64_t mantissa = 0, power = 0;
    int digits = read_digits(&s, &mantissa), fraction = 0;
    if (*s == '.') {
        s++;
        digits += fraction = read_digits(&s, &mantissa);
    }
    if (digits == 0) return 0;
    if (*s == 'e' || *s == 'E') {
        s++;
        int power_sign = read_sign(&s);
        if (read_digits(&s, &power) == 0) return 0;
        power *= power_sign;
    }
    *out = sign * scale((double)mantissa, power - fraction);
    return !*skip_blanks(s);
}

/* Time of a line whose columns 1 to 8 are s[0..size). */
static int read_time(const char *s, size_t size, double *seconds)
{
    const char *colon = size ? memchr(s, ':', size) : NULL;
    if (!colon || memchr(colon + 1, ':', size - (size_t)(colon + 1 - s))) return 0;
    char number[TIME_CHARS + 1];
    double minutes, rest;
    to_ascii(s, (size_t)(colon - s), number);
    if (!read_int(number, &minutes)) return 0;
    to_ascii(colon + 1, size - (size_t)(colon + 1 - s), number);
    if (!read_float(number, &rest)) return 0;
    *seconds = minutes * 60 + rest;
    return 1;
}

static drgen_status read_line(const lrc_sink *to, const char *s, size_t size, int line)
{
    size_t column[LYRIC_FROM + 1] = {0}; /* byte offsets */
    for (int c = 0; c < LYRIC_FROM; c++) {
        uint32_t cp;
        column[c + 1] = column[c] + utf8_decode(s + column[c], size - column[c], &cp);
    }
    double seconds;
    if (read_time(s + column[TIME_FROM], column[TIME_TO] - column[TIME_FROM], &seconds)) {
        size_t lyric_size = size - column[LYRIC_FROM];
        const char *lyric = utf8_trim(s + column[LYRIC_FROM], &lyric_size);
        return lrc_add(to, seconds, lyric, lyric_size, line);
    }
    utf8_trim(s, &size);
    if (size) lrc_remark(to, line, "left out: columns 2 to 9 hold no time");
    return DRGEN_OK;
}

drgen_status lrc_read_compat(const lrc_sink *to, const char *text, size_t size)
{
    const char *s = utf8_trim(text, &size), *end = s + size;
    int line = 1;
    for (const char *c = text; c < s; c++) line += *c == '\n' && line < INT_MAX;
    while (s < end) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        if (!stop) stop = end;
        ERR_TRY(read_line(to, s, (size_t)(stop - s), line));
        if (stop == end) break;
        s = stop + 1;
        if (line < INT_MAX) line++;
    }
    return DRGEN_OK;
}
