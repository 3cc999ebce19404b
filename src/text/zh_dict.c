/* zh_dict.c - the Chinese dictionary as it lies in the program (made by weights_tools/main_lexpack.c, see there for the
 * layout). Nothing is copied: words are found by bisecting blocks of sixteen front-coded entries. */
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "text/zh.h"

extern const uint8_t zh_asset[], zh_asset_end[]; /* zh_data.S */

enum { BLOCK = 16, BASE_RECORD = 8 + 5 * 8, WORD_MAX = 96, HEADER = 64 };

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static double f64(const uint8_t *p)
{
    uint64_t bits = u32(p) | (uint64_t)u32(p + 4) << 32;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* A section: offset and size from the header, inside the data. */
static int section(const uint8_t *data, size_t size, int i, const uint8_t **at, size_t *length)
{
    uint32_t from = u32(data + 8 + 8 * i), n = u32(data + 12 + 8 * i);
    if (from > size || n > size - from) return 0;
    *at = data + from;
    *length = n;
    return 1;
}

static drgen_status damaged(drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_FORMAT, "Chinese dictionary: damaged, or of another version");
}

/* Sorted records that begin with a u16 key. */
static int sorted(const uint8_t *at, size_t count, size_t record)
{
    for (size_t i = 1; i < count; i++)
        if (u16(at + (i - 1) * record) >= u16(at + i * record)) return 0;
    return 1;
}

drgen_status zh_dict_open_bytes(zh_dict *d, const uint8_t *data, size_t size, drgen_err *err)
{
    size_t blocks = 0, bases = 0, singles = 0, polyphones = 0, hmm = 0;
    *d = (zh_dict){0};
    if (size < HEADER || memcmp(data, "DRZH\1\0\0\0", 8) != 0) return damaged(err);
    if (!section(data, size, 0, &d->words, &d->words_size) || !section(data, size, 1, &d->blocks, &blocks) ||
        !section(data, size, 2, &d->bases, &bases) || !section(data, size, 3, &d->singles, &singles) ||
        !section(data, size, 4, &d->polyphones, &polyphones) || !section(data, size, 5, &d->hmm, &hmm))
        return damaged(err);
    d->word_count = u32(data + 56);
    uint32_t total = u32(data + 60);
    d->block_count = blocks / 4;
    d->base_count = bases / BASE_RECORD;
    d->single_count = singles / 4;
    d->polyphone_count = polyphones / 4;
    if (d->word_count == 0 || (d->word_count + BLOCK - 1) / BLOCK != d->block_count || d->base_count == 0 ||
        d->base_count > ZH_BASES || total == 0 || hmm < 160)
        return damaged(err);
    for (size_t i = 0; i < d->block_count; i++)
        if (u32(d->blocks + 4 * i) >= d->words_size) return damaged(err);
    if (!sorted(d->singles, d->single_count, 4) || !sorted(d->polyphones, d->polyphone_count, 4)) return damaged(err);
    size_t at = 160;
    for (int s = 0; s < 4; s++) {
        if (hmm - at < 4) return damaged(err);
        d->emit_count[s] = u32(d->hmm + at);
        at += 4;
        if (d->emit_count[s] > (hmm - at) / 10) return damaged(err);
        d->emit[s] = d->hmm + at;
        at += 10 * d->emit_count[s];
        if (!sorted(d->emit[s], d->emit_count[s], 2)) return damaged(err);
    }
    d->total_log = log((double)total);
    return DRGEN_OK;
}

drgen_status zh_dict_open(zh_dict *d, drgen_err *err)
{
    return zh_dict_open_bytes(d, zh_asset, (size_t)(zh_asset_end - zh_asset), err);
}

/* ---- words */

/* One entry as the scan of a block meets it. */
typedef struct {
    uint8_t word[WORD_MAX];
    size_t size;
    int32_t frequency;
    const uint8_t *reading; /* flag and what follows */
    size_t reading_room;
    const uint8_t *next, *end;
} entry;

static uint32_t varint(const uint8_t **p, const uint8_t *end)
{
    uint32_t v = 0;
    for (int shift = 0; shift < 35 && *p < end; shift += 7) {
        uint8_t b = *(*p)++;
        v |= shift < 32 ? (uint32_t)(b & 0x7f) << shift : 0;
        if (!(b & 0x80)) break;
    }
    return v;
}

