/* str.h - growable byte strings for the passes of the lyrics front end. An allocation that fails is
 * remembered: later additions do nothing, and str_check at the end of a pass tells. */
#ifndef TEXT_STR_H
#define TEXT_STR_H

#include <stddef.h>

#include "base/err.h"

typedef struct {
    char *data; /* zero-terminated once anything was added; NULL before */
    size_t size, room;
    int failed; /* out of memory */
} str;

void str_add(str *s, const char *data, size_t size); /* data must not lie in s */
void str_puts(str *s, const char *text);
void str_clear(str *s); /* empty, keeps its memory and its failure */
void str_free(str *s);  /* NULL-safe, idempotent */

/* The bytes, never NULL. */
const char *str_text(const str *s);
/* NOMEM if an addition failed. */
drgen_status str_check(const str *s, drgen_err *err);

#endif
