/* trainer_types.h - shared by trainer.c and trainer_state.c. */
#ifndef TRAIN_TRAINER_TYPES_H
#define TRAIN_TRAINER_TYPES_H

#include "train/trainer.h"

struct trainer {
    train_how how;
    train_source source;
    dit *weights, *grads;    /* full training: over arrays.p and arrays.g */
    lora_pair *pair, *pair_grad;
    adamw_arrays arrays;
    double *sums;
    dit_trained trained;
    muon *muon;              /* NULL: AdamW */
    dit_pass *pass;
    arena work;
    flow_batch batch;
    float *v;
    long done;
    train_record *records;   /* [how.updates] */
    size_t *order;           /* of the songs in epoch `epoch` */
    size_t epoch;
};

#endif
