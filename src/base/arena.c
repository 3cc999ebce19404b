/* arena.c - see arena.h. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

arena arena_measure(void)
{
    return (arena){.base = NULL, .size = SIZE_MAX, .used = 0, .peak = 0};
}

drgen_status arena_init(arena *a, size_t size, const char *what, drgen_err *err)
{
    *a = (arena){0};
    if (size > SIZE_MAX - ARENA_ALIGN) return err_fail(err, DRGEN_ERR_NOMEM, "%s: size overflows", what);
    size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (size == 0) size = ARENA_ALIGN;
    a->base = aligned_alloc(ARENA_ALIGN, size);
    if (!a->base)
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: cannot get %zu MiB of memory; close other programs", what, size >> 20);
    a->size = size;
    POISON(a->base, a->size);
    return DRGEN_OK;
}

void arena_free(arena *a)
{
    if (!a || !a->base) return;
    UNPOISON(a->base, a->size);
    free(a->base);
    *a = (arena){0};
}

void *arena_alloc(arena *a, size_t count, size_t size)
{
    size_t bytes, padded;
    if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(bytes, (size_t)2 * ARENA_ALIGN, &padded))
        abort();
    padded = padded / ARENA_ALIGN * ARENA_ALIGN; /* at least one byte, mostly 64, of red zone */
    if (padded > a->size - a->used) abort(); /* a layout bug: writing on would corrupt the host's memory */
    void *p = a->base ? a->base + a->used : NULL;
    a->used += padded;
    if (a->used > a->peak) a->peak = a->used;
    if (p) UNPOISON(p, bytes);
    return p;
}

float *arena_floats(arena *a, size_t count)
{
    return arena_alloc(a, count, sizeof(float));
}

size_t arena_mark(const arena *a)
{
    return a->used;
}

void arena_rewind(arena *a, size_t mark)
{
    if (a->base && mark < a->used) POISON(a->base + mark, a->used - mark);
    a->used = mark;
}
