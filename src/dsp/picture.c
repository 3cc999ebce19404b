/* picture.c - the PNG form of picture.h. */
#include "dsp/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/canvas.h"
#include "dsp/overview.h"
#include "dsp/png.h"
#include "dsp/spectrogram.h"

/* The palette: the levels of the spectrogram, then what the rest is drawn with. */
enum {
    LEVELS = 240,
    PAGE = LEVELS,
    PANEL,
    GRID,
    LINE,
    LABEL,
    TITLE,
    PEAK_ODD,
    BODY_ODD,
    PEAK_EVEN,
    BODY_EVEN,
    CLIP,
    CURVE,
    UNDER,
    TARGET,
    COLOURS
};

static const uint8_t others[COLOURS - LEVELS][3] = {
    {17, 19, 26},    {10, 11, 16},   {34, 38, 50},   {72, 80, 100}, {150, 160, 180}, {232, 236, 244}, {38, 104, 168},
    {116, 190, 250}, {22, 126, 112}, {98, 222, 192}, {255, 72, 72}, {255, 198, 84},  {66, 52, 28},    {120, 220, 120},
};

enum {
    LEFT = 58,
    RIGHT = 74,
    TOP = 34,
    GAP = 14,
    BOTTOM = 30,
    WIDTH = LEFT + PICTURE_PLOT_WIDTH + RIGHT,
    LOUDNESS_HEIGHT = 120,
    WAVE_TOP = TOP,
    SPECTRUM_TOP = WAVE_TOP + PICTURE_PLOT_HEIGHT + GAP,
    LOUDNESS_TOP = SPECTRUM_TOP + PICTURE_PLOT_HEIGHT + GAP,
    HEIGHT = LOUDNESS_TOP + LOUDNESS_HEIGHT + BOTTOM,
    LOUDNESS_LOW = -48 /* LUFS at the bottom of its panel; 0 is the top */
};

typedef struct {
    canvas c;
    const picture_source *source;
    double seconds;
    float *level;            /* [PICTURE_PLOT_HEIGHT][PICTURE_PLOT_WIDTH] */
    overview_column *column; /* [PICTURE_PLOT_WIDTH] */
    float *measured;         /* loudness, when it had to be measured */
    const float *loudness;
    size_t loudness_count;
} drawing;

static void y_label(drawing *d, int y, const char *text)
{
    canvas_fill(&d->c, (canvas_box){LEFT - 5, y, 4, 1}, LINE);
    canvas_text(&d->c, LEFT - 8, y - CANVAS_LETTER_HEIGHT / 2, text, (canvas_style){1, LABEL, CANVAS_RIGHT});
}

static void unit(drawing *d, int top, const char *text)
{
    canvas_text(&d->c, LEFT + PICTURE_PLOT_WIDTH + 8, top, text, (canvas_style){1, LABEL, CANVAS_LEFT});
}

/* One channel between rows top and top + height; frame lines at full scale, -6 dB and zero. */
static void draw_channel(drawing *d, int channel, int top, int height)
{
    static const struct {
        double at;
        const char *text;
    } ticks[] = {{1, "0"}, {0.5011872336272722, "-6"}, {0.251188643150958, "-12"}, {0, "-inf"},
                 {-0.251188643150958, "-12"}, {-0.5011872336272722, "-6"}, {-1, "0"}};
    int middle = top + height / 2, half = height / 2 - 7;
    uint8_t peak = channel % 2 ? PEAK_EVEN : PEAK_ODD, body = channel % 2 ? BODY_EVEN : BODY_ODD;
    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        int y = middle - (int)lrint(ticks[i].at * half);
        canvas_fill(&d->c, (canvas_box){LEFT, y, PICTURE_PLOT_WIDTH, 1}, GRID);
        if (half >= 48 || i % 3 == 0) y_label(d, y, ticks[i].text);
    }
    overview_channel(d->column, PICTURE_PLOT_WIDTH, d->source->audio, channel);
    for (int x = 0; x < PICTURE_PLOT_WIDTH && d->source->audio->frames; x++) {
        const overview_column *v = &d->column[x];
        double high = fmin(v->high, 1), low = fmax(v->low, -1), rms = v->rms;
        canvas_column(&d->c, LEFT + x, middle - (int)lrint(high * half), middle - (int)lrint(low * half), peak);
        canvas_column(&d->c, LEFT + x, middle - (int)lrint(fmin(rms, fmax(high, 0)) * half),
                      middle - (int)lrint(fmax(-rms, fmin(low, 0)) * half), body);
        if (v->high >= 1) canvas_column(&d->c, LEFT + x, middle - half - 5, middle - half, CLIP);
        if (v->low <= -1) canvas_column(&d->c, LEFT + x, middle + half, middle + half + 5, CLIP);
    }
    canvas_fill(&d->c, (canvas_box){LEFT, middle, PICTURE_PLOT_WIDTH, 1}, LINE);
}

