/* png_read.h - a small decoder of palette PNG files for tests, written from the standards and not from the encoder. */
#ifndef TESTS_PNG_READ_H
#define TESTS_PNG_READ_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t width, height;
    int colours;
    uint8_t palette[256][3];
    uint8_t *pixel; /* [height][width]; NULL: the file is wrong, why says how */
    const char *why;
} png_read;

/* Checks every length and sum on the way. */
png_read png_read_file(const unsigned char *data, size_t size);
void png_read_free(png_read *p);

#endif
