/* audio.c - see audio.h; the only file that sees libsndfile. */
#include "io/audio.h"

#include <errno.h>
#include <sndfile.h>
#include <string.h>

/* libsndfile writes through the atomic writer's file, so that a failure leaves nothing behind. */
static sf_count_t on_length(void *user)
{
    FILE *f = user;
    off_t at = ftello(f), end;
    if (fseeko(f, 0, SEEK_END) != 0) return -1;
    end = ftello(f);
    return fseeko(f, at, SEEK_SET) == 0 ? (sf_count_t)end : -1;
}

static sf_count_t on_seek(sf_count_t offset, int whence, void *user)
{
    return fseeko(user, (off_t)offset, whence) == 0 ? (sf_count_t)ftello(user) : -1;
}

static sf_count_t on_read(void *data, sf_count_t size, void *user)
{
    return (sf_count_t)fread(data, 1, (size_t)size, user);
}

static sf_count_t on_write(const void *data, sf_count_t size, void *user)
{
    return (sf_count_t)fwrite(data, 1, (size_t)size, user);
}

static sf_count_t on_tell(void *user)
{
    return (sf_count_t)ftello(user);
}

/* The original's rule: clamp, times 32767, cut off the fraction. */
static int16_t quantise(float v)
{
    if (v > 1.0f) v = 1.0f;
    if (v < -1.0f) v = -1.0f;
    return (int16_t)(v * 32767.0f);
}

drgen_status audio_write_wav16(const char *path, const float *samples, size_t frames, int channels, int rate, float gain,
                               drgen_err *err)
{
    enum { PIECE = 2048 };
    int16_t buffer[PIECE];
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SF_VIRTUAL_IO io = {on_length, on_seek, on_read, on_write, on_tell};
    file_writer w;
    if (channels < 1 || channels > 64 || frames > UINT32_MAX / 2 / (size_t)channels - 64)
        return err_fail(err, DRGEN_ERR_ARG, "%s: %zu frames of %d channels do not fit a WAV file", path, frames, channels);
    ERR_TRY(file_begin(&w, path, err));
    SNDFILE *f = sf_open_virtual(&io, SFM_WRITE, &info, w.f);
    drgen_status status = DRGEN_OK;
    if (!f) status = err_fail(err, DRGEN_ERR_IO, "%s: %s", path, sf_strerror(NULL));
    size_t total = frames * (size_t)channels;
    for (size_t at = 0; at < total && status == DRGEN_OK;) {
        size_t n = total - at < PIECE ? total - at : PIECE / (size_t)channels * (size_t)channels;
        for (size_t i = 0; i < n; i++) buffer[i] = quantise(samples[at + i] * gain);
        if (sf_write_short(f, buffer, (sf_count_t)n) != (sf_count_t)n)
            status = err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", path, errno ? strerror(errno) : sf_strerror(f));
        at += n;
    }
    if (f && sf_close(f) != 0 && status == DRGEN_OK)
        status = err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", path, errno ? strerror(errno) : "unknown reason");
    if (status == DRGEN_OK) return file_commit(&w, err);
    file_abort(&w);
    return status;
}
