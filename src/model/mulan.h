/* mulan.h - MuQ-MuLan text tower: XLM-R plus the MuLan transformer, to a unit style vector. Source: spec mulan.md. */
#ifndef MODEL_MULAN_H
#define MODEL_MULAN_H

#include "model/config.h"
#include "nn/nn.h"

typedef struct mulan_text mulan_text;

/* Binds every tensor of mulan.safetensors by name and exact shape; matrices and the word embedding are used in place,
 * so the file must outlive the model. MODEL errors name the tensor, wanted and found shape. */
drgen_status mulan_text_load(mulan_text **out, const mulan_text_cfg *cfg, const st_file *weights, drgen_err *err);
void mulan_text_free(mulan_text *m); /* NULL is fine */

/* 0 when the word table's row for this id is all zeros: the piece says nothing to the model. */
int mulan_text_hears(const mulan_text *m, int32_t id);
/* The first id whose row equals this one's, from first up to it. */
int32_t mulan_text_twin(const mulan_text *m, int32_t id, int32_t first);

/* Optional look inside, names as in golden/mulan_tiny ("emb", "layer0.attn", "layer3", "tf0.attn", "latent_raw"...). */
typedef void (*mulan_tap)(void *user, const char *name, const float *data, size_t rows, size_t width);

/* ids [count] with <s> and </s> (1 <= count <= positions - 2, every id < vocab_size: checked by the caller) to
 * style [dim_latent] of length 1. Measuring: counts only. */
void mulan_text_encode(const mulan_text *m, nn *n, const int32_t *ids, size_t count, float *style, mulan_tap tap,
                       void *user);

#endif
