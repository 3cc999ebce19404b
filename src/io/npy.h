/* npy.h - small float vectors: NumPy .npy files (f2, f4, f8, little-endian, C order) and safetensors. */
#ifndef IO_NPY_H
#define IO_NPY_H

#include "io/file.h"

/* Reads a vector of exactly count numbers (any shape with that many, e.g. [1,512]) from .npy or .safetensors (the
 * only tensor, or the one called "style"), told apart by content, into out. Not finite, or another count: error. */
drgen_status npy_read_vector(const char *path, float *out, size_t count, drgen_err *err);
drgen_status npy_read_bytes(file_bytes bytes, const char *name, float *out, size_t count, drgen_err *err);
drgen_status npy_write_vector(const char *path, const float *v, size_t count, drgen_err *err); /* f4, shape [1, count] */

#endif
