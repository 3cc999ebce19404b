/* base64.h - bytes as text and back (RFC 4648 section 4: A-Z a-z 0-9 + /, padded with =). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

/* Characters that size bytes take, the zero at the end not counted. */
size_t base64_length(size_t size);
/* out gets base64_length(size) characters and a zero. */
void base64_encode(const void *data, size_t size, char *out);

/* Bytes in text of length characters, SIZE_MAX when it is no base64: another character, a wrong length, padding elsewhere
 * than at the end. out NULL: only counts. */
size_t base64_decode(const char *text, size_t length, void *out);

#endif
