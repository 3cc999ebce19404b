/* Scores of songs against those of the reference (tests/golden/nano), on songs made wrong in known ways. */
#include <stdlib.h>

#include "base/rng.h"
#include "io/safetensors.h"
#include "nano/judge.h"
#include "tests/t.h"
#include "tests/words_listed.h"

static const char golden[] = "tests/golden/nano/judge.safetensors";
enum { SCORED = 18 }; /* those of latents */

static const char *meta(const st_file *f, const char *name, int i)
{
    char key[32];
    snprintf(key, sizeof key, "%s.%d", name, i);
    const char *found = st_metadata(f, key);
    return found ? found : "";
}

/* The numbers of a tensor, malloc'd. */
static void *numbers(const st_file *f, const char *name, int i, size_t size, size_t *count)
{
    char key[32];
    snprintf(key, sizeof key, "%s.%d", name, i);
    const st_tensor *t = st_find(f, key);
    CHECKF(t != NULL, "%s is missing", key);
    *count = t ? t->count : 0;
    void *out = malloc(*count * size + 1);
    if (t) memcpy(out, t->data, *count * size);
    return out;
}

/* The composer's song for the case's source, late by its shift, cells turned over, scaled, with noise: as the case says. */
static float *spoilt(const st_file *f, int i, const int32_t *tokens, size_t frames, const token_sounds *sounds)
{
    size_t count = frames * ROLL_WIDTH, flips, late = (size_t)atoi(meta(f, "shift", i)) * ROLL_WIDTH;
    const char *bits = meta(f, "bits", i);
    unsigned char *roll = malloc(count), *moved = calloc(count, 1);
    float *latent = malloc(count * sizeof *latent), *noise = malloc(count * sizeof *noise);
    int32_t *flip = numbers(f, "flips", i, sizeof *flip, &flips);
    char name[32];
    words source = listed(meta(f, "source", i));
    words_plan plan = words_read(&source);
    compose(roll, &plan, (compose_bits){bits[0] - '0', bits[2] - '0'}, tokens, frames, sounds, NULL);
    if (!atoi(meta(f, "blank", i))) memcpy(moved + late, roll, count - late);
    for (size_t k = 0; k < flips && flip[k] >= 0; k++) moved[flip[k]] ^= 1;
    compose_latent(latent, moved, count);
    snprintf(name, sizeof name, "nano.judge.%d", i);
    rng_synth(noise, 0, count, name, 0.0, atof(meta(f, "noise", i)), 7);
    float gain = (float)atof(meta(f, "gain", i));
    for (size_t k = 0; k < count; k++) latent[k] = latent[k] * gain + noise[k];
    free(roll), free(moved), free(noise), free(flip);
    return latent;
}

TEST(judge_gives_the_references_scores)
{
    st_file *f = NULL;
    drgen_err err = {0};
    token_sounds sounds;
    judge_sums sums = {0};
    CHECKF(st_open(&f, golden, &err) == DRGEN_OK, "%s", err.message);
    if (!f) return;
    compose_sounds(&sounds);
    int cases = atoi(st_metadata(f, "cases"));
    CHECK(cases >= 10);
    const char *names = st_metadata(f, "names");
    for (int k = 0; k < SCORED; k++) {
        size_t n = strlen(judge_table[k].name);
        CHECKF(strncmp(names, judge_table[k].name, n) == 0, "score %d is %s", k, judge_table[k].name);
        names += n + 1;
    }
    for (int i = 0; i < cases; i++) {
        size_t frames, count;
        int32_t *tokens = numbers(f, "tokens", i, sizeof *tokens, &frames);
        double *want = numbers(f, "scores", i, sizeof *want, &count);
        float *latent = spoilt(f, i, tokens, frames, &sounds);
        words w = listed(meta(f, "words", i));
        judge_scores s;
        CHECK(judge_song(&s, latent, frames, &w, tokens, &sounds, &err) == DRGEN_OK && count == SCORED);
        judge_add(&sums, &s);
        for (int k = 0; k < SCORED; k++) {
            double v = judge_get(&s, k);
            int both = isnan(v) && isnan(want[k]);
            CHECKF(both || fabs(v - want[k]) < 1e-6, "case %d (%s): %s is %.9g, not %.9g", i, meta(f, "words", i),
                judge_table[k].name, v,
                   want[k]);
        }
        free(tokens), free(want), free(latent);
    }
    size_t silent = sums.count[14], sung = sums.count[11]; /* lead_silent, lead_prec: one or the other */
    CHECK(silent > 0 && sung > 0 && silent + sung == (size_t)cases && sums.count[0] == (size_t)cases);
    st_close(f);
}

/* Any composer song of a random prompt and random vowels has full marks, unless a note falls behind the end. */
TEST(composers_own_songs_have_full_marks)
{
    enum { FRAMES = 512 };
    static unsigned char roll[FRAMES * ROLL_WIDTH];
    static float latent[FRAMES * ROLL_WIDTH];
    static const double perfect[SCORED] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1};
    token_sounds sounds;
    drgen_err err = {0};
    uint64_t state = 11;
    compose_sounds(&sounds);
    for (int n = 0; n < 200; n++) {
        int32_t tokens[FRAMES] = {0};
        words w;
        judge_scores s;
        words_draw(&w, &state);
        for (int f = 20; f < FRAMES - 10 && n % 4; f++) tokens[f] = f / 40 % 2 ? (int32_t)(rng_split(&state)
            % COMPOSE_TOKENS) : 0;
        words_plan plan = words_read(&w);
        compose(roll, &plan, (compose_bits){n & 1, n >> 1 & 1}, tokens, FRAMES, &sounds, NULL);
        compose_latent(latent, roll, sizeof roll);
        CHECK(judge_song(&s, latent, FRAMES, &w, tokens, &sounds, &err) == DRGEN_OK);
        for (int k = 0; k < SCORED; k++) {
            double v = judge_get(&s, k);
            CHECKF(isnan(v) || fabs(v - perfect[k]) < 1e-6, "song %d (%s, step %d): %s is %g", n, words_name(plan.genre),
                plan.step,
                   judge_table[k].name, v);
        }
    }
}

TEST(short_songs_and_songs_of_nothing_are_judged)
{
    float latent[3 * ROLL_WIDTH] = {0};
    int32_t tokens[3] = {0};
    token_sounds sounds;
    drgen_err err = {0};
    words w = {.count = 0};
    judge_scores s;
    compose_sounds(&sounds);
    CHECK(judge_song(&s, latent, 3, &w, tokens, &sounds, &err) == DRGEN_OK);
    CHECK(isnan(s.genre_ok) && s.activity == 0 && s.lead_silent == 1 && s.tempo_ok == 0 && s.harmony == 0);
}
