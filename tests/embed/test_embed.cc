// The header is C++ too.
#include <drgen.h>

#include <cstdio>
#include <string>

int main()
{
    drgen_err err = {};
    drgen_song song = drgen_song_default();
    std::string prompt = "slow piano";
    song.prompt = prompt.c_str();
    song.steps = 2;
    song.guidance = 0;
    drgen *g = drgen_open(nullptr, &err);
    drgen_audio audio = {};
    bool ok = g && drgen_generate(g, &song, &audio, &err) == DRGEN_OK && audio.frames > 0;
    std::printf("%s a song from C++ %s\n%d passed, %d failed, 0 skipped\n", ok ? "ok" : "FAIL", err.message, ok, !ok);
    drgen_audio_free(&audio);
    drgen_close(g);
    return !ok;
}
