/* test_frames.c - how many frames a song has, where its tokens go, and what is said about lines that do not
 * fit. */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "tests/t.h"
#include "text/frames.h"

TEST(frames_counts)
{
    static const struct {
        int max;
        double seconds;
        size_t want; /* 0: refused */
    } cases[] = {{2048, 95, 2048}, {2048, 94.9, 0},    {2048, 96, 0},       {2048, NAN, 0},
                 {6144, 95, 0},    {6144, 96, 2067},   {6144, 150, 3229},   {6144, 285, 6136},
                 {6144, 285.5, 0}, {6144, 96.5, 2077}, {6144, INFINITY, 0}, {64, 1, 21},
                 {64, 2.97, 63},   {64, 3, 0},         {64, 0.5, 0},        {64, -1, 0},
                 {64, NAN, 0},     {512, 20, 430}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t got;
        drgen_err err = {0};
        drgen_status s = frames_count(cases[i].max, cases[i].seconds, &got, &err);
        CHECKF(got == cases[i].want && s == (cases[i].want ? DRGEN_OK : DRGEN_ERR_ARG),
               "%d frames, %g s: %zu", cases[i].max, cases[i].seconds, got);
        CHECK(cases[i].want || strstr(err.message, " s: this model makes songs of "));
    }
    CHECK(frames_duration(2048, 2048) == 1.0f && frames_duration(2067, 6144) == 0.33642578125f &&
          frames_duration(6136, 6144) == 0.99853515625f);
}

static void take_note(void *user, int line, const char *message)
{
    char *text = user;
    size_t used = strlen(text);
    snprintf(text + used, 1024 - used, "%d: %s\n", line, message);
}

/* Grids are written as "frame:tokens"; letters are token ids from 'a' = 10, "." and "," are themselves. */
static void describe(const int32_t *grid, size_t frames, char *out)
{
    const char *start = out;
    for (size_t i = 0; i < frames; i++) {
        if (!grid[i]) continue;
        if (i == 0 || !grid[i - 1]) out += sprintf(out, "%s%zu:", out > start ? " " : "", i);
        *out++ = (char)(grid[i] == 1 ? ',' : grid[i] == 2 ? '.' : 'a' + grid[i] - 10);
    }
    *out = '\0';
}

static size_t make_ids(const char *text, int32_t *ids)
{
    size_t n = 0;
    for (; text[n]; n++) ids[n] = text[n] == ',' ? 1 : text[n] == '.' ? 2 : text[n] - 'a' + 10;
    return n;
}

typedef struct {
    const char *name;
    int max_frames, compat;
    double seconds;
    size_t frames;
    struct {
        double seconds;
        const char *text;
    } lines[5];
    const char *want, *note;
} frames_case;

/* 21.533203125 frames a second: 1 s is frame 21, 2 s 43, 2.5 s 53, 94 s 2024 */
static const frames_case cases[] = {
    {"plain", 2048, 0, 95, 2048, {{1, "ab"}, {2.5, "c"}}, "21:ab. 53:c.", NULL},
    {"periods inside become commas", 2048, 0, 95, 2048, {{1, "a.b,."}}, "21:a,b,,.", NULL},
    {"last line is kept", 2048, 0, 95, 2048, {{1, "ab"}, {94, "cd"}}, "21:ab. 2024:cd.", NULL},
    {"silent line is only an end",
     2048,
     0,
     95,
     2048,
     {{1, "abcdefgh"}, {1.7, ""}, {94, "x"}},
     "21:abcdefgh. 2024:x.",
     "1: is dense"},
    {"silent line after the end", 64, 0, 2, 43, {{1, "a"}, {3, ""}}, "21:a.", NULL},
    {"pushed",
     2048,
     0,
     95,
     2048,
     {{1, "abcdef"}, {1.1, "gh"}, {9, "i"}},
     "21:abcdef.gh. 193:i.",
     "2: starts 0.2 s late"},
    {"too long for its gap",
     2048,
     0,
     95,
     2048,
     {{1, "abcdef"}, {1.1, "gh"}, {9, "i"}},
     "21:abcdef.gh. 193:i.",
     "1: has more sounds (7)"},
    {"dense",
     2048,
     0,
     95,
     2048,
     {{1, "abcdefghij"}, {1.8, "k"}},
     "21:abcdefghij. 38:k.",
     "1: is dense: its sounds fill 64 %"},
    {"half is not dense", 2048, 0, 95, 2048, {{0, "abcdefghi"}, {0.94, "k"}}, "0:abcdefghi. 20:k.", NULL},
    {"before the start", 2048, 0, 95, 2048, {{-INFINITY, "a"}, {1, "b"}}, "0:a. 21:b.", NULL},
    {"after the end",
     2048,
     0,
     95,
     2048,
     {{1, "a"}, {95, "b"}, {INFINITY, "c"}, {NAN, "d"}},
     "21:a.",
     "2: left out: it starts after"},
    {"fits to the last frame", 64, 0, 2, 43, {{1.86, "ab"}}, "40:ab.", "1: is dense"},
    {"its period may miss", 64, 0, 2, 43, {{1.86, "abc"}}, "40:abc", "1: has more sounds"},
    {"does not fit",
     64,
     0,
     2,
     43,
     {{1, "x"}, {1.86, "abcd"}},
     "21:x.",
     "2: left out: it needs 4 frames of 46 ms, and 3 are left"},
    {"shorter one behind may fit", 64, 0, 2, 43, {{1.86, "abcd"}, {1.9, "e"}}, "40:e.", "1: left out"},
    {"nothing", 2048, 0, 95, 2048, {{0, NULL}}, "", NULL},
    {"original drops the last",
     2048,
     1,
     95,
     2048,
     {{1, "ab"}, {94, "cd"}, {96, "e"}},
     "21:ab.",
     "2: left out: the original drops"},
    {"original drops the last of the file",
     2048,
     1,
     95,
     2048,
     {{9, "ab"}, {1, "cd"}},
     "193:ab.",
     "2: left out: the original drops"},
    {"original keeps it in long songs", 6144, 1, 96, 2067, {{1, "ab"}, {95, "cd"}}, "21:ab. 2045:cd.", NULL},
    {"original in file order", 6144, 1, 96, 2067, {{2.5, "ab"}, {1, "cd"}}, "53:ab.cd.", NULL},
    {"original ends silent lines", 6144, 1, 96, 2067, {{1, ""}, {2, "a"}}, "21:. 43:a.", NULL},
    {"original cuts", 6144, 1, 96, 2067, {{95.97, "abc"}, {95.99, "d"}}, "2066:a", NULL},
};

