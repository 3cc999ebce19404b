/* residency.c - see residency.h. */
#include "pipeline/residency.h"

#include <stdint.h>
#include <sys/mman.h>

static void advise(const drgen *g, const st_file *f, int advice)
{
    if (!f || !g->dir.path || st_is_made(f)) return;
    madvise((void *)(uintptr_t)st_data(f), st_bytes(f), advice); /* a refused hint costs memory, nothing else */
}

void residency_want(const drgen *g, const st_file *f)
{
    advise(g, f, MADV_WILLNEED);
}

void residency_drop(const drgen *g, const st_file *f)
{
    advise(g, f, MADV_DONTNEED); /* clean pages of a file: the next use reads them again */
}
