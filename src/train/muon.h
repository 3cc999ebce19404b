/* muon.h - Muon over the matrices of a transformer's blocks, Adam over everything else. A matrix moves along its
 * momentum's gradient with all singular values brought near 1 (five Newton-Schulz steps), so that rare directions learn as
 * fast as common ones. Sources: Jordan and others, "Muon: an optimizer for hidden layers in neural networks" (2024); step
 * sizes: Liu and others, "Muon is scalable for LLM training" (2025); spec nano.md section 5. */
#ifndef TRAIN_MUON_H
#define TRAIN_MUON_H

#include "train/adamw.h"
#include "train/dit_tensors.h"

typedef struct {
    double momentum, decay; /* of the matrices: 0.95 (Nesterov), 0.01 */
    double b1, b2, eps;     /* of everything else */
    double ema;             /* as in adamw_how */
    const char *fixed;      /* tensors whose names begin so stay as they are; NULL: none */
} muon_how;

typedef struct muon muon;

/* For a transformer whose tensors lie in a flat array. NOMEM. */
drgen_status muon_open(muon **out, const dit_cfg *cfg, pool *p, const kern_table *kern, drgen_err *err);
void muon_close(muon *o); /* NULL is fine */

/* Update n (from 1) at rate lr: weights move by lr 0.2 sqrt(longer side) along the direction above, or by Adam's step of
 * lr; then the average. The moments are a->m and, outside the matrices, a->v. */
void muon_update(muon *o, const adamw_arrays *a, const muon_how *how, double lr, long n);

/* For tests: g [rows, cols] becomes the direction. */
void muon_direction(muon *o, float *g, size_t rows, size_t cols);

#endif
