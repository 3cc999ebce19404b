/* Times for plain lyrics: in order, inside the song, with room for every word when there is any. */
#include "tests/t.h"
#include "text/timing.h"

static const char song[] = "[Intro]\n\n[Verse 1]\nfirst line here\nsecond line here\n\nChorus:\nthird\nfourth line\n(Outro)\nlast\n";

TEST(timing_tells_headers_from_lines)
{
    static const timing_kind want[] = {TIMING_SECTION, TIMING_BLANK, TIMING_SECTION, TIMING_SUNG, TIMING_SUNG, TIMING_BLANK,
                                       TIMING_SECTION, TIMING_SUNG,  TIMING_SUNG,    TIMING_SECTION, TIMING_SUNG};
    timing t;
    CHECK(timing_read(&t, song, sizeof song - 1, NULL) == DRGEN_OK && t.count == COUNT(want));
    for (size_t i = 0; i < t.count; i++) CHECKF(t.lines[i].kind == want[i] && t.lines[i].line == (int)i + 1, "line %zu", i + 1);
    timing_free(&t);
    CHECK(timing_read(&t, "(ooh, what a night)\r\nVersed in love:\r", 37, NULL) == DRGEN_OK);
    CHECK(t.count == 2 && t.lines[0].kind == TIMING_SUNG && t.lines[1].kind == TIMING_SUNG);
    timing_free(&t);
}

static void check_song(size_t lines, size_t tokens, double seconds, double bpm)
{
    char text[8192] = "";
    for (size_t i = 0; i < lines; i++) {
        if (i % 4 == 0) strcat(text, i % 8 ? "\n" : "[Verse]\n");
        strcat(text, "words\n");
    }
    timing t;
    double density = 0;
    CHECK(timing_read(&t, text, strlen(text), NULL) == DRGEN_OK);
    for (size_t i = 0; i < t.count; i++) t.lines[i].tokens = tokens;
    CHECK(timing_place(&t, seconds, bpm, &density, NULL) == DRGEN_OK);
    double before = -1;
    size_t placed = 0;
    for (size_t i = 0; i < t.count; i++) {
        if (t.lines[i].kind != TIMING_SUNG) continue;
        placed++;
        CHECKF(t.lines[i].seconds > before && t.lines[i].seconds <= seconds, "%zu lines of %zu tokens in %g s: line %zu at %g after %g",
               lines, tokens, seconds, placed, t.lines[i].seconds, before);
        before = t.lines[i].seconds;
    }
    CHECK(placed == lines);
    double frames = seconds * 44100 / 2048, words = (double)(lines * (tokens + 1));
    if (words < 0.6 * frames) CHECKF(density <= 1, "%zu lines of %zu tokens in %g s: density %g", lines, tokens, seconds, density);
    if (words < 0.1 * frames) CHECKF(density <= 0.5, "%zu lines of %zu tokens in %g s: density %g", lines, tokens, seconds, density);
    timing_free(&t);
}

TEST(timing_keeps_order_and_room)
{
    static const double lengths[] = {95, 96, 150, 285};
    for (size_t l = 0; l < COUNT(lengths); l++)
        for (size_t lines = 1; lines <= 60; lines += 7)
            for (size_t tokens = 1; tokens <= 40; tokens += 13)
                for (int beat = 0; beat < 2; beat++) check_song(lines, tokens, lengths[l], beat ? 120 : 0);
}

TEST(timing_without_words_is_an_error)
{
    timing t;
    double density;
    drgen_err err = {0};
    CHECK(timing_read(&t, "[Verse]\n\n", 9, NULL) == DRGEN_OK);
    CHECK(timing_place(&t, 95, 0, &density, &err) == DRGEN_ERR_TEXT);
    timing_free(&t);
}
