/* audio.h - sound files through libsndfile (seen only in audio_*.c): reading any format it knows, writing the five that
 * songs are delivered in, and the words kept in a file. */
#ifndef IO_AUDIO_H
#define IO_AUDIO_H

#include "io/file.h"

/* ---- reading */

/* A sound file open for reading: WAV, FLAC, OGG, MP3 and whatever else libsndfile knows, told apart by content. */
typedef struct audio_file audio_file;

typedef struct {
    int rate, channels;
    uint64_t frames;    /* by the file's own account; reading may find fewer */
    double seconds;
    const char *format; /* "WAV", "OGG Vorbis"...; a constant */
    int bits;           /* of a sample; 0: the format has none (lossy ones) */
    int real;           /* 1: samples are floating point */
} audio_info;

enum { AUDIO_MAX_CHANNELS = 256 };

/* Opens a regular file. FORMAT error when it is no sound file, or its numbers make no sense. */
drgen_status audio_open(audio_file **out, const char *path, audio_info *info, drgen_err *err);
/* The same from bytes that outlive the file; name is for messages and copied. */
drgen_status audio_open_bytes(audio_file **out, const void *data, size_t size, const char *name, audio_info *info,
                              drgen_err *err);
/* count frames from frame start into out [count][channels], full scale at 1. A file that ends before: FORMAT error. */
drgen_status audio_read(audio_file *f, uint64_t start, size_t count, float *out, drgen_err *err);
void audio_close(audio_file *f); /* NULL is fine */

/* A whole file; out->samples is malloc'd. Values are those of the file, NaN included. FORMAT error when it holds no
 * sound, ends before its header says, or takes more than 2 GiB of floats. */
drgen_status audio_read_all(const char *path, drgen_audio *out, drgen_err *err);

/* ---- writing */

typedef enum { AUDIO_WAV, AUDIO_FLAC, AUDIO_OGG, AUDIO_OPUS, AUDIO_MP3, AUDIO_FORMATS } audio_format;

/* The format a file name's extension asks for, in either case. ARG error that lists the known ones. */
drgen_status audio_format_of(const char *path, audio_format *out, drgen_err *err);

/* Whether a file of this format can hold such sound and such words: ARG error that says what would do, IO error when
 * this libsndfile was built without the format. path is for messages. */
drgen_status audio_check(const char *path, audio_format format, int channels, int rate, const drgen_save *how, drgen_err *err);

/* Writes a as how says; software is the name of the program that goes into the file, or NULL. Atomic: temporary name,
 * then rename; a full disk or an unwritable folder leaves nothing. ARG error for samples that are not finite. */
drgen_status audio_write(const char *path, audio_format format, const drgen_audio *a, const drgen_save *how,
                         const char *software, drgen_err *err);

/* ---- words in a file */

typedef struct {
    char *title, *artist, *software, *comment; /* valid UTF-8; NULL: none */
} audio_tags;

/* What the file says about itself; at most 4 MiB each. Only NOMEM is an error: damaged words are no words. */
drgen_status audio_tags_read(audio_file *f, audio_tags *out, drgen_err *err);
void audio_tags_free(audio_tags *t); /* NULL-safe, idempotent */

#endif
