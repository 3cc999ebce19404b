/* test_picture.c - the QC picture: levels and places in the spectrogram, shape and repeatability of the PNG, width and
 * encoding of the terminal form, sounds of odd sizes. */
#include <stdlib.h>

#include "dsp/canvas.h"
#include "dsp/overview.h"
#include "dsp/picture.h"
#include "dsp/spectrogram.h"
#include "tests/programme.h"
#include "tests/t.h"
#include "tests/unit/png_read.h"

static picture_source source(const sound *x)
{
    return (picture_source){.audio = x, .title = "a \xC3\xA4 title", .target = -14, .kern = kern_best()};
}

TEST(spectrogram_of_a_sine)
{
    enum { COLUMNS = 9, ROWS = 120, RATE = 44100, BIN = 200 };
    programme p = programme_tone(RATE, 2, BIN / 4096.0, 1, 0, 0.01); /* in the middle of a bin: its level is 0 dB */
    float *level = malloc(COLUMNS * ROWS * sizeof *level);
    drgen_err err = {0};
    const spectrogram_size size = {COLUMNS, ROWS, 1};
    CHECKF(spectrogram_make(level, size, &p.s, NULL, &err) == DRGEN_OK, "%s", err.message);
    double frequency = (double)BIN * RATE / 4096;
    int place = (int)((1 - spectrogram_height(frequency, RATE)) * ROWS);
    for (int c = 1; c < COLUMNS - 1; c++)
        for (int r = 0; r < ROWS; r++) {
            double db = (double)level[r * COLUMNS + c];
            if (r == place) CHECKF(fabs(db) < 0.01, "column %d: %g dB", c, db);
            else CHECKF(db < -5 && (abs(r - place) < 8 || db < -60), "column %d, row %d: %g dB", c, r, db);
        }
    CHECK(fabs(spectrogram_frequency(spectrogram_height(1234, RATE), RATE) - 1234) < 1e-9);
    CHECK(fabs(spectrogram_frequency(0, RATE) - 20) < 1e-9 && fabs(spectrogram_frequency(1, RATE) - 22050) < 1e-6);
    free(level);
    programme_free(&p);
}

TEST(spectrogram_levels_low_and_silent)
{
    enum { COLUMNS = 5, ROWS = 300, RATE = 48000 };
    programme p = programme_tone(RATE, 2, 60.0 / RATE, 0.1, 0, 0.01); /* where bins are wider than rows */
    float *level = malloc(COLUMNS * ROWS * sizeof *level);
    CHECK(spectrogram_make(level, (spectrogram_size){COLUMNS, ROWS, 3}, &p.s, NULL, NULL) == DRGEN_OK);
    int best = 0;
    for (int r = 0; r < ROWS; r++)
        if (level[r * COLUMNS + 2] > level[best * COLUMNS + 2]) best = r;
    double found = spectrogram_frequency((ROWS - best - 0.5) / ROWS, RATE);
    CHECKF(fabs(found - 60) < 12 && fabs((double)level[best * COLUMNS + 2] + 20) < 1.5, "%g Hz, %g dB", found,
           (double)level[best * COLUMNS + 2]);
    for (int c = 0; c < 2; c++) memset(p.s.channel[c], 0, p.s.frames * sizeof(float));
    p.s.channel[0][5] = NAN;
    CHECK(spectrogram_make(level, (spectrogram_size){COLUMNS, ROWS, 3}, &p.s, NULL, NULL) == DRGEN_OK);
    for (int i = 0; i < COLUMNS * ROWS; i++) CHECK(level[i] == SPECTROGRAM_FLOOR);
    drgen_err err = {0};
    p.s.rate = 7999;
    CHECK(spectrogram_make(level, (spectrogram_size){COLUMNS, ROWS, 1}, &p.s, NULL, &err) == DRGEN_ERR_ARG);
    free(level);
    programme_free(&p);
}

TEST(overview_columns_hold_every_frame_once)
{
    enum { COLUMNS = 7 };
    static const size_t sizes[] = {0, 1, 3, 7, 8, 100, 1001};
    float x[1001];
    overview_column column[COLUMNS];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        sound s = {{x}, sizes[i], 1, 44100};
        for (size_t at = 0; at < sizes[i]; at++) { /* one loud frame at a time: some column has to show it */
            memset(x, 0, sizeof x);
            x[at] = -0.5f;
            overview_channel(column, COLUMNS, &s, 0);
            int seen = 0;
            for (int c = 0; c < COLUMNS; c++) seen += column[c].low == -0.5f;
            CHECKF(sizes[i] < COLUMNS ? seen >= 1 : seen == 1, "frame %zu of %zu in %d columns", at, sizes[i], seen);
        }
    }
    sound s = {{x}, 0, 1, 44100};
    overview_channel(column, COLUMNS, &s, 0);
    CHECK(column[3].low == 0 && column[3].high == 0 && column[3].rms == 0);
    for (int i = 0; i < 700; i++) x[i] = i % 2 ? 0.25f : -0.75f;
    s.frames = 700;
    overview_channel(column, COLUMNS, &s, 0);
    CHECK(column[2].low == -0.75f && column[2].high == 0.25f && fabs((double)column[2].rms - sqrt(0.3125)) < 1e-6);
}

