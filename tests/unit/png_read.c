/* png_read.c - see png_read.h. */
#include "tests/unit/png_read.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const unsigned char *data;
    size_t bits, at; /* in bits */
    int bad;
} bit_reader;

static unsigned get(bit_reader *r, int count)
{
    unsigned v = 0;
    for (int i = 0; i < count; i++, r->at++) {
        if (r->at >= r->bits) return r->bad = 1, 0;
        v |= (unsigned)(r->data[r->at / 8] >> (r->at % 8) & 1) << i;
    }
    return v;
}

static unsigned get_code(bit_reader *r, int count, unsigned v)
{
    for (int i = 0; i < count; i++) v = v << 1 | get(r, 1);
    return v;
}

/* The fixed code by its ranges: 7 bits 0000000..0010111, 8 bits 00110000..11000111, 9 bits 110010000.. */
static unsigned get_symbol(bit_reader *r)
{
    unsigned v = get_code(r, 7, 0);
    if (v <= 0x17) return v + 256;
    v = get_code(r, 1, v);
    if (v >= 0x30 && v <= 0xBF) return v - 0x30;
    if (v >= 0xC0 && v <= 0xC7) return v - 0xC0 + 280;
    return get_code(r, 1, v) - 0x190 + 144;
}

static size_t get_length(bit_reader *r, unsigned symbol)
{
    if (symbol < 265) return symbol - 254;
    if (symbol == 285) return 258;
    int extra = (int)(symbol - 261) / 4;
    size_t base = 3 + ((4u + (symbol - 265) % 4) << extra);
    return base + get(r, extra);
}

static size_t get_distance(bit_reader *r)
{
    unsigned code = get_code(r, 5, 0);
    if (code < 4) return code + 1;
    if (code > 29) return r->bad = 1, 1;
    int extra = (int)code / 2 - 1;
    return 1 + ((2u + code % 2) << extra) + get(r, extra);
}

static const char *stored(bit_reader *r, unsigned char *out, size_t room, size_t *n)
{
    r->at = (r->at + 7) / 8 * 8;
    size_t length = get(r, 16), check = get(r, 16);
    if (r->bad || (length ^ 0xFFFF) != check || length > room - *n) return "a stored block";
    while (length--) out[(*n)++] = (unsigned char)get(r, 8);
    return r->bad ? "a stored block" : NULL;
}

static const char *fixed(bit_reader *r, unsigned char *out, size_t room, size_t *n)
{
    for (;;) {
        unsigned symbol = get_symbol(r);
        if (r->bad) return "the data end early";
        if (symbol == 256) return NULL;
        if (symbol < 256) {
            if (*n == room) return "more data than pixels";
            out[(*n)++] = (unsigned char)symbol;
            continue;
        }
        if (symbol > 285) return "no such length";
        size_t length = get_length(r, symbol), distance = get_distance(r);
        if (r->bad || distance > *n || length > room - *n) return "a match out of range";
        for (; length--; ++*n) out[*n] = out[*n - distance];
    }
}

static const char *inflate(const unsigned char *data, size_t size, unsigned char *out, size_t room)
{
    if (size < 6 || data[0] != 0x78 || (data[0] * 256 + data[1]) % 31) return "no zlib data";
    bit_reader r = {.data = data + 2, .bits = (size - 6) * 8};
    size_t n = 0;
    for (int last = 0; !last;) {
        last = (int)get(&r, 1);
        unsigned kind = get(&r, 2);
        const char *why = kind == 0 ? stored(&r, out, room, &n) : kind == 1 ? fixed(&r, out, room, &n) : "block kind";
        if (why) return why;
    }
    if (n != room) return "less data than pixels";
    if ((r.at + 7) / 8 != size - 6) return "data after the last block";
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) a = (a + out[i]) % 65521, b = (b + a) % 65521;
    const unsigned char *sum = data + size - 4;
    return (sum[0] << 8 | sum[1]) == (int)b && (sum[2] << 8 | sum[3]) == (int)a ? NULL : "Adler-32";
}

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t crc(const unsigned char *x, size_t n)
{
    uint32_t c = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        c ^= x[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
    }
    return ~c;
}

static const char *decode(png_read *p, const unsigned char *data, size_t size, unsigned char **rows)
{
    static const char names[][5] = {"IHDR", "PLTE", "IDAT", "IEND"};
    if (size < 8 || memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0) return "signature";
    size_t at = 8;
    for (int i = 0; i < 4; i++) {
        if (size - at < 12) return "the file ends early";
        size_t length = u32(data + at);
        const unsigned char *body = data + at + 8;
        if (length > size - at - 12 || memcmp(data + at + 4, names[i], 4) != 0) return "a chunk's length or name";
        if (u32(body + length) != crc(data + at + 4, length + 4)) return "CRC-32";
        if (i == 0) {
            p->width = u32(body), p->height = u32(body + 4);
            if (length != 13 || memcmp(body + 8, "\x08\x03\0\0", 5) != 0) return "not 8 bits with a palette";
            *rows = malloc(p->height * (p->width + 1));
        } else if (i == 1) {
            if (length % 3 || length > sizeof p->palette) return "palette";
            memcpy(p->palette, body, length);
            p->colours = (int)(length / 3);
        } else if (i == 2) {
            const char *why = inflate(body, length, *rows, p->height * (p->width + 1));
            if (why) return why;
        } else if (length) return "IEND";
        at += length + 12;
    }
    return at == size ? NULL : "bytes after the end";
}

png_read png_read_file(const unsigned char *data, size_t size)
{
    png_read p = {0};
    unsigned char *rows = NULL;
    p.why = decode(&p, data, size, &rows);
    if (!p.why) {
        p.pixel = malloc(p.width * p.height);
        for (size_t y = 0; y < p.height && !p.why; y++) {
            if (rows[y * (p.width + 1)]) p.why = "a row is filtered";
            memcpy(p.pixel + y * p.width, rows + y * (p.width + 1) + 1, p.width);
        }
    }
    free(rows);
    if (p.why) png_read_free(&p);
    return p;
}

void png_read_free(png_read *p)
{
    free(p->pixel);
    p->pixel = NULL;
}
