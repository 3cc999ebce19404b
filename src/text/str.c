/* str.c - see str.h. */
#include "text/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void str_add(str *s, const char *data, size_t size)
{
    if (s->failed || size == 0) return;
    if (size >= s->room - s->size) { /* one byte stays for the zero; room 0 enters here too */
        size_t room = s->room < 64 ? 64 : s->room;
        while (room <= SIZE_MAX / 2 && size >= room - s->size) room *= 2;
        char *grown = size < room - s->size ? realloc(s->data, room) : NULL;
        if (!grown) {
            s->failed = 1;
            return;
        }
        s->data = grown;
        s->room = room;
    }
    memcpy(s->data + s->size, data, size);
    s->size += size;
    s->data[s->size] = '\0';
}

void str_puts(str *s, const char *text)
{
    str_add(s, text, strlen(text));
}

void str_clear(str *s)
{
    s->size = 0;
    if (s->data) s->data[0] = '\0';
}

void str_free(str *s)
{
    if (!s) return;
    free(s->data);
    *s = (str){0};
}

const char *str_text(const str *s)
{
    return s->data ? s->data : "";
}

drgen_status str_check(const str *s, drgen_err *err)
{
    return s->failed ? err_fail(err, DRGEN_ERR_NOMEM, "out of memory for lyrics") : DRGEN_OK;
}
