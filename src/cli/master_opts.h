/* master_opts.h - what `drgen master` understands. Opens no file but the settings file. */
#ifndef CLI_MASTER_OPTS_H
#define CLI_MASTER_OPTS_H

#include "cli/opts.h"
#include "drgen.h"

typedef struct {
    const char *input, *output, *preset, *compat, *settings, *eq, *crossover, *shaper, *match, *noise;
    const char *report, *png, *title, *artist;
    drgen_mastering set; /* preset, settings, then what was typed */
    double target, ceiling, highpass, exciter, width, bass_width, look_ahead, release, max_reduction, denoise, match_amount;
    double quality;
    int bits, rate, no_multiband, match_loudness, show, json, quiet, help, list;
    opts parsed;
} master_opts;

/* Fills o from the command line, o->set included. Returns 0, or -1 with one line in message. With o->help or o->list set
 * nothing else is checked. */
int master_opts_parse(master_opts *o, int argc, char **argv, char *message, size_t room);
void master_opts_help(FILE *out);

#endif
