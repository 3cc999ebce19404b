/* Sound files: any bytes open or are refused, and reading gives what was promised or an error. */
#include <stdlib.h>

#include "io/audio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libsndfile and its decoders leak on some damaged files; our own leaks still show. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libsndfile\nleak:libvorbis\nleak:libogg\nleak:libFLAC\nleak:libmpg123\nleak:libopus\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    audio_file *f = NULL;
    audio_info info = {0};
    if (audio_open_bytes(&f, data, size, "fuzz", &info, NULL) != DRGEN_OK) {
        if (f) abort();
        return 0;
    }
    if (info.channels < 1 || info.channels > AUDIO_MAX_CHANNELS || info.rate < 1000 || info.rate > 1000000) abort();
    size_t count = info.frames < 3000 ? (size_t)info.frames : 3000;
    float *x = malloc((count * (size_t)info.channels + 1) * sizeof *x);
    if (x) {
        audio_read(f, 0, count, x, NULL);
        audio_read(f, info.frames - count, count, x, NULL);
        if (audio_read(f, info.frames, 1, x, NULL) == DRGEN_OK) abort();
    }
    free(x);
    audio_close(f);
    return 0;
}
