/* curve.c - see curve.h. */
#include "dsp/curve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dsp/canvas.h"
#include "dsp/png.h"

enum { PAGE, PANEL, GRID, LABEL, TITLE, POINT, MEAN, VALIDATION, COLOURS };
static const uint8_t palette[COLOURS][3] = {{17, 19, 26},    {10, 11, 16},   {34, 38, 50},    {150, 160, 180},
                                            {232, 236, 244}, {38, 104, 168}, {116, 190, 250}, {255, 198, 84}};

enum {
    LEFT = 64,
    TOP = 34,
    PLOT_WIDTH = 880,
    PLOT_HEIGHT = 360,
    WIDTH = LEFT + PLOT_WIDTH + 24,
    HEIGHT = TOP + PLOT_HEIGHT + 40
};

typedef struct {
    canvas c;
    const curve_source *s;
    double low, high;
} drawing;

static double loss_at(const curve_source *s, size_t i)
{
    return (double)s->loss[i * s->stride];
}

static int column_of(const drawing *d, size_t i)
{
    size_t last = d->s->count > 1 ? d->s->count - 1 : 1;
    return LEFT + (int)lrint((double)i / (double)last * (PLOT_WIDTH - 1));
}

static int row_of(const drawing *d, double loss)
{
    double part = (d->high - loss) / (d->high - d->low);
    return TOP + (int)lrint(fmin(fmax(part, 0), 1) * (PLOT_HEIGHT - 1));
}

/* The range that holds all but what shoots far out at the start. */
static void find_range(drawing *d)
{
    const curve_source *s = d->s;
    d->low = INFINITY;
    d->high = -INFINITY;
    for (size_t i = 0; i < s->count; i++) {
        double v = loss_at(s, i), w = s->validation ? (double)s->validation[i * s->stride] : NAN;
        if (isfinite(v)) d->low = fmin(d->low, v), d->high = fmax(d->high, v);
        if (isfinite(w)) d->low = fmin(d->low, w), d->high = fmax(d->high, w);
    }
    if (!(d->high > d->low)) {
        double v = isfinite(d->low) ? d->low : 0;
        d->low = v - 0.5;
        d->high = v + 0.5;
    }
    double edge = 0.04 * (d->high - d->low);
    d->high += edge;
    d->low = d->low >= 0 ? fmax(0, d->low - edge) : d->low - edge;
}

/* 1, 2 or 5 times a power of ten. */
static double step_of(double range, int most)
{
    double step = pow(10, floor(log10(range / most)));
    while (range / step > most) step *= range / step > 2.5 * most ? 5 : 2;
    return step;
}

static void draw_grid(drawing *d)
{
    char text[32];
    double step = step_of(d->high - d->low, 8);
    canvas_fill(&d->c, (canvas_box){LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT}, PANEL);
    for (double v = ceil(d->low / step) * step; v <= d->high; v += step) {
        int y = row_of(d, v);
        canvas_fill(&d->c, (canvas_box){LEFT, y, PLOT_WIDTH, 1}, GRID);
        snprintf(text, sizeof text, "%.4g", fabs(v) < step / 2 ? 0.0 : v);
        canvas_text(&d->c, LEFT - 8, y - CANVAS_LETTER_HEIGHT / 2, text, (canvas_style){1, LABEL, CANVAS_RIGHT});
    }
    size_t every = (size_t)fmax(1, step_of((double)d->s->count, 10));
    for (size_t i = 0; i <= d->s->count; i += every) {
        if (i == 0) continue;
        int x = column_of(d, i - 1);
        canvas_fill(&d->c, (canvas_box){x, TOP, 1, PLOT_HEIGHT}, GRID);
        snprintf(text, sizeof text, "%zu", i);
        canvas_text(&d->c, x, TOP + PLOT_HEIGHT + 8, text, (canvas_style){1, LABEL, CANVAS_CENTRE});
    }
    canvas_text(&d->c, LEFT + PLOT_WIDTH, TOP + PLOT_HEIGHT + 24, "update", (canvas_style){1, LABEL, CANVAS_RIGHT});
}

static void join(drawing *d, int x0, int y0, int x1, int y1, uint8_t colour)
{
    for (int x = x0; x <= x1; x++) {
        int from = x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y0,
            to = x1 > x0 && x < x1 ? y0 + (y1 - y0) * (x + 1 - x0) / (x1 - x0) : y1;
        canvas_column(&d->c, x, from, to, colour);
        canvas_column(&d->c, x, from + 1, to + 1, colour);
    }
}

static void draw_losses(drawing *d)
{
    const curve_source *s = d->s;
    double mean = NAN, forget = 1.0 / fmax(1, fmin(50, (double)s->count / 20));
    int x0 = 0, y0 = 0, shown = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!isfinite(loss_at(s, i))) continue;
        canvas_fill(&d->c, (canvas_box){column_of(d, i) - 1, row_of(d, loss_at(s, i)) - 1, 2, 2}, POINT);
    }
    for (size_t i = 0; i < s->count; i++) {
        double v = loss_at(s, i);
        if (!isfinite(v)) continue;
        mean = isnan(mean) ? v : mean + forget * (v - mean);
        int x = column_of(d, i), y = row_of(d, mean);
        if (shown++) join(d, x0, y0, x, y, MEAN);
        x0 = x;
        y0 = y;
    }
    for (size_t i = 0; i < s->count && s->validation; i++) {
        double v = (double)s->validation[i * s->stride];
        if (isfinite(v)) canvas_fill(&d->c, (canvas_box){column_of(d, i) - 2, row_of(d, v) - 2, 5, 5}, VALIDATION);
    }
}

drgen_status curve_make(const curve_source *s, unsigned char **out, size_t *size, drgen_err *err)
{
    uint8_t *pixel = calloc(WIDTH * HEIGHT, 1); /* PAGE is 0 */
    if (!pixel) return err_fail(err, DRGEN_ERR_NOMEM, "picture of the losses: out of memory");
    drawing d = {.c = {pixel, WIDTH, HEIGHT}, .s = s};
    find_range(&d);
    draw_grid(&d);
    draw_losses(&d);
    canvas_text(&d.c, LEFT, 10, s->title ? s->title : "loss", (canvas_style){2, TITLE, CANVAS_LEFT});
    canvas_text(&d.c, LEFT + PLOT_WIDTH, 14, "update   mean   validation", (canvas_style){1, LABEL, CANVAS_RIGHT});
    int right = LEFT + PLOT_WIDTH - 26 * CANVAS_STEP;
    canvas_fill(&d.c, (canvas_box){right - 6, 16, 3, 3}, POINT);
    canvas_fill(&d.c, (canvas_box){right + 9 * CANVAS_STEP - 14, 17, 10, 2}, MEAN);
    canvas_fill(&d.c, (canvas_box){right + 16 * CANVAS_STEP - 10, 15, 5, 5}, VALIDATION);
    png_image image = {.pixel = pixel, .width = WIDTH, .height = HEIGHT, .palette = palette, .colours = COLOURS};
    drgen_status status = png_encode(&image, out, size, err);
    free(pixel);
    return status;
}
