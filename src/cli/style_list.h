/* style_list.h - "text:weight" and "file:weight" as the parts of a style. */
#ifndef CLI_STYLE_LIST_H
#define CLI_STYLE_LIST_H

#include "cli/opts.h"
#include "drgen.h"

enum { STYLE_LIST_MAX = 2 * OPTS_LIST_MAX + 1, STYLE_TEXT = 4096 };

typedef struct {
    drgen_style parts[STYLE_LIST_MAX];
    char *texts[STYLE_LIST_MAX]; /* words without their weights; style_list_free */
    size_t count;
} style_list;

/* Adds a prompt, or (recording) a file; weighted: a number behind a last colon is its weight. A file that is a style
 * vector (.npy, .safetensors) counts as one. Full lists take no more. */
void style_list_add(style_list *l, const char *text, int recording, int weighted);
void style_list_free(style_list *l);

#endif
