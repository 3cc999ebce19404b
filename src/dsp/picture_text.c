/* picture_text.c - the terminal form of picture.h: bars of eighths of a character for waveform and loudness, two
 * levels a character (colour) or shades for the spectrogram. */
#include "dsp/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/overview.h"
#include "dsp/spectrogram.h"

enum { MARGIN = 6, WAVE_ROWS = 3, SPECTRUM_ROWS = 10, LOUDNESS_ROWS = 2, RAMP = 64, PLAIN = -1 };

/* Colours of a 256-colour terminal. */
enum { GREY = 244, BLUE = 75, GREEN = 79, RED = 203, AMBER = 221 };

static const double quietest = -36, loudest = 0; /* LUFS of an empty and of a full bar */

typedef struct {
    char *s;
    size_t size, room;
    int failed, colour, fore, back; /* colour 0: no escapes */
} writer;

static void put(writer *w, const char *text)
{
    size_t n = strlen(text);
    if (w->size + n + 1 > w->room) {
        size_t room = 2 * (w->size + n + 512);
        char *s = realloc(w->s, room);
        if (!s) {
            w->failed = 1;
            return;
        }
        w->s = s;
        w->room = room;
    }
    memcpy(w->s + w->size, text, n + 1);
    w->size += n;
}

static void set_colours(writer *w, int fore, int back)
{
    char text[48];
    if (!w->colour || (fore == w->fore && back == w->back)) return;
    if (back == PLAIN && w->back != PLAIN) put(w, "\x1b[0m"), w->fore = PLAIN;
    if (fore != w->fore) snprintf(text, sizeof text, fore == PLAIN ? "\x1b[39m" : "\x1b[38;5;%dm", fore), put(w, text);
    if (back != w->back && back != PLAIN) snprintf(text, sizeof text, "\x1b[48;5;%dm", back), put(w, text);
    w->fore = fore;
    w->back = back;
}

static void end_line(writer *w)
{
    if (w->fore != PLAIN || w->back != PLAIN) put(w, "\x1b[0m");
    w->fore = w->back = PLAIN;
    put(w, "\n");
}

static void put_label(writer *w, const char *text)
{
    char padded[32];
    snprintf(padded, sizeof padded, "%*s ", MARGIN - 1, text);
    set_colours(w, GREY, PLAIN);
    put(w, padded);
}

