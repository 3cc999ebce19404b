/* dit_tensors.h - the transformer's tensors as one list, and transformers whose tensors lie in one flat array: weights
 * being trained, their gradients, the optimiser's moments. Names and shapes are those of dit.safetensors. */
#ifndef TRAIN_DIT_TENSORS_H
#define TRAIN_DIT_TENSORS_H

#include "io/safetensors.h"
#include "model/dit_types.h"

typedef struct {
    char name[96];
    size_t shape[3], count;
    int dims;
    size_t at;    /* first float in a flat array; a multiple of 16, what is between tensors stays zero */
    wmat *matrix; /* where the transformer points to it: one of the two */
    const float **vector;
} dit_tensor;

int dit_tensor_ends(const dit_tensor *t, const char *end); /* the name does */

/* Lists d's tensors; out may be NULL. Returns their number; *floats (may be NULL) gets the length of a flat array. d needs
 * its configuration and its arrays of layers only. */
size_t dit_tensors(dit *d, dit_tensor *out, size_t *floats);

/* The list for a configuration, malloc'd, without places (matrix and vector are of no use). NOMEM. */
drgen_status dit_list(const dit_cfg *cfg, dit_tensor **out, size_t *count, drgen_err *err);

/* A transformer of this configuration over data (dit_tensors' floats of them), which must outlive it; dit_free frees it.
 * The negative style is left out. NOMEM. */
drgen_status dit_over(dit **out, const dit_cfg *cfg, float *data, drgen_err *err);
/* Length of the flat array without making one; NOMEM. */
drgen_status dit_floats(const dit_cfg *cfg, size_t *floats, drgen_err *err);

/* Widens every tensor of from (int8 ones too) into the flat array data. */
drgen_status dit_flatten(const dit *from, const kern_table *kern, float *data, drgen_err *err);

/* Random start as torch's layers have it: uniform in +-1/sqrt(fan in) for matrices and biases, normal token rows, ones
 * for norms, zeros for GRN. Every tensor draws from its own stream of the seed. */
drgen_status dit_init(const dit_cfg *cfg, uint64_t seed, float *data, drgen_err *err);

/* Writes the flat array as dit.safetensors, in float32 or half precision; negative [cond_dim] may be NULL. */
drgen_status dit_write(const char *path, const dit_cfg *cfg, const float *data, const float *negative, int half,
                       drgen_err *err);

#endif
