/* sha256.h - the two ways to run SHA-256 blocks; everybody else calls file_sha256 (file.h). */
#ifndef IO_SHA256_H
#define IO_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* Mixes count blocks of 64 bytes at p into the state h. */
typedef void (*sha256_blocks)(uint32_t h[8], const uint8_t *p, size_t count);

void sha256_plain(uint32_t h[8], const uint8_t *p, size_t count);
/* The processor's own SHA instructions, or NULL where it has none. Same results, about ten times as fast: a model of
 * 2 GB is hashed in two seconds. */
sha256_blocks sha256_native(void);

#endif
