/* inflate.h - unpacks deflated data (RFC 1951): the program text that TorchScript archives carry. */
#ifndef WEIGHTS_TOOLS_INFLATE_H
#define WEIGHTS_TOOLS_INFLATE_H

#include <stddef.h>
#include <stdint.h>

/* Unpacks size bytes at data into exactly room bytes at out. 1 when it worked; 0 for damaged data or another length. */
int inflate_exact(const uint8_t *data, size_t size, uint8_t *out, size_t room);

#endif
