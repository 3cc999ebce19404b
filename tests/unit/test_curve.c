/* The picture of a training's losses: it falls where they fall, and takes numbers of any kind. */
#include <stdlib.h>

#include "dsp/curve.h"
#include "tests/t.h"
#include "tests/unit/png_read.h"

/* Row of the running mean (palette entry 6) in column x, from the top; -1: none there. */
static int mean_row(const png_read *p, size_t x)
{
    for (size_t y = 30; y < p->height; y++)
        if (p->pixel[y * p->width + x] == 6) return (int)y;
    return -1;
}

static png_read draw(const float *loss, const float *validation, size_t count)
{
    unsigned char *data = NULL;
    size_t size = 0;
    drgen_err err = {0};
    curve_source s = {.loss = loss, .validation = validation, .count = count, .stride = 1, .title = "test"};
    CHECKF(curve_make(&s, &data, &size, &err) == DRGEN_OK, "%s", err.message);
    png_read p = png_read_file(data, size);
    CHECKF(p.pixel != NULL, "%s", p.why ? p.why : "");
    free(data);
    return p;
}

TEST(curve_falls_with_the_losses)
{
    float loss[200], validation[200];
    for (int i = 0; i < 200; i++) {
        loss[i] = 2.0f * expf(-0.03f * (float)i);
        validation[i] = i % 50 == 49 ? loss[i] : NAN;
    }
    png_read p = draw(loss, validation, 200);
    size_t dots = 0;
    if (p.pixel) {
        int left = mean_row(&p, 70), middle = mean_row(&p, 300), right = mean_row(&p, 930);
        CHECKF(left > 0 && left + 50 < middle && middle + 50 < right, "rows %d, %d, %d", left, middle, right);
        for (size_t i = 30 * p.width; i < p.width * p.height; i++) dots += p.pixel[i] == 7;
        CHECKF(dots >= 3 * 25, "%zu pixels of validation", dots);
    }
    png_read_free(&p);
}

TEST(curve_takes_any_numbers)
{
    static const float hard[][3] = {{1, 1, 1}, {NAN, NAN, NAN}, {INFINITY, 2, -INFINITY}, {0, 0, 0}, {1e30f, -1e30f, 0}};
    for (size_t i = 0; i < COUNT(hard); i++)
        for (size_t n = 1; n <= 3; n++) {
            png_read p = draw(hard[i], i % 2 ? hard[i] : NULL, n);
            png_read_free(&p);
        }
}