TEST(overview_steps_and_labels)
{
    char text[32];
    CHECK(overview_time_step(95, 16) == 10 && overview_time_step(0.04, 16) == 0.005 && overview_time_step(0, 5) > 0);
    CHECK(overview_time_step(1e6, 16) >= 1e6 / 16);
    overview_time_label(text, sizeof text, 65, 95);
    CHECK(strcmp(text, "1:05") == 0);
    overview_time_label(text, sizeof text, 0.25, 5);
    CHECK(strcmp(text, "0.25 s") == 0);
    float series[40];
    for (int i = 0; i < 40; i++) series[i] = i < 29 ? -INFINITY : (float)-i;
    CHECK(overview_loudness(series, 40, 1.5) == -29 && overview_loudness(series, 40, 2.0) == -34); /* 0.5..3.5 s */
    CHECK(overview_loudness(series, 40, 1.2) == -INFINITY && overview_loudness(series, 40, 2.7) == -INFINITY);
}

TEST(canvas_cuts_off)
{
    uint8_t pixel[20 * 12 + 2] = {7};
    pixel[20 * 12 + 1] = 7;
    canvas c = {pixel + 1, 20, 12};
    canvas_fill(&c, (canvas_box){-5, -5, 100, 100}, 3);
    for (int i = 0; i < 20 * 12; i++) CHECK(c.pixel[i] == 3);
    canvas_fill(&c, (canvas_box){19, 11, 5, 5}, 4);
    canvas_column(&c, 2, 30, -30, 5);
    canvas_column(&c, -1, 0, 5, 6);
    CHECK(c.pixel[20 * 12 - 1] == 4 && c.pixel[2] == 5 && c.pixel[11 * 20 + 2] == 5 && c.pixel[0] == 3);
    canvas_text(&c, -3, -2, "Wq\xC3\xA4 0", (canvas_style){2, 9, CANVAS_LEFT});
    canvas_text(&c, 30, 8, "88888", (canvas_style){1, 9, CANVAS_RIGHT});
    CHECK(pixel[0] == 7 && pixel[20 * 12 + 1] == 7);
    canvas_fill(&c, (canvas_box){0, 0, 20, 12}, 0);
    canvas_text(&c, 10, 1, "1", (canvas_style){1, 9, CANVAS_CENTRE});
    int set = 0;
    for (int i = 0; i < 20 * 12; i++) set += pixel[1 + i] == 9;
    CHECK(set >= 9 && set <= 14);
    CHECK(c.pixel[1 * 20 + 10] == 9); /* its stroke is in the middle */
}

TEST(picture_same_bytes_always)
{
    programme p = programme_song(44100, 2, 30 * 44100, 8 * 44100);
    picture_source s = source(&p.s);
    unsigned char *first = NULL;
    size_t size = 0;
    drgen_err err = {0};
    CHECKF(picture_make(&s, NULL, &first, &size, &err) == DRGEN_OK, "%s", err.message);
    for (int threads = 1; threads <= 5; threads += 2) {
        pool *t = NULL;
        unsigned char *again = NULL;
        size_t size_again = 0;
        CHECK(pool_open(&t, threads, &err) == DRGEN_OK);
        CHECK(picture_make(&s, t, &again, &size_again, &err) == DRGEN_OK);
        CHECKF(size == size_again && memcmp(first, again, size) == 0, "%d threads", threads);
        free(again);
        pool_close(t);
    }
    /* loudness handed in is the loudness measured */
    float *series = NULL;
    unsigned char *given = NULL;
    size_t size_given = 0;
    CHECK(overview_measure(&series, &s.short_term_count, &p.s, s.kern, &err) == DRGEN_OK);
    s.short_term = series;
    CHECK(picture_make(&s, NULL, &given, &size_given, &err) == DRGEN_OK);
    CHECK(size == size_given && memcmp(first, given, size) == 0);
    png_read got = png_read_file(first, size);
    CHECKF(got.pixel, "%s", got.why ? got.why : "");
    CHECK(got.width > PICTURE_PLOT_WIDTH && got.height > 2 * PICTURE_PLOT_HEIGHT && got.colours <= 256);
    CHECKF(size < got.width * got.height * 6 / 10, "%zu bytes", size);
    png_read_free(&got);
    free(given);
    free(series);
    free(first);
    programme_free(&p);
}

