/* delivery.h - what the file a sound is delivered as asks for: its format by its name, rate, bits to dither for. */
#ifndef CLI_DELIVERY_H
#define CLI_DELIVERY_H

#include <stddef.h>

/* The file name's ending in small letters, without the dot; empty for none. */
void delivery_format(const char *path, char out[8]);
/* Whether the format changes the sound: all but WAV and FLAC. */
int delivery_lossy(const char *path);
/* Bits that samples are dithered to: those of WAV (16, 24; none for floats) and FLAC; 0 for the lossy formats. bits 0:
 * the format's own. */
int delivery_bits(const char *path, int bits);
/* Hz: what was asked for, else 48000 where the format (Opus) holds nothing else, else the sound's own. */
int delivery_rate(const char *path, int wanted, int own);

/* Finds out now, and not after the work, whether a file can be written: 0, or -1 with the reason in message. */
int delivery_probe(const char *path, char *message, size_t room);

#endif
