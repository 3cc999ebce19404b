/* style_list.c - see style_list.h. */
#include "cli/style_list.h"

#include <stdlib.h>
#include <string.h>

/* Where ":0.7" begins at the end of text, and the number; text's end and 1 when there is none. */
static size_t split_weight(const char *text, float *weight)
{
    const char *colon = strrchr(text, ':');
    size_t all = strlen(text);
    char *end;
    *weight = 1;
    if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789.-")]) return all;
    *weight = strtof(colon + 1, &end);
    return *end ? all : (size_t)(colon - text);
}

static int ends_with(const char *text, const char *tail)
{
    size_t a = strlen(text), b = strlen(tail);
    return a >= b && strcmp(text + a - b, tail) == 0;
}

void style_list_add(style_list *l, const char *text, int recording, int weighted)
{
    float weight = 1;
    size_t size = weighted ? split_weight(text, &weight) : strlen(text);
    char *copy = l->count < STYLE_LIST_MAX ? strndup(text, size) : NULL;
    if (!copy) return;
    int vector = recording && (ends_with(copy, ".npy") || ends_with(copy, ".safetensors"));
    l->texts[l->count] = copy;
    l->parts[l->count++] = (drgen_style){.prompt = recording ? NULL : copy,
                                         .audio = recording && !vector ? copy : NULL,
                                         .file = vector ? copy : NULL,
                                         .weight = weight};
}

void style_list_free(style_list *l)
{
    for (size_t i = 0; i < l->count; i++) free(l->texts[i]);
    *l = (style_list){0};
}
