/* lora.h - low-rank adapters: W x becomes W x + strength * scale * B (A x) at the matrices of the blocks. Read from PEFT's
 * folders or from one file (lora_read.c, lora_config.c), attached to a transformer and detached again (lora.c).
 * Source: Hu et al., "LoRA" (2021); huggingface/peft, tuners/lora; spec training.md section 3. */
#ifndef MODEL_LORA_H
#define MODEL_LORA_H

#include "model/dit.h"

/* Places of a block that can carry a low-rank addition. */
typedef enum { LORA_Q, LORA_K, LORA_V, LORA_O, LORA_GATE, LORA_UP, LORA_DOWN, LORA_SITES } lora_site;

typedef struct {
    const char *name, *part;  /* "q_proj" of "self_attn" */
    int out_inner, in_inner;  /* 1: as wide as the MLP's inside */
} lora_module;

extern const lora_module lora_modules[LORA_SITES];
size_t lora_in(const dit_cfg *c, size_t site);
size_t lora_out(const dit_cfg *c, size_t site);

/* An adapter at one matrix. */
typedef struct {
    size_t rank; /* 0: none */
    float scale; /* alpha / rank, or alpha / sqrt(rank) with rslora */
    float *a, *b; /* [rank, in], [out, rank] */
} lora_place;

typedef struct {
    lora_place *places; /* [depth * LORA_SITES] */
    float *data;
    size_t matrices, bytes; /* places that are not empty; memory of data */
    int alpha_known;        /* 0: nothing said what alpha is; taken as each rank */
    char sha256[65], config_sha256[65]; /* of the file of matrices and of adapter_config.json, "" without one */
} lora_adapter;

/* Reads a folder with adapter_config.json and adapter_model.safetensors, or one .safetensors file. Every tensor must be
 * half of a pair that fits a matrix of a transformer of this configuration. MODEL and FORMAT errors name file, tensor,
 * wanted and found. */
drgen_status lora_read(lora_adapter **out, const dit_cfg *cfg, const char *path, drgen_err *err);
void lora_free(lora_adapter *a); /* NULL is fine */

/* Adds an adapter, which the transformer owns from now on, also on error; several add up. Where a block's matrices are
 * int8 it stays a term of its own beside them, elsewhere a copy W + sum of strength * scale * B A takes the matrix's
 * place: half precision where the matrix is, else float32. NOMEM leaves the transformer as it was. */
drgen_status lora_attach(dit *d, lora_adapter *a, float strength, const kern_table *kern, pool *p, drgen_err *err);
/* Takes all adapters off: the transformer is again as it was loaded, bit for bit. */
void lora_detach(dit *d);
/* Memory all attached adapters take, copies included. */
size_t lora_bytes(const dit *d);

#endif
