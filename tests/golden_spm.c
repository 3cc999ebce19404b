/* golden_spm.c - the prompt tokenizer: every line of cases.tsv (input, normalised text, ids; bytes in hex) must come out
 * exactly, from spm.model and, where there is one, from tokenizer.json. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "tests/golden.h"
#include "text/spm.h"

static int exists(const golden *g, const char *file)
{
    char *path = golden_path(g, file);
    int there = access(path, R_OK) == 0;
    free(path);
    return there;
}

static int match(const golden *g)
{
    return exists(g, "spm.model") && exists(g, "cases.tsv");
}

/* Bytes of hex digits, "." for none; malloc'd, NULL when the text is no such thing. */
static unsigned char *from_hex(const char *hex, size_t digits, size_t *size)
{
    if (digits == 1 && hex[0] == '.') digits = 0;
    unsigned char *out = malloc(digits / 2 + 1);
    *size = digits / 2;
    for (size_t i = 0; i < digits; i++) {
        if (digits % 2 || !isxdigit((unsigned char)hex[i])) {
            free(out);
            return NULL;
        }
        int v = isdigit((unsigned char)hex[i]) ? hex[i] - '0' : tolower((unsigned char)hex[i]) - 'a' + 10;
        out[i / 2] = (unsigned char)(i % 2 ? out[i / 2] << 4 | v : v);
    }
    return out;
}

static int same_ids(const char *want, const char *end, const int32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *next;
        long v = strtol(want, &next, 10);
        if (next == want || next > end || v != ids[i]) return 0;
        want = next;
    }
    while (want < end && *want == ' ') want++;
    return want == end;
}

typedef struct {
    size_t lines, bad_text, bad_ids;
    int broken; /* a line that is no case */
} tally;

static void run_line(const golden *g, const char *file, const spm *s, const char *line, const char *end, tally *t)
{
    const char *column[4];
    int columns = 0;
    for (const char *c = line; c && columns < 4; c = memchr(c, '\t', (size_t)(end - c)), c += c != NULL) column[columns++] = c;
    size_t size = 0, want_size = 0;
    unsigned char *text = columns == 4 ? from_hex(line, (size_t)(column[1] - 1 - line), &size) : NULL;
    unsigned char *want = columns == 4 ? from_hex(column[1], (size_t)(column[2] - 1 - column[1]), &want_size) : NULL;
    t->lines++;
    if (!text || !want) t->broken = 1;
    else {
        char *normal = NULL;
        int32_t *ids = NULL;
        size_t normal_size = 0, count = 0;
        drgen_err err = {0};
        int text_ok = spm_normalize(s, text, size, &normal, &normal_size, &err) == DRGEN_OK && normal_size == want_size &&
                      memcmp(normal, want, want_size) == 0;
        int ids_ok = spm_encode(s, text, size, &ids, &count, &err) == DRGEN_OK &&
                     same_ids(column[2], column[3] - 1, ids, count);
        t->bad_text += !text_ok;
        t->bad_ids += !ids_ok;
        if ((!text_ok || !ids_ok) && t->bad_text + t->bad_ids <= 10)
            printf("%s/%s line %zu: %s%s\n", g->dir, file, t->lines, text_ok ? "" : "another text ", ids_ok ? "" : "other ids");
        free(normal);
        free(ids);
    }
    free(text);
    free(want);
}

static void run_file(golden *g, const char *file, file_bytes cases)
{
    if (!exists(g, file)) {
        golden_skip(g, file, "not in this folder");
        return;
    }
    drgen_err err = {0};
    file_bytes bytes = {0};
    spm *s = NULL;
    char *path = golden_path(g, file);
    if (file_map(&bytes, path, 256u << 20, &err) != DRGEN_OK || spm_load(&s, bytes.data, bytes.size, file, &err) != DRGEN_OK)
        golden_broken(g, file, err.message);
    else {
        tally t = {0};
        const char *at = (const char *)cases.data, *end = at + cases.size;
        while (at < end) {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            if (!stop) stop = end;
            run_line(g, file, s, at, stop, &t);
            at = stop + 1;
        }
        printf("%s: %zu lines\n", file, t.lines);
        if (t.broken || !t.lines) golden_broken(g, file, "cases.tsv: no lines, or a line without its four columns");
        golden_report(g, file, "wrong-texts", (double)t.bad_text, 0);
        golden_report(g, file, "wrong-ids", (double)t.bad_ids, 0);
    }
    spm_free(s);
    file_close(&bytes);
    free(path);
}

static void run(golden *g)
{
    drgen_err err = {0};
    file_bytes cases = {0};
    char *path = golden_path(g, "cases.tsv");
    if (file_map(&cases, path, 256u << 20, &err) != DRGEN_OK) golden_broken(g, "cases.tsv", err.message);
    else {
        static const char *const files[] = {"spm.model", "tokenizer.json"};
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
            if (golden_wanted(g, files[i])) run_file(g, files[i], cases);
    }
    file_close(&cases);
    free(path);
}

const golden_kind golden_spm = {"spm", match, run};
