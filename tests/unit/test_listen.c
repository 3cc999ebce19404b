/* Tempo and drums from sound alone, on the composer's songs played by plain instruments made here. */
#include <stdlib.h>

#include "base/rng.h"
#include "nano/listen.h"
#include "tests/t.h"

enum { FRAMES = 448, HOP = 2048, SAMPLES = FRAMES * HOP };

/* A hit from a frame on: a tone that dies away, and noise of which only the fast changes are left. */
static void hit(float *pcm, size_t frame, float hz, float tone, float noise, float decay, uint64_t *state)
{
    float last = 0;
    for (size_t i = 0; i < 4 * HOP && frame * HOP + i < SAMPLES; i++) {
        float t = (float)i / 44100.0f, e = expf(-decay * t) * fminf(1.0f, t / 0.001f), n = rng_uniform(state);
        float x = tone * sinf(6.2831853f * hz * t) + noise * (n - last);
        last = n;
        pcm[2 * (frame * HOP + i)] += 0.8f * e * x;
        pcm[2 * (frame * HOP + i) + 1] += e * x;
    }
}

static void play(float *pcm, const unsigned char *roll, uint64_t *state)
{
    static const struct {
        int from, to;
        float hz, tone, noise, decay;
    } sounds[] = {
        {ROLL_KICK, ROLL_SNARE, 60, 0.8f, 0, 15},      {ROLL_SNARE, ROLL_CLAP, 190, 0.4f, 0.3f, 20},
        {ROLL_CLAP, ROLL_HAT, 1000, 0, 0.3f, 30},      {ROLL_HAT, ROLL_OPEN_HAT, 9000, 0, 0.15f, 60},
        {ROLL_OPEN_HAT, ROLL_SHAKER, 9000, 0, 0.15f, 15}, {ROLL_SHAKER, ROLL_TOM, 9000, 0, 0.1f, 50},
        {ROLL_TOM, ROLL_CRASH, 110, 0.5f, 0, 12},      {ROLL_CRASH, ROLL_BASS, 5000, 0, 0.25f, 7},
        {ROLL_BASS, ROLL_KEYS, 100, 0.5f, 0, 8},       {ROLL_KEYS, ROLL_GUITAR, 400, 0.15f, 0, 8},
        {ROLL_GUITAR, ROLL_STRINGS, 500, 0.15f, 0, 8},
    };
    for (size_t f = 0; f < FRAMES; f++)
        for (size_t s = 0; s < COUNT(sounds); s++)
            for (int c = sounds[s].from; c < sounds[s].to; c++)
                if (roll[f * ROLL_WIDTH + (size_t)c])
                    hit(pcm, f, sounds[s].hz, sounds[s].tone, sounds[s].noise, sounds[s].decay, state);
}

TEST(tempo_and_drums_are_heard)
{
    float *pcm = malloc(2 * SAMPLES * sizeof *pcm);
    unsigned char *roll = malloc(FRAMES * ROLL_WIDTH);
    int32_t tokens[FRAMES] = {0};
    token_sounds sounds;
    drgen_err err = {0};
    uint64_t state = 4;
    int tempi = 0, drums = 0, songs = 0;
    compose_sounds(&sounds);
    for (int genre = 0; genre < WORDS_GENRES; genre++, songs++) {
        heard h;
        words w = {.id = {(unsigned char)genre, (unsigned char)(WORDS_TEMPO0 + genre % 3)}, .count = 2};
        words_plan plan = words_read(&w);
        compose(roll, &plan, (compose_bits){genre & 1, genre >> 1 & 1}, tokens, FRAMES, &sounds, NULL);
        memset(pcm, 0, 2 * SAMPLES * sizeof *pcm);
        play(pcm, roll, &state);
        CHECK(listen(&h, pcm, SAMPLES, 2, &err) == DRGEN_OK);
        tempi += h.step == plan.step;
        drums += h.family == compose_family(genre);
    }
    CHECKF(tempi == songs, "tempo of %d of %d songs", tempi, songs);
    CHECKF(drums >= 18, "drums of %d of %d songs", drums, songs);
    free(pcm), free(roll);
}

TEST(silence_has_no_tempo)
{
    static float none[40 * HOP];
    heard h;
    drgen_err err = {0};
    CHECK(listen(&h, none, 40 * HOP, 1, &err) == DRGEN_OK && h.step == 0 && h.family == -1 && h.fit == 0);
    CHECK(listen(&h, none, HOP - 1, 1, &err) == DRGEN_OK && h.step == 0);
    CHECK(listen(&h, none, HOP, 1, &err) == DRGEN_OK && h.step == 0);
}
