/* weights.h - tensors by name, type and exact shape: the only way models get at their weights. */
#ifndef IO_WEIGHTS_H
#define IO_WEIGHTS_H

#include "io/safetensors.h"

/* A matrix of weights as it lies in the file: rows x cols, row-major, f32, f16, bf16, or i8 with a scale per row. */
typedef struct {
    const void *data;
    st_type type;
    size_t rows, cols;
    size_t ld; /* row stride in elements; 0: cols (a slice of columns keeps its matrix's stride) */
    const float *scale; /* i8: [rows], a row is its bytes times this; NULL otherwise */
} wmat;

/* Finds a matrix of exactly rows x cols elements; the file's shape must be dims long with product of all but the
 * first = cols (so conv weights [out, k, in] bind as out x k*in). MODEL error naming file, tensor, wanted and found
 * shape. */
drgen_status weights_matrix(const st_file *f, const char *name, const size_t *shape, int dims, wmat *out, drgen_err *err);

/* The same for a matrix that may also be int8: I8 [rows, cols] beside F32 [rows] named name + "_scale". */
drgen_status weights_matrix_q8(const st_file *f, const char *name, size_t rows, size_t cols, wmat *out, drgen_err *err);

/* Finds a tensor of exactly this shape and widens it to float32 into out[count] (caller's memory). */
drgen_status weights_floats(const st_file *f, const char *name, const size_t *shape, int dims, float *out, drgen_err *err);

/* Element i of a tensor as float32; any float type. For small things. */
float weights_value(const st_tensor *t, size_t i);
/* Widens count elements from first. */
void weights_widen(const st_tensor *t, size_t first, size_t count, float *out);

#endif
