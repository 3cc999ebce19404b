/* args.h - the few options the tools take: a table of names and places. */
#ifndef WEIGHTS_TOOLS_ARGS_H
#define WEIGHTS_TOOLS_ARGS_H

#include "base/err.h"

typedef struct {
    const char *name;   /* "--dit"; NULL ends the table */
    const char **text;  /* takes a value, or */
    int *flag;          /* is set to 1 */
} args_option;

/* Reads argv[1..]: options, --name=value too, and one plain word into *word (NULL: none allowed). Returns 0, 1 when --help
 * was asked (usage printed on stdout), or 2 after one line on stderr. */
int args_read(int argc, char **argv, const args_option *options, const char **word, const char *usage);

/* Prints "drgen: message" and returns the exit code: 1, or 128 and the signal that asked to stop. */
int args_failed(const drgen_err *err);

#endif
