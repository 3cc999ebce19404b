/* strmap.h - string to int32: built once, read many. Vocabularies, tensor names. */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *key; /* borrowed: must outlive the map */
    size_t size;
    int32_t value;
} strmap_slot;

typedef struct {
    strmap_slot *slots;
    size_t room, count; /* room: a power of two */
} strmap;

/* 0 when out of memory. A key that is there keeps its first value unless replace. */
int strmap_put(strmap *m, const char *key, size_t size, int32_t value, int replace);
/* Value of the key, or missing. */
int32_t strmap_get(const strmap *m, const char *key, size_t size, int32_t missing);
void strmap_free(strmap *m);

#endif
