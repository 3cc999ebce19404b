/* test_song1.c - the test song is the one the golden data were made from. */
#include <stdlib.h>

#include "io/audio.h"
#include "tests/song1.h"
#include "tests/t.h"

TEST(song1_is_the_golden_one)
{
    enum { FRAMES = 6000 };
    audio_file *f;
    audio_info info;
    static float want[FRAMES][2], got[2][FRAMES];
    if (audio_open(&f, "tests/golden/mastering/stage_a.wav", &info, NULL) != DRGEN_OK) {
        CHECK(!"stage_a.wav opens");
        return;
    }
    CHECK(info.frames == FRAMES && info.channels == 2);
    CHECK(audio_read(f, 0, FRAMES, want[0], NULL) == DRGEN_OK);
    audio_close(f);
    song1_float((float *[]){got[0], got[1]}, 2, 44100, 36 * 44100 - 1000, FRAMES);
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < FRAMES; i++)
            if (!(fabsf(got[c][i] - want[i][c]) <= 1.2e-7f * fmaxf(1, fabsf(want[i][c])))) {
                CHECKF(0, "channel %d frame %d: %.9g, wanted %.9g", c, i, got[c][i], want[i][c]);
                return;
            }
}
