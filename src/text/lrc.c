/* lrc.c - see lrc.h: checks the bytes, calls one of the two readers, keeps the lines. */
#include "text/lrc.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/lrc_sink.h"

drgen_status lrc_add(const lrc_sink *to, double seconds, const char *text, size_t size, int line)
{
    lrc *l = to->out;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        lrc_line *grown = room <= SIZE_MAX / sizeof *grown ? realloc(l->lines, room * sizeof *grown) : NULL;
        if (!grown) return err_fail(to->err, DRGEN_ERR_NOMEM, "out of memory for lyrics");
        l->lines = grown;
        l->room = room;
    }
    char *copy = malloc(size + 1);
    if (!copy) return err_fail(to->err, DRGEN_ERR_NOMEM, "out of memory for lyrics");
    memcpy(copy, text, size);
    copy[size] = '\0';
    l->lines[l->count++] = (lrc_line){seconds, copy, line};
    return DRGEN_OK;
}

void lrc_remark(const lrc_sink *to, int line, const char *fmt, ...)
{
    if (!to->note) return;
    char message[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    to->note(to->user, line, message);
}

static size_t line_of(const char *text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) line += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
    return line;
}

static drgen_status check_bytes(const char *text, size_t size, drgen_err *err)
{
    size_t good = utf8_valid(text, size);
    const char *zero = good ? memchr(text, 0, good) : NULL;
    if (good == size && !zero) return DRGEN_OK;
    size_t at = zero ? (size_t)(zero - text) : good;
    const unsigned char *u = (const unsigned char *)text;
    if (size >= 2 && ((u[0] == 0xFF && u[1] == 0xFE) || (u[0] == 0xFE && u[1] == 0xFF)))
        return err_fail(err, DRGEN_ERR_TEXT, "lyrics are UTF-16; save them as UTF-8");
    return err_fail(err, DRGEN_ERR_TEXT,
                    "lyrics: line %zu: byte 0x%02x is not UTF-8 text; save the lyrics as UTF-8",
                    line_of(text, at), u[at]);
}

static int by_time(const void *a, const void *b)
{
    const lrc_line *x = a, *y = b; /* lines with the same time and number carry the same text */
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

drgen_status lrc_parse(lrc *out, const char *text, size_t size, int compat, lrc_note note, void *user,
                       drgen_err *err)
{
    *out = (lrc){0};
    lrc_sink to = {out, note, user, err};
    drgen_status status = check_bytes(text, size, err);
    if (status == DRGEN_OK)
        status = compat ? lrc_read_compat(&to, text, size) : lrc_read_plain(&to, text, size);
    if (status != DRGEN_OK) lrc_free(out);
    else if (!compat && out->count) qsort(out->lines, out->count, sizeof *out->lines, by_time);
    return status;
}

void lrc_free(lrc *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->count; i++) free(l->lines[i].text);
    free(l->lines);
    *l = (lrc){0};
}
