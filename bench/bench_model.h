/* bench_model.h - what parts with a model share. */
#ifndef BENCH_BENCH_MODEL_H
#define BENCH_BENCH_MODEL_H

#include "model/config.h"

/* 10^9 operations (a multiply-add is two) as the specification counts them: one forward of the transformer over so many
 * frames (dit.md section 8), and decoding so many (vae.md section 4). */
double bench_dit_gflop(const dit_cfg *c, double frames);
double bench_vae_gflop(const vae_cfg *c, double frames);

/* Reads model.json; says on stderr what is wrong, and is then 0. */
int bench_model_config(const char *folder, model_cfg *cfg);

#endif
