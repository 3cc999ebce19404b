/* inflate.c - see inflate.h. Codes are decoded bit by bit from counts per length (RFC 1951, section 3.2.2): slow, small,
 * and fast enough for a few hundred kilobytes of text. */
#include "weights_tools/inflate.h"

#include <string.h>

enum { MAX_BITS = 15, LITERALS = 288, DISTANCES = 32, LENGTH_CODES = 19 };

typedef struct {
    const uint8_t *in, *in_end;
    uint8_t *out;
    size_t room, size;
    uint32_t held; /* bits read but not used, lowest first */
    int held_count, bad;
} stream;

typedef struct {
    uint16_t count[MAX_BITS + 1]; /* codes of each length */
    uint16_t symbol[LITERALS];    /* in order of code */
} codes;

static uint32_t take(stream *s, int count)
{
    while (s->held_count < count) {
        if (s->in == s->in_end) {
            s->bad = 1;
            return 0;
        }
        s->held |= (uint32_t)*s->in++ << s->held_count;
        s->held_count += 8;
    }
    uint32_t v = s->held & ((1u << count) - 1u);
    s->held >>= count;
    s->held_count -= count;
    return v;
}

/* Codes from the length of each symbol's. 0 when there are more codes than bits can tell apart. */
static int make_codes(codes *c, const uint8_t *lengths, int count)
{
    uint16_t next[MAX_BITS + 1] = {0};
    int free_codes = 1;
    memset(c, 0, sizeof *c);
    for (int i = 0; i < count; i++) c->count[lengths[i]]++;
    c->count[0] = 0;
    for (int n = 1; n <= MAX_BITS; n++) {
        free_codes = 2 * free_codes - c->count[n];
        if (free_codes < 0) return 0;
        if (n < MAX_BITS) next[n + 1] = (uint16_t)(next[n] + c->count[n]);
    }
    for (int i = 0; i < count; i++)
        if (lengths[i]) c->symbol[next[lengths[i]]++] = (uint16_t)i;
    return 1;
}

static int decode(stream *s, const codes *c)
{
    int code = 0, first = 0, index = 0; /* of the codes with n bits */
    for (int n = 1; n <= MAX_BITS; n++) {
        code |= (int)take(s, 1);
        if (code - first < c->count[n]) return c->symbol[index + code - first];
        index += c->count[n];
        first = 2 * (first + c->count[n]);
        code *= 2;
    }
    s->bad = 1;
    return 0;
}

static void put(stream *s, uint8_t byte)
{
    if (s->size == s->room) s->bad = 1;
    else s->out[s->size++] = byte;
}

static void stored(stream *s)
{
    s->held = 0, s->held_count = 0; /* to the next byte: never more than 7 bits are held here */
    uint32_t size = take(s, 16), check = take(s, 16);
    if (size != (check ^ 0xffffu) || size > (size_t)(s->in_end - s->in) || size > s->room - s->size) s->bad = 1;
    if (s->bad) return;
    memcpy(s->out + s->size, s->in, size);
    s->in += size;
    s->size += size;
}

/* Literals and copies until the end-of-block symbol. Tables: RFC 1951, section 3.2.5. */
static void block(stream *s, const codes *literals, const codes *distances)
{
    static const uint16_t base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    while (!s->bad) {
        int v = decode(s, literals);
        if (v < 256) {
            put(s, (uint8_t)v);
            continue;
        }
        if (v == 256) return;
        if (v > 285) break;
        size_t length = base[v - 257] + take(s, extra[v - 257]);
        int d = decode(s, distances), more = d < 4 ? 0 : d / 2 - 1;
        if (d > 29) break;
        size_t back = d < 4 ? (size_t)d + 1 : ((size_t)(2 + d % 2) << more) + 1 + take(s, more);
        if (s->bad || back > s->size) break;
        while (length-- && !s->bad) put(s, s->out[s->size - back]);
    }
    s->bad = 1;
}

static void fixed_block(stream *s)
{
    uint8_t lengths[LITERALS];
    codes literals, distances;
    for (int i = 0; i < LITERALS; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    make_codes(&literals, lengths, LITERALS);
    memset(lengths, 5, 30);
    make_codes(&distances, lengths, 30);
    block(s, &literals, &distances);
}

/* The code lengths come packed with a code of their own (section 3.2.7). */
static void dynamic_block(stream *s)
{
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS + DISTANCES] = {0};
    codes literals, distances;
    int count = 257 + (int)take(s, 5), far = 1 + (int)take(s, 5), packed = 4 + (int)take(s, 4);
    for (int i = 0; i < packed; i++) lengths[order[i]] = (uint8_t)take(s, 3);
    if (count > 286 || !make_codes(&literals, lengths, LENGTH_CODES)) s->bad = 1;
    memset(lengths, 0, sizeof lengths);
    for (int i = 0; i < count + far && !s->bad;) {
        int v = decode(s, &literals), repeat = 1;
        uint8_t value = (uint8_t)v;
        if (v == 16) {
            if (i == 0) s->bad = 1;
            else value = lengths[i - 1];
            repeat = 3 + (int)take(s, 2);
        } else if (v > 16) {
            value = 0;
            repeat = v == 17 ? 3 + (int)take(s, 3) : 11 + (int)take(s, 7);
        }
        if (repeat > count + far - i) s->bad = 1;
        else
            while (repeat--) lengths[i++] = value;
    }
    if (s->bad || !lengths[256] || !make_codes(&literals, lengths, count) || !make_codes(&distances, lengths + count, far)) s->bad = 1;
    else block(s, &literals, &distances);
}

int inflate_exact(const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
    stream s = {.in = data, .in_end = data + size, .out = out, .room = room};
    int last = 0;
    while (!last && !s.bad) {
        last = (int)take(&s, 1);
        uint32_t kind = take(&s, 2);
        if (s.bad) break;
        if (kind == 0) stored(&s);
        else if (kind == 1) fixed_block(&s);
        else if (kind == 2) dynamic_block(&s);
        else s.bad = 1;
    }
    return !s.bad && s.size == room;
}
