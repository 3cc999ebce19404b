/* audio_read.c - see audio.h: opening and reading sound files. */
#include "io/audio_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what a file is */

static const struct {
    int major, sub; /* sub 0: any */
    const char *name;
} names[] = {
    {SF_FORMAT_WAV, 0, "WAV"},
    {SF_FORMAT_WAVEX, 0, "WAV"},
    {SF_FORMAT_RF64, 0, "WAV (RF64)"},
    {SF_FORMAT_FLAC, 0, "FLAC"},
    {SF_FORMAT_OGG, SF_FORMAT_VORBIS, "OGG Vorbis"},
    {SF_FORMAT_OGG, 0x64, "OGG Opus"}, /* SF_FORMAT_OPUS, since 1.0.29 */
    {SF_FORMAT_OGG, 0, "OGG"},
    {0x230000, 0, "MP3"},              /* SF_FORMAT_MPEG, since 1.1.0 */
    {SF_FORMAT_AIFF, 0, "AIFF"},
    {SF_FORMAT_CAF, 0, "CAF"},
    {SF_FORMAT_AU, 0, "AU"},
};

static const char *format_name(int format)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].major == (format & SF_FORMAT_TYPEMASK) && (!names[i].sub || names[i].sub == (format & SF_FORMAT_SUBMASK)))
            return names[i].name;
    return "sound";
}

static int format_bits(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8: case SF_FORMAT_PCM_U8: return 8;
    case SF_FORMAT_PCM_16: return 16;
    case SF_FORMAT_PCM_24: return 24;
    case SF_FORMAT_PCM_32: case SF_FORMAT_FLOAT: return 32;
    case SF_FORMAT_DOUBLE: return 64;
    default: return 0;
    }
}

static audio_info describe(const SF_INFO *i)
{
    int sub = i->format & SF_FORMAT_SUBMASK;
    return (audio_info){.rate = i->samplerate,
                        .channels = i->channels,
                        .frames = (uint64_t)i->frames,
                        .seconds = (double)i->frames / i->samplerate,
                        .format = format_name(i->format),
                        .bits = format_bits(i->format),
                        .real = sub == SF_FORMAT_FLOAT || sub == SF_FORMAT_DOUBLE};
}

/* ---- opening */

/* Takes the stream over. */
static drgen_status open_stream(audio_file **out, FILE *stream, const char *name, audio_info *info, drgen_err *err)
{
    SF_VIRTUAL_IO io = audio_io_calls();
    audio_file *f = calloc(1, sizeof *f);
    drgen_status status = DRGEN_OK;
    *out = NULL;
    if (f) {
        f->io.f = stream;
        f->name = strdup(name);
    }
    if (!f || !f->name) {
        if (!f) fclose(stream);
        audio_close(f);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    f->f = sf_open_virtual(&io, SFM_READ, &f->info, &f->io);
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
    *info = describe(i);
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

/* ---- reading */

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
    if (f->io.f) fclose(f->io.f);
    free(f->name);
    free(f);
}

/* ---- whole files */

enum { SAMPLES_MAX = 1 << 29, FIRST_ROOM = 1 << 22 };

/* Grows with what is read, not with what the header promises. */
static drgen_status read_growing(audio_file *f, size_t frames, drgen_audio *out, drgen_err *err)
{
    size_t channels = (size_t)out->channels, room = 0;
    while (out->frames < frames) {
        size_t n = out->frames ? out->frames : FIRST_ROOM / channels;
        if (n > frames - out->frames) n = frames - out->frames;
        room = out->frames + n;
        float *grown = realloc(out->samples, room * channels * sizeof *grown);
        if (!grown)
            return err_fail(err, DRGEN_ERR_NOMEM, "%s: no memory for %zu MiB of samples", f->name,
                            room * channels * sizeof *grown >> 20);
        out->samples = grown;
        ERR_TRY(audio_read(f, out->frames, n, out->samples + out->frames * channels, err));
        out->frames = room;
    }
    return DRGEN_OK;
}

drgen_status audio_read_all(const char *path, drgen_audio *out, drgen_err *err)
{
    audio_file *f = NULL;
    audio_info info;
    *out = (drgen_audio){0};
    ERR_TRY(audio_open(&f, path, &info, err));
    uint64_t most = SAMPLES_MAX / (uint64_t)info.channels, missing = audio_missing(f->io.f);
    drgen_status status = DRGEN_OK;
    if (missing)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: cut off: %llu bytes of sound are missing at its end", path,
                          (unsigned long long)missing);
    else if (info.frames == 0) status = err_fail(err, DRGEN_ERR_FORMAT, "%s: there is no sound in it (0 frames)", path);
    else if (info.frames > most)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: %llu frames of %d channels are more than the %llu that can be read; cut it into parts",
                          path, (unsigned long long)info.frames, info.channels, (unsigned long long)most);
    out->channels = info.channels;
    out->sample_rate = info.rate;
    if (status == DRGEN_OK) status = read_growing(f, (size_t)info.frames, out, err);
    audio_close(f);
    if (status == DRGEN_OK) return DRGEN_OK;
    free(out->samples);
    *out = (drgen_audio){0};
    return status;
}
