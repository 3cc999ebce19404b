/* lora_params.h - an adapter's matrices in one flat array, and its files as PEFT writes them. Source: spec training.md
 * section 3; huggingface/peft, tuners/lora. */
#ifndef TRAIN_LORA_PARAMS_H
#define TRAIN_LORA_PARAMS_H

#include "train/dit_grad.h"

typedef struct {
    size_t rank;
    float alpha;    /* the product is scaled by alpha / rank */
    float dropout;  /* while training */
    unsigned sites; /* bit s: lora_site s has one, in every block */
} lora_shape;

enum { LORA_ATTENTION = 1 << LORA_Q | 1 << LORA_K | 1 << LORA_V | 1 << LORA_O, LORA_ALL = (1 << LORA_SITES) - 1 };

/* Sites by the names of their modules, separated by commas: "q_proj,v_proj" or "q,v"; "attention" and "all" for those.
 * ARG error that names the unknown one. */
drgen_status lora_sites(const char *names, unsigned *out, drgen_err *err);

/* Lays the pairs [depth * LORA_SITES] of an adapter over data (NULL: only counts); returns the floats it takes. */
size_t lora_over(lora_pair *pairs, const dit_cfg *cfg, const lora_shape *s, float *data);

/* Start: A uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), B zero, so that the first step begins at the base. */
void lora_init(const dit_cfg *cfg, const lora_shape *s, uint64_t seed, float *data);

/* Writes dir (made if need be) with adapter_model.safetensors and adapter_config.json. base: name of the model it belongs
 * to, for people. */
drgen_status lora_write(const char *dir, const dit_cfg *cfg, const lora_shape *s, const float *data, const char *base,
                        drgen_err *err);

#endif
