/* memory.c - see memory.h. */
#include "cli/memory.h"

#include <stdio.h>

static void raise_to(size_t *v, size_t now)
{
    if (now > *v) *v = now;
}

void memory_sample(memory_use *m)
{
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return;
    char line[256];
    size_t kib;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "VmHWM: %zu", &kib) == 1) raise_to(&m->peak, kib << 10);
        else if (sscanf(line, "RssAnon: %zu", &kib) == 1) raise_to(&m->anon, kib << 10);
        else if (sscanf(line, "RssFile: %zu", &kib) == 1) raise_to(&m->file, kib << 10);
    }
    fclose(f);
}
