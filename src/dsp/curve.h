/* curve.h - a training's losses as a picture: every update's, their running mean, and those of validation. */
#ifndef DSP_CURVE_H
#define DSP_CURVE_H

#include <stddef.h>

#include "base/err.h"

typedef struct {
    const float *loss, *validation; /* [count], `stride` floats apart; validation: NaN where there is none */
    size_t count, stride;           /* count: 1 or more */
    const char *title;
} curve_source;

/* A PNG file in memory; *out is malloc'd. The same numbers always give the same bytes. */
drgen_status curve_make(const curve_source *s, unsigned char **out, size_t *size, drgen_err *err);

#endif
