/* delivery.c - see delivery.h. */
#include "cli/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void delivery_format(const char *path, char out[8])
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    snprintf(out, 8, "%s", dot && (!slash || dot > slash) ? dot + 1 : "");
    for (char *c = out; *c; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
}

int delivery_lossy(const char *path)
{
    char format[8];
    delivery_format(path, format);
    return strcmp(format, "wav") != 0 && strcmp(format, "flac") != 0;
}

int delivery_bits(const char *path, int bits)
{
    if (delivery_lossy(path)) return 0;
    return bits == 32 ? 0 : bits ? bits : 16;
}

int delivery_rate(const char *path, int wanted, int own)
{
    char format[8];
    delivery_format(path, format);
    return wanted ? wanted : strcmp(format, "opus") == 0 ? 48000 : own;
}

int delivery_probe(const char *path, char *message, size_t room)
{
    char probe[4096 + 16];
    struct stat st;
    int n = snprintf(probe, sizeof probe, "%s.XXXXXX", path);
    if (!*path || n < 0 || (size_t)n >= sizeof probe) snprintf(message, room, "the name of a file to write is empty or too long");
    else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        snprintf(message, room, "%s: not a regular file; give the name of a file to write", path);
    else {
        int fd = mkstemp(probe);
        if (fd >= 0) {
            close(fd);
            unlink(probe);
            return 0;
        }
        snprintf(message, room, "%s: cannot write here: %s", path, strerror(errno));
    }
    return -1;
}
