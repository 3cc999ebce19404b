/* png.c - see png.h. Rows are not filtered, which suits a palette; the compressor is one block of deflate's fixed code
 * with matches found by chains of equal three-byte beginnings, the nearest few tried. */
#include "dsp/png.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 32768, MIN_MATCH = 3, MAX_MATCH = 258, TRIES = 24, HASHES = 1 << 15 };

typedef struct {
    unsigned char *data;
    size_t size;
    uint64_t bits; /* not yet written, lowest first */
    int count;
} bit_writer;

static void put_bits(bit_writer *w, unsigned value, int count)
{
    w->bits |= (uint64_t)value << w->count;
    for (w->count += count; w->count >= 8; w->count -= 8, w->bits >>= 8) w->data[w->size++] = (unsigned char)w->bits;
}

/* Huffman codes go out with their highest bit first. */
static void put_code(bit_writer *w, unsigned code, int count)
{
    unsigned turned = 0;
    for (int i = 0; i < count; i++) turned |= (code >> i & 1u) << (count - 1 - i);
    put_bits(w, turned, count);
}

/* A literal, the end (256) or the code of a length (257..285): RFC 1951, 3.2.6. */
static void put_symbol(bit_writer *w, unsigned symbol)
{
    if (symbol < 144) put_code(w, 0x30 + symbol, 8);
    else if (symbol < 256) put_code(w, 0x190 + symbol - 144, 9);
    else if (symbol < 280) put_code(w, symbol - 256, 7);
    else put_code(w, 0xC0 + symbol - 280, 8);
}

/* Where the ranges of length and distance codes begin, and how many bits say the place in one: 3.2.5. */
static const struct {
    uint16_t from;
    uint8_t extra;
} length_code[29] = {{3, 0},  {4, 0},  {5, 0},  {6, 0},  {7, 0},  {8, 0},  {9, 0},   {10, 0},  {11, 1},  {13, 1},
                     {15, 1}, {17, 1}, {19, 2}, {23, 2}, {27, 2}, {31, 2}, {35, 3},  {43, 3},  {51, 3},  {59, 3},
                     {67, 4}, {83, 4}, {99, 4}, {115, 4}, {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}},
  distance_code[30] = {{1, 0},    {2, 0},    {3, 0},    {4, 0},    {5, 1},     {7, 1},     {9, 2},     {13, 2},
                       {17, 3},   {25, 3},   {33, 4},   {49, 4},   {65, 5},    {97, 5},    {129, 6},   {193, 6},
                       {257, 7},  {385, 7},  {513, 8},  {769, 8},  {1025, 9},  {1537, 9},  {2049, 10}, {3073, 10},
                       {4097, 11}, {6145, 11}, {8193, 12}, {12289, 12}, {16385, 13}, {24577, 13}};

static void put_match(bit_writer *w, unsigned length, unsigned distance)
{
    unsigned code = 28;
    while (length_code[code].from > length) code--;
    put_symbol(w, 257 + code);
    put_bits(w, length - length_code[code].from, length_code[code].extra);
    code = 29;
    while (distance_code[code].from > distance) code--;
    put_code(w, code, 5);
    put_bits(w, distance - distance_code[code].from, distance_code[code].extra);
}

/* Places with the same beginning, newest first: head[hash], then before[place % WINDOW]. Places count from 1. */
typedef struct {
    uint32_t head[HASHES], before[WINDOW];
} chains;

static uint32_t *chain_head(chains *c, const unsigned char *x)
{
    uint32_t three = (uint32_t)x[0] | (uint32_t)x[1] << 8 | (uint32_t)x[2] << 16;
    return &c->head[(three * 0x9E3779B1u) >> 17];
}

static void chain_add(chains *c, const unsigned char *x, size_t at, size_t size)
{
    if (size - at < MIN_MATCH) return;
    uint32_t *head = chain_head(c, x + at);
    c->before[(at + 1) % WINDOW] = *head;
    *head = (uint32_t)(at + 1);
}

/* Length of the best earlier stretch equal to what stands at `at`, 0 when there is none of MIN_MATCH. */
static size_t find_match(chains *c, const unsigned char *x, size_t at, size_t size, size_t *distance)
{
    size_t room = size - at < MAX_MATCH ? size - at : MAX_MATCH, best = MIN_MATCH - 1;
    if (room < MIN_MATCH) return 0;
    uint32_t place = *chain_head(c, x + at);
    for (int i = 0; i < TRIES && place && at + 1 - place < WINDOW && best < room; i++) {
        const unsigned char *earlier = x + place - 1;
        if (earlier[best] == x[at + best]) {
            size_t n = 0;
            while (n < room && earlier[n] == x[at + n]) n++;
            if (n > best) best = n, *distance = at + 1 - place;
        }
        uint32_t next = c->before[place % WINDOW];
        place = next < place ? next : 0; /* a slot used again for a newer place ends the chain */
    }
    return best >= MIN_MATCH ? best : 0;
}

