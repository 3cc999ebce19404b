/* arena.h - bump allocator for work memory. One layout function runs twice: first on a measuring arena
 * (base NULL, only counts), then on the real block, so sizes cannot drift from use. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/err.h"

enum { ARENA_ALIGN = 64 };

typedef struct {
    unsigned char *base; /* NULL: measuring */
    size_t size;         /* bytes at base */
    size_t used;         /* next free offset */
    size_t peak;         /* highest used so far */
} arena;

/* A measuring arena: arena_alloc returns NULL and counts. */
arena arena_measure(void);
/* Allocates size bytes (64-byte aligned). ERR_NOMEM on failure; free with arena_free. */
drgen_status arena_init(arena *a, size_t size, const char *what, drgen_err *err);
void arena_free(arena *a); /* NULL-safe, idempotent */

/* count elements of size bytes, 64-byte aligned, not zeroed. Under ASan a red zone follows each piece. Overflow of
 * count * size, or running past the block (a layout bug), stops the program in every build. Measuring: NULL. */
void *arena_alloc(arena *a, size_t count, size_t size);
float *arena_floats(arena *a, size_t count);

size_t arena_mark(const arena *a);
void arena_rewind(arena *a, size_t mark);

#endif
