/* audio.h - sound files through libsndfile (seen only in audio.c). */
#ifndef IO_AUDIO_H
#define IO_AUDIO_H

#include "io/file.h"

/* 16-bit WAV from interleaved floats, scaled by gain, clamped to +-1, * 32767, truncated (the original's rule). Atomic:
 * temporary name, then rename; a full disk or an unwritable folder leaves nothing. */
drgen_status audio_write_wav16(const char *path, const float *samples, size_t frames, int channels, int rate, float gain,
                               drgen_err *err);

#endif
