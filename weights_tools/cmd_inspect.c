/* cmd_inspect.c - `drgen inspect`: what is in a weights file or a model folder. */
#include <stdarg.h>
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
    "  --json     one JSON object instead of a table: per file metadata, values, bytes and tensors; \"model\": model.json\n"
    "  --verify   DIR: compare every file's SHA-256 with model.json\n";

/* Collected first, printed at the end: a failure leaves no half of a table behind. */
typedef struct {
    json_out text;
    int json, verify;
    size_t files;
    drgen_err *err;
} report;

__attribute__((format(printf, 2, 3))) static void line(report *r, const char *format, ...)
{
    char buffer[512];
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    json_out_raw(&r->text, buffer);
}

/* A text from a file, which may hold anything: control characters become '?'. */
static void plain(report *r, const char *text)
{
    char c[2] = "";
    for (; *text; text++) {
        c[0] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
        json_out_raw(&r->text, c);
    }
}

static void table(report *r, const source *s, uint64_t values, uint64_t bytes)
{
    char shape[128];
    const st_file *st = source_safetensors(s);
    plain(r, source_name(s));
    line(r, "\n");
    for (size_t i = 0; st && st_metadata_key(st, i); i++) {
        const char *value = st_metadata(st, st_metadata_key(st, i));
        line(r, "  ");
        plain(r, st_metadata_key(st, i));
        line(r, ": ");
        plain(r, value ? value : "");
        line(r, "\n");
    }
    for (size_t i = 0; i < source_count(s); i++) {
        const source_tensor *t = source_at(s, i);
        line(r, "  %-5s %-20s %12zu  ", st_type_name(t->type), st_shape_text(shape, sizeof shape, t->shape, t->dims),
             t->count * st_type_size(t->type));
        plain(r, t->name);
        line(r, "\n");
    }
    line(r, "  %zu tensors, %llu values, %.1f MiB\n", source_count(s), (unsigned long long)values, (double)bytes / 1048576.0);
}

static void object(report *r, const source *s, uint64_t values, uint64_t bytes)
{
    char shape[128];
    json_out *o = &r->text;
    const st_file *st = source_safetensors(s);
    line(r, r->files ? ",\n " : "\n ");
    json_out_string(o, source_name(s));
    line(r, ": {\n  \"metadata\": {");
    for (size_t i = 0; st && st_metadata_key(st, i); i++) {
        const char *value = st_metadata(st, st_metadata_key(st, i));
        line(r, i ? ", " : "");
        json_out_string(o, st_metadata_key(st, i));
        line(r, ": ");
        json_out_string(o, value ? value : "");
    }
    line(r, "},\n  \"values\": %llu, \"bytes\": %llu,\n  \"tensors\": [", (unsigned long long)values, (unsigned long long)bytes);
    for (size_t i = 0; i < source_count(s); i++) {
        const source_tensor *t = source_at(s, i);
        line(r, i ? ",\n   {\"name\": " : "\n   {\"name\": ");
        json_out_string(o, t->name);
        line(r, ", \"dtype\": \"%s\", \"shape\": %s, \"bytes\": %zu}", st_type_name(t->type),
             st_shape_text(shape, sizeof shape, t->shape, t->dims), t->count * st_type_size(t->type));
    }
    line(r, "]}");
}

static drgen_status show(report *r, const char *path)
{
    source *s;
    uint64_t values = 0, bytes = 0;
    ERR_TRY(source_open(&s, path, r->err));
    for (size_t i = 0; i < source_count(s); i++) {
        values += source_at(s, i)->count;
        bytes += source_at(s, i)->count * st_type_size(source_at(s, i)->type);
    }
    (r->json ? object : table)(r, s, values, bytes);
    r->files++;
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
    drgen_status status = DRGEN_OK;
    if (strcmp(hex, want) == 0) fprintf(stderr, "%s: ok\n", label);
    else status = err_fail(err, DRGEN_ERR_FORMAT, "%s: SHA-256 is not the one in model.json; the file changed or is damaged", label);
    file_close(&bytes);
    free(label);
    return status;
}

static drgen_status show_dir(report *r, const char *path)
{
    modeldir dir;
    file_bytes bytes = {0};
    json_doc *doc = NULL;
    char *label = NULL;
    ERR_TRY(modeldir_open(&dir, path, r->err));
    drgen_status status = modeldir_file(&dir, "model.json", 1 << 20, &bytes, &label, r->err);
    if (status == DRGEN_OK) status = json_parse(&doc, bytes.data, bytes.size, label, r->err);
    if (status == DRGEN_OK) {
        if (r->json) line(r, "\n \"model\": ");
        for (size_t i = 0; i < bytes.size; i++) json_out_raw(&r->text, (const char[]){(char)bytes.data[i], '\0'});
        r->files = 1; /* a comma follows */
    }
    for (const json_node *f = doc ? json_first(json_get(json_root(doc), "files")) : NULL; f && status == DRGEN_OK; f = json_next(f)) {
        const char *name = json_key(f), *dot = strrchr(name, '.');
        if (r->verify) status = verify(&dir, f, r->err);
        if (status != DRGEN_OK || !dot || strcmp(dot, ".safetensors") != 0) continue;
        char *file = file_join(path, name);
        status = file ? show(r, file) : err_fail(r->err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
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
    drgen_err err = {0};
    report r = {.err = &err};
    const args_option options[] = {{"--json", NULL, &r.json}, {"--verify", NULL, &r.verify}, {NULL, NULL, NULL}};
    struct stat st;
    int asked = args_read(argc, argv, options, &path, usage);
    if (asked) return asked == 1 ? 0 : asked;
    if (!path) {
        fprintf(stderr, "drgen inspect: a file or folder is missing; see drgen inspect --help\n");
        return 2;
    }
    int dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (r.verify && !dir) {
        fprintf(stderr, "drgen inspect: --verify is for a model folder; see drgen inspect --help\n");
        return 2;
    }
    drgen_status status = dir ? show_dir(&r, path) : show(&r, path);
    if (status == DRGEN_OK && r.text.failed) status = err_fail(&err, DRGEN_ERR_NOMEM, "inspect: out of memory");
    if (status == DRGEN_OK) printf(r.json ? "{%s\n}\n" : "%s", r.text.text);
    json_out_free(&r.text);
    return status == DRGEN_OK ? 0 : args_failed(&err);
}
