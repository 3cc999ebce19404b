/* read_text.h - a text file, or standard input, as a string. */
#ifndef CLI_READ_TEXT_H
#define CLI_READ_TEXT_H

#include <stddef.h>

/* The whole of path ("-": standard input), malloc'd, zero-terminated; NULL with one line in message: missing, too large
 * (1 MiB), or with a zero byte in it. */
char *read_text(const char *path, char *message, size_t room);

#endif
