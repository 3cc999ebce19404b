/* Sound coming in: every kind of file read from any frame, what is refused, the mean of channels, the resampler's laws. */
#include <sndfile.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "dsp/fft.h"
#include "dsp/mel.h"
#include "dsp/resample.h"
#include "io/audio.h"
#include "tests/t.h"

enum { FRAMES = 30000 };

/* A stereo test tone in this format at path; 0 when this libsndfile cannot write it. */
static int write_tone(const char *path, int format, int rate)
{
    SF_INFO info = {.samplerate = rate, .channels = 2, .format = format};
    SNDFILE *f = sf_format_check(&info) ? sf_open(path, SFM_WRITE, &info) : NULL;
    if (!f) return 0;
    float *x = malloc(2 * FRAMES * sizeof *x);
    for (int i = 0; i < FRAMES; i++) {
        x[2 * i] = 0.5f * sinf((float)i * 0.05f);
        x[2 * i + 1] = 0.25f * sinf((float)i * 0.011f + (float)i * (float)i * 1e-7f);
    }
    CHECK(sf_writef_float(f, x, FRAMES) == FRAMES);
    sf_close(f);
    free(x);
    return 1;
}

TEST(sound_files_of_every_kind_are_read_from_any_frame)
{
    static const struct {
        const char *name;
        int format;
        float off; /* what the codec may lose */
    } kinds[] = {{"wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1e-4f},   {"wav float", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0},
                 {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 1e-6f}, {"aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 1e-4f},
                 {"ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 0.1f},
#ifdef SF_FORMAT_MPEG
                 {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 0.1f},
#endif
    };
    char path[] = "/tmp/drgen-sound-XXXXXX";
    int fd = mkstemp(path), read = 0;
    CHECK(fd >= 0);
    close(fd);
    float *whole = malloc(2 * FRAMES * sizeof *whole), part[2000];
    for (size_t k = 0; k < COUNT(kinds); k++) {
        audio_file *f = NULL;
        audio_info info;
        drgen_err err = {0};
        if (!write_tone(path, kinds[k].format, 44100)) continue;
        CHECKF(audio_open(&f, path, &info, &err) == DRGEN_OK, "%s: %s", kinds[k].name, err.message);
        if (!f) continue;
        CHECKF(info.rate == 44100 && info.channels == 2 && info.frames >= FRAMES && info.frames < FRAMES + 3000 &&
                   fabs(info.seconds - (double)info.frames / 44100) < 1e-9, "%s: %llu frames", kinds[k].name, (unsigned long long)info.frames);
        CHECKF(audio_read(f, 0, FRAMES, whole, &err) == DRGEN_OK, "%s: %s", kinds[k].name, err.message);
        for (int i = 5000; i < FRAMES - 5000; i += 97) /* the middle: codecs pad the ends */
            CHECKF(fabsf(whole[2 * i] - 0.5f * sinf((float)i * 0.05f)) <= kinds[k].off + 1e-6f || k == COUNT(kinds) - 1,
                   "%s frame %d: %g", kinds[k].name, i, (double)whole[2 * i]);
        for (size_t start = 0; start < FRAMES / 2; start += 2333) /* libsndfile jumps badly near the end of short OGG files */ {
            float most = 0;
            CHECKF(audio_read(f, start, 1000, part, &err) == DRGEN_OK, "%s at %zu: %s", kinds[k].name, start, err.message);
            for (size_t i = 0; i < 2000; i++) most = fmaxf(most, fabsf(part[i] - whole[2 * start + i]));
            CHECKF(most < 2e-3f, "%s: frames from %zu differ by %g from those of the whole", kinds[k].name, start, (double)most);
        }
        for (size_t start = 0; start < 5000; start += 1000) { /* one after the other */
            CHECK(audio_read(f, start, 1000, part, &err) == DRGEN_OK);
            CHECKF(memcmp(part, whole + 2 * start, sizeof part) == 0, "%s: frames from %zu, read in order", kinds[k].name, start);
        }
        CHECK(audio_read(f, info.frames - 10, 11, part, &err) == DRGEN_ERR_ARG && strstr(err.message, "cannot be read"));
        CHECK(audio_read(f, UINT64_MAX, 2, part, NULL) == DRGEN_ERR_ARG);
        audio_close(f);
        read++;
    }
    CHECKF(read >= 4, "only %d kinds of files", read);
    unlink(path);
    free(whole);
}

TEST(sound_files_that_are_none_are_named)
{
    char dir[] = "/tmp/drgen-sound-XXXXXX", path[64];
    audio_file *f = NULL;
    audio_info info;
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/x", dir);
    struct {
        const char *path, *bytes, *say;
        drgen_status status;
    } cases[] = {{path, NULL, "No such file", DRGEN_ERR_IO},
                 {dir, NULL, "folder", DRGEN_ERR_IO},
                 {path, "", "not a sound file", DRGEN_ERR_FORMAT},
                 {path, "[00:01.00]these are words, no sound at all\n", "not a sound file", DRGEN_ERR_FORMAT},
                 {path, "RIFF\x24\xff\xff\xffWAVEfmt \x10", "not a sound file", DRGEN_ERR_FORMAT}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        drgen_err err = {0};
        if (cases[i].bytes) {
            FILE *o = fopen(path, "wb");
            fputs(cases[i].bytes, o);
            fclose(o);
        }
        CHECKF(audio_open(&f, cases[i].path, &info, &err) == cases[i].status && !f && strstr(err.message, cases[i].say) &&
                   strstr(err.message, dir), "case %zu: %s", i, err.message);
    }
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0 && audio_open(&f, path, &info, NULL) == DRGEN_ERR_IO); /* and does not wait */
    unlink(path);
    rmdir(dir);
}

/* A file cut short, or whose header lies, is an error or reads what is there; never more. */
TEST(sound_files_cut_short_are_safe)
{
    char path[] = "/tmp/drgen-sound-XXXXXX";
    int fd = mkstemp(path);
    close(fd);
    static const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    uint64_t rng = t_seed;
    for (size_t k = 0; k < COUNT(formats); k++) {
        if (!write_tone(path, formats[k], 22050)) continue;
        file_bytes whole;
        CHECK(file_map(&whole, path, 1u << 24, NULL) == DRGEN_OK);
        uint8_t *bytes = malloc(whole.size);
        for (int i = 0; i < 200; i++) {
            audio_file *f = NULL;
            audio_info info;
            size_t size = i < 100 ? whole.size * (size_t)i / 100 : whole.size;
            memcpy(bytes, whole.data, whole.size);
            for (int m = 0; i >= 100 && m < 4; m++) bytes[rng_split(&rng) % (m < 3 ? 60 : whole.size)] = (uint8_t)rng_split(&rng);
            if (audio_open_bytes(&f, bytes, size, "cut", &info, NULL) != DRGEN_OK) continue;
            size_t count = info.frames < 4096 ? (size_t)info.frames : 4096;
            float *x = calloc(count * (size_t)info.channels + 1, sizeof *x);
            audio_read(f, info.frames - count, count, x, NULL);
            CHECK(x[count * (size_t)info.channels] == 0);
            free(x);
            audio_close(f);
        }
        free(bytes);
        file_close(&whole);
    }
    unlink(path);
}

TEST(mono_is_the_mean_of_channels)
{
    float x[] = {1, 2, 3, -4, 0.5f, 0.25f}, y[3];
    resample_mono(y, x, 3, 2);
    CHECK(y[0] == 1.5f && y[1] == -0.5f && y[2] == 0.375f);
    resample_mono(x, x, 2, 3);
    CHECK(x[0] == 2.0f && fabsf(x[1] + 3.25f / 3) < 1e-6f);
    resample_mono(y, x, 2, 1);
    CHECK(y[0] == x[0] && y[1] == x[1]);
}

/* A tone stays the tone it was: frequency, phase and level, with both resamplers, from any rate. */
TEST(resampling_keeps_a_tone)
{
    static const int rates[] = {8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 44101};
    const double pi = 3.14159265358979323846, hz = 1000;
    for (size_t r = 0; r < COUNT(rates); r++)
        for (int own = 0; own < 2; own++) {
            size_t count = (size_t)rates[r] / 2, n = 0;
            float *x = malloc(count * sizeof *x), *y = NULL;
            for (size_t i = 0; i < count; i++) x[i] = (float)sin(2 * pi * hz * (double)i / rates[r]);
            CHECK((own ? resample_own : resample)(x, count, rates[r], MEL_RATE, &y, &n, NULL) == DRGEN_OK);
            CHECKF(n == (size_t)ceil((double)count * (24000.0 / rates[r])), "%d: %zu", rates[r], n);
            double worst = 0;
            for (size_t i = 1000; y && i + 1000 < n; i++)
                worst = fmax(worst, fabs((double)y[i] - sin(2 * pi * hz * (double)i / MEL_RATE)));
            CHECKF(worst < 2e-5, "%d Hz, %s: off by %g", rates[r], own ? "own" : "usual", worst);
            free(x), free(y);
        }
}

TEST(resampling_has_the_originals_length_rule)
{
    float *x = calloc(441000, sizeof *x), *y = NULL;
    size_t n = 0;
    x[440999] = 1;
    CHECK(resample(x, 441000, 44100, 24000, &y, &n, NULL) == DRGEN_OK && n == 240001 && y[240000] == 0);
    free(y);
    CHECK(resample_own(x, 441000, 44100, 24000, &y, &n, NULL) == DRGEN_OK && n == 240001 && y[240000] == 0);
    free(y);
    CHECK(resample(x, 320000, 32000, 24000, &y, &n, NULL) == DRGEN_OK && n == 240000);
    free(y);
    CHECK(resample(x, 0, 32000, 24000, &y, &n, NULL) == DRGEN_OK && n == 0);
    free(y);
    CHECK(resample(x, 10, 0, 24000, &y, &n, NULL) == DRGEN_ERR_ARG && !y);
    free(x);
}

TEST(fourier_transform_agrees_with_its_definition)
{
    enum { N = 15 };
    fft *f = NULL;
    CHECK(fft_open(&f, N, NULL) == DRGEN_OK);
    double x[N];
    uint64_t rng = t_seed;
    for (int i = 0; f && i < N; i++) x[i] = fft_input(f)[i] = (double)rng_uniform(&rng);
    const double(*z)[2] = f ? fft_run(f) : NULL;
    for (int k = 0; z && k <= N / 2; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < N; i++) {
            re += x[i] * cos(2 * 3.14159265358979323846 * i * k / N);
            im -= x[i] * sin(2 * 3.14159265358979323846 * i * k / N);
        }
        CHECK(fabs(re - z[k][0]) < 1e-12 && fabs(im - z[k][1]) < 1e-12);
    }
    fft_close(f);
    CHECK(fft_open(&f, 0, NULL) != DRGEN_OK && !f);
}

TEST(mel_of_silence_and_of_too_little)
{
    float x[2400] = {0}, db[MEL_BANDS * 10];
    CHECK(mel_db(x, 2400, db, NULL) == DRGEN_OK);
    for (size_t i = 0; i < COUNT(db); i++) CHECK(db[i] == -100.0f);
    CHECK(mel_db(x, 1024, db, NULL) == DRGEN_ERR_ARG);
    CHECK(mel_db(x, 1025, db, NULL) == DRGEN_OK); /* the shortest that can be mirrored */
}
