/* dit.h - the DiffRhythm transformer: types and calls. Source: spec dit.md; ASLP-lab/DiffRhythm model/dit.py. */
#ifndef MODEL_DIT_H
#define MODEL_DIT_H

#include "model/config.h"
#include "nn/nn.h"

enum { DIT_MAX_BRANCHES = 2 };

typedef struct dit dit;

/* Binds every tensor of dit.safetensors by name and shape; the file must outlive the model. */
drgen_status dit_load(dit **out, const dit_cfg *cfg, const st_file *weights, drgen_err *err);
void dit_free(dit *d); /* NULL is fine */
const dit_cfg *dit_config(const dit *d);

/* Negative style [cond_dim] the model came with, or NULL. */
const float *dit_negative_style(const dit *d);

/* One song's inputs for a branch. null: cond and text are replaced by zeros and filler. */
typedef struct {
    const float *cond;    /* [frames, mel_dim], NULL: zeros */
    const int32_t *text;  /* [frames], 0..text_num_embeds; NULL: zeros */
    const float *style;   /* [cond_dim] */
    float start, duration;
    int null;
} dit_input;

/* Optional look inside for tests: called with a named intermediate of one branch. */
typedef void (*dit_tap)(void *user, const char *name, int branch, const float *data, size_t rows, size_t width);

/* A prepared run: what does not change between steps. Members are dit's own; all but this struct lies in the arena. */
typedef struct {
    const dit *d;
    size_t frames, branches;
    float *rope_cos, *rope_sin;                 /* [frames, head/2] */
    float *text[DIT_MAX_BRANCHES];              /* [frames, cond_dim] text features */
    float *base[DIT_MAX_BRANCHES];              /* [frames, dim] input projection of cond and text */
    float *row_base[DIT_MAX_BRANCHES];          /* [dim] bias and the style's part of the input projection */
    float *time_base[DIT_MAX_BRANCHES];         /* [cond_dim] start and duration embeddings */
    float *fusion[DIT_MAX_BRANCHES];            /* [depth/2, frames, dim] what text adds after a block */
    float *h;                                   /* [branches * frames, dim] the residual stream */
    dit_tap tap;
    void *tap_user;
} dit_work;

/* Prepares (or, with a measuring arena, only counts) a run of 1 or 2 branches over frames. All memory comes from
 * n->work and stays in use until the caller rewinds. Inputs are not needed afterwards. half_tables: spec dit.md
 * section 6. tap may be NULL. */
void dit_prepare(dit_work *w, const dit *d, nn *n, const dit_input *in, int branches, size_t frames, int half_tables,
                 dit_tap tap, void *tap_user);

/* Velocities v[branch] [frames, mel_dim] at time t for the latents x [frames, mel_dim], all branches in one pass over
 * the weights. tick (may be NULL) is asked between blocks; non-zero stops and makes the result 0, else it is 1.
 * Measuring: counts memory only, v may be NULL. Same bits for any number of threads.
 * Source: ASLP-lab/DiffRhythm model/dit.py, class DiT, forward(). */
int dit_forward(dit_work *w, nn *n, const float *x, float t, float *const *v, int (*tick)(void *user), void *tick_user);

/* The first branch alone, v [frames, mel_dim]: the bits dit_forward gives it, for the price of one branch. */
int dit_forward_first(const dit_work *w, nn *n, const float *x, float t, float *v, int (*tick)(void *user), void *tick_user);

#endif