TEST(frames_places)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const frames_case *c = &cases[i];
        int32_t ids[5][16];
        frames_line lines[5];
        size_t count = 0;
        for (; count < 5 && c->lines[count].text; count++)
            lines[count] = (frames_line){.seconds = c->lines[count].seconds,
                                         .ids = ids[count],
                                         .count = make_ids(c->lines[count].text, ids[count]),
                                         .line = (int)count + 1};
        int32_t *grid = malloc(c->frames * sizeof *grid);
        memset(grid, 0x55, c->frames * sizeof *grid);
        char got[256] = "", notes[1024] = "";
        frames_place(grid, c->frames, c->max_frames, c->seconds, lines, count, c->compat, take_note, notes);
        describe(grid, c->frames, got);
        CHECKF(strcmp(got, c->want) == 0, "%s: got \"%s\", want \"%s\"", c->name, got, c->want);
        CHECKF(c->note ? strstr(notes, c->note) != NULL : !*notes, "%s: remarks: %s", c->name, notes);
        free(grid);
    }
}

/* Random lines at random times: every line is whole or absent, in order, and no earlier than its time; both
 * modes stay inside the grid (the sanitizer build looks). */
TEST(frames_laws)
{
    enum { FRAMES = 200, LINES = 12 };
    uint64_t rng = t_seed;
    for (int round = 0; round < 5000; round++) {
        int32_t ids[LINES][20], *grid = malloc(FRAMES * sizeof *grid);
        frames_line lines[LINES];
        double t = -1;
        for (int i = 0; i < LINES; i++) {
            uint64_t r = rng_split(&rng);
            t += (double)(r % 1000) / 500;
            size_t n = (size_t)(r >> 16) % 20;
            for (size_t k = 0; k < n; k++) ids[i][k] = 100 + i;
            lines[i] = (frames_line){.seconds = t, .ids = ids[i], .count = n, .line = i};
        }
        frames_place(grid, FRAMES, 512, FRAMES / 21.6, lines, LINES, 0, NULL, NULL);
        size_t at = 0;
        for (int i = 0; i < LINES; i++) {
            size_t from = at, n = 0;
            while (from < FRAMES && grid[from] != 100 + i) from++;
            while (from + n < FRAMES && grid[from + n] == 100 + i) n++;
            CHECK(lines[i].start == (n ? (long)from : -1) && (n ? lines[i].placed >= n : lines[i].placed == 0));
            if (n == 0) continue;
            CHECK(n == lines[i].count && (from + n == FRAMES || grid[from + n] == 2));
            CHECK(lines[i].seconds <= 0 || from >= (size_t)(lines[i].seconds * 44100 / 2048));
            at = from + n;
        }
        frames_place(grid, FRAMES, 512, FRAMES / 21.6, lines, LINES, 1, NULL, NULL);
        size_t tokens = 0, placed = 0;
        for (int i = 0; i < FRAMES; i++) tokens += grid[i] != 0;
        for (int i = 0; i < LINES; i++) placed += lines[i].placed;
        CHECK(tokens == placed);
        free(grid);
    }
}
