/* audio_write.c - see audio.h: the formats songs are delivered in. */
#include "io/audio_io.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

/* Names of libsndfile that older headers lack; what it was built with is asked when it runs. */
enum { OPUS = 0x64, MPEG = 0x230000, LAYER_III = 0x82, SET_BITRATE_MODE = 0x1305, BITRATE_VARIABLE = 2 };

static const struct {
    const char *extension, *name;
    int major, sub;       /* of libsndfile; sub 0: by bits */
    int bits[3];          /* it can have, the usual ones first */
    int channels;         /* at most */
    size_t comment;       /* bytes a comment may have; libsndfile makes unreadable Opus files of longer ones */
    double quality_scale; /* libsndfile's quality, 0..1, where ours is 1 */
} formats[AUDIO_FORMATS] = {
    [AUDIO_WAV] = {".wav", "WAV", SF_FORMAT_WAV, 0, {16, 24, 32}, 64, AUDIO_TEXT_MAX, 0},
    [AUDIO_FLAC] = {".flac", "FLAC", SF_FORMAT_FLAC, 0, {16, 24}, 8, AUDIO_TEXT_MAX, 0},
    [AUDIO_OGG] = {".ogg", "OGG Vorbis", SF_FORMAT_OGG, SF_FORMAT_VORBIS, {0}, 8, AUDIO_TEXT_MAX, 0.1},
    [AUDIO_OPUS] = {".opus", "Opus", SF_FORMAT_OGG, OPUS, {0}, 2, 60000, 0.05}, /* 0.5: 256 kbit/s of stereo */
    [AUDIO_MP3] = {".mp3", "MP3", MPEG, LAYER_III, {0}, 2, AUDIO_TEXT_MAX, 0.1},
};

drgen_status audio_format_of(const char *path, audio_format *out, drgen_err *err)
{
    const char *name = strrchr(path, '/'), *dot = strrchr(name ? name + 1 : path, '.');
    for (int i = 0; dot && i < AUDIO_FORMATS; i++)
        if (strcasecmp(dot, formats[i].extension) == 0) {
            *out = (audio_format)i;
            return DRGEN_OK;
        }
    if (!dot) return err_fail(err, DRGEN_ERR_ARG, "%s: the name ends in no format; known are .wav .flac .ogg .opus .mp3", path);
    return err_fail(err, DRGEN_ERR_ARG, "%s: \"%.20s\" is no format to write; known are .wav .flac .ogg .opus .mp3", path, dot);
}

/* ---- what a format can hold */

/* Whether this libsndfile can write the format at all: it lists what it was built with. */
static int built_in(audio_format format)
{
    int majors = 0, subs = 0, found = 0;
    sf_command(NULL, SFC_GET_FORMAT_MAJOR_COUNT, &majors, sizeof majors);
    sf_command(NULL, SFC_GET_FORMAT_SUBTYPE_COUNT, &subs, sizeof subs);
    for (int i = 0; i < majors; i++) {
        SF_FORMAT_INFO info = {.format = i};
        sf_command(NULL, SFC_GET_FORMAT_MAJOR, &info, sizeof info);
        found |= info.format == formats[format].major;
    }
    if (!formats[format].sub) return found;
    for (int i = 0; i < subs; i++) {
        SF_FORMAT_INFO info = {.format = i};
        sf_command(NULL, SFC_GET_FORMAT_SUBTYPE, &info, sizeof info);
        if (info.format == formats[format].sub) return found;
    }
    return 0;
}

static int bits_of(audio_format format, const drgen_save *how)
{
    return how->bits ? how->bits : formats[format].bits[0];
}

static drgen_status check_bits(const char *path, audio_format format, const drgen_save *how, drgen_err *err)
{
    const char *name = formats[format].name;
    if (!how->bits) return DRGEN_OK;
    for (int i = 0; i < 3; i++)
        if (how->bits == formats[format].bits[i]) return DRGEN_OK;
    if (!formats[format].bits[0])
        return err_fail(err, DRGEN_ERR_ARG, "%s: bits: %s has none; leave them out, or set its quality", path, name);
    return err_fail(err, DRGEN_ERR_ARG, "%s: bits: %d; %s holds 16 or 24%s", path, how->bits, name,
                    format == AUDIO_WAV ? ", or 32 as floats" : "; floats need .wav");
}

