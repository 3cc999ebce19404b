/* lrc.h - timed lyrics. Source: spec lyrics.md section 1. */
#ifndef TEXT_LRC_H
#define TEXT_LRC_H

#include <stddef.h>

#include "base/err.h"

typedef struct {
    double seconds;
    char *text;  /* trimmed lyric, UTF-8, owned */
    int line;    /* 1-based line of the file */
} lrc_line;

typedef struct {
    lrc_line *lines;
    size_t count, room;
} lrc;

/* A remark about a line of the file: dropped, repaired, shifted. */
typedef void (*lrc_note)(void *user, int line, const char *message);

/* compat: exactly what the original accepts (column slicing), file order. Otherwise the forgiving grammar of the
 * spec: BOM, any line ends, several stamps, offset, word stamps, ID tags, section headers, sorted by time. Malformed
 * UTF-8 is an error. */
drgen_status lrc_parse(lrc *out, const char *text, size_t size, int compat, lrc_note note, void *user, drgen_err *err);
void lrc_free(lrc *l);

#endif
