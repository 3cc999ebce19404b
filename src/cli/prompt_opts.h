/* prompt_opts.h - the keywords of a prompt as options, the same for `drgen prompt` and `drgen generate`. */
#ifndef CLI_PROMPT_OPTS_H
#define CLI_PROMPT_OPTS_H

#include "cli/opts.h"
#include "drgen.h"

typedef struct {
    const char *genre, *mood, *vocals, *production;
    opts_list instruments;
    int tempo, recipe, random;
} prompt_opts;

/* Rows of an option table for a prompt_opts called member inside a struct type. "fill" was once called "recipe"; that name
 * is another option of `drgen generate`, so a table says what else fill is called. */
#define PROMPT_OPTS(type, member, fill_alias)                                                                              \
    {"genre", NULL, 0, OPT_TEXT, offsetof(type, member.genre), 0, 0, "WORD", "keywords instead of -p: Pop, Jazz, Folk..."}, \
    {"mood", NULL, 0, OPT_TEXT, offsetof(type, member.mood), 0, 0, "WORD", "Upbeat, Melancholic, Relaxed..."},             \
    {"instrument", NULL, 0, OPT_LIST, offsetof(type, member.instruments), 0, 0, "WORD", "Piano, Violin...; may be repeated"}, \
    {"tempo", NULL, 0, OPT_INT, offsetof(type, member.tempo), 40, 240, "BPM", "beats per minute"},                         \
    {"vocals", NULL, 0, OPT_TEXT, offsetof(type, member.vocals), 0, 0, "TEXT", "female, male, duet..."},                   \
    {"production", NULL, 0, OPT_TEXT, offsetof(type, member.production), 0, 0, "TEXT", "such as \"professional studio\""}, \
    {"fill", fill_alias, 0, OPT_FLAG, offsetof(type, member.recipe), 0, 0, NULL, "fill in the rest as the genre usually has it"}, \
    {"random", NULL, 0, OPT_FLAG, offsetof(type, member.random), 0, 0, NULL, "draw the rest at random, from the seed"},

/* 1 when any keyword was given. */
int prompt_opts_given(const prompt_opts *o);
drgen_status prompt_opts_text(const prompt_opts *o, uint64_t seed, char *out, size_t room, drgen_err *err);

#endif
