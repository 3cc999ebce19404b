/* utf8.c - see utf8.h. */
#include "base/utf8.h"

typedef struct {
    uint32_t first, last;
} range;

static const range word_ranges[] = {
#include "base/utf8_word.inc"
};

static const range space_ranges[] = {
    {0x09, 0x0D},     {0x1C, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

static const uint32_t digit_zeros[] = {
#include "base/utf8_digit.inc"
};

size_t utf8_decode(const char *s, size_t size, uint32_t *cp)
{
    if (size == 0) return 0;
    const unsigned char *u = (const unsigned char *)s;
    uint32_t c = u[0];
    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || length > size) return 0; /* 80..BF continue, C0 and C1 are overlong */
    c &= 0x7Fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((u[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (u[i] & 0x3Fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
    *cp = c;
    return length;
}

size_t utf8_encode(uint32_t cp, char out[4])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) return 0;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t length = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, cp >>= 6) out[i] = (char)(0x80u | (cp & 0x3Fu));
    out[0] = (char)((0xF00u >> length & 0xF0u) | cp); /* C0, E0, F0 */
    return length;
}

size_t utf8_valid(const char *s, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint32_t cp;
        size_t n = utf8_decode(s + at, size - at, &cp);
        if (n == 0) break;
        at += n;
    }
    return at;
}

static int in_ranges(const range *r, size_t count, uint32_t cp)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (cp > r[mid].last) low = mid + 1;
        else high = mid;
    }
    return low < count && cp >= r[low].first;
}

int utf8_is_han(uint32_t cp)
{
    return cp >= 0x4E00 && cp <= 0x9FA5;
}

int utf8_is_letter(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

int utf8_is_word(uint32_t cp)
{
    return in_ranges(word_ranges, sizeof word_ranges / sizeof *word_ranges, cp);
}

int utf8_is_space(uint32_t cp)
{
    return in_ranges(space_ranges, sizeof space_ranges / sizeof *space_ranges, cp);
}

int utf8_decimal(uint32_t cp)
{
    size_t low = 0, high = sizeof digit_zeros / sizeof *digit_zeros;
    while (low < high) { /* the first zero above cp */
        size_t mid = (low + high) / 2;
        if (digit_zeros[mid] <= cp) low = mid + 1;
        else high = mid;
    }
    if (low == 0 || cp - digit_zeros[low - 1] > 9) return -1;
    return (int)(cp - digit_zeros[low - 1]);
}

const char *utf8_trim(const char *s, size_t *size)
{
    size_t from = 0, to = *size;
    uint32_t cp;
    for (size_t n; from < to && (n = utf8_decode(s + from, to - from, &cp)) && utf8_is_space(cp);) from += n;
    while (to > from) {
        size_t at = to - 1;
        while (at > from && ((unsigned char)s[at] & 0xC0) == 0x80) at--;
        if (!utf8_decode(s + at, to - at, &cp) || !utf8_is_space(cp)) break;
        to = at;
    }
    *size = to - from;
    return s + from;
}
