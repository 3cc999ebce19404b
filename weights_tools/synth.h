/* synth.h - model folders with made-up weights: the real architecture at any size, to run everything without a
 * download. Values by rule synth-1, ranges chosen so that activations stay near 1. */
#ifndef WEIGHTS_TOOLS_SYNTH_H
#define WEIGHTS_TOOLS_SYNTH_H

#include "weights_tools/pack.h"

typedef struct {
    dit_cfg dit;
    vae_cfg vae;
    mulan_text_cfg text;
    mulan_audio_cfg audio; /* conv_dim 0: no audio tower */
    pack_dtype dtype;
    uint64_t seed;
    const char *name, *note;
    const char *tokenizer; /* path of a tokenizer to copy in, or NULL: no text tower */
    int (*stop)(void);     /* as in pack_how */
} synth_model;

synth_model synth_model_1b(int full); /* 1.1 B parameters; full: the 285 s variant */
synth_model synth_model_tiny(void);   /* small, for tests */

/* Makes dir (which must not exist, or be empty) and fills it. */
drgen_status synth_write(const char *dir, const synth_model *m, drgen_err *err);

#endif
