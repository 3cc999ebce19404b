/* memory.h - how much memory this process really held, as the system counts it (Linux: /proc/self/status). */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stddef.h>

typedef struct {
    size_t peak;       /* largest resident size the kernel saw, bytes */
    size_t anon, file; /* largest seen at a sample: own memory, and pages of mapped files (weights, program) */
} memory_use;

/* Raises m to what is resident now. Leaves it alone where the system does not tell. */
void memory_sample(memory_use *m);

#endif