/* The entry at e->next into e; 0 when the data make no sense. e->word holds the one before (prefixes are shared). */
static int step(entry *e)
{
    const uint8_t *p = e->next;
    uint32_t shared = varint(&p, e->end), rest = varint(&p, e->end);
    if (shared > e->size || rest > WORD_MAX - shared || rest > (size_t)(e->end - p)) return 0;
    memcpy(e->word + shared, p, rest);
    e->size = shared + rest;
    p += rest;
    e->frequency = (int32_t)varint(&p, e->end) - 1;
    e->reading = p;
    e->reading_room = (size_t)(e->end - p);
    uint32_t flag = varint(&p, e->end);
    for (uint32_t n = flag > 1 ? flag - 1 : 0; n && p < e->end; n--) varint(&p, e->end);
    e->next = p;
    return 1;
}

static entry open_block(const zh_dict *d, size_t block)
{
    return (entry){.next = d->words + u32(d->blocks + 4 * block), .end = d->words + d->words_size};
}

static int compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    int c = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return c ? c : (a_size > b_size) - (a_size < b_size);
}

/* Encodes a word; 0 when it is longer than any in the dictionary. */
static size_t encode(const uint32_t *word, size_t size, uint8_t out[WORD_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        char c[4];
        size_t k = utf8_encode(word[i], c);
        if (n + k > WORD_MAX) return 0;
        memcpy(out + n, c, k);
        n += k;
    }
    return n;
}

/* Where the scan stands: block, and entries left in it. */
typedef struct {
    entry e;
    size_t block, index;
} cursor;

static int advance(const zh_dict *d, cursor *c)
{
    if (++c->index == BLOCK) {
        if (++c->block >= d->block_count) return 0;
        c->e = open_block(d, c->block);
        c->index = 0;
    }
    return c->block * BLOCK + c->index < d->word_count && step(&c->e);
}

/* The first entry not before key; 0 when there is none. */
static int find(const zh_dict *d, const uint8_t *key, size_t size, cursor *c)
{
    size_t low = 0, high = d->block_count; /* the last block whose first word is not after key */
    while (high - low > 1) {
        size_t mid = (low + high) / 2;
        entry e = open_block(d, mid);
        if (!step(&e)) return 0;
        if (compare(e.word, e.size, key, size) <= 0) low = mid;
        else high = mid;
    }
    *c = (cursor){open_block(d, low), low, 0};
    if (!step(&c->e)) return 0;
    while (compare(c->e.word, c->e.size, key, size) < 0)
        if (!advance(d, c)) return 0;
    return 1;
}

int32_t zh_dict_frequency(const zh_dict *d, const uint32_t *word, size_t size, int *more)
{
    uint8_t key[WORD_MAX];
    cursor c;
    size_t n = encode(word, size, key);
    int32_t frequency = -1;
    *more = 0;
    if (!n || !find(d, key, n, &c)) return -1;
    do { /* words that are no segmenter's words do not count as continuations */
        if (c.e.size < n || memcmp(c.e.word, key, n) != 0) break;
        if (c.e.size == n) frequency = c.e.frequency;
        *more |= c.e.frequency >= 0;
    } while (!*more && advance(d, &c));
    return frequency;
}

/* "qiang2" as a syllable, or ZH_NO_READING; tone 0 is 5. */
static zh_syllable parse_syllable(const zh_dict *d, const char *text, size_t size)
{
    if (size < 2 || size > 8 || text[size - 1] < '0' || text[size - 1] > '5') return ZH_NO_READING;
    for (size_t b = 0; b < d->base_count; b++) {
        const char *name = (const char *)d->bases + b * BASE_RECORD;
        if (strncmp(name, text, size - 1) == 0 && (size == 9 || !name[size - 1]))
            return (zh_syllable)(b * 8 + (size_t)(text[size - 1] == '0' ? 5 : text[size - 1] - '0'));
    }
    return ZH_NO_READING;
}

