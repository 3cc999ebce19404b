/* cmd_style.c - `drgen style`: style vectors from words and recordings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/style_list.h"
#include "drgen.h"

typedef struct {
    const char *output, *model, *what;
    opts_list prompts, references, similar;
    int threads, help;
} command;

static const opt table[] = {
    {"prompt", NULL, 'p', OPT_LIST, offsetof(command, prompts), 0, 0, "TEXT[:W]", "words"},
    {"reference", NULL, 'r', OPT_LIST, offsetof(command, references), 0, 0, "FILE[:W]", "a recording, or a style vector"},
    {"similar", NULL, 0, OPT_LIST, offsetof(command, similar), 0, 0, "A", "given twice: prints how alike two of them are (cosine)"},
    {"output", NULL, 'o', OPT_TEXT, offsetof(command, output), 0, 0, "FILE", "vector to write (.npy)"},
    {"model", NULL, 'm', OPT_TEXT, offsetof(command, model), 0, 0, "DIR", "model folder (default: the one built in)"},
    {"threads", NULL, 't', OPT_INT, offsetof(command, threads), 0, 256, "N", "default: one per core"},
    {"help", NULL, 'h', OPT_FLAG, offsetof(command, help), 0, 0, NULL, "this text"},
};

static int fail(int code, const char *message)
{
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

/* A word of the command line: a file when there is one of that name, else a prompt. */
static void add_any(style_list *l, const char *text)
{
    style_list_add(l, text, access(text, F_OK) == 0, 0);
}

static int vector(drgen *g, style_list *l, float *out)
{
    char heard[400];
    drgen_err err = {0};
    drgen_status status = drgen_style_vector(g, l->parts, l->count, out, &err);
    for (size_t i = 0; i < l->count && status == DRGEN_OK; i++)
        if (l->parts[i].prompt && drgen_prompt_heard(g, l->parts[i].prompt, heard, sizeof heard, NULL) == DRGEN_OK && heard[0])
            fprintf(stderr, "understood: %s\n", heard);
    style_list_free(l);
    return status == DRGEN_OK ? 0 : fail(1, err.message);
}

static int compare(drgen *g, const command *c, float *a, float *b, size_t width)
{
    style_list l = {0};
    double dot = 0, aa = 0, bb = 0;
    add_any(&l, c->similar.item[0]);
    if (vector(g, &l, a)) return 1;
    add_any(&l, c->similar.count > 1 ? c->similar.item[1] : c->what);
    if (vector(g, &l, b)) return 1;
    for (size_t i = 0; i < width; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    printf("%.6f\n", aa > 0 && bb > 0 ? dot / sqrt(aa * bb) : 0);
    return 0;
}

static int make(drgen *g, const command *c, float *style, size_t width)
{
    style_list l = {0};
    drgen_err err = {0};
    if (c->what) add_any(&l, c->what);
    for (int i = 0; i < c->prompts.count; i++) style_list_add(&l, c->prompts.item[i], 0, 1);
    for (int i = 0; i < c->references.count; i++) style_list_add(&l, c->references.item[i], 1, 1);
    if (vector(g, &l, style)) return 1;
    if (drgen_style_write(c->output, style, width, &err) != DRGEN_OK) return fail(1, err.message);
    printf("%s\n", c->output);
    return 0;
}

int cmd_style(int argc, char **argv)
{
    command c = {0};
    opts o = {.table = table, .count = sizeof table / sizeof table[0], .word = &c.what};
    drgen_err err = {0};
    if (opts_parse(&o, argc, argv, &c) != 0) return fail(2, o.message);
    if (c.help) {
        printf("usage: drgen style FILE|TEXT -o style.npy\n       drgen style --similar A --similar B    (or: --similar A B)\n");
        opts_help(&o, stdout);
        return 0;
    }
    int similar = c.similar.count > 0;
    if (similar && c.similar.count + (c.what != NULL) != 2) return fail(2, "style: --similar compares two: --similar A B");
    if (!similar && !c.output) return fail(2, "style: -o FILE is missing; see drgen style --help");
    if (!similar && !c.what && !c.prompts.count && !c.references.count)
        return fail(2, "style: give a recording or a text; see drgen style --help");
    drgen_config config = drgen_config_default();
    config.model_dir = c.model;
    config.threads = c.threads;
    drgen *g = drgen_open(&config, &err);
    if (!g) return fail(1, err.message);
    size_t width = (size_t)drgen_get_info(g).style_width;
    float *a = malloc(2 * width * sizeof *a);
    int code = !a ? fail(1, "style: out of memory") : similar ? compare(g, &c, a, a + width, width) : make(g, &c, a, width);
    free(a);
    drgen_close(g);
    return code;
}
