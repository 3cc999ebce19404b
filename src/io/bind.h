/* bind.h - a model's tensors, one after the other: names as printf, the first failure kept, vectors widened to memory
 * that the model owns. */
#ifndef IO_BIND_H
#define IO_BIND_H

#include "io/weights.h"

typedef struct {
    const st_file *f;
    drgen_err *err;
    drgen_status status; /* first failure; later calls do nothing */
    float **owned;       /* vectors; bind_free frees them */
    size_t count, room;
} binder;

/* A matrix of rows x cols; shape: as stored, its first axis rows. */
void bind_matrix(binder *b, wmat *out, const size_t *shape, int dims, const char *format, ...) ERR_PRINTF(5, 6);
/* count floats of a vector, owned by b; NULL after a failure. */
float *bind_vector(binder *b, size_t count, const char *format, ...) ERR_PRINTF(3, 4);
/* Room for count floats that the model makes itself; NULL after a failure. */
float *bind_own(binder *b, size_t count);
void bind_free(float **owned, size_t count);

#endif