static drgen_status check_word(const char *path, const char *what, const char *text, size_t most, drgen_err *err)
{
    size_t size = text ? strlen(text) : 0;
    if (size > most)
        return err_fail(err, DRGEN_ERR_ARG, "%s: the %s has %zu bytes; such a file holds %zu", path, what, size, most);
    if (text && utf8_valid(text, size) != size)
        return err_fail(err, DRGEN_ERR_ARG, "%s: the %s is not UTF-8 text", path, what);
    return DRGEN_OK;
}

static SF_INFO format_info(audio_format format, int channels, int rate, const drgen_save *how)
{
    int bits = bits_of(format, how), sub = formats[format].sub;
    if (!sub) sub = bits == 32 ? SF_FORMAT_FLOAT : bits == 24 ? SF_FORMAT_PCM_24 : SF_FORMAT_PCM_16;
    return (SF_INFO){.samplerate = rate, .channels = channels, .format = formats[format].major | sub};
}

/* The rates of MPEG-1, -2 and -2.5 layer III; libsndfile notices others only when the file is open. */
static int mpeg_rate(int rate)
{
    static const int rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        if (rates[i] == rate) return 1;
    return 0;
}

drgen_status audio_check(const char *path, audio_format format, int channels, int rate, const drgen_save *how, drgen_err *err)
{
    enum { WORD_MAX = 1000 };
    const char *name = formats[format].name;
    if (!built_in(format))
        return err_fail(err, DRGEN_ERR_IO, "%s: this libsndfile (%s) was built without %s; choose .wav or .flac", path,
                        sf_version_string(), name);
    if (channels < 1 || channels > formats[format].channels)
        return err_fail(err, DRGEN_ERR_ARG, "%s: %d channels; %s holds 1..%d", path, channels, name, formats[format].channels);
    if (rate < 1000 || rate > 655350) return err_fail(err, DRGEN_ERR_ARG, "%s: rate: %d Hz is outside 1000..655350", path, rate);
    ERR_TRY(check_bits(path, format, how, err));
    if (!(how->quality <= 10)) return err_fail(err, DRGEN_ERR_ARG, "%s: quality: %g is outside 0..10", path, how->quality);
    SF_INFO info = format_info(format, channels, rate, how);
    if (format == AUDIO_OPUS && rate != 48000)
        return err_fail(err, DRGEN_ERR_ARG, "%s: Opus holds 48000 Hz, this is %d; use --rate 48000", path, rate);
    if (format == AUDIO_MP3 && !mpeg_rate(rate))
        return err_fail(err, DRGEN_ERR_ARG, "%s: MP3 holds nine rates of 8000 to 48000 Hz, not %d; use --rate 44100 or 48000", path, rate);
    if (!sf_format_check(&info))
        return err_fail(err, DRGEN_ERR_ARG, "%s: %s does not hold %d channels at %d Hz; 44100 and 48000 are usual", path, name,
                        channels, rate);
    ERR_TRY(check_word(path, "title", how->title, WORD_MAX, err));
    ERR_TRY(check_word(path, "artist", how->artist, WORD_MAX, err));
    return check_word(path, "recipe", how->recipe, formats[format].comment, err);
}

/* ---- samples */

/* The original's rule: clamp, times 32767, cut off the fraction. */
static int16_t truncate16(float v)
{
    if (v > 1.0f) v = 1.0f;
    if (v < -1.0f) v = -1.0f;
    return (int16_t)(v * 32767.0f);
}

/* The nearest step: exact for what dither has put on steps already. scale is 2^15 or 2^23. */
static int32_t nearest(float v, double scale)
{
    double q = rint((double)v * scale);
    return (int32_t)(q > scale - 1 ? scale - 1 : q < -scale ? -scale : q);
}

enum { PIECE = 1024 };

/* Converts and writes up to PIECE samples; how many were written. */
static sf_count_t put_piece(SNDFILE *f, const float *x, size_t n, int bits, int truncate)
{
    int16_t narrow[PIECE];
    int wide[PIECE];
    if (bits == 16) {
        for (size_t i = 0; i < n; i++) narrow[i] = truncate ? truncate16(x[i]) : (int16_t)nearest(x[i], 0x1p15);
        return sf_write_short(f, narrow, (sf_count_t)n);
    }
    if (bits == 24) {
        for (size_t i = 0; i < n; i++) wide[i] = nearest(x[i], 0x1p23) * 256; /* libsndfile takes the upper bits */
        return sf_write_int(f, wide, (sf_count_t)n);
    }
    return sf_write_float(f, x, (sf_count_t)n);
}

