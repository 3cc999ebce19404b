/* file.h - files as read-only bytes (mapped) and atomic writes (temporary name, then rename). */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* Read-only bytes of a file, or of memory somebody else owns. */
typedef struct {
    const uint8_t *data;
    size_t size;
    int mapped; /* 1: file_close unmaps; 0: borrowed memory */
} file_bytes;

/* Maps a regular file of at most max_size bytes. Empty files give data non-NULL, size 0. IO error when it is
 * missing, a directory, or larger. The message holds path and reason. */
drgen_status file_map(file_bytes *out, const char *path, size_t max_size, drgen_err *err);
void file_close(file_bytes *f); /* NULL-safe, idempotent */
file_bytes file_borrow(const void *data, size_t size);

/* What people save by mistake in place of a model's file - a Git LFS pointer, a web page, nothing - said in words that
 * follow the file's name; NULL when it is none of these. */
const char *file_mistake(file_bytes f);

/* Atomic write: file_begin opens a temporary file in the target's folder (refusing a target that exists and is no
 * regular file), file_commit flushes, syncs, closes and renames, file_abort removes. Exactly one of commit and abort
 * follows a successful begin. A failed write (full disk) shows at commit at the latest. */
typedef struct {
    FILE *f;
    char *path, *temp;
} file_writer;

drgen_status file_begin(file_writer *w, const char *path, drgen_err *err);
drgen_status file_commit(file_writer *w, drgen_err *err);
void file_abort(file_writer *w); /* NULL-safe, idempotent, fine after commit */

/* fwrite with the error turned into a message. */
drgen_status file_put(file_writer *w, const void *data, size_t size, drgen_err *err);

/* dir/name, malloc'd; NULL when out of memory. */
char *file_join(const char *dir, const char *name);

/* SHA-256 of bytes as 64 lower-case hex digits and a zero (FIPS 180-4). */
void file_sha256(const void *data, size_t size, char hex[65]);

#endif
