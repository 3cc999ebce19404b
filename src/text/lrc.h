/* lrc.h - timed lyrics. Source: spec lyrics.md section 1.
 *
 * The grammar, one line of the file at a time (\n, \r\n or \r ends it; white space around it is nothing):
 *
 *     [mm:ss.ff] text                 a timed line. Also [m:ss], [mm:ss:ff], [mmm:ss,fff]: up to three digits of
 *                                     minutes and of fraction. Several stamps repeat the text. Without text it
 *                                     only says that the line before it has ended.
 *     <mm:ss.ff>, [mm:ss.ff]          inside the text: word stamps, removed
 *     [offset:+250]                   all lyrics this many milliseconds earlier (- later)
 *     [key:anything]                  other ID tags: nothing
 *     [Chorus], (Verse 2)             section headers, alone or as a timed text: nothing; the square ones also
 *                                     in front of a text
 *     # anything                      a comment
 *
 * Whatever else is left out with a remark. */
#ifndef TEXT_LRC_H
#define TEXT_LRC_H

#include <stddef.h>

#include "base/err.h"

enum { LRC_MAX_STAMPS = 64 }; /* of one line; further ones are left out with a remark */

typedef struct {
    double seconds;
    char *text; /* trimmed lyric, UTF-8, owned; "" for a stamp without text */
    int line;   /* 1-based line of the file */
} lrc_line;

typedef struct {
    lrc_line *lines;
    size_t count, room;
} lrc;

/* A remark about a line of the file: dropped, repaired, shifted. message lives during the call. */
typedef void (*lrc_note)(void *user, int line, const char *message);

/* compat: exactly what the original accepts (column slicing, its number syntax: also negative, infinite and
 * not-a-number times), in file order. The original sees a file after its \r\n and \r became \n. Otherwise the
 * grammar above, sorted by time, times >= 0. Malformed UTF-8 and zero bytes are a TEXT error. note may be
 * NULL. On error *out is empty. */
drgen_status lrc_parse(lrc *out, const char *text, size_t size, int compat, lrc_note note, void *user,
                       drgen_err *err);
void lrc_free(lrc *l); /* NULL-safe, idempotent */

#endif
