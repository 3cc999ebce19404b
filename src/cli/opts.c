/* opts.c - see opts.h. */
#include "cli/opts.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 48, HELP_COLUMN = 26 };

static int fail(opts *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(opts *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(o->message, sizeof o->message, fmt, args);
    va_end(args);
    return -1;
}

/* Edits (insert, delete, replace, swap neighbours) from a to b; words longer than WORD_MAX are far from everything. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX) return WORD_MAX;
    size_t row[3][WORD_MAX + 1];
    for (size_t j = 0; j <= m; j++) row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *two = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best) best = before[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            int swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && two[j - 2] + 1 < best) best = two[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

/* Keeps the candidate when it is nearer to word than what was found so far; a prefix counts as one edit. */
static void consider(const char *word, const char *candidate, const char **best, size_t *least)
{
    size_t d = distance(word, candidate), length = strlen(word);
    if (length >= 3 && strncmp(word, candidate, length) == 0 && d > 1) d = 1;
    if (d < *least) {
        *least = d;
        *best = candidate;
    }
}

/* Edits at which a suggestion stops being one. */
static size_t far_from(const char *word)
{
    size_t length = strlen(word);
    return length < 3 ? 2 : length < 7 ? 3 : 4;
}

const char *opts_nearest(const char *word, const char *const *list)
{
    const char *best = NULL;
    size_t least = far_from(word);
    for (; *list; list++) consider(word, *list, &best, &least);
    return best;
}

/* 1 when name is one of the blank-separated names. */
static int is_alias(const char *aliases, const char *name, size_t length)
{
    for (const char *a = aliases; a && *a;) {
        size_t n = strcspn(a, " ");
        if (n == length && strncmp(a, name, n) == 0) return 1;
        a += n + strspn(a + n, " ");
    }
    return 0;
}

static const opt *find_long(const opts *o, const char *name, size_t length)
{
    for (size_t i = 0; i < o->count; i++) {
        const opt *t = &o->table[i];
        if (t->kind == OPT_GROUP) continue;
        if (is_alias(t->name, name, length) || is_alias(t->aliases, name, length)) return t;
    }
    return NULL;
}

static const opt *find_letter(const opts *o, char letter)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->table[i].kind != OPT_GROUP && o->table[i].letter == letter) return &o->table[i];
    return NULL;
}

