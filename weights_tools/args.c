/* args.c - see args.h. */
#include "weights_tools/args.h"

#include <stdio.h>
#include <string.h>

#include "weights_tools/stop.h"

static int complain(const char *command, const char *what, const char *word)
{
    fprintf(stderr, "drgen %s: %s %s; see drgen %s --help\n", command, what, word, command);
    return 2;
}

int args_read(int argc, char **argv, const args_option *options, const char **word, const char *usage)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *value = strchr(a, '=');
        size_t n = value ? (size_t)(value - a) : strlen(a);
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            fputs(usage, stdout);
            return 1;
        }
        if (a[0] != '-' || !a[1]) {
            if (!word || *word) return complain(argv[0], "one word too many:", a);
            *word = a;
            continue;
        }
        const args_option *o = options;
        while (o->name && (strlen(o->name) != n || strncmp(o->name, a, n) != 0)) o++;
        if (!o->name) return complain(argv[0], "unknown option", a);
        if (o->flag) {
            if (value) return complain(argv[0], "no value is wanted for", o->name);
            *o->flag = 1;
        } else if (value) *o->text = value + 1;
        else if (i + 1 < argc) *o->text = argv[++i];
        else return complain(argv[0], "a value is wanted after", a);
    }
    return 0;
}

int args_failed(const drgen_err *err)
{
    fprintf(stderr, "drgen: %s\n", err->message);
    return err->code == DRGEN_ERR_CANCELLED && stop_asked() ? 128 + stop_asked() : 1;
}