static void draw_waveform(drawing *d)
{
    int channels = d->source->audio->channels, height = PICTURE_PLOT_HEIGHT / channels;
    char name[16];
    unit(d, WAVE_TOP, "dBFS");
    for (int c = 0; c < channels; c++) {
        draw_channel(d, c, WAVE_TOP + c * height, height);
        snprintf(name, sizeof name, channels == 2 ? c ? "right" : "left" : channels == 1 ? "mono" : "%d", c + 1);
        unit(d, WAVE_TOP + c * height + height / 2 - CANVAS_LETTER_HEIGHT / 2, name);
        if (c) canvas_fill(&d->c, (canvas_box){LEFT, WAVE_TOP + c * height, PICTURE_PLOT_WIDTH, 1}, LINE);
    }
}

static uint8_t level_colour(double db)
{
    long v = lrint((db - SPECTROGRAM_FLOOR) / -SPECTROGRAM_FLOOR * (LEVELS - 1));
    return (uint8_t)(v < 0 ? 0 : v > LEVELS - 1 ? LEVELS - 1 : v);
}

static void draw_spectrogram(drawing *d)
{
    static const int ticks[] = {20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000};
    char text[16];
    for (int y = 0; y < PICTURE_PLOT_HEIGHT; y++) {
        uint8_t *row = d->c.pixel + (size_t)(SPECTRUM_TOP + y) * WIDTH + LEFT;
        const float *level = d->level + (size_t)y * PICTURE_PLOT_WIDTH;
        for (int x = 0; x < PICTURE_PLOT_WIDTH; x++) row[x] = level_colour((double)level[x]);
    }
    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        double height = spectrogram_height(ticks[i], d->source->audio->rate);
        if (height > 1) break;
        snprintf(text, sizeof text, ticks[i] < 1000 ? "%d" : "%dk", ticks[i] < 1000 ? ticks[i] : ticks[i] / 1000);
        y_label(d, SPECTRUM_TOP + (int)lrint((1 - height) * (PICTURE_PLOT_HEIGHT - 1)), text);
    }
    canvas_text(&d->c, 6, SPECTRUM_TOP + PICTURE_PLOT_HEIGHT / 2, "Hz", (canvas_style){1, LABEL, CANVAS_LEFT});
    int left = LEFT + PICTURE_PLOT_WIDTH + 10, height = PICTURE_PLOT_HEIGHT - 16;
    for (int y = 0; y < height; y++)
        canvas_fill(&d->c, (canvas_box){left, SPECTRUM_TOP + 16 + y, 12, 1},
                    level_colour((double)SPECTROGRAM_FLOOR * y / (height - 1)));
    unit(d, SPECTRUM_TOP, "dBFS");
    for (int db = 0; db >= SPECTROGRAM_FLOOR; db -= 20) {
        int y = SPECTRUM_TOP + 16 + (height - 1) * db / SPECTROGRAM_FLOOR;
        snprintf(text, sizeof text, "%d", db);
        canvas_fill(&d->c, (canvas_box){left + 12, y, 4, 1}, LINE);
        canvas_text(&d->c, left + 19, y - (db ? db > SPECTROGRAM_FLOOR ? 3 : 6 : 0), text,
                    (canvas_style){1, LABEL, CANVAS_LEFT});
    }
}

static int loudness_row(double lufs)
{
    double part = fmin(1, fmax(0, lufs / LOUDNESS_LOW)); /* 0 on top */
    return LOUDNESS_TOP + (int)lrint(part * (LOUDNESS_HEIGHT - 1));
}

