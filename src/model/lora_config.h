/* lora_config.h - adapter_config.json: what PEFT says about an adapter beside its matrices. Private to model/. */
#ifndef MODEL_LORA_CONFIG_H
#define MODEL_LORA_CONFIG_H

#include "io/json.h"

typedef struct {
    json_doc *doc; /* NULL: there is no such file */
    double rank, alpha; /* of modules no pattern names */
    int rslora;
} lora_config;

/* Parses and checks it: a LoRA, no DoRA, a start that leaves the base's weights alone, patterns that are understood.
 * FORMAT errors name the key. Free with lora_config_free, also after an error. */
drgen_status lora_config_read(lora_config *c, const void *text, size_t size, const char *name, drgen_err *err);
void lora_config_free(lora_config *c);

/* Rank and alpha of a module by its full name, "transformer_blocks.3.mlp.up_proj": rank_pattern and alpha_pattern count
 * before r and lora_alpha. */
void lora_config_module(const lora_config *c, const char *module, double *rank, double *alpha);

/* Whether a pattern's key names a module: all of it, or what follows one of its dots, as PEFT matches it. Of regular
 * expressions it understands . \. \d [0-9] + * ^ and $; 0 or 1, -1 for one with anything else. */
int lora_pattern_match(const char *pattern, const char *module);

#endif
