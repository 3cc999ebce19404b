/* read_text.c - see read_text.h. */
#include "cli/read_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *read_text(const char *path, char *message, size_t room)
{
    enum { MOST = 1 << 20 };
    int standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdin : fopen(path, "rb");
    char *text = f ? malloc(MOST + 2) : NULL;
    size_t size = 0;
    message[0] = '\0';
    if (!f) snprintf(message, room, "%s: %s", path, strerror(errno));
    else if (!text) snprintf(message, room, "%s: out of memory", path);
    else {
        size = fread(text, 1, MOST + 1, f);
        if (ferror(f)) snprintf(message, room, "%s: %s", path, strerror(errno));
        else if (size > MOST) snprintf(message, room, "%s: larger than 1 MiB; these are no lyrics", path);
        else if (memchr(text, 0, size)) snprintf(message, room, "%s: zero bytes in it; lyrics are UTF-8 text", path);
    }
    if (f && !standard) fclose(f);
    if (!message[0]) {
        text[size] = '\0';
        return text;
    }
    free(text);
    return NULL;
}