static void draw_loudness(drawing *d)
{
    char text[32];
    for (int lufs = 0; lufs >= LOUDNESS_LOW; lufs -= 12) {
        snprintf(text, sizeof text, "%d", lufs);
        canvas_fill(&d->c, (canvas_box){LEFT, loudness_row(lufs), PICTURE_PLOT_WIDTH, 1}, GRID);
        y_label(d, loudness_row(lufs), text);
    }
    unit(d, LOUDNESS_TOP, "LUFS,");
    unit(d, LOUDNESS_TOP + 10, "short-term");
    for (int x = 0, before = -1; x < PICTURE_PLOT_WIDTH; x++) {
        double second = (x + 0.5) / PICTURE_PLOT_WIDTH * d->seconds;
        double lufs = overview_loudness(d->loudness, d->loudness_count, second);
        int row = loudness_row(lufs);
        if (!(lufs > LOUDNESS_LOW)) {
            before = -1;
            continue;
        }
        canvas_column(&d->c, LEFT + x, row, LOUDNESS_TOP + LOUDNESS_HEIGHT - 1, UNDER);
        canvas_column(&d->c, LEFT + x, row, before < 0 ? row + 1 : before < row ? before : before + 1, CURVE);
        before = row;
    }
    double target = d->source->target;
    if (!isfinite(target) || target < LOUDNESS_LOW || target > 0) return;
    for (int x = 0; x < PICTURE_PLOT_WIDTH; x += 10)
        canvas_fill(&d->c, (canvas_box){LEFT + x, loudness_row(target), 5, 1}, TARGET);
    snprintf(text, sizeof text, "%.4g", target);
    canvas_text(&d->c, LEFT + PICTURE_PLOT_WIDTH + 8, loudness_row(target) - 3 < LOUDNESS_TOP + 20
                ? LOUDNESS_TOP + 20 : loudness_row(target) - 3, text, (canvas_style){1, TARGET, CANVAS_LEFT});
}

static void draw_time(drawing *d)
{
    double step = overview_time_step(d->seconds, 16);
    char text[32];
    int bottom = LOUDNESS_TOP + LOUDNESS_HEIGHT;
    for (int i = 0; d->seconds > 0 && i * step <= d->seconds; i++) {
        int x = LEFT + (int)lrint(i * step / d->seconds * (PICTURE_PLOT_WIDTH - 1));
        canvas_fill(&d->c, (canvas_box){x, bottom + 1, 1, 5}, LINE);
        canvas_fill(&d->c, (canvas_box){x, SPECTRUM_TOP - GAP + 4, 1, GAP - 7}, LINE);
        canvas_fill(&d->c, (canvas_box){x, LOUDNESS_TOP - GAP + 4, 1, GAP - 7}, LINE);
        overview_time_label(text, sizeof text, i * step, d->seconds);
        canvas_text(&d->c, x, bottom + 10, text, (canvas_style){1, LABEL, CANVAS_CENTRE});
    }
}

static void draw(drawing *d)
{
    static const int panels[][2] = {
        {WAVE_TOP, PICTURE_PLOT_HEIGHT}, {SPECTRUM_TOP, PICTURE_PLOT_HEIGHT}, {LOUDNESS_TOP, LOUDNESS_HEIGHT}};
    canvas_fill(&d->c, (canvas_box){0, 0, WIDTH, HEIGHT}, PAGE);
    for (int i = 0; i < 3; i++)
        canvas_fill(&d->c, (canvas_box){LEFT, panels[i][0], PICTURE_PLOT_WIDTH, panels[i][1]}, PANEL);
    if (d->source->title)
        canvas_text(&d->c, LEFT, 10, d->source->title, (canvas_style){2, TITLE, CANVAS_LEFT});
    draw_waveform(d);
    draw_spectrogram(d);
    draw_loudness(d);
    draw_time(d);
}

drgen_status picture_make(const picture_source *p, pool *threads, unsigned char **png, size_t *size, drgen_err *err)
{
    const sound *x = p->audio;
    const size_t area = (size_t)PICTURE_PLOT_WIDTH * PICTURE_PLOT_HEIGHT;
    drawing d = {{malloc((size_t)WIDTH * HEIGHT), WIDTH, HEIGHT}, p};
    uint8_t palette[COLOURS][3];
    drgen_status status = DRGEN_OK;
    *png = NULL;
    *size = 0;
    d.level = malloc(area * sizeof *d.level);
    d.column = malloc(PICTURE_PLOT_WIDTH * sizeof *d.column);
    if (!d.c.pixel || !d.level || !d.column) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "picture: out of memory");
        goto done;
    }
    d.loudness = p->short_term;
    d.loudness_count = p->short_term_count;
    if (!d.loudness) {
        status = overview_measure(&d.measured, &d.loudness_count, x, p->kern, err);
        if (status != DRGEN_OK) goto done;
        d.loudness = d.measured;
    }
    status = spectrogram_make(d.level, (spectrogram_size){PICTURE_PLOT_WIDTH, PICTURE_PLOT_HEIGHT, 1}, x, threads, err);
    if (status != DRGEN_OK) goto done;
    d.seconds = (double)x->frames / x->rate;
    draw(&d);
    overview_ramp(palette, LEVELS);
    memcpy(palette + LEVELS, others, sizeof others);
    status = png_encode(&(png_image){d.c.pixel, WIDTH, HEIGHT, (const uint8_t(*)[3])palette, COLOURS}, png, size, err);
done:
    free(d.measured);
    free(d.level);
    free(d.column);
    free(d.c.pixel);
    return status;
}
