/* trainer.h - trains a transformer, or an adapter to one, update by update. Knows no dataset: songs come from a callback,
 * from a folder or made on the fly. Everything an update draws comes from the seed and its number, so that the state is
 * weights, moments and a count, and going on from a saved state gives the same bits, for any number of threads. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "train/adamw.h"
#include "train/dit_grad.h"
#include "train/flow.h"
#include "train/lora_params.h"
#include "train/muon.h"

typedef struct {
    size_t count;      /* songs of an epoch, each once, in a new order every time; 0: no end, indexes go up for ever */
    size_t validation; /* songs to validate with, by indexes of their own; 0: none */
    /* Fills song `slot` of the batch: latent (cleared before), length, text (cleared), style, start, duration; draws from
     * key. For validation the same key comes every time. */
    drgen_status (*get)(void *user, size_t index, int validation, uint64_t key, flow_batch *to, size_t slot,
                        drgen_err *err);
    void *user;
} train_source;

/* A form that batches take. */
typedef struct {
    size_t songs, frames;
    double share; /* of the updates that have it */
} train_shape;
enum { TRAIN_SHAPES = 4 };

typedef struct {
    const dit *base;    /* must outlive the trainer; adapters need it, full training copies it */
    const float *start; /* full training: other weights to begin with (dit_tensors' flat array); NULL: base's */
    pool *pool;
    const kern_table *kern;
    int full; /* 1: all weights; 0: an adapter */
    lora_shape lora;
    long updates;
    size_t batch, accumulate, frames; /* songs at once, batches of an update, frames of a song */
    train_shape shapes[TRAIN_SHAPES]; /* other forms than batch x frames, each for its share of the updates */
    size_t shape_count;
    lr_schedule schedule;
    long warmup;
    adamw_how adamw; /* lr: the highest */
    const muon_how *muon; /* full training: this optimiser instead, at adamw.lr; must outlive the trainer */
    flow_how flow;
    uint64_t seed;
    size_t memory; /* bytes within which activations are kept instead of made again */
} train_how;

/* One update, as it went. */
typedef struct {
    float loss, rate, norm, validation; /* validation: NaN when there was none */
} train_record;

typedef struct trainer trainer;

drgen_status trainer_open(trainer **out, const train_how *how, const train_source *source, drgen_err *err);
void trainer_close(trainer *t); /* NULL is fine */

/* Bytes of working memory: weights, gradients, moments and activations; known before trainer_open. */
drgen_status trainer_memory(const train_how *how, size_t *bytes, drgen_err *err);

/* The next update. A loss or gradient that is not a number changes nothing and is an ARG error that says what to do;
 * stop (may be NULL) is asked between batches: CANCELLED, and nothing has changed. */
drgen_status trainer_update(trainer *t, int (*stop)(void *user), void *user, drgen_err *err);
/* Mean loss over the source's songs for validation at fixed times and noise, kept with the last update. */
drgen_status trainer_validate(trainer *t, double *loss, drgen_err *err);
/* The same with every song at time t, nothing kept. */
drgen_status trainer_loss_at(trainer *t, double time, double *loss, drgen_err *err);
/* Seconds an update takes, from one batch of made-up numbers; floating-point operations of an update. */
double trainer_measure(trainer *t);
double trainer_flop(const trainer *t);

long trainer_done(const trainer *t);                   /* updates */
const train_record *trainer_records(const trainer *t); /* [trainer_done] */
/* What to use: the average of the weights (or adapter) when there is one. */
const float *trainer_result(const trainer *t);

/* All that is needed to go on, written under a temporary name and renamed. Loading checks that it belongs to the same
 * model, kind of training and seed: FORMAT error that says what differs. */
drgen_status trainer_save(const trainer *t, const char *path, drgen_err *err);
drgen_status trainer_load(trainer *t, const char *path, drgen_err *err);

#endif
