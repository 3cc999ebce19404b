/* modeldir.h - a model directory (design: model.json, dit.safetensors, vae.safetensors, mulan.safetensors,
 * tokenizer.model): on disk, or packed into the program. Readers see bytes by name and never know which. */
#ifndef IO_MODELDIR_H
#define IO_MODELDIR_H

#include "io/file.h"

typedef struct {
    const char *name;
    const unsigned char *begin, *end;
} modeldir_packed;

typedef struct {
    char *path;                    /* NULL: packed */
    const modeldir_packed *packed; /* ends with a NULL name */
} modeldir;

drgen_status modeldir_open(modeldir *out, const char *path, drgen_err *err); /* checks that model.json is there */
modeldir modeldir_open_packed(const modeldir_packed *files);
void modeldir_close(modeldir *d);
int modeldir_has(const modeldir *d, const char *name);
/* Maps (or borrows) one file of the directory. The message names the full path. label gets "dir/name" (malloc'd) when
 * not NULL. */
drgen_status modeldir_file(const modeldir *d, const char *name, size_t max_size, file_bytes *out, char **label,
                           drgen_err *err);

#endif
