/* bind.c - see bind.h. */
#include "io/bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME = 200 };

void bind_matrix(binder *b, wmat *out, const size_t *shape, int dims, const char *format, ...)
{
    char name[NAME];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    if (b->status == DRGEN_OK) b->status = weights_matrix(b->f, name, shape, dims, out, b->err);
}

float *bind_own(binder *b, size_t count)
{
    if (b->status != DRGEN_OK) return NULL;
    if (b->count == b->room) {
        size_t room = b->room ? 2 * b->room : 64;
        float **grown = realloc(b->owned, room * sizeof *grown);
        if (grown) {
            b->owned = grown;
            b->room = room;
        }
    }
    float *v = b->count < b->room ? malloc((count + 1) * sizeof *v) : NULL;
    if (v) b->owned[b->count++] = v;
    else b->status = err_fail(b->err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(b->f));
    return v;
}

float *bind_vector(binder *b, size_t count, const char *format, ...)
{
    char name[NAME];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    float *v = bind_own(b, count);
    if (v) b->status = weights_floats(b->f, name, &count, 1, v, b->err);
    return v;
}

void bind_free(float **owned, size_t count)
{
    for (size_t i = 0; i < count; i++) free(owned[i]);
    free(owned);
}
