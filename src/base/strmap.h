/* strmap.h - byte strings to int32: filled once, then read by any number of threads. Keys are borrowed and may hold
 * zero bytes. Open addressing, at most half full. */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct strmap_slot strmap_slot;

typedef struct {
    strmap_slot *slots;
    size_t mask;  /* slots - 1; slots is a power of two */
    size_t count; /* keys in the map */
    size_t limit; /* keys that fit */
} strmap;

/* An empty map with room for exactly `keys` different keys. NOMEM on failure. */
drgen_status strmap_init(strmap *m, size_t keys, drgen_err *err);
void strmap_free(strmap *m); /* NULL-safe, idempotent */

/* Sets key[0..size) to value; a later value for the same key wins. The bytes must outlive the map. Returns 0 when the
 * map was not made for that many keys, else 1. */
int strmap_put(strmap *m, const char *key, size_t size, int32_t value);

/* The value of a key, or missing. */
int32_t strmap_get(const strmap *m, const char *key, size_t size, int32_t missing);

#endif
