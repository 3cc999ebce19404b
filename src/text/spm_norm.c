/* spm_norm.c - the character map and the normalisation of a prompt: NFKC-like rules by longest match, spaces squeezed
 * and marked. Knows nothing of pieces. Source: spec xlmr_tokenizer.md sections 2 and 3. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/spm_types.h"

static const char mark[] = "\xE2\x96\x81"; /* U+2581, stands for a space */
enum { MARK = 3 };

static const uint32_t rule_ends = 256;       /* flag of a unit: its child is a leaf */
static const uint32_t wide = 512;            /* flag of a unit: its offset counts in steps of 256 */
static const uint32_t leaf = 0x80000000u;    /* flag of a leaf: the rest is its value */

static uint32_t offset_of(uint32_t unit)
{
    return unit >> 10 << ((unit & wide) >> 6);
}

/* Every leaf must point into the pool, and the pool must end in a zero: then every rule's text can be used as it is. */
static drgen_status check_map(const spm *s, const char *name, drgen_err *err)
{
    for (size_t i = 0; i < s->units; i++)
        if (s->trie[i] & leaf && (s->trie[i] & ~leaf) >= s->pool_size)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: the character map points past its end", name);
    size_t run = 0;
    for (size_t i = 0; i < s->pool_size; i++) {
        run = s->pool[i] ? run + 1 : 0;
        if (run > SPM_MAX_RULE)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: the character map has a replacement over %d bytes", name,
                            (int)SPM_MAX_RULE);
    }
    if (run) return err_fail(err, DRGEN_ERR_FORMAT, "%s: the character map's last replacement has no end", name);
    return DRGEN_OK;
}

static uint32_t little32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

drgen_status spm_set_map(spm *s, const uint8_t *map, size_t size, const char *name, drgen_err *err)
{
    if (s->units) return err_fail(err, DRGEN_ERR_FORMAT, "%s: two character maps", name);
    if (size == 0) return DRGEN_OK; /* no rules */
    size_t trie = size >= 4 ? little32(map) : 0;
    if (trie < 4 || trie % 4 || trie > size - 4)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: the character map's size does not fit", name);
    s->units = trie / 4;
    s->pool_size = size - 4 - trie;
    s->trie = malloc(trie);
    s->pool = malloc(s->pool_size + 1);
    if (!s->trie || !s->pool) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    for (size_t i = 0; i < s->units; i++) s->trie[i] = little32(map + 4 + 4 * i);
    memcpy(s->pool, map + 4 + trie, s->pool_size);
    return check_map(s, name, err);
}

/* What stands at the start of a text: bytes consumed, and the text they become. */
typedef struct {
    size_t used;
    const char *text;
    size_t size;
} unit;

/* The longest rule that matches at in[0..size), if any. */
static int find_rule(const spm *s, const char *in, size_t size, unit *out)
{
    if (!s->units) return 0;
    if (size > SPM_MAX_RULE) size = SPM_MAX_RULE;
    const char *found = NULL;
    uint32_t node = offset_of(s->trie[0]);
    for (size_t i = 0; i < size; i++) {
        uint32_t byte = (unsigned char)in[i];
        node ^= byte;
        if (node >= s->units || (s->trie[node] & (leaf | 255)) != byte) break;
        uint32_t u = s->trie[node];
        node ^= offset_of(u);
        if (!(u & rule_ends)) continue;
        if (node >= s->units || !(s->trie[node] & leaf)) break; /* damaged */
        found = s->pool + (s->trie[node] & ~leaf);
        out->used = i + 1;
    }
    if (!found) return 0;
    out->text = found;
    out->size = strlen(found);
    return 1;
}

/* size >= 1. A byte that starts no well-formed character becomes U+FFFD. */
static unit next_unit(const spm *s, const char *in, size_t size)
{
    unit u;
    uint32_t cp;
    if (find_rule(s, in, size, &u)) return u;
    size_t n = utf8_decode(in, size, &cp);
    return n ? (unit){n, in, n} : (unit){1, "\xEF\xBF\xBD", 3};
}

typedef struct {
    char *data;
    size_t size, room;
} growing;

/* Room for n more bytes; 0 when out of memory. */
static int reserve(growing *g, size_t n)
{
    if (g->room - g->size >= n) return 1;
    size_t room = g->room + g->room / 2 + n + 64;
    char *grown = room > g->room ? realloc(g->data, room) : NULL;
    if (!grown) return 0;
    g->data = grown;
    g->room = room;
    return 1;
}

static void put(growing *g, const char *text, size_t size)
{
    memcpy(g->data + g->size, text, size);
    g->size += size;
}

/* Appends with spaces turned into marks. */
static int put_marked(growing *g, const char *text, size_t size)
{
    if (!reserve(g, size * MARK)) return 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ' ') put(g, mark, MARK);
        else put(g, text + i, 1);
    }
    return 1;
}

static int normalize(const spm *s, const char *in, size_t size, growing *out)
{
    size_t at = 0;
    while (at < size) {
        unit u = next_unit(s, in + at, size - at);
        if (u.size != 1 || u.text[0] != ' ') break;
        at += u.used;
    }
    if (at == size) return 1;
    if (!put_marked(out, " ", 1)) return 0;
    for (int after_space = 1; at < size;) {
        unit u = next_unit(s, in + at, size - at);
        at += u.used;
        while (after_space && u.size && u.text[0] == ' ') u.text++, u.size--;
        if (!u.size) continue;
        if (!put_marked(out, u.text, u.size)) return 0;
        after_space = u.text[u.size - 1] == ' ';
    }
    while (out->size >= MARK && memcmp(out->data + out->size - MARK, mark, MARK) == 0) out->size -= MARK;
    return 1;
}

drgen_status spm_normalize(const spm *s, const void *text, size_t size, char **out, size_t *out_size, drgen_err *err)
{
    growing g = {0};
    *out = NULL;
    *out_size = 0;
    if (!reserve(&g, size) || !normalize(s, text, size, &g) || !reserve(&g, 1)) {
        free(g.data);
        return err_fail(err, DRGEN_ERR_NOMEM, "prompt: out of memory for %zu bytes", size);
    }
    g.data[g.size] = '\0';
    *out = g.data;
    *out_size = g.size;
    return DRGEN_OK;
}