static void deflate(bit_writer *w, chains *c, const unsigned char *x, size_t size)
{
    put_bits(w, 1, 1); /* last block */
    put_bits(w, 1, 2); /* fixed codes */
    for (size_t at = 0; at < size;) {
        size_t distance = 0, length = find_match(c, x, at, size, &distance);
        if (length) put_match(w, (unsigned)length, (unsigned)distance);
        else put_symbol(w, x[at]), length = 1;
        for (size_t end = at + length; at < end; at++) chain_add(c, x, at, size);
    }
    put_symbol(w, 256);
    if (w->count) put_bits(w, 0, 8 - w->count);
}

/* ---- the file around it */

static void put_u32(bit_writer *w, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) w->data[w->size++] = (unsigned char)(v >> shift);
}

static void put_bytes(bit_writer *w, const void *bytes, size_t n)
{
    memcpy(w->data + w->size, bytes, n);
    w->size += n;
}

static uint32_t crc32(const unsigned char *x, size_t n)
{
    uint32_t table[256], crc = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int k = 0; k < 8; k++) v = v & 1 ? 0xEDB88320u ^ v >> 1 : v >> 1;
        table[i] = v;
    }
    for (size_t i = 0; i < n; i++) crc = table[(crc ^ x[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static uint32_t adler32(const unsigned char *x, size_t n)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n;) {
        for (size_t end = n - i > 4096 ? i + 4096 : n; i < end; i++) b += a += x[i];
        a %= 65521;
        b %= 65521;
    }
    return b << 16 | a;
}

/* Length before and checksum after what stands behind the chunk's name. */
static void close_chunk(bit_writer *w, size_t start)
{
    size_t end = w->size;
    w->size = start;
    put_u32(w, (uint32_t)(end - start - 8));
    w->size = end;
    put_u32(w, crc32(w->data + start + 4, end - start - 4));
}

static size_t open_chunk(bit_writer *w, const char *name)
{
    size_t start = w->size;
    w->size += 4;
    put_bytes(w, name, 4);
    return start;
}

static void write_file(bit_writer *w, const png_image *image, const unsigned char *rows, size_t bytes, chains *c)
{
    static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    static const unsigned char depth_and_kind[5] = {8, 3, 0, 0, 0}, zlib[2] = {0x78, 0x9C};
    put_bytes(w, signature, sizeof signature);
    size_t chunk = open_chunk(w, "IHDR");
    put_u32(w, (uint32_t)image->width);
    put_u32(w, (uint32_t)image->height);
    put_bytes(w, depth_and_kind, sizeof depth_and_kind);
    close_chunk(w, chunk);
    chunk = open_chunk(w, "PLTE");
    put_bytes(w, image->palette, 3 * (size_t)image->colours);
    close_chunk(w, chunk);
    chunk = open_chunk(w, "IDAT");
    put_bytes(w, zlib, sizeof zlib);
    deflate(w, c, rows, bytes);
    put_u32(w, adler32(rows, bytes));
    close_chunk(w, chunk);
    close_chunk(w, open_chunk(w, "IEND"));
}

static drgen_status check(const png_image *image, drgen_err *err)
{
    if (image->width < 1 || image->width > PNG_MAX_SIDE || image->height < 1 || image->height > PNG_MAX_SIDE)
        return err_fail(err, DRGEN_ERR_ARG, "a picture of %zu x %zu pixels: sides must be 1..%d", image->width,
                        image->height, PNG_MAX_SIDE);
    if (image->colours < 1 || image->colours > PNG_MAX_COLOURS)
        return err_fail(err, DRGEN_ERR_ARG, "a palette of %d colours: 1..%d are possible", image->colours,
                        PNG_MAX_COLOURS);
    for (size_t i = 0; i < image->width * image->height; i++)
        if (image->pixel[i] >= image->colours)
            return err_fail(err, DRGEN_ERR_ARG, "pixel %zu has colour %d of %d", i, image->pixel[i], image->colours);
    return DRGEN_OK;
}

drgen_status png_encode(const png_image *image, unsigned char **out, size_t *size, drgen_err *err)
{
    *out = NULL;
    *size = 0;
    ERR_TRY(check(image, err));
    size_t bytes = image->height * (image->width + 1); /* a filter byte, 0, before each row */
    /* a literal has 9 bits at most and a match fewer than its literals would have at 9 */
    size_t room = bytes / 8 * 9 + 3 * PNG_MAX_COLOURS + 128;
    unsigned char *rows = calloc(bytes, 1);
    chains *c = calloc(1, sizeof *c);
    bit_writer w = {.data = malloc(room)};
    drgen_status status = DRGEN_OK;
    if (!rows || !c || !w.data) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "a picture of %zu x %zu pixels: out of memory", image->width,
                          image->height);
        goto done;
    }
    for (size_t y = 0; y < image->height; y++)
        memcpy(rows + y * (image->width + 1) + 1, image->pixel + y * image->width, image->width);
    write_file(&w, image, rows, bytes, c);
    *out = w.data;
    *size = w.size;
    w.data = NULL;
done:
    free(rows);
    free(c);
    free(w.data);
    return status;
}
