/* cmd_prompt.c - `drgen prompt`: a style prompt from keywords. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cmd.h"
#include "cli/prompt_opts.h"

typedef struct {
    prompt_opts words;
    uint64_t seed;
    int list, help;
} command;

static const opt table[] = {
    {.kind = OPT_GROUP, .help = "Keywords:"},
    PROMPT_OPTS(command, words, "recipe")
    {.kind = OPT_GROUP, .help = "Also:"},
    {"seed", NULL, 0, OPT_SEED, offsetof(command, seed), 0, 4294967295.0, "N", "for --random (default: from the clock)"},
    {"list", NULL, 0, OPT_FLAG, offsetof(command, list), 0, 0, NULL, "all known words"},
    {"help", NULL, 'h', OPT_FLAG, offsetof(command, help), 0, 0, NULL, "this text"},
};

static void print_words(void)
{
    static const char *const titles[] = {"genres", "moods", "instruments", "vocals (free words work too)"};
    for (int kind = 0; drgen_prompt_words(kind); kind++) {
        printf("%s:", titles[kind]);
        for (const char *const *w = drgen_prompt_words(kind); *w; w++) printf(" %s", *w);
        printf("\n");
    }
}

int cmd_prompt(int argc, char **argv)
{
    command c = {0};
    opts o = {.table = table, .count = sizeof table / sizeof table[0]};
    char text[1024];
    drgen_err err = {0};
    if (opts_parse(&o, argc, argv, &c) != 0) {
        fprintf(stderr, "drgen: %s\n", o.message);
        return 2;
    }
    if (c.help) {
        printf("usage: drgen prompt [keywords]\n");
        opts_help(&o, stdout);
        printf("\nExamples:\n"
               "  drgen prompt --genre Pop --mood Upbeat --instrument Piano --tempo 120 --vocals female\n"
               "  drgen prompt --genre Jazz --recipe\n"
               "  drgen generate -l song.lrc -p \"$(drgen prompt --random)\"\n");
        return 0;
    }
    if (c.list) {
        print_words();
        return 0;
    }
    if (!opts_given(&o, "seed")) c.seed = (uint64_t)time(NULL);
    if (!prompt_opts_given(&c.words)) {
        fprintf(stderr, "drgen: prompt: nothing was said; try drgen prompt --help\n");
        return 2;
    }
    if (prompt_opts_text(&c.words, c.seed, text, sizeof text, &err) != DRGEN_OK) {
        fprintf(stderr, "drgen: %s\n", err.message);
        return 1;
    }
    printf("%s\n", text);
    return 0;
}
