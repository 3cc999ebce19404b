/* safetensors.h - reader and writer of .safetensors files. Bounds, overlaps, duplicates, shapes and sizes are checked
 * when a file is opened; after that every tensor can be used without another check.
 * Format: https://huggingface.co/docs/safetensors. */
#ifndef IO_SAFETENSORS_H
#define IO_SAFETENSORS_H

#include "io/file.h"

typedef enum { ST_F32, ST_F16, ST_BF16, ST_F64, ST_I64, ST_I32, ST_I16, ST_I8, ST_U8, ST_BOOL, ST_TYPES } st_type;
enum { ST_MAX_DIMS = 8 };

typedef struct {
    const char *name; /* owned by the file */
    st_type type;
    int dims;
    size_t shape[ST_MAX_DIMS];
    size_t count; /* elements */
    const void *data; /* the format does not promise alignment: weights_value and memcpy can read it, pointers may not */
} st_tensor;

typedef struct st_file st_file;

size_t st_type_size(st_type t);
const char *st_type_name(st_type t); /* "F32", ... */
int st_type_from_name(const char *name); /* st_type, or -1 */

/* Takes a mapped or borrowed file; st_close closes it. path is for messages and copied. */
drgen_status st_open(st_file **out, const char *path, drgen_err *err);
drgen_status st_open_bytes(st_file **out, file_bytes bytes, const char *name, drgen_err *err);
void st_close(st_file *f); /* NULL is fine */

/* A file that exists in memory only: float32 tensors of zeros, each on a 64-byte boundary, to be filled through st_values
 * before anybody reads them. Names are copied and must differ. name is for messages. */
typedef struct {
    const char *name;
    int dims;
    size_t shape[ST_MAX_DIMS];
} st_shape;
drgen_status st_make(st_file **out, const char *name, const st_shape *shapes, size_t count, drgen_err *err);
float *st_values(st_file *f, const char *name); /* NULL: no such tensor, or f was read from bytes */
int st_is_made(const st_file *f);

size_t st_count(const st_file *f);
const st_tensor *st_at(const st_file *f, size_t i); /* in file order */
const st_tensor *st_find(const st_file *f, const char *name); /* hashed; NULL when absent */
const char *st_metadata(const st_file *f, const char *key);   /* NULL when absent */
const char *st_metadata_key(const st_file *f, size_t i);      /* NULL past the last */
const char *st_name(const st_file *f);                        /* path it was opened with */
size_t st_bytes(const st_file *f);                            /* size of the whole file */
const void *st_data(const st_file *f);                        /* the whole file (residency) */

/* "[2048,1664]" into out (truncated if need be); returns out. */
char *st_shape_text(char *out, size_t room, const size_t *shape, int dims);

/* Writer: declare every tensor, then write their data in the same order, in pieces of any size. Data start on a 64-byte
 * boundary and follow each other without gaps, so declare types of larger elements first. Sizes are checked. */
typedef struct st_writer st_writer;
drgen_status st_create(st_writer **out, const char *path, drgen_err *err);
drgen_status st_declare(st_writer *w, const char *name, st_type type, const size_t *shape, int dims, drgen_err *err);
drgen_status st_set_metadata(st_writer *w, const char *key, const char *value, drgen_err *err);
drgen_status st_put(st_writer *w, const void *data, size_t bytes, drgen_err *err); /* the first call writes the header */
drgen_status st_finish(st_writer *w, drgen_err *err); /* rename into place; frees w, also on error */
void st_cancel(st_writer *w); /* NULL is fine; removes the temporary file, frees w */

#endif
