/* golden_spm.c - the tokenizer: spm.model (and tokenizer.json) against cases.tsv, every byte and id exact. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "tests/golden.h"
#include "text/spm.h"

static int has(const golden *g, const char *file)
{
    char *path = golden_path(g, file);
    int yes = access(path, R_OK) == 0;
    free(path);
    return yes;
}

static int match(const golden *g)
{
    return has(g, "spm.model") && has(g, "cases.tsv");
}

/* Hex digits up to a tab into bytes; "." is empty. Returns where the next column starts. */
static const char *hex(const char *at, unsigned char *out, size_t *size)
{
    *size = 0;
    if (*at == '.') at++;
    for (; *at != '\t' && *at != '\n' && *at; at += 2) {
        char two[3] = {at[0], at[1], 0};
        out[(*size)++] = (unsigned char)strtoul(two, NULL, 16);
    }
    return at + 1;
}

static void check(golden *g, const spm *s, const char *label, const char *cases, const char *end)
{
    size_t room = (size_t)(end - cases), lines = 0, bad_text = 0, bad_ids = 0;
    unsigned char *input = malloc(room), *normal = malloc(room);
    for (const char *line = cases; line < end; lines++) {
        size_t input_size, normal_size, text_size, count, k = 0;
        const char *at = hex(hex(line, input, &input_size), normal, &normal_size);
        char *text = NULL;
        int32_t *ids = NULL;
        drgen_err err = {0};
        if (spm_normalize(s, input, input_size, &text, &text_size, &err) != DRGEN_OK || text_size != normal_size ||
            memcmp(text, normal, text_size) != 0)
            bad_text++;
        if (spm_encode(s, input, input_size, &ids, &count, &err) != DRGEN_OK) count = 0;
        int same = 1;
        for (char *next; *at != '\t' && *at != '\n' && at < end; at = next, k++) {
            long want = strtol(at, &next, 10);
            if (next == at) break;
            same &= k < count && ids[k] == want;
        }
        if (!same || k != count) {
            if (bad_ids++ < 5) printf("  line %zu differs\n", lines + 1);
        }
        free(text), free(ids);
        while (line < end && *line != '\n') line++;
        line++;
    }
    golden_report(g, label, "normalised text", (double)bad_text, 0);
    golden_report(g, label, "ids", (double)bad_ids, 0);
    if (!lines) golden_broken(g, label, "no cases");
    free(input), free(normal);
}

static void run_file(golden *g, const char *file, file_bytes cases)
{
    char *path = golden_path(g, file);
    file_bytes bytes = {0};
    spm *s = NULL;
    drgen_err err = {0};
    if (file_map(&bytes, path, 1u << 30, &err) != DRGEN_OK || spm_load(&s, bytes.data, bytes.size, path, &err) != DRGEN_OK)
        golden_broken(g, file, err.message);
    else check(g, s, file, (const char *)cases.data, (const char *)cases.data + cases.size);
    spm_free(s);
    file_close(&bytes);
    free(path);
}

static void run(golden *g)
{
    char *path = golden_path(g, "cases.tsv");
    file_bytes cases = {0};
    drgen_err err = {0};
    if (file_map(&cases, path, 1u << 30, &err) != DRGEN_OK) golden_broken(g, "cases.tsv", err.message);
    else {
        run_file(g, "spm.model", cases);
        if (has(g, "tokenizer.json")) run_file(g, "tokenizer.json", cases);
    }
    file_close(&cases);
    free(path);
}

const golden_kind golden_spm = {"spm", match, run};
