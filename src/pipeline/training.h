/* training.h - parts of drgen_train: songs from a dataset, and what it writes. Private to pipeline/. */
#ifndef PIPELINE_TRAINING_H
#define PIPELINE_TRAINING_H

#include "nano/songs.h"
#include "pipeline/engine.h"
#include "text/frames.h"
#include "train/dataset.h"
#include "train/trainer.h"

/* Crops of a dataset's songs (spec training.md section 1), each with the lines that begin in it. */
typedef struct {
    dataset *songs;
    size_t held;       /* of its last songs, for validation only */
    int max_frames;    /* of the model */
    frames_line *room; /* as many lines as the song with the most has */
    size_t room_count;
    float *noise; /* [longest song... frames, latent_dim] */
    size_t noise_count;
} training_songs;

/* Opens the dataset and checks that its songs fit the model. MODEL errors name both numbers. */
drgen_status training_songs_open(training_songs *out, const char *dir, const dit_cfg *cfg, size_t held, drgen_err *err);
void training_songs_close(training_songs *s); /* NULL-safe, idempotent */
/* validate: songs to look at when none are held back. */
train_source training_source(training_songs *s, size_t validate);

/* The composer's songs (nano/songs.h) instead, and what its training asks for. */
typedef struct {
    nano_songs *songs;
    muon_how muon;
} training_composer;
drgen_status training_composer_open(training_composer *out, drgen *g, const dit_cfg *cfg, drgen_err *err);
void training_composer_close(training_composer *c); /* NULL-safe, idempotent */
/* Changes how: flow, optimiser, forms of batches. */
void training_composer_plan(training_composer *c, const drgen_training *o, train_how *how);
/* The style that stands for none, [WORDS_STYLE]. */
const float *training_composer_negative(const training_composer *c);

/* The folder's files about the training: state, loss.csv, loss.png. */
drgen_status training_write_records(const char *dir, const trainer *t, drgen_err *err);

/* A model directory at dir: g's, with this transformer instead; negative [cond_dim]: its own style for none, NULL: g's. */
drgen_status training_write_model(const drgen *g, const char *dir, const dit_cfg *cfg, const float *weights,
                                  const float *negative, int half, drgen_err *err);

#endif
