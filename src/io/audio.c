/* audio.c - see audio.h; the only file that sees libsndfile. */
#include "io/audio.h"

#include <errno.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* libsndfile reads and writes through a stream: the atomic writer's, so that a failure leaves nothing behind, or the
 * one of a file that was checked. */
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

struct audio_file {
    char *name;
    FILE *stream;
    SNDFILE *f;
    SF_INFO info;
    uint64_t at; /* frame the decoder stands at */
};

/* Takes the stream over. */
static drgen_status open_stream(audio_file **out, FILE *stream, const char *name, audio_info *info, drgen_err *err)
{
    SF_VIRTUAL_IO io = {on_length, on_seek, on_read, on_write, on_tell};
    audio_file *f = calloc(1, sizeof *f);
    drgen_status status = DRGEN_OK;
    *out = NULL;
    if (f) {
        f->stream = stream;
        f->name = strdup(name);
    }
    if (!f || !f->name) {
        if (!f) fclose(stream);
        audio_close(f);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    f->f = sf_open_virtual(&io, SFM_READ, &f->info, stream);
    const SF_INFO *i = &f->info;
    if (!f->f)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: not a sound file (WAV, FLAC, OGG, MP3...): %s", name, sf_strerror(NULL));
    else if (i->channels < 1 || i->channels > AUDIO_MAX_CHANNELS || i->samplerate < 1000 || i->samplerate > 1000000)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: %d channels at %d Hz; 1..%d at 1000..1000000 Hz can be read", name,
                          i->channels, i->samplerate, AUDIO_MAX_CHANNELS);
    else if (i->frames < 0 || i->frames > (sf_count_t)1 << 48 || !i->seekable)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: its length is unknown; convert it to WAV or FLAC", name);
    if (status != DRGEN_OK) {
        audio_close(f);
        return status;
    }
    *info = (audio_info){i->samplerate, i->channels, (uint64_t)i->frames, (double)i->frames / i->samplerate};
    *out = f;
    return DRGEN_OK;
}

drgen_status audio_open(audio_file **out, const char *path, audio_info *info, drgen_err *err)
{
    struct stat st;
    *out = NULL;
    if (stat(path, &st) != 0) return err_fail(err, DRGEN_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) /* before opening: a pipe would wait for a writer */
        return err_fail(err, DRGEN_ERR_IO, "%s: %s", path, S_ISDIR(st.st_mode) ? "is a folder, not a sound file" : "not a regular file");
    FILE *stream = fopen(path, "rb");
    if (!stream) return err_fail(err, DRGEN_ERR_IO, "%s: %s", path, strerror(errno));
    return open_stream(out, stream, path, info, err);
}

drgen_status audio_open_bytes(audio_file **out, const void *data, size_t size, const char *name, audio_info *info,
                              drgen_err *err)
{
    *out = NULL;
    FILE *stream = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    if (!stream) return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s", name, size ? "out of memory" : "it is empty");
    return open_stream(out, stream, name, info, err);
}

/* Decoders that look back (Vorbis, MP3) are wrong for a moment after a jump: jump before the place and read up to it. */
static drgen_status go_to(audio_file *f, uint64_t start, drgen_err *err)
{
    enum { RUN_UP = 8192, ROOM = 1024 };
    float dropped[ROOM]; /* at most AUDIO_MAX_CHANNELS a frame */
    uint64_t from = start > RUN_UP ? start - RUN_UP : 0;
    if (start == f->at) return DRGEN_OK;
    f->at = UINT64_MAX; /* unknown, should anything fail */
    if (sf_seek(f->f, (sf_count_t)from, SEEK_SET) != (sf_count_t)from)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: cannot go to frame %llu: %s", f->name, (unsigned long long)start, sf_strerror(f->f));
    while (from < start) {
        uint64_t left = start - from, most = ROOM / (uint64_t)f->info.channels;
        sf_count_t n = sf_readf_float(f->f, dropped, (sf_count_t)(left < most ? left : most));
        if (n <= 0)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: the sound ends or is damaged at frame %llu of %llu", f->name,
                            (unsigned long long)from, (unsigned long long)f->info.frames);
        from += (uint64_t)n;
    }
    f->at = start;
    return DRGEN_OK;
}

drgen_status audio_read(audio_file *f, uint64_t start, size_t count, float *out, drgen_err *err)
{
    uint64_t frames = (uint64_t)f->info.frames;
    if (start > frames || count > frames - start)
        return err_fail(err, DRGEN_ERR_ARG, "%s: frames %llu..%llu of %llu cannot be read", f->name, (unsigned long long)start,
                        (unsigned long long)(start + count), (unsigned long long)frames);
    ERR_TRY(go_to(f, start, err));
    for (size_t done = 0; done < count;) {
        sf_count_t n = sf_readf_float(f->f, out + done * (size_t)f->info.channels, (sf_count_t)(count - done));
        f->at = n > 0 ? start + done + (uint64_t)n : UINT64_MAX;
        if (n <= 0)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: the sound ends or is damaged at frame %llu of %llu", f->name,
                            (unsigned long long)(start + done), (unsigned long long)frames);
        done += (size_t)n;
    }
    return DRGEN_OK;
}

void audio_close(audio_file *f)
{
    if (!f) return;
    if (f->f) sf_close(f->f);
    if (f->stream) fclose(f->stream);
    free(f->name);
    free(f);
}
