/* grains_tensors.h - what grains.c and grains_encode.c share. */
#ifndef MODEL_GRAINS_TENSORS_H
#define MODEL_GRAINS_TENSORS_H

#include "io/safetensors.h"
#include "model/grains_wave.h"

enum {
    GRAINS_DRIVES = GRAINS_COUNT + 1, /* one for every grain, and a constant */
    GRAINS_WIDTH = 3                  /* left, right, a constant */
};

/* Parameters of entries [first, first + count) of the snake `base`. */
void grains_snake(st_file *f, const char *base, size_t first, size_t count, double alpha, double beta);
/* The same, so that the snake does nothing. */
void grains_still(st_file *f, const char *base, size_t first, size_t count);
/* The snakes of a level's three residual units, from part `first` on, do nothing. */
void grains_still_units(st_file *f, const char *level, int first);

/* Fills the tensors of the encoder. NOMEM. */
drgen_status grains_encoder(st_file *f, const grains_atom *atoms, const float *grains, drgen_err *err);

#endif
