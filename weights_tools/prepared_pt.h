/* prepared_pt.h - the original's prepared songs: a list train.scp of name|lrc.pt|latent.pt|style.pt, and those files
 * (training.md section 4). */
#ifndef WEIGHTS_TOOLS_PREPARED_PT_H
#define WEIGHTS_TOOLS_PREPARED_PT_H

#include "base/err.h"

/* Floats of a .pt file that holds one tensor. */
typedef struct {
    float *data; /* owned */
    size_t rows, cols;
} prepared_floats;

/* latent.pt: [1, width, frames] or [width, frames], turned to rows = frames, cols = width. style.pt: any shape, one
 * row. */
drgen_status prepared_latent(const char *path, prepared_floats *out, drgen_err *err);
drgen_status prepared_style(const char *path, prepared_floats *out, drgen_err *err);

/* lrc.pt: {"time": seconds, "lrc": tensors of token ids}, both lists of equal length. */
typedef struct {
    drgen_token_line *lines; /* owned; tokens point into ids */
    size_t count;
    int32_t *ids; /* owned */
} prepared_lyrics;
drgen_status prepared_lyrics_read(const char *path, prepared_lyrics *out, drgen_err *err);
void prepared_lyrics_free(prepared_lyrics *l); /* NULL-safe, idempotent */

/* One line of train.scp, owned. */
typedef struct {
    char *name, *lyrics, *latent, *style;
    int line;
} prepared_song;
typedef struct {
    prepared_song *songs;
    size_t count;
} prepared_list;
/* Blank lines and lines that begin with # are nothing. A line of other than four parts: FORMAT error. */
drgen_status prepared_list_read(const char *path, prepared_list *out, drgen_err *err);
void prepared_list_free(prepared_list *l); /* NULL-safe, idempotent */

/* SHA-256 over the three files of a song. */
drgen_status prepared_fingerprint(const char *lyrics, const char *latent, const char *style, char hex[65],
                                  drgen_err *err);

/* A path of the list: as it is, else from the list's folder, else from the folder above it (the original's lists are
 * written from the folder above). malloc'd; NULL when out of memory. A path that leads nowhere comes back as it was. */
char *prepared_path(const char *list, const char *path);

#endif
