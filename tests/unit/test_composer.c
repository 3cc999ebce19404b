/* The composer against songs of the reference (tests/golden/nano), and what its words mean. */
#include <stdlib.h>

#include "base/rng.h"
#include "io/safetensors.h"
#include "nano/compose.h"
#include "tests/t.h"
#include "tests/words_listed.h"

static const char golden[] = "tests/golden/nano/composer.safetensors";

static const char *meta(const st_file *f, const char *name, int i)
{
    char key[32];
    snprintf(key, sizeof key, "%s.%d", name, i);
    const char *found = st_metadata(f, key);
    return found ? found : "";
}

static const st_tensor *tensor(const st_file *f, const char *name, int i)
{
    char key[32];
    snprintf(key, sizeof key, "%s.%d", name, i);
    return st_find(f, key);
}

static void check_song(const st_file *f, int i, const token_sounds *sounds)
{
    const st_tensor *t = tensor(f, "tokens", i), *r = tensor(f, "roll", i), *o = tensor(f, "onsets", i);
    CHECKF(t && r && o, "case %d is not whole", i);
    if (!t || !r || !o) return;
    size_t frames = t->count, wrong = 0;
    unsigned char *roll = malloc(frames * ROLL_WIDTH);
    int32_t *tokens = malloc(frames * sizeof *tokens), *onsets = malloc((frames + 1) * sizeof *onsets);
    memcpy(tokens, t->data, frames * sizeof *tokens);
    words w = listed(meta(f, "words", i));
    words_plan plan = words_read(&w);
    const char *bits = meta(f, "bits", i);
    size_t count = compose(roll, &plan, (compose_bits){bits[0] - '0', bits[2] - '0'}, tokens, frames, sounds, onsets);
    for (size_t k = 0; k < frames * ROLL_WIDTH; k++)
        wrong += roll[k] != (((const unsigned char *)r->data)[k / 8] >> k % 8 & 1);
    CHECKF(wrong == 0, "case %d (%s): %zu cells differ", i, meta(f, "words", i), wrong);
    CHECKF(count == o->count && memcmp(onsets, o->data, count * sizeof *onsets) == 0, "case %d: onsets differ", i);
    free(roll), free(tokens), free(onsets);
}

TEST(composer_makes_the_references_songs)
{
    st_file *f = NULL;
    drgen_err err = {0};
    token_sounds sounds;
    CHECKF(st_open(&f, golden, &err) == DRGEN_OK, "%s", err.message);
    if (!f) return;
    compose_sounds(&sounds);
    const st_tensor *kind = st_find(f, "kind"), *rank = st_find(f, "rank");
    CHECK(kind && rank && kind->count == COMPOSE_TOKENS);
    CHECK(memcmp(kind->data, sounds.kind, sizeof sounds.kind) == 0);
    CHECK(memcmp(rank->data, sounds.rank, sizeof sounds.rank) == 0);
    int cases = atoi(st_metadata(f, "cases"));
    CHECK(cases >= 20);
    for (int i = 0; i < cases; i++) check_song(f, i, &sounds);
    st_close(f);
}

TEST(composer_finds_words_as_the_reference)
{
    st_file *f = NULL;
    drgen_err err = {0};
    CHECKF(st_open(&f, golden, &err) == DRGEN_OK, "%s", err.message);
    if (!f) return;
    int prompts = atoi(st_metadata(f, "prompts"));
    CHECK(prompts > 5);
    for (int i = 0; i < prompts; i++) {
        words found, want = listed(meta(f, "found", i));
        words_find(meta(f, "prompt", i), &found);
        CHECKF(found.count == want.count && memcmp(found.id, want.id, want.count) == 0, "\"%s\"", meta(f, "prompt", i));
    }
    /* pairs kept back from training */
    const char *list = st_metadata(f, "held_out");
    int held = 0, known = 0;
    for (int g = 0; g < WORDS_GENRES; g++)
        for (int m = WORDS_MOOD0; m < WORDS_INSTRUMENT0; m++) {
            words w = {.id = {(unsigned char)g, (unsigned char)m}, .count = 2};
            char pair[64];
            snprintf(pair, sizeof pair, "%s|%s", words_name(g), words_name(m));
            if (!words_held_out(&w)) continue;
            held++;
            known += strstr(list, pair) != NULL;
        }
    CHECKF(held == 37 && known == 37, "%d held out, %d of them in the list", held, known);
    st_close(f);
}

TEST(style_vectors_are_orthonormal_sums)
{
    static float table[(WORDS_COUNT + 1) * WORDS_STYLE];
    words_table(table);
    for (int i = 0; i <= WORDS_COUNT; i++)
        for (int j = 0; j <= i; j++) {
            double dot = 0;
            for (int k = 0; k < WORDS_STYLE; k++)
                dot += (double)table[i * WORDS_STYLE + k] * (double)table[j * WORDS_STYLE + k];
            CHECKF(fabs(dot - (i == j)) < 1e-6, "rows %d and %d: %g", i, j, dot);
        }
    words w = listed("Pop,Happy,Piano,fast");
    float style[WORDS_STYLE];
    words_style(&w, table, style);
    for (int i = 0; i < WORDS_COUNT; i++) {
        double dot = 0;
        for (int k = 0; k < WORDS_STYLE; k++) dot += (double)style[k] * (double)table[i * WORDS_STYLE + k];
        CHECK(fabs(dot - (memchr(w.id, i, w.count) ? 0.5 : 0)) < 1e-6);
    }
}

TEST(drawn_prompts_have_the_stated_shares)
{
    uint64_t state = 5;
    int n = 20000, genre = 0, mood = 0, tempo = 0, instruments = 0, held = 0;
    for (int i = 0; i < n; i++) {
        words w;
        words_draw(&w, &state);
        held += words_held_out(&w);
        for (size_t k = 0; k < w.count; k++) {
            genre += w.id[k] < WORDS_MOOD0;
            mood += w.id[k] >= WORDS_MOOD0 && w.id[k] < WORDS_INSTRUMENT0;
            instruments += w.id[k] >= WORDS_INSTRUMENT0 && w.id[k] < WORDS_TEMPO0;
            tempo += w.id[k] >= WORDS_TEMPO0;
        }
    }
    CHECK(fabs(genre / (double)n - 0.95) < 0.01 && fabs(mood / (double)n - 0.85) < 0.01);
    CHECK(fabs(tempo / (double)n - 0.6) < 0.02 && fabs(instruments / (double)n - 1.25) < 0.04);
    CHECK(fabs(held / (double)n - 0.95 * 0.85 * 37 / 380) < 0.01);
}
