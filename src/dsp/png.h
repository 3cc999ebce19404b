/* png.h - pictures with a palette as PNG files in memory (W3C PNG, second edition; zlib and deflate: RFC 1950, 1951).
 * The same pixels always give the same bytes. */
#ifndef DSP_PNG_H
#define DSP_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PNG_MAX_SIDE = 16384, PNG_MAX_COLOURS = 256 };

/* Borrowed: rows from the top, one palette index a pixel. */
typedef struct {
    const uint8_t *pixel;           /* [height][width], every one below colours */
    size_t width, height;           /* 1..PNG_MAX_SIDE */
    const uint8_t (*palette)[3];    /* [colours] red, green, blue */
    int colours;                    /* 1..PNG_MAX_COLOURS */
} png_image;

/* *out (malloc'd) gets *size bytes, a whole file. DRGEN_ERR_ARG: sides, colours or a pixel out of range;
 * DRGEN_ERR_NOMEM. */
drgen_status png_encode(const png_image *image, unsigned char **out, size_t *size, drgen_err *err);

#endif
