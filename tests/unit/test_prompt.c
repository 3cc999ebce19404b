/* The prompt builder's wording and its suggestions. */
#include "tests/t.h"
#include "text/prompt.h"

TEST(prompt_has_the_agreed_wording)
{
    prompt_spec s = {.genre = "pop", .mood = "UPBEAT", .instruments = {"piano", "synthesizer"}, .instrument_count = 2, .tempo = 120,
                     .vocals = "female", .production = "professional studio"};
    char text[256];
    drgen_err err = {0};
    CHECKF(prompt_check(&s, &err) == DRGEN_OK, "%s", err.message);
    CHECK(prompt_text(&s, text, sizeof text, &err) == DRGEN_OK);
    CHECKF(strcmp(text, "Pop music, upbeat, featuring Piano, Synthesizer, 120 BPM, female vocals, professional studio production") == 0,
           "%s", text);
    CHECK(prompt_text(&s, text, 20, &err) == DRGEN_ERR_ARG);
    prompt_spec none = {0};
    err_clear(&err);
    CHECK(prompt_text(&none, text, sizeof text, &err) == DRGEN_ERR_ARG);
}

TEST(prompt_words_are_counted_and_suggested)
{
    static const size_t counts[] = {20, 19, 20};
    for (int l = 0; l < 3; l++) {
        size_t n = 0;
        while (prompt_words((prompt_list)l)[n]) n++;
        CHECKF(n == counts[l], "list %d has %zu words", l, n);
    }
    const char *word;
    drgen_err err = {0};
    CHECK(prompt_word(PROMPT_GENRES, "hip hop", &word, &err) == DRGEN_OK && strcmp(word, "Hip-Hop") == 0);
    CHECK(prompt_word(PROMPT_PLAYED, "electric guitar", &word, &err) == DRGEN_OK && strcmp(word, "ElectricGuitar") == 0);
    CHECK(prompt_word(PROMPT_GENRES, "Jaz", &word, &err) == DRGEN_ERR_TEXT && strstr(err.message, "did you mean Jazz"));
    err_clear(&err);
    CHECK(prompt_word(PROMPT_MOODS, "xyzzyplugh", &word, &err) == DRGEN_ERR_TEXT && strstr(err.message, "--list"));
}

TEST(prompt_recipes_and_chance_speak_known_words)
{
    char text[256], again[256];
    drgen_err err = {0};
    for (const char *const *g = prompt_words(PROMPT_GENRES); *g; g++) {
        prompt_spec s = {.genre = *g};
        prompt_recipe(&s);
        CHECKF(strcmp(s.genre, *g) == 0 && prompt_check(&s, &err) == DRGEN_OK, "%s: %s", *g, err.message);
    }
    int different = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        prompt_spec a = {.mood = "Fun"}, b = {.mood = "Fun"};
        prompt_random(&a, seed);
        prompt_random(&b, seed);
        CHECK(prompt_check(&a, &err) == DRGEN_OK && strcmp(a.mood, "Fun") == 0);
        prompt_text(&a, text, sizeof text, &err);
        prompt_text(&b, again, sizeof again, &err);
        CHECK(strcmp(text, again) == 0);
        prompt_spec c = {.mood = "Fun"};
        prompt_random(&c, seed + 1000);
        prompt_text(&c, again, sizeof again, &err);
        different += strcmp(text, again) != 0;
    }
    CHECK(different > 40);
}