/* A word of the user's lexicon; 0 when it is not there or not all of it is syllables. */
static size_t own_reading(const zh_dict *d, const uint8_t *word, size_t size, zh_syllable *out, size_t room)
{
    size_t left = 0, count = 0;
    const char *at = d->lexicon ? zh_lexicon_find(d->lexicon, (const char *)word, size, &left) : NULL;
    while (at && left) {
        size_t n = 0;
        while (n < left && at[n] != ' ') n++;
        if (n) {
            if (count == room || (out[count] = parse_syllable(d, at, n)) == ZH_NO_READING) return 0;
            count++;
        }
        if (n < left) n++;
        at += n;
        left -= n;
    }
    return count;
}

size_t zh_dict_reading(const zh_dict *d, const uint32_t *word, size_t size, zh_syllable *out, size_t room)
{
    uint8_t key[WORD_MAX];
    cursor c;
    size_t n = encode(word, size, key), count = n ? own_reading(d, key, n, out, room) : 0;
    if (count) return count;
    if (!n || !find(d, key, n, &c) || c.e.size != n || memcmp(c.e.word, key, n) != 0) return 0;
    const uint8_t *p = c.e.reading, *end = p + c.e.reading_room;
    uint32_t flag = varint(&p, end);
    if (flag == 1) { /* every character as by itself */
        for (; count < size && count < room; count++) out[count] = zh_dict_single(d, word[count]);
        return count;
    }
    for (uint32_t k = flag > 1 ? flag - 1 : 0; k && count < room; k--) out[count++] = (zh_syllable)varint(&p, end);
    return count;
}

/* ---- characters and syllables */

/* The record with this key among sorted ones, or NULL. */
static const uint8_t *lookup(const uint8_t *at, size_t count, size_t record, uint32_t key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        uint32_t k = u16(at + mid * record);
        if (k == key) return at + mid * record;
        if (k < key) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

static zh_syllable reading_of(const uint8_t *records, size_t count, uint32_t cp)
{
    const uint8_t *r = cp <= 0xffff ? lookup(records, count, 4, cp) : NULL;
    return r ? (zh_syllable)u16(r + 2) : ZH_NO_READING;
}

zh_syllable zh_dict_single(const zh_dict *d, uint32_t cp)
{
    uint8_t key[WORD_MAX];
    zh_syllable own;
    size_t n = d->lexicon ? encode(&cp, 1, key) : 0;
    if (n && own_reading(d, key, n, &own, 1) == 1) return own;
    return reading_of(d->singles, d->single_count, cp);
}

zh_syllable zh_dict_polyphone(const zh_dict *d, uint32_t cp)
{
    return reading_of(d->polyphones, d->polyphone_count, cp);
}

static const uint8_t *base_of(const zh_dict *d, zh_syllable s)
{
    return (size_t)(s >> 3) < d->base_count ? d->bases + (size_t)(s >> 3) * BASE_RECORD : NULL;
}

int zh_dict_base_is(const zh_dict *d, zh_syllable s, const char *name)
{
    const uint8_t *b = base_of(d, s);
    return b && strncmp((const char *)b, name, 8) == 0;
}

size_t zh_dict_tokens(const zh_dict *d, zh_syllable s, int32_t out[4])
{
    const uint8_t *b = base_of(d, s);
    int tone = s & 7;
    size_t n = 0;
    if (!b || tone < 1 || tone > 5) return 0;
    for (int i = 0; i < 4; i++) {
        uint32_t t = u16(b + 8 + 8 * (tone - 1) + 2 * i);
        if (t) out[n++] = (int32_t)t;
    }
    return n;
}

/* ---- word boundaries */

double zh_dict_start(const zh_dict *d, int state)
{
    return f64(d->hmm + 8 * state);
}

double zh_dict_trans(const zh_dict *d, int from, int to)
{
    return f64(d->hmm + 32 + 8 * (4 * from + to));
}

double zh_dict_emit(const zh_dict *d, int state, uint32_t cp)
{
    const uint8_t *keys = d->emit[state], *r = cp <= 0xffff ? lookup(keys, d->emit_count[state], 2, cp) : NULL;
    return r ? f64(keys + 2 * d->emit_count[state] + 8 * ((size_t)(r - keys) / 2)) : -3.14e100;
}
