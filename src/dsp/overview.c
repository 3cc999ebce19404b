/* overview.c - see overview.h. */
#include "dsp/overview.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dsp/loudness.h"

void overview_channel(overview_column *out, size_t columns, const sound *x, int channel)
{
    for (size_t c = 0; c < columns; c++) {
        double part = (double)x->frames / (double)columns, energy = 0;
        size_t from = (size_t)((double)c * part), to = (size_t)((double)(c + 1) * part);
        overview_column v = {INFINITY, -INFINITY, 0};
        if (c + 1 == columns || to > x->frames) to = x->frames;
        if (from >= to && from > 0) from = to > 0 ? to - 1 : 0;
        if (to == from && to < x->frames) to++;
        for (size_t i = from; i < to; i++) {
            float s = isfinite(x->channel[channel][i]) ? x->channel[channel][i] : 0;
            v.low = s < v.low ? s : v.low;
            v.high = s > v.high ? s : v.high;
            energy += (double)s * (double)s;
        }
        v.rms = to > from ? (float)sqrt(energy / (double)(to - from)) : 0;
        out[c] = to > from ? v : (overview_column){0};
    }
}

drgen_status overview_measure(float **series, size_t *count, const sound *x, const kern_table *kern, drgen_err *err)
{
    loudness_meter *m = NULL;
    *series = NULL;
    *count = 0;
    drgen_status status = loudness_open(&m, x->rate, x->channels, kern, err);
    if (status != DRGEN_OK) goto done;
    status = loudness_feed(m, (const float *const *)x->channel, x->frames, err);
    if (status != DRGEN_OK) goto done;
    size_t cells = loudness_cell_count(m);
    *series = malloc((cells + 1) * sizeof **series);
    if (!*series) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "loudness over time: out of memory");
        goto done;
    }
    *count = loudness_series(m, *series, cells);
done:
    loudness_close(m);
    return status;
}

double overview_loudness(const float *series, size_t count, double second)
{
    double i = floor((second + 1.5) * 10 + 0.5) - 1; /* value i ends at (i + 1) / 10 s */
    return i >= 0 && i < (double)count ? (double)series[(size_t)i] : -INFINITY;
}

double overview_time_step(double seconds, int most)
{
    static const double steps[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,   2,    5,
                                   10,    15,    30,    60,   120,  300,  600, 900, 1800, 3600, 7200, 14400};
    size_t i = 0, last = sizeof steps / sizeof steps[0] - 1;
    while (i < last && seconds / steps[i] > most) i++;
    double step = steps[i];
    while (seconds / step > most) step *= 2;
    return step;
}

void overview_time_label(char *out, size_t room, double second, double seconds)
{
    if (seconds < 60) snprintf(out, room, "%.4g s", second);
    else snprintf(out, room, "%.0f:%02d", floor(second / 60), (int)fmod(second, 60));
}

void overview_ramp(uint8_t (*rgb)[3], int count)
{
    static const struct {
        int at; /* thousandths */
        int rgb[3];
    } stop[] = {{0, {5, 6, 14}},      {160, {26, 20, 72}},   {360, {96, 26, 124}},  {560, {186, 46, 98}},
                {730, {240, 104, 54}}, {880, {252, 190, 64}}, {1000, {255, 251, 214}}};
    for (int i = 0, s = 0; i < count; i++) {
        int at = count > 1 ? 1000 * i / (count - 1) : 0;
        while (at > stop[s + 1].at) s++;
        int part = at - stop[s].at, whole = stop[s + 1].at - stop[s].at;
        for (int k = 0; k < 3; k++)
            rgb[i][k] = (uint8_t)((stop[s].rgb[k] * (whole - part) + stop[s + 1].rgb[k] * part + whole / 2) / whole);
    }
}
