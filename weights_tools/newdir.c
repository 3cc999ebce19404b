/* newdir.c - see newdir.h. */
#include "weights_tools/newdir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

drgen_status newdir_begin(newdir *d, const char *path, drgen_err *err)
{
    *d = (newdir){0};
    if (!*path) return err_fail(err, DRGEN_ERR_ARG, "output: the folder's name is empty");
    if (access(path, F_OK) == 0 && rmdir(path) != 0)
        return err_fail(err, DRGEN_ERR_IO, "%s: is there already; name a new folder, or remove it first", path);
    size_t size = strlen(path) + 32;
    d->path = strdup(path);
    d->temp = malloc(size);
    if (!d->path || !d->temp) {
        free(d->temp), d->temp = NULL;
        newdir_abort(d);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    }
    for (size_t n = strlen(d->path); n > 1 && d->path[n - 1] == '/';) d->path[--n] = '\0';
    for (int n = 0; n < 1000; n++) { /* not mkdtemp, whose folders are private */
        snprintf(d->temp, size, "%s.%ld-%d", d->path, (long)getpid(), n);
        if (mkdir(d->temp, 0777) == 0) return DRGEN_OK;
        if (errno != EEXIST) break;
    }
    drgen_status status = err_fail(err, DRGEN_ERR_IO, "%s: cannot make a folder here: %s", path, strerror(errno));
    free(d->temp), d->temp = NULL;
    newdir_abort(d);
    return status;
}

drgen_status newdir_commit(newdir *d, drgen_err *err)
{
    drgen_status status = DRGEN_OK;
    if (rename(d->temp, d->path) != 0)
        status = err_fail(err, DRGEN_ERR_IO, "%s: cannot rename into place: %s", d->path, strerror(errno));
    else free(d->temp), d->temp = NULL;
    newdir_abort(d);
    return status;
}

void newdir_abort(newdir *d)
{
    if (!d) return;
    DIR *dir = d->temp ? opendir(d->temp) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char *file = file_join(d->temp, e->d_name);
        if (file) unlink(file); /* "." and ".." refuse */
        free(file);
    }
    if (dir) closedir(dir);
    if (d->temp) rmdir(d->temp);
    free(d->temp);
    free(d->path);
    *d = (newdir){0};
}