/* Every line at most `columns` wide, valid UTF-8, escapes undone before its end; the number of lines. */
static int check_text(const char *text, int columns, int colour)
{
    int lines = 0, width = 0, open = 0;
    for (const char *s = text; *s; s++) {
        if (*s == '\x1b') {
            CHECK(colour && s[1] == '[');
            open = strncmp(s, "\x1b[0m", 4) != 0;
            s += strcspn(s, "m");
        } else if (*s == '\n') {
            CHECKF(width <= columns && !open, "line %d: %d wide, %s", lines, width, open ? "colour left on" : "");
            lines++;
            width = 0;
        } else {
            width += ((unsigned char)*s & 0xC0) != 0x80;
        }
    }
    CHECK(width == 0);
    return lines;
}

TEST(picture_text_fits)
{
    programme p = programme_song(44100, 2, 30 * 44100, 12 * 44100);
    picture_source s = source(&p.s);
    static const int widths[] = {0, 40, 79, 120, 100000};
    int lines = 0;
    for (size_t i = 0; i < COUNT(widths); i++)
        for (int colour = 0; colour < 2; colour++) {
            char *text = NULL, *again = NULL;
            drgen_err err = {0};
            CHECKF(picture_text(&s, widths[i], colour, &text, &err) == DRGEN_OK, "%s", err.message);
            CHECK(picture_text(&s, widths[i], colour, &again, &err) == DRGEN_OK);
            if (!text || !again) continue;
            CHECK(strcmp(text, again) == 0);
            int most = widths[i] < PICTURE_MIN_COLUMNS ? PICTURE_MIN_COLUMNS : widths[i];
            int n = check_text(text, most > PICTURE_MAX_COLUMNS ? PICTURE_MAX_COLUMNS : most, colour);
            CHECK(!lines || n == lines);
            lines = n;
            CHECK(strstr(text, "left") && strstr(text, "LUFS") && strstr(text, "title"));
            free(text);
            free(again);
        }
    CHECK(lines > 15 && lines < 24); /* fits a terminal of 24 lines */
    programme_free(&p);
}

TEST(picture_odd_sounds)
{
    static const size_t frames[] = {0, 1, 2, 1199, 4410, 17640};
    static const int rates[] = {8000, 44100, 192000};
    for (size_t i = 0; i < COUNT(frames); i++)
        for (int channels = 1; channels <= 8; channels += i == 4 && !T_SANITIZED ? 1 : 7) {
            programme p = programme_noise(rates[i % 3], channels, (double)(frames[i] + 1) / rates[i % 3], 3, t_seed);
            p.s.frames = frames[i];
            if (frames[i]) p.s.channel[0][0] = NAN, p.s.channel[channels - 1][frames[i] - 1] = INFINITY;
            picture_source s = source(&p.s);
            s.target = i % 2 ? NAN : -200;
            s.title = i % 2 ? NULL : "x\ny";
            unsigned char *png = NULL;
            char *text = NULL;
            size_t size = 0;
            drgen_err err = {0};
            CHECKF(picture_make(&s, NULL, &png, &size, &err) == DRGEN_OK, "%s", err.message);
            png_read got = png_read_file(png, size);
            CHECKF(got.pixel, "%zu frames, %d channels: %s", frames[i], channels, got.why ? got.why : "");
            png_read_free(&got);
            CHECKF(picture_text(&s, 80, 1, &text, &err) == DRGEN_OK, "%s", err.message);
            if (text) check_text(text, 80, 1);
            free(text);
            free(png);
            programme_free(&p);
        }
    float x[1] = {0};
    sound bad = {{x}, 1, 9, 44100};
    picture_source s = source(&bad);
    unsigned char *png = NULL;
    char *text = NULL;
    size_t size = 0;
    drgen_err err = {0};
    CHECK(picture_make(&s, NULL, &png, &size, &err) == DRGEN_ERR_ARG && !png && err.message[0]);
    s.short_term = x; /* the meter is not asked then */
    CHECK(picture_make(&s, NULL, &png, &size, NULL) == DRGEN_ERR_ARG && !png);
    CHECK(picture_text(&s, 80, 0, &text, NULL) == DRGEN_ERR_ARG && !text);
}
