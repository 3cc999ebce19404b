/* audio.h - sound files through libsndfile (seen only in audio.c). */
#ifndef IO_AUDIO_H
#define IO_AUDIO_H

#include "io/file.h"

/* 16-bit WAV from interleaved floats, scaled by gain, clamped to +-1, * 32767, truncated (the original's rule). Atomic:
 * temporary name, then rename; a full disk or an unwritable folder leaves nothing. */
drgen_status audio_write_wav16(const char *path, const float *samples, size_t frames, int channels, int rate, float gain,
                               drgen_err *err);

/* A sound file open for reading: WAV, FLAC, OGG, MP3 and whatever else libsndfile knows, told apart by content. */
typedef struct audio_file audio_file;

typedef struct {
    int rate, channels;
    uint64_t frames; /* by the file's own account; reading may find fewer */
    double seconds;
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

#endif
