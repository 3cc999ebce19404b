/* delivery.c - see delivery.h. */
#include "cli/delivery.h"

#include <stdio.h>
#include <string.h>

void delivery_format(const char *path, char out[8])
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    snprintf(out, 8, "%s", dot && (!slash || dot > slash) ? dot + 1 : "");
    for (char *c = out; *c; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
}

int delivery_bits(const char *path, int bits)
{
    char format[8];
    delivery_format(path, format);
    if (strcmp(format, "wav") != 0 && strcmp(format, "flac") != 0) return 0;
    return bits == 32 ? 0 : bits ? bits : 16;
}

int delivery_rate(const char *path, int wanted, int own)
{
    char format[8];
    delivery_format(path, format);
    return wanted ? wanted : strcmp(format, "opus") == 0 ? 48000 : own;
}
