/* dataset_manifest.c - dataset.jsonl: a line about the dataset, then one about each song. See dataset.h. */
#include <stdlib.h>
#include <string.h>

#include "base/strmap.h"
#include "io/json.h"
#include "train/dataset.h"

static drgen_status bad(const char *path, size_t line, const char *what, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: line %zu: %s", path, line, what);
}

static drgen_status read_head(const json_doc *doc, dataset_info *info, drgen_err *err)
{
    static const char *const keys[] = {"latent_dim", "style_dim", "hop", "rate"};
    static const int64_t most[] = {DATASET_MAX_DIM, DATASET_MAX_DIM, 1 << 20, 1 << 20};
    size_t *const to[] = {&info->latent_dim, &info->style_dim, &info->hop, &info->rate};
    const json_node *root = json_root(doc);
    int64_t version = 0, value = 0;
    if (strcmp(json_string(json_get(root, "format"), ""), "drgen-dataset") != 0)
        return err_fail(err, DRGEN_ERR_FORMAT,
                        "%s: its first line does not say \"format\":\"drgen-dataset\"; make one with `drgen prepare`",
                        json_name(doc));
    ERR_TRY(json_need_int(doc, root, "version", 1, 1000000, &version, err));
    if (version != 1)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: version %d of the format; this drgen reads version 1",
                        json_name(doc), (int)version);
    for (size_t i = 0; i < 4; i++) {
        ERR_TRY(json_need_int(doc, root, keys[i], 1, most[i], &value, err));
        *to[i] = (size_t)value;
    }
    return DRGEN_OK;
}

/* A path that stays in the dataset's folder. */
static int is_inside(const char *file)
{
    if (!*file || *file == '/') return 0;
    for (const char *part = file; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2])) return 0;
    return 1;
}

static drgen_status read_entry(const json_doc *doc, const char *line, size_t size, dataset_entry *e, drgen_err *err)
{
    static const char *const keys[] = {"frames", "lines", "tokens"};
    size_t *const to[] = {&e->frames, &e->lines, &e->tokens};
    const json_node *root = json_root(doc);
    const char *name, *file;
    int64_t value = 0;
    ERR_TRY(json_need_string(doc, root, "name", &name, err));
    ERR_TRY(json_need_string(doc, root, "file", &file, err));
    for (size_t i = 0; i < 3; i++) {
        ERR_TRY(json_need_int(doc, root, keys[i], i == 0, DATASET_MAX_FRAMES, &value, err));
        *to[i] = (size_t)value;
    }
    if (!*name) return err_fail(err, DRGEN_ERR_FORMAT, "%s: name: it is empty", json_name(doc));
    if (!is_inside(file))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: file: %s is outside the dataset", json_name(doc), file);
    e->name = strdup(name);
    e->file = strdup(file);
    e->line = strndup(line, size);
    return e->name && e->file && e->line ? DRGEN_OK
                                         : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", json_name(doc));
}

static drgen_status add_line(dataset_manifest *m, strmap *names, const char *line, size_t size, const char *name,
                             drgen_err *err)
{
    json_doc *doc = NULL;
    ERR_TRY(json_parse(&doc, line, size, name, err));
    dataset_entry e = {0};
    drgen_status status = read_entry(doc, line, size, &e, err);
    if (status == DRGEN_OK && m->count == DATASET_MAX_SONGS)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: more than %d songs", name, DATASET_MAX_SONGS);
    if (status == DRGEN_OK && strmap_get(names, e.name, strlen(e.name), -1) >= 0)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: \"%s\" is there twice", name, e.name);
    if (status == DRGEN_OK && (m->count & (m->count - 1)) == 0) { /* full at powers of two */
        dataset_entry *grown = realloc(m->entries, (m->count ? 2 * m->count : 1) * sizeof *grown);
        if (grown) m->entries = grown;
        else status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    if (status == DRGEN_OK && !strmap_put(names, e.name, strlen(e.name), (int32_t)m->count, 0))
        status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    if (status == DRGEN_OK) m->entries[m->count++] = e;
    else free(e.name), free(e.file), free(e.line);
    json_free(doc);
    return status;
}

static drgen_status add_head(dataset_manifest *m, const char *line, size_t size, const char *name, drgen_err *err)
{
    json_doc *doc = NULL;
    ERR_TRY(json_parse(&doc, line, size, name, err));
    drgen_status status = read_head(doc, &m->info, err);
    json_free(doc);
    return status;
}

drgen_status dataset_manifest_read(dataset_manifest *out, const char *text, size_t size, const char *path,
                                   drgen_err *err)
{
    *out = (dataset_manifest){0};
    strmap names = {0};
    size_t room = strlen(path) + 32, number = 0;
    char *name = malloc(room);
    drgen_status status = name ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    int head = 0;
    for (size_t at = 0; at < size && status == DRGEN_OK;) {
        const char *line = text + at, *end = memchr(line, '\n', size - at);
        size_t length = end ? (size_t)(end - line) : size - at;
        at += length + 1;
        number++;
        if (length && line[length - 1] == '\r') length--;
        if (length == 0) continue;
        snprintf(name, room, "%s: line %zu", path, number);
        status = head ? add_line(out, &names, line, length, name, err) : add_head(out, line, length, name, err);
        head = 1;
    }
    if (status == DRGEN_OK && !head) status = bad(path, 1, "the file is empty", err);
    strmap_free(&names);
    free(name);
    if (status != DRGEN_OK) dataset_manifest_free(out);
    return status;
}

void dataset_manifest_free(dataset_manifest *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->count; i++) {
        free(m->entries[i].name);
        free(m->entries[i].file);
        free(m->entries[i].line);
    }
    free(m->entries);
    *m = (dataset_manifest){0};
}
