/* generate_opts.h - what `drgen generate` understands: options, presets, rules between them. Opens no file. */
#ifndef CLI_GENERATE_OPTS_H
#define CLI_GENERATE_OPTS_H

#include "cli/opts.h"
#include "cli/prompt_opts.h"

typedef struct {
    const char *lyrics, *style, *negative, *negative_prompt, *model, *output, *output_dir, *latents, *preset, *espeak_data, *zh_lexicon;
    opts_list prompts, references; /* "text" or "text:weight", file or file:weight */
    opts_list adapters; /* "folder" or "folder:strength" */
    prompt_opts words; /* a prompt in keywords */
    double bpm;
    double length; /* seconds; 0: the model's own */
    const char *recipe, *title, *artist;
    const char *master;      /* preset or "none"; NULL: the recipe's, else balanced */
    double target, ceiling;  /* of the mastering; as typed */
    int bits, rate;  /* of the file; 0: its format's own, the song's */
    double quality;  /* negative: the default */
    int steps, threads; /* steps 0: the model's own */
    double cfg, sway;   /* NAN: the model's own */
    int cfg_of_preset;  /* 1: cfg is meant for models whose own is 4 */
    const char *cfg_interval; /* as typed */
    double cfg_from, cfg_to, cache; /* 0, 1 and 0: off */
    uint64_t seed;
    int seed_given;
    int instrumental, vocals_only, lyrics_compat, half_tables, chunked, json, quiet, verbose, help, any_model;
    opts parsed; /* what was typed */
} generate_opts;

/* Fills o from the command line: defaults, then the preset, then what was typed, whatever the order. Returns 0, or -1
 * with one line in message. With o->help set nothing else is checked. */
int generate_opts_parse(generate_opts *o, int argc, char **argv, char *message, size_t room);
/* 1 when the option called name was typed. */
int generate_opts_given(const generate_opts *o, const char *name);
void generate_opts_help(FILE *out);

#endif
