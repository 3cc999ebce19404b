/* cmd_inspect.c - `drgen inspect`: what is in a weights file or a model folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/json.h"
#include "io/modeldir.h"
#include "weights_tools/args.h"
#include "weights_tools/cmd.h"
#include "weights_tools/source.h"

static const char usage[] =
    "drgen inspect - list the tensors of a weights file or a model folder\n"
    "\n"
    "  drgen inspect FILE|DIR [--json] [--verify]\n"
    "\n"
    "FILE: .pt (archive, TorchScript, legacy) or .safetensors. DIR: a folder made by drgen convert.\n"
    "  --json     one JSON object instead of a table\n"
    "  --verify   DIR: compare every file's SHA-256 with model.json\n";

static void print_table(const source *s)
{
    char shape[96];
    uint64_t values = 0, bytes = 0;
    printf("%s\n", source_name(s));
    for (size_t i = 0; i < source_count(s); i++) {
        const source_tensor *t = source_at(s, i);
        size_t size = t->count * st_type_size(t->type);
        printf("  %-5s %-20s %12zu  %s\n", st_type_name(t->type), st_shape_text(shape, sizeof shape, t->shape, t->dims), size,
               t->name);
        values += t->count;
        bytes += size;
    }
    printf("  %zu tensors, %llu values, %.1f MiB\n", source_count(s), (unsigned long long)values, (double)bytes / 1048576.0);
}

static void print_json(const source *s, int first)
{
    char shape[96];
    json_out o = {0};
    json_out_raw(&o, first ? "\n " : ",\n ");
    json_out_string(&o, source_name(s));
    json_out_raw(&o, ": [");
    for (size_t i = 0; i < source_count(s); i++) {
        const source_tensor *t = source_at(s, i);
        json_out_raw(&o, i ? ",\n  {\"name\": " : "\n  {\"name\": ");
        json_out_string(&o, t->name);
        json_out_raw(&o, ", \"dtype\": ");
        json_out_string(&o, st_type_name(t->type));
        json_out_raw(&o, ", \"shape\": ");
        json_out_raw(&o, st_shape_text(shape, sizeof shape, t->shape, t->dims));
        json_out_raw(&o, "}");
    }
    json_out_raw(&o, "]");
    if (!o.failed) fputs(o.text, stdout);
    json_out_free(&o);
}

static drgen_status show(const char *path, int json, int first, drgen_err *err)
{
    source *s;
    ERR_TRY(source_open(&s, path, err));
    if (json) print_json(s, first);
    else print_table(s);
    source_close(s);
    return DRGEN_OK;
}

static drgen_status verify(const modeldir *dir, const json_node *file, drgen_err *err)
{
    const char *name = json_key(file), *want = json_string(json_get(file, "sha256"), "");
    file_bytes bytes;
    char hex[65], *label;
    ERR_TRY(modeldir_file(dir, name, SIZE_MAX, &bytes, &label, err));
    file_sha256(bytes.data, bytes.size, hex);
    drgen_status status = strcmp(hex, want) == 0
                              ? DRGEN_OK
                              : err_fail(err, DRGEN_ERR_FORMAT, "%s: SHA-256 is not the one in model.json; the file changed or is damaged", label);
    if (status == DRGEN_OK) fprintf(stderr, "%s: ok\n", label);
    file_close(&bytes);
    free(label);
    return status;
}

static drgen_status show_dir(const char *path, int json, int check, drgen_err *err)
{
    modeldir dir;
    file_bytes bytes = {0};
    json_doc *doc = NULL;
    char *label = NULL;
    int first = 1;
    ERR_TRY(modeldir_open(&dir, path, err));
    drgen_status status = modeldir_file(&dir, "model.json", 1 << 20, &bytes, &label, err);
    if (status == DRGEN_OK) status = json_parse(&doc, bytes.data, bytes.size, label, err);
    if (status == DRGEN_OK && !json) fwrite(bytes.data, 1, bytes.size, stdout);
    for (const json_node *f = doc ? json_first(json_get(json_root(doc), "files")) : NULL; f && status == DRGEN_OK; f = json_next(f)) {
        const char *name = json_key(f), *dot = strrchr(name, '.');
        if (check) status = verify(&dir, f, err);
        if (status != DRGEN_OK || !dot || strcmp(dot, ".safetensors") != 0) continue;
        char *file = file_join(path, name);
        status = file ? show(file, json, first, err) : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
        first = 0;
        free(file);
    }
    json_free(doc);
    file_close(&bytes);
    free(label);
    modeldir_close(&dir);
    return status;
}

int cmd_inspect(int argc, char **argv)
{
    const char *path = NULL;
    int json = 0, check = 0;
    const args_option options[] = {{"--json", NULL, &json}, {"--verify", NULL, &check}, {NULL, NULL, NULL}};
    drgen_err err = {0};
    struct stat st;
    int asked = args_read(argc, argv, options, &path, usage);
    if (asked) return asked == 1 ? 0 : asked;
    if (!path) {
        fprintf(stderr, "drgen inspect: a file or folder is missing; see drgen inspect --help\n");
        return 2;
    }
    int dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (json) fputs("{", stdout);
    drgen_status status = dir ? show_dir(path, json, check, &err) : show(path, json, 1, &err);
    if (json) fputs("\n}\n", stdout);
    return status == DRGEN_OK ? 0 : args_failed(&err);
}
