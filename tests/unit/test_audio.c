/* 16-bit WAV: the original's rounding, a right header, and nothing left behind by a full disk. */
#include <signal.h>
#include <sndfile.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/audio.h"
#include "tests/t.h"

TEST(wav_reads_back_as_written)
{
    char dir[] = "/tmp/drgen-wav-XXXXXX", path[64];
    enum { FRAMES = 5000 };
    float *x = malloc(2 * FRAMES * sizeof *x);
    int16_t *y = malloc(2 * FRAMES * sizeof *y);
    drgen_err err = {0};
    for (int i = 0; i < 2 * FRAMES; i++) x[i] = 1.2f * sinf((float)i * 0.01f);
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/a.wav", dir);
    drgen_save how = drgen_save_default();
    drgen_audio a = {x, FRAMES, 2, 44100};
    how.truncate = 1;
    CHECKF(audio_write(path, AUDIO_WAV, &a, &how, NULL, &err) == DRGEN_OK, "%s", err.message);
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    CHECK(f && info.frames == FRAMES && info.channels == 2 && info.samplerate == 44100);
    CHECK(f && sf_read_short(f, y, 2 * FRAMES) == 2 * FRAMES);
    for (int i = 0; i < 2 * FRAMES; i++) {
        float v = x[i];
        v = v > 1 ? 1 : v < -1 ? -1 : v;
        CHECK(y[i] == (int16_t)(v * 32767.0f));
    }
    sf_close(f);
    unlink(path);
    /* A disk that is full after 4 KiB. */
    struct rlimit old, tight;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &tight);
    drgen_status status = audio_write(path, AUDIO_WAV, &a, &how, NULL, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECKF(status == DRGEN_ERR_IO && strstr(err.message, "write failed"), "%d %s", status, err.message);
    CHECK(access(path, F_OK) != 0);
    CHECKF(rmdir(dir) == 0, "something was left in %s", dir);
    free(x), free(y);
}
