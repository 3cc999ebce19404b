/* spm_norm.c - the character map: a double-array trie over bytes whose leaves point to replacement strings. */
#include <stdlib.h>
#include <string.h>

#include "text/spm_types.h"

static const char space_mark[] = "\xe2\x96\x81"; /* U+2581 */
enum { MARK = 3 };

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

drgen_status spm_set_map(spm *s, const void *map, size_t size, const char *name, drgen_err *err)
{
    const unsigned char *p = map;
    uint32_t trie = size >= 4 ? u32(p) : 0;
    if (size == 0) return DRGEN_OK;
    /* The pool must end in a zero, so that no replacement runs past it. */
    if (size < 4 || trie % 4 || trie > size - 4 || (trie && (trie == size - 4 || p[size - 1] != 0)))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: the character map is damaged", name);
    free(s->map);
    s->map = malloc(size);
    if (!s->map) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    memcpy(s->map, map, size);
    s->map_size = size;
    s->units = trie / 4;
    return DRGEN_OK;
}

static size_t offset(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 512u) >> 6);
}

/* The longest rule that matches at p: its replacement, and in *used how many bytes it takes; NULL when none. */
static const char *longest_rule(const spm *s, const unsigned char *p, size_t size, size_t *used)
{
    const unsigned char *trie = s->map + 4;
    const char *found = NULL;
    if (!s->units) return NULL;
    size_t node = offset(u32(trie));
    for (size_t i = 0; i < size; i++) {
        node ^= p[i];
        if (node >= s->units) break;
        uint32_t unit = u32(trie + 4 * node);
        if ((unit & 0x800000FFu) != p[i]) break;
        node ^= offset(unit);
        if (unit & 256u) {
            if (node >= s->units) break;
            size_t at = u32(trie + 4 * node) & 0x7FFFFFFFu, pool = s->map_size - 4 - 4 * s->units;
            if (at >= pool) break;
            found = (const char *)trie + 4 * s->units + at;
            *used = i + 1;
        }
    }
    return found;
}

/* Bytes of the well-formed UTF-8 character at p, 0 when malformed. */
static size_t well_formed(const unsigned char *p, size_t size)
{
    unsigned char a = p[0];
    if (a < 0x80) return 1;
    size_t n = a >= 0xc2 && a < 0xe0 ? 2 : a >= 0xe0 && a < 0xf0 ? 3 : a >= 0xf0 && a < 0xf5 ? 4 : 0;
    if (!n || n > size) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((a == 0xe0 && p[1] < 0xa0) || (a == 0xed && p[1] > 0x9f) || (a == 0xf0 && p[1] < 0x90) || (a == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* The text that stands for the input at p, and how much of the input that was. */
static const char *unit_at(const spm *s, const unsigned char *p, size_t size, size_t *used, size_t *length)
{
    const char *rule = longest_rule(s, p, size, used);
    if (rule) {
        *length = strlen(rule);
        return rule;
    }
    *used = *length = well_formed(p, size);
    if (*used) return (const char *)p;
    *used = 1;
    *length = 3;
    return "\xef\xbf\xbd"; /* U+FFFD */
}

typedef struct {
    char *text;
    size_t size, room;
} buffer;

static int append(buffer *b, const char *text, size_t size)
{
    if (b->room - b->size < size + 1) {
        size_t room = 2 * b->room + size + 64;
        char *grown = realloc(b->text, room);
        if (!grown) return 0;
        b->text = grown;
        b->room = room;
    }
    memcpy(b->text + b->size, text, size);
    b->size += size;
    b->text[b->size] = '\0';
    return 1;
}

/* A unit's text with its spaces turned into marks; leading ones dropped after a space. */
static int append_unit(buffer *b, const char *text, size_t length, int *after_space)
{
    while (*after_space && length && *text == ' ') text++, length--;
    if (!length) return 1;
    for (size_t i = 0; i < length; i++)
        if (!(text[i] == ' ' ? append(b, space_mark, MARK) : append(b, text + i, 1))) return 0;
    *after_space = text[length - 1] == ' ';
    return 1;
}

drgen_status spm_normalize(const spm *s, const void *input, size_t size, char **out, size_t *out_size, drgen_err *err)
{
    const unsigned char *p = input;
    size_t i = 0, used = 0, length = 0;
    buffer b = {0};
    *out = NULL;
    *out_size = 0;
    while (i < size) {
        const char *text = unit_at(s, p + i, size - i, &used, &length);
        if (length != 1 || *text != ' ') break;
        i += used;
    }
    int after_space = 1, ok = append(&b, "", 0) && (i == size || append(&b, space_mark, MARK));
    for (; ok && i < size; i += used) {
        const char *text = unit_at(s, p + i, size - i, &used, &length);
        ok = append_unit(&b, text, length, &after_space);
    }
    if (!ok) {
        free(b.text);
        return err_fail(err, DRGEN_ERR_NOMEM, "prompt: out of memory");
    }
    while (b.size >= MARK && memcmp(b.text + b.size - MARK, space_mark, MARK) == 0) b.text[b.size -= MARK] = '\0';
    *out = b.text;
    *out_size = b.size;
    return DRGEN_OK;
}
