/* newdir.h - a folder that appears whole or not at all: filled under a temporary name, then renamed. */
#ifndef WEIGHTS_TOOLS_NEWDIR_H
#define WEIGHTS_TOOLS_NEWDIR_H

#include "base/err.h"

typedef struct {
    char *path, *temp;
} newdir;

/* Refuses a target that exists, unless it is an empty folder. Fill d->temp, then commit or abort. */
drgen_status newdir_begin(newdir *d, const char *path, drgen_err *err);
drgen_status newdir_commit(newdir *d, drgen_err *err);
void newdir_abort(newdir *d); /* removes what was written; NULL-safe, fine after commit */

#endif
