/* pt_zip.h - the directory of a ZIP archive whose members are stored, not compressed, as torch writes them. */
#ifndef WEIGHTS_TOOLS_PT_ZIP_H
#define WEIGHTS_TOOLS_PT_ZIP_H

#include "base/strmap.h"
#include "io/file.h"

typedef struct {
    const char *name; /* not terminated */
    size_t name_size;
    const uint8_t *data; /* NULL: compressed; torch compresses only program text */
    size_t size;
    const uint8_t *packed; /* the bytes in the file; the same as data when stored */
    size_t packed_size;
    int method; /* 0 stored, 8 deflated */
} pt_member;

typedef struct {
    pt_member *members;
    size_t count;
    strmap index;
} pt_zip;

/* Reads the central directory (ZIP64 too); every member's range is checked against the file. */
drgen_status pt_zip_read(pt_zip *out, file_bytes bytes, const char *name, drgen_err *err);
void pt_zip_free(pt_zip *z);
/* Member called a followed by b (either may be ""), or NULL. */
const pt_member *pt_zip_find(const pt_zip *z, const char *a, size_t a_size, const char *b, size_t b_size);

#endif