/* Row `row` (0 on top) of `rows` of a bar of this height, 0..1. */
static void put_bar(writer *w, double height, int row, int rows)
{
    static const char *const eighth[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double v = height * rows * 8 - 8 * (rows - 1 - row);
    put(w, eighth[v <= 0 ? 0 : v >= 8 ? 8 : (int)lrint(v)]);
}

static void put_waveform(writer *w, const sound *x, int channel, overview_column *column, int columns)
{
    const char *name = x->channels == 2 ? channel ? "right" : "left" : "";
    overview_channel(column, (size_t)columns, x, channel);
    for (int row = 0; row < WAVE_ROWS; row++) {
        put_label(w, row == WAVE_ROWS / 2 ? name : "");
        for (int i = 0; i < columns; i++) {
            double peak = fmax(column[i].high, -(double)column[i].low);
            set_colours(w, peak >= 1 ? RED : channel % 2 ? GREEN : BLUE, PLAIN);
            put_bar(w, fmin(peak, 1), row, WAVE_ROWS);
        }
        end_line(w);
    }
}

/* The nearest of the 6 x 6 x 6 cube and the greys. */
static int terminal_colour(const uint8_t rgb[3])
{
    static const int step[6] = {0, 95, 135, 175, 215, 255};
    int best = 16, least = 1 << 30;
    for (int i = 16; i < 256; i++) {
        int cube = i - 16, grey = 8 + 10 * (i - 232), far = 0;
        int is[3] = {step[cube / 36 % 6], step[cube / 6 % 6], step[cube % 6]};
        for (int k = 0; k < 3; k++) {
            int d = (i < 232 ? is[k] : grey) - rgb[k];
            far += d * d;
        }
        if (far < least) least = far, best = i;
    }
    return best;
}

static double shade(float db) /* 0..1 over the 80 dB that a coarse picture shows */
{
    return fmin(1, fmax(0, ((double)db + 90) / 80));
}

static void put_spectrogram(writer *w, const float *level, int columns, int rate)
{
    static const char *const dark_to_full[] = {" ", "░", "▒", "▓", "█"};
    uint8_t ramp[RAMP][3];
    int palette[RAMP];
    overview_ramp(ramp, RAMP);
    for (int i = 0; i < RAMP; i++) palette[i] = terminal_colour(ramp[i]);
    for (int row = 0; row < SPECTRUM_ROWS; row++) {
        const float *upper = level + 2 * row * columns, *lower = upper + columns;
        char text[16] = "";
        double hz = spectrogram_frequency((SPECTRUM_ROWS - row - 0.5) / SPECTRUM_ROWS, rate);
        if (row % 3 == 0) snprintf(text, sizeof text, hz < 999.5 ? "%.0f" : "%.3gk", hz < 999.5 ? hz : hz / 1000);
        put_label(w, text);
        for (int i = 0; i < columns; i++) {
            if (w->colour) {
                long above = lrint(shade(upper[i]) * (RAMP - 1)), below = lrint(shade(lower[i]) * (RAMP - 1));
                set_colours(w, palette[above], palette[below]);
                put(w, "▀");
            } else {
                put(w, dark_to_full[lrint(shade(fmaxf(upper[i], lower[i])) * 4)]);
            }
        }
        end_line(w);
    }
}

static void put_loudness(writer *w, const picture_source *p, const float *series, size_t count, int columns)
{
    double seconds = (double)p->audio->frames / p->audio->rate;
    for (int row = 0; row < LOUDNESS_ROWS; row++) {
        put_label(w, row ? "LUFS" : "");
        for (int i = 0; i < columns; i++) {
            double lufs = overview_loudness(series, count, (i + 0.5) / columns * seconds);
            set_colours(w, AMBER, PLAIN);
            put_bar(w, fmin(1, fmax(0, (lufs - quietest) / (loudest - quietest))), row, LOUDNESS_ROWS);
        }
        end_line(w);
    }
}

static void put_time(writer *w, double seconds, int columns)
{
    char label[32];
    double step = overview_time_step(seconds, columns / 10);
    set_colours(w, GREY, PLAIN);
    put_label(w, "");
    for (int i = 0, at = 0; seconds > 0 && i * step <= seconds; i++) {
        int place = (int)(i * step / seconds * columns);
        overview_time_label(label, sizeof label, i * step, seconds);
        if (place < at || place + (int)strlen(label) > columns) continue;
        for (; at < place; at++) put(w, " ");
        put(w, label);
        at += (int)strlen(label);
    }
    end_line(w);
}

/* At most `columns` characters of the first line. */
static void put_title(writer *w, const char *title, int columns)
{
    char letter[2] = "";
    for (int n = 0; *title && *title != '\n'; title++) {
        n += ((unsigned char)*title & 0xC0) != 0x80; /* what follows a UTF-8 lead byte takes no room */
        if (n > columns) break;
        letter[0] = (unsigned char)*title < 32 || *title == 127 ? ' ' : *title;
        put(w, letter);
    }
    end_line(w);
}

drgen_status picture_text(const picture_source *p, int columns, int colour, char **text, drgen_err *err)
{
    const sound *x = p->audio;
    int width = columns < PICTURE_MIN_COLUMNS ? PICTURE_MIN_COLUMNS : columns;
    if (width > PICTURE_MAX_COLUMNS) width = PICTURE_MAX_COLUMNS;
    int inner = width - MARGIN;
    writer w = {.colour = colour, .fore = PLAIN, .back = PLAIN};
    float *level = malloc((size_t)inner * 2 * SPECTRUM_ROWS * sizeof *level), *measured = NULL;
    overview_column *column = malloc((size_t)inner * sizeof *column);
    const float *series = p->short_term;
    size_t count = p->short_term_count;
    drgen_status status = DRGEN_OK;
    *text = NULL;
    if (!level || !column) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "picture: out of memory");
        goto done;
    }
    if (!series) {
        status = overview_measure(&measured, &count, x, p->kern, err);
        if (status != DRGEN_OK) goto done;
        series = measured;
    }
    status = spectrogram_make(level, (spectrogram_size){(size_t)inner, 2 * SPECTRUM_ROWS, 4}, x, NULL, err);
    if (status != DRGEN_OK) goto done;
    if (p->title) put_title(&w, p->title, width);
    for (int c = 0; c < x->channels; c++) put_waveform(&w, x, c, column, inner);
    put_spectrogram(&w, level, inner, x->rate);
    put_loudness(&w, p, series, count, inner);
    put_time(&w, (double)x->frames / x->rate, inner);
    if (w.failed) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "picture: out of memory");
        goto done;
    }
    *text = w.s;
    w.s = NULL;
done:
    free(w.s);
    free(measured);
    free(level);
    free(column);
    return status;
}