static int unknown(opts *o, const char *word)
{
    char name[WORD_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *best = NULL;
    size_t least = far_from(name);
    consider(name, "help", &best, &least);
    for (size_t i = 0; i < o->count; i++)
        if (o->table[i].kind != OPT_GROUP) consider(name, o->table[i].name, &best, &least);
    if (best) return fail(o, "unknown option --%s; did you mean --%s?", name, best);
    return fail(o, "unknown option --%s; --help lists them", name);
}

/* text as a number of the option's range into *v. */
static int number(opts *o, const opt *t, const char *text, double *v)
{
    char *end;
    errno = 0;
    *v = strtod(text, &end);
    /* strtod also reads "inf", "nan", "0x10" and leading blanks; a person who types those made a mistake */
    if (!*text || *end || errno || !isfinite(*v) || text[strspn(text, "0123456789+-.eE")])
        return fail(o, "--%s: \"%s\" is not a number", t->name, text);
    if (*v < t->min || *v > t->max) return fail(o, "--%s: %s is outside %.10g..%.10g", t->name, text, t->min, t->max);
    if (t->kind != OPT_REAL && *v != floor(*v)) return fail(o, "--%s: %s is not a whole number", t->name, text);
    return 0;
}

static int assign(opts *o, const opt *t, const char *text, void *target)
{
    char *at = (char *)target + t->at;
    double v = 0;
    if (t->kind == OPT_INT || t->kind == OPT_REAL || t->kind == OPT_SEED)
        if (number(o, t, text, &v) != 0) return -1;
    switch (t->kind) {
    case OPT_FLAG: *(int *)(void *)at = 1; break;
    case OPT_TEXT: *(const char **)(void *)at = text; break;
    case OPT_INT: *(int *)(void *)at = (int)v; break;
    case OPT_REAL: *(double *)(void *)at = v; break;
    case OPT_SEED: *(uint64_t *)(void *)at = (uint64_t)v; break;
    case OPT_LIST: {
        opts_list *list = (opts_list *)(void *)at;
        if (list->count == OPTS_LIST_MAX) return fail(o, "--%s: at most %d of them", t->name, OPTS_LIST_MAX);
        list->item[list->count++] = text;
        break;
    }
    case OPT_GROUP: break;
    }
    o->given[t - o->table] = 1;
    return 0;
}

/* -x value, -xvalue, -xyz. Returns how many following words were used, or -1. */
static int parse_letters(opts *o, const char *word, const char *next, void *target)
{
    for (const char *c = word + 1; *c; c++) {
        if (*c == 'h' && !find_letter(o, 'h')) {
            o->help = 1;
            return 0;
        }
        const opt *t = find_letter(o, *c);
        if (!t) return fail(o, "unknown option -%c; --help lists them", *c);
        if (t->kind == OPT_FLAG) {
            if (assign(o, t, NULL, target) != 0) return -1;
            continue;
        }
        if (c[1]) return assign(o, t, c[1] == '=' ? c + 2 : c + 1, target);
        if (!next) return fail(o, "-%c: a value is missing (%s)", *c, t->value);
        return assign(o, t, next, target) == 0 ? 1 : -1;
    }
    return 0;
}

static int parse_long(opts *o, const char *word, const char *next, void *target)
{
    size_t length = strcspn(word + 2, "=");
    const char *value = word[2 + length] ? word + 2 + length + 1 : NULL;
    const opt *t = find_long(o, word + 2, length);
    if (!t && length == 4 && strncmp(word + 2, "help", 4) == 0) {
        o->help = 1;
        return 0;
    }
    if (!t) return unknown(o, word);
    if (t->kind == OPT_FLAG) {
        if (value) return fail(o, "--%s takes no value", t->name);
        return assign(o, t, NULL, target);
    }
    if (value) return assign(o, t, value, target);
    if (!next) return fail(o, "--%s: a value is missing (%s)", t->name, t->value);
    return assign(o, t, next, target) == 0 ? 1 : -1;
}

int opts_parse(opts *o, int argc, char **argv, void *target)
{
    memset(o->given, 0, sizeof o->given);
    o->help = 0;
    o->message[0] = '\0';
    for (int i = 1; i < argc && !o->help; i++) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        int end = strcmp(word, "--") == 0;
        if (end && !next) return 0;
        if (!end && o->word && !*o->word && (word[0] != '-' || !word[1])) {
            *o->word = word;
            continue;
        }
        if (end || word[0] != '-' || !word[1])
            return fail(o, "\"%s\" is no option; --help lists them", end ? next : word);
        int used = word[1] == '-' ? parse_long(o, word, next, target) : parse_letters(o, word, next, target);
        if (used < 0) return -1;
        i += used;
    }
    return 0;
}

int opts_given(const opts *o, const char *name)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->table[i].kind != OPT_GROUP && strcmp(o->table[i].name, name) == 0) return o->given[i];
    return 0;
}

void opts_help(const opts *o, FILE *out)
{
    for (size_t i = 0; i < o->count; i++) {
        const opt *t = &o->table[i];
        if (t->kind == OPT_GROUP) {
            fprintf(out, "\n%s\n", t->help);
            continue;
        }
        char left[80];
        int used = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", t->letter ? '-' : ' ', t->letter ? t->letter : ' ',
                            t->letter ? "," : " ", t->name, t->value ? " " : "", t->value ? t->value : "");
        fprintf(out, "%-*s", HELP_COLUMN, left);
        if (used >= HELP_COLUMN) fprintf(out, "\n%*s", HELP_COLUMN, "");
        for (const char *c = t->help; *c; c++) {
            fputc(*c, out);
            if (*c == '\n') fprintf(out, "%*s", HELP_COLUMN, "");
        }
        if (t->aliases) fprintf(out, " (also --%s)", t->aliases);
        fputc('\n', out);
    }
}
