/* strmap.c - see strmap.h. */
#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>

struct strmap_slot {
    const char *key; /* NULL: free */
    size_t size;
    uint32_t hash;
    int32_t value;
};

static uint32_t hash_bytes(const char *key, size_t size)
{
    uint64_t h = 0xCBF29CE484222325u; /* FNV-1a, folded so that the low bits see all of it */
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)key[i]) * 0x100000001B3u;
    return (uint32_t)(h ^ h >> 32);
}

drgen_status strmap_init(strmap *m, size_t keys, drgen_err *err)
{
    *m = (strmap){0};
    size_t slots = 8;
    while (slots / 2 < keys && slots <= SIZE_MAX / 2 / sizeof(strmap_slot)) slots *= 2;
    if (slots / 2 >= keys) m->slots = calloc(slots, sizeof *m->slots);
    if (!m->slots) return err_fail(err, DRGEN_ERR_NOMEM, "out of memory for a table of %zu names", keys);
    m->mask = slots - 1;
    m->limit = keys;
    return DRGEN_OK;
}

void strmap_free(strmap *m)
{
    if (!m) return;
    free(m->slots);
    *m = (strmap){0};
}

/* The slot of the key, or the free one where it belongs. At least half of the slots are free, so it ends. */
static strmap_slot *find(const strmap *m, const char *key, size_t size, uint32_t hash)
{
    for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
        strmap_slot *s = &m->slots[i];
        if (!s->key || (s->hash == hash && s->size == size && memcmp(s->key, key, size) == 0)) return s;
    }
}

int strmap_put(strmap *m, const char *key, size_t size, int32_t value)
{
    uint32_t hash = hash_bytes(key, size);
    strmap_slot *s = m->slots ? find(m, key, size, hash) : NULL;
    if (!s || (!s->key && m->count == m->limit)) return 0;
    if (!s->key) m->count++;
    *s = (strmap_slot){key, size, hash, value};
    return 1;
}

int32_t strmap_get(const strmap *m, const char *key, size_t size, int32_t missing)
{
    if (!m->slots) return missing;
    const strmap_slot *s = find(m, key, size, hash_bytes(key, size));
    return s->key ? s->value : missing;
}
