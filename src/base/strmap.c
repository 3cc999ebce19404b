/* strmap.c - open addressing with linear probing, FNV-1a. */
#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash(const char *key, size_t size)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)key[i]) * 0x100000001B3u;
    return h ^ h >> 32;
}

/* The slot that holds the key, or the free one where it belongs. */
static strmap_slot *find(const strmap *m, const char *key, size_t size)
{
    size_t mask = m->room - 1, i = (size_t)hash(key, size) & mask;
    while (m->slots[i].key && (m->slots[i].size != size || memcmp(m->slots[i].key, key, size) != 0)) i = (i + 1) & mask;
    return &m->slots[i];
}

static int grow(strmap *m)
{
    strmap bigger = {.room = m->room ? 2 * m->room : 64, .count = m->count};
    bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
    if (!bigger.slots) return 0;
    for (size_t i = 0; i < m->room; i++)
        if (m->slots[i].key) *find(&bigger, m->slots[i].key, m->slots[i].size) = m->slots[i];
    free(m->slots);
    *m = bigger;
    return 1;
}

int strmap_put(strmap *m, const char *key, size_t size, int32_t value, int replace)
{
    if (2 * (m->count + 1) > m->room && !grow(m)) return 0;
    strmap_slot *s = find(m, key, size);
    if (!s->key) {
        *s = (strmap_slot){key, size, value};
        m->count++;
    } else if (replace) s->value = value;
    return 1;
}

int32_t strmap_get(const strmap *m, const char *key, size_t size, int32_t missing)
{
    if (!m->room) return missing;
    const strmap_slot *s = find(m, key, size);
    return s->key ? s->value : missing;
}

void strmap_free(strmap *m)
{
    free(m->slots);
    *m = (strmap){0};
}