static drgen_status put_samples(SNDFILE *f, const char *path, const drgen_audio *a, int bits, int truncate, drgen_err *err)
{
    size_t channels = (size_t)a->channels, total = a->frames * channels, most = PIECE / channels * channels;
    for (size_t at = 0; at < total;) {
        size_t n = total - at < most ? total - at : most;
        for (size_t i = at; i < at + n; i++)
            if (!isfinite(a->samples[i]))
                return err_fail(err, DRGEN_ERR_ARG, "%s: frame %zu of the sound is not a number; it was not written", path, i / channels);
        if (put_piece(f, a->samples + at, n, bits, truncate) != (sf_count_t)n)
            return err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", path, errno ? strerror(errno) : sf_strerror(f));
        at += n;
    }
    return DRGEN_OK;
}

/* ---- files */

/* Before the first sample. Settings an encoder does not know it ignores. */
static void set_up(SNDFILE *f, audio_format format, const drgen_save *how, const audio_words *w)
{
    double quality = (how->quality < 0 ? 7 : how->quality) * formats[format].quality_scale;
    int mode = BITRATE_VARIABLE;
    sf_command(f, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); /* it holds the time of day: other bytes every time */
    sf_command(f, SFC_SET_CLIPPING, NULL, SF_TRUE);
    if (format == AUDIO_MP3) sf_command(f, SET_BITRATE_MODE, &mode, sizeof mode);
    if (formats[format].quality_scale > 0) sf_command(f, SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof quality);
    if (format == AUDIO_WAV || format == AUDIO_MP3) return;
    if (w->title) sf_set_string(f, SF_STR_TITLE, w->title);
    if (w->artist) sf_set_string(f, SF_STR_ARTIST, w->artist);
    if (w->software) sf_set_string(f, SF_STR_SOFTWARE, w->software);
    if (w->comment) sf_set_string(f, SF_STR_COMMENT, w->comment);
}

static drgen_status fill(audio_io *io, const char *path, audio_format format, const drgen_audio *a, const drgen_save *how,
                         const audio_words *w, drgen_err *err)
{
    SF_VIRTUAL_IO calls = audio_io_calls();
    SF_INFO info = format_info(format, a->channels, a->sample_rate, how);
    errno = 0;
    if (format == AUDIO_MP3 && audio_put_id3(io->f, w) != 0)
        return err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", path, strerror(errno ? errno : EIO));
    io->base = ftello(io->f);
    SNDFILE *f = sf_open_virtual(&calls, SFM_WRITE, &info, io);
    if (!f)
        return err_fail(err, DRGEN_ERR_IO, "%s: %s of %d channels at %d Hz cannot be written: %s", path, formats[format].name,
                        a->channels, a->sample_rate, sf_strerror(NULL));
    set_up(f, format, how, w);
    drgen_status status = put_samples(f, path, a, bits_of(format, how), how->truncate, err);
    if (sf_close(f) != 0 && status == DRGEN_OK)
        status = err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", path, errno ? strerror(errno) : "unknown reason");
    if (status == DRGEN_OK && format == AUDIO_WAV && audio_put_info(io->f, w) != 0)
        status = err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", path, strerror(errno ? errno : EIO));
    return status;
}

drgen_status audio_write(const char *path, audio_format format, const drgen_audio *a, const drgen_save *how,
                         const char *software, drgen_err *err)
{
    audio_words w = {how->title && *how->title ? how->title : NULL, how->artist && *how->artist ? how->artist : NULL,
                     software, how->recipe && *how->recipe ? how->recipe : NULL};
    file_writer writer;
    ERR_TRY(audio_check(path, format, a->channels, a->sample_rate, how, err));
    size_t width = (size_t)a->channels * 4, slack = 3 * AUDIO_TEXT_MAX;
    if (format == AUDIO_WAV && a->frames > (UINT32_MAX - slack) / width)
        return err_fail(err, DRGEN_ERR_ARG, "%s: %zu frames of %d channels do not fit a WAV file", path, a->frames, a->channels);
    ERR_TRY(file_begin(&writer, path, err));
    audio_io io = {.f = writer.f};
    drgen_status status = fill(&io, path, format, a, how, &w, err);
    if (status == DRGEN_OK) return file_commit(&writer, err);
    file_abort(&writer);
    return status;
}
