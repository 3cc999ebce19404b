/* modeldir.c - see modeldir.h. */
#include "io/modeldir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

drgen_status modeldir_open(modeldir *out, const char *path, drgen_err *err)
{
    *out = (modeldir){0};
    struct stat st;
    if (stat(path, &st) != 0) return err_fail(err, DRGEN_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_fail(err, DRGEN_ERR_IO, "%s: a model is a folder made by `drgen convert`, this is a file", path);
    out->path = strdup(path);
    if (!out->path) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    if (modeldir_has(out, "model.json")) return DRGEN_OK;
    modeldir_close(out);
    return err_fail(err, DRGEN_ERR_IO, "%s: has no model.json; make a model folder with `drgen convert`", path);
}

modeldir modeldir_open_packed(const modeldir_packed *files)
{
    return (modeldir){.packed = files};
}

void modeldir_close(modeldir *d)
{
    if (!d) return;
    free(d->path);
    *d = (modeldir){0};
}

static const modeldir_packed *packed(const modeldir *d, const char *name)
{
    for (const modeldir_packed *p = d->packed; p && p->name; p++)
        if (strcmp(p->name, name) == 0) return p;
    return NULL;
}

int modeldir_has(const modeldir *d, const char *name)
{
    if (!d->path) return packed(d, name) != NULL;
    char *path = file_join(d->path, name);
    int has = path && access(path, F_OK) == 0;
    free(path);
    return has;
}

drgen_status modeldir_file(const modeldir *d, const char *name, size_t max_size, file_bytes *out, char **label,
                           drgen_err *err)
{
    *out = (file_bytes){0};
    if (label) *label = NULL;
    if (strchr(name, '/') || name[0] == '.' || !*name)
        return err_fail(err, DRGEN_ERR_FORMAT, "model.json: \"%s\" is not the name of a file in the model folder", name);
    char *path = file_join(d->path ? d->path : "(built-in model)", name);
    if (!path) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    drgen_status status = DRGEN_OK;
    if (d->path) status = file_map(out, path, max_size, err);
    else {
        const modeldir_packed *p = packed(d, name);
        if (p) *out = file_borrow(p->begin, (size_t)(p->end - p->begin));
        else status = err_fail(err, DRGEN_ERR_IO, "%s: not there", path);
    }
    if (label && status == DRGEN_OK) *label = path;
    else free(path);
    return status;
}
