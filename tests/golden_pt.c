/* golden_pt.c - files that torch saved: every tensor of X.pt equals X.expected.safetensors exactly. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/weights.h"
#include "tests/golden.h"
#include "weights_tools/source.h"

enum { MOST = 256 };

/* Stems of X.pt beside X.expected.safetensors, sorted; free each. */
static int stems(const golden *g, char *names[MOST])
{
    int count = 0;
    DIR *d = opendir(g->dir);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d)) && count < MOST;) {
        size_t n = strlen(e->d_name);
        if (n > 3 && strcmp(e->d_name + n - 3, ".pt") == 0) names[count++] = strndup(e->d_name, n - 3);
    }
    closedir(d);
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && strcmp(names[k - 1], names[k]) > 0; k--) {
            char *swap = names[k];
            names[k] = names[k - 1];
            names[k - 1] = swap;
        }
    return count;
}

static int match(const golden *g)
{
    char *names[MOST];
    int count = g->root ? 0 : stems(g, names);
    for (int i = 0; i < count; i++) free(names[i]);
    return count > 0;
}

/* The value as both sides can hold it; integers up to 64 bits are compared whole. */
static int same(const void *got, st_type type, const st_tensor *want, size_t i)
{
    const char *p = (const char *)got + i * st_type_size(type);
    if (type == want->type) return memcmp(p, (const char *)want->data + i * st_type_size(type), st_type_size(type)) == 0;
    st_tensor t = {.type = type, .data = p, .count = 1};
    return weights_value(&t, 0) == weights_value(want, i);
}

/* The expectation's metadata keeps the type each tensor was saved with. 1 when that is ours, or not told. */
static int same_type(const st_file *want, const char *name, st_type type)
{
    static const char *const torch_names[ST_TYPES] = {
        [ST_F32] = "float32", [ST_F16] = "float16", [ST_BF16] = "bfloat16", [ST_F64] = "float64", [ST_I64] = "int64",
        [ST_I32] = "int32",   [ST_I16] = "int16",   [ST_I8] = "int8",       [ST_U8] = "uint8",    [ST_BOOL] = "bool"};
    char key[600];
    snprintf(key, sizeof key, "dtype:%s", name);
    const char *told = st_metadata(want, key);
    if (told && strncmp(told, "torch.", 6) == 0) told += 6;
    return !told || strcmp(told, torch_names[type]) == 0;
}

static void compare(golden *g, const char *stem, const source *s, const st_file *want)
{
    drgen_err err = {0};
    size_t wrong = 0;
    for (size_t i = 0; i < st_count(want); i++) {
        const st_tensor *e = st_at(want, i);
        const source_tensor *t = source_find(s, e->name);
        if (!t || t->dims != e->dims || memcmp(t->shape, e->shape, (size_t)e->dims * sizeof *e->shape) != 0) {
            golden_broken(g, stem, t ? "a tensor has another shape" : "a tensor is missing");
            wrong++;
            continue;
        }
        if (!same_type(want, e->name, t->type)) {
            golden_broken(g, stem, "a tensor has another type");
            wrong++;
        }
        void *data = malloc(t->count * st_type_size(t->type) + 1);
        if (source_raw(s, t, 0, t->count, data, &err) != DRGEN_OK) wrong++;
        for (size_t k = 0; k < t->count; k++) wrong += !same(data, t->type, e, k);
        free(data);
    }
    if (source_count(s) != st_count(want)) {
        golden_broken(g, stem, "another number of tensors");
        return;
    }
    golden_report(g, stem, "all tensors", (double)wrong, 0);
}

static void run(golden *g)
{
    char *names[MOST];
    int count = stems(g, names);
    for (int i = 0; i < count; i++) {
        char file[300];
        source *s = NULL;
        st_file *want = NULL;
        drgen_err err = {0};
        snprintf(file, sizeof file, "%s.pt", names[i]);
        char *pt = golden_path(g, file);
        snprintf(file, sizeof file, "%s.expected.safetensors", names[i]);
        char *expected = golden_path(g, file);
        if (golden_wanted(g, names[i])) {
            if (source_open(&s, pt, &err) != DRGEN_OK || st_open(&want, expected, &err) != DRGEN_OK)
                golden_broken(g, names[i], err.message);
            else compare(g, names[i], s, want);
        }
        source_close(s);
        st_close(want);
        free(pt), free(expected), free(names[i]);
    }
}

const golden_kind golden_pt = {"pt", match, run};
