/* opts.h - command-line options from a table: parsing, help and suggestions. Knows no command. */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
    OPT_FLAG,  /* int, set to 1; takes no value */
    OPT_TEXT,  /* const char *, points into argv */
    OPT_INT,   /* int in min..max */
    OPT_REAL,  /* double in min..max */
    OPT_SEED,  /* uint64_t in 0..max */
    OPT_LIST,  /* opts_list: every value given, in order */
    OPT_GROUP  /* no option: a heading in the help */
} opt_kind;

enum { OPTS_LIST_MAX = 8 };

typedef struct {
    const char *item[OPTS_LIST_MAX]; /* point into argv */
    int count;
} opts_list;

typedef struct {
    const char *name;    /* long name without dashes */
    const char *aliases; /* other long names, separated by blanks, or NULL */
    char letter;         /* 0: none */
    opt_kind kind;
    size_t at;           /* of the member in the target struct */
    double min, max;
    const char *value;   /* what the help calls the value, NULL for flags */
    const char *help;    /* one sentence; '\n' starts a new line */
} opt;

enum { OPTS_MAX = 64 };

typedef struct {
    const opt *table;
    size_t count;                 /* at most OPTS_MAX */
    unsigned char given[OPTS_MAX]; /* 1: on the command line */
    const char **word;            /* where the one plain word goes; NULL: none is taken */
    int help;                     /* -h or --help was seen; parsing stopped there */
    char message[256];            /* one line when opts_parse failed */
} opts;

/* Reads argv[1..argc-1] into target. Accepts --name value, --name=value, -x value, -xvalue, -xy for flags, and --.
 * Later values win. Returns 0, or -1 with o->message: unknown option (with the nearest known one), missing or unwanted
 * value, number out of range, a word that is no option. */
int opts_parse(opts *o, int argc, char **argv, void *target);
/* 1 when the option called name (its first name) was on the command line. */
int opts_given(const opts *o, const char *name);
/* The table as text, 100 columns at most. */
void opts_help(const opts *o, FILE *out);

/* The word of list (ends with NULL) nearest to word, or NULL when none is near. */
const char *opts_nearest(const char *word, const char *const *list);

#endif
