/* dit.h - the DiffRhythm transformer: types and calls. Source: spec dit.md; ASLP-lab/DiffRhythm model/dit.py. */
#ifndef MODEL_DIT_H
#define MODEL_DIT_H

#include "model/config.h"
#include "nn/nn.h"

typedef struct dit dit;

/* Binds every tensor of dit.safetensors by name and shape; the file must outlive the model. */
drgen_status dit_load(dit **out, const dit_cfg *cfg, const st_file *weights, drgen_err *err);
void dit_free(dit *d); /* NULL is fine */
const dit_cfg *dit_config(const dit *d);

/* Negative style [cond_dim] the model came with, or NULL. */
const float *dit_negative_style(const dit *d);

/* What does not change between steps, for one branch (conditional or null). */
typedef struct dit_branch dit_branch;

/* One song's inputs for a branch. null: cond and text are replaced by zeros and filler. */
typedef struct {
    const float *cond;    /* [frames, mel_dim], NULL: zeros */
    const int32_t *text;  /* [frames], 0..text_num_embeds; NULL: zeros */
    const float *style;   /* [cond_dim] */
    float start, duration;
    int null;
} dit_input;

typedef struct dit_work dit_work;

/* Optional look inside for tests: called with a named intermediate of one branch. */
typedef void (*dit_tap)(void *user, const char *name, int branch, const float *data, size_t rows, size_t width);

/* Lays out (measuring arena) or prepares (real arena) a run of branches (1 or 2) over frames. All memory comes from
 * n->work and stays valid until the caller rewinds. NULL when measuring. half_tables: see spec dit.md section 6. */
dit_work *dit_prepare(const dit *d, nn *n, const dit_input *in, int branches, size_t frames, int half_tables,
                      dit_tap tap, void *tap_user);

/* Velocities v[branch] [frames, mel_dim] at time t for the latents x [frames, mel_dim], all branches in one pass over
 * the weights. tick (may be NULL) is asked between blocks whether to go on; returns 0 when it said stop (non-zero),
 * else 1. Measuring: counts memory only. Same bits for any number of threads. */
int dit_forward(dit_work *w, nn *n, const float *x, float t, float *const *v, int (*tick)(void *user), void *tick_user);

#endif
