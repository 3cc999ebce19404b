/* err.c - see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

drgen_status err_fail(drgen_err *err, drgen_status code, const char *fmt, ...)
{
    if (!err || err->code != DRGEN_OK) return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    /* One line, whatever a file name or a tensor name smuggled in. */
    for (char *c = err->message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    err->code = code;
    return code;
}

void err_clear(drgen_err *err)
{
    if (!err) return;
    err->code = DRGEN_OK;
    err->message[0] = '\0';
}
