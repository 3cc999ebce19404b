/* base64.c - see base64.h. */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_length(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_encode(const void *data, size_t size, char *out)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < size; i += 3, out += 4) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) out[k] = k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
    }
    *out = '\0';
}

static int value(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

size_t base64_decode(const char *text, size_t length, void *out)
{
    uint8_t *p = out;
    size_t size = 0, pad = 0;
    if (length % 4) return SIZE_MAX;
    while (pad < 2 && pad < length && text[length - 1 - pad] == '=') pad++;
    for (size_t i = 0; i < length; i += 4) {
        size_t n = i + 4 == length ? 3 - pad : 3; /* bytes of this group */
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            int d = k <= n ? value(text[i + k]) : 0;
            if (d < 0) return SIZE_MAX;
            v = v << 6 | (uint32_t)d;
        }
        for (size_t k = 0; k < n; k++, size++)
            if (p) p[size] = (uint8_t)(v >> (16 - 8 * k));
    }
    return size;
}
