/* training.h - parts of drgen_train: songs from a dataset, and what it writes. Private to pipeline/. */
#ifndef PIPELINE_TRAINING_H
#define PIPELINE_TRAINING_H

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

/* The folder's files about the training: state, loss.csv, loss.png. */
drgen_status training_write_records(const char *dir, const trainer *t, drgen_err *err);

/* A model directory at dir: g's, with this transformer instead. */
drgen_status training_write_model(const drgen *g, const char *dir, const dit_cfg *cfg, const float *weights, int half,
                                  drgen_err *err);

#endif
