/* dataset_write.h - makes a dataset (dataset.h) and adds songs to it. Every file is written under a temporary name and
 * renamed, the manifest last: a dataset can be read at any moment, and work that was stopped goes on where it was. */
#ifndef TRAIN_DATASET_WRITE_H
#define TRAIN_DATASET_WRITE_H

#include "train/dataset.h"

typedef struct dataset_writer dataset_writer;

/* Opens or makes the folder dir for songs of these widths; songs that are there stay. ARG error when its songs have
 * other widths. With latent_dim 0 the widths of the first song count. */
drgen_status dataset_create(dataset_writer **out, const char *dir, const dataset_info *info, drgen_err *err);
void dataset_writer_close(dataset_writer *w); /* NULL is fine */

size_t dataset_writer_count(const dataset_writer *w); /* songs in the dataset */

/* 1 when the song is in the dataset, was made from what this fingerprint stands for, and its file is whole. */
int dataset_has(const dataset_writer *w, const char *name, const char *fingerprint);

/* Adds a song, or replaces the one of the same name. source: what it was made from, for people; info: the song's
 * widths. Names of any kind are taken; file names are made from them. Checks what dataset_open checks: ARG error that
 * says what is wrong. */
typedef struct {
    dataset_song song;
    const char *source, *fingerprint;
    double seconds;
} dataset_addition;
drgen_status dataset_add(dataset_writer *w, const dataset_addition *a, const dataset_info *info, drgen_err *err);

#endif
