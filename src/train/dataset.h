/* dataset.h - songs prepared for training, as they lie on disk. Written by dataset_write.c, read here.
 *
 * A dataset is a folder:
 *   dataset.jsonl            first line: {"format":"drgen-dataset","version":1,"latent_dim":64,"style_dim":512,
 *                            "hop":2048,"rate":44100}; then one song a line: {"name","file","frames","lines","tokens","seconds",
 *                            "source","fingerprint"}, of which name, file, frames, lines and tokens are read
 *   songs/NAME.safetensors   one song:
 *     line_seconds F64 [L]             where each line begins
 *     mean         F32 [frames, latent_dim]   time-major
 *     scale        F32 [frames, latent_dim]   before its softplus; absent when the latent was drawn once and for all
 *     style        F32 [style_dim]     of length 1
 *     line_start   I32 [L + 1]         first token of each line; the last is the number of tokens
 *     tokens       I32 [tokens]        phoneme ids as the transformer takes them (1 and up), no line-end token: what is
 *                                      done on the frame grid (2 inside a line to 1, 2 behind it) is done there,
 *                                      lyrics.md section 5
 *   train.scp                the same songs as the original lists them: name|lyrics|latent|style, paths from the folder
 *
 * Songs are mapped, never copied. Source of the fields: spec training.md sections 4 and 5. */
#ifndef TRAIN_DATASET_H
#define TRAIN_DATASET_H

#include "io/safetensors.h"

/* A line of lyrics. In the order they were prepared in: by time, except in data of the original, kept as it is. */
typedef struct {
    double seconds;     /* from the song's start; finite, 0 or more */
    const int32_t *ids; /* 1..DATASET_MAX_ID */
    size_t count;       /* 0: nothing is sung, it only ends the line before */
} dataset_line;

/* One song, borrowed from its dataset. */
typedef struct {
    const char *name;
    size_t frames;             /* 1 or more */
    const float *mean;         /* [frames, latent_dim] */
    const float *scale;        /* the same; NULL: mean is the latent itself. Sample: vae_bottleneck (model/vae.h) */
    const float *style;        /* [style_dim] */
    const dataset_line *lines; /* [line_count] */
    size_t line_count;         /* 0: an instrumental song */
} dataset_song;

typedef struct {
    size_t latent_dim, style_dim; /* widths of a latent frame and of a style */
    size_t hop, rate;             /* samples a frame, and a second: frames per second = rate / hop */
    int32_t max_id;               /* largest token of all songs, 0: none; to be compared with the model's */
    size_t frames;                /* of all songs */
} dataset_info;

typedef struct dataset dataset;

enum { DATASET_MAX_SONGS = 60000, DATASET_MAX_DIM = 65536, DATASET_MAX_FRAMES = 1 << 24, DATASET_MAX_ID = 1 << 20 };

/* Reads dataset.jsonl and maps every song; names, types, shapes, offsets, ids and times are all checked here, so that a
 * damaged song is found before hours of training and not in them. IO and FORMAT errors name the file and what is wrong
 * with it. A dataset without a song is a FORMAT error. */
drgen_status dataset_open(dataset **out, const char *dir, drgen_err *err);
void dataset_close(dataset *d); /* NULL is fine */

size_t dataset_count(const dataset *d);
const dataset_info *dataset_get_info(const dataset *d);

/* Song i < dataset_count, in the manifest's order. The first call for a song reads its latents once to see that they
 * are finite: FORMAT error otherwise. Pointers live until dataset_close. Not for two threads at once. */
drgen_status dataset_get(dataset *d, size_t i, dataset_song *out, drgen_err *err);

/* ---- the parts, for the writer, tests and fuzzing */

/* The manifest's text. path is for messages. An empty list of songs is no error here. On error *out is empty. */
typedef struct {
    char *name, *file; /* owned; file: from the dataset's folder, inside it */
    char *line;        /* owned: the whole line of the manifest */
    size_t frames, lines, tokens;
} dataset_entry;
typedef struct {
    dataset_info info;      /* without max_id and frames */
    dataset_entry *entries; /* owned */
    size_t count;
} dataset_manifest;
drgen_status dataset_manifest_read(dataset_manifest *out, const char *text, size_t size, const char *path,
                                   drgen_err *err);
void dataset_manifest_free(dataset_manifest *m); /* NULL-safe, idempotent */

/* One song's file, taken over also on error, and checked against the widths in info. song.name is left NULL. Free with
 * dataset_record_close. */
typedef struct {
    st_file *file;
    dataset_line *lines; /* owned */
    dataset_song song;
    size_t tokens;
    int32_t max_id;
    int finite; /* 1: the latents were looked through */
} dataset_record;
drgen_status dataset_record_open(dataset_record *out, st_file *file, const dataset_info *info, drgen_err *err);
/* FORMAT error when a latent is not finite. */
drgen_status dataset_record_look(dataset_record *r, const dataset_info *info, drgen_err *err);
void dataset_record_close(dataset_record *r); /* NULL-safe, idempotent */

#endif
