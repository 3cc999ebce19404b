/* utf8.h - strict UTF-8 and the few character classes lyrics need. Knows nothing about lyrics. Classes follow
 * Python 3.11 (Unicode 14), because the original's regular expressions and string methods decide what the
 * model was fed. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* One code point from s[0..size): its length in bytes (1..4), or 0 when size is 0 or the bytes are no UTF-8
 * (overlong forms, surrogates, above U+10FFFF, cut off). */
size_t utf8_decode(const char *s, size_t size, uint32_t *cp);

/* Writes cp and returns 1..4; 0 (nothing written) for surrogates and values above U+10FFFF. */
size_t utf8_encode(uint32_t cp, char out[4]);

/* How many leading bytes are whole, valid UTF-8: equal to size when all are. */
size_t utf8_valid(const char *s, size_t size);

int utf8_is_han(uint32_t cp);    /* U+4E00..9FA5: what the original takes for Chinese; no extension blocks */
int utf8_is_letter(uint32_t cp); /* ASCII letter */
int utf8_is_word(uint32_t cp);   /* \w: letter or number of any script, or "_"; no combining marks */
int utf8_is_space(uint32_t cp);  /* \s and str.strip(); not U+FEFF, not U+200B */
int utf8_decimal(uint32_t cp);   /* 0..9 for a decimal digit of any script, else -1 */

/* Cuts white space from both ends of valid UTF-8: returns the new start and sets *size. */
const char *utf8_trim(const char *s, size_t *size);

#endif
