/* tp_verify.c - the strict true-peak check of truepeak.h. The 16-phase interpolator is most of the work, and most of it
 * is spared exactly: a value at a sixteenth lies on a line between two values at quarters, up to what the two
 * interpolators differ there, which is at most a known multiple of the samples around. */
#include <math.h>
#include <string.h>

#include "dsp/tp_window.h"
#include "dsp/truepeak.h"

enum { SPAN = 64, SPANS = TP_WINDOW / SPAN, SECTION = 64 * SPANS, REACH = TP_MAX_HALF };

typedef struct {
    const sound *x;
    tp_window window;
    tp_bank quarters, fine, hann;
    double apart; /* how far fine and quarters can be apart, of the largest sample around */
    double worst;
} verify;

/* What is known of the spans of one section of a channel. */
typedef struct {
    float quarters[SECTION]; /* largest value at quarters, samples included; or a bound of it */
    float samples[SECTION];  /* largest sample in reach of the fine interpolator */
} spans;

/* Largest sum of magnitudes of what is left of a fine phase after taking away its line between quarters. */
static double interpolators_apart(void)
{
    double most = 0, left[64], quarter[32];
    for (int p = 0; p <= 8; p++) { /* the others mirror these */
        double sum = 0, f = (p % 4) / 4.0;
        tp_taps(left, 16, 32, 8, p);
        for (int side = 0; side < 2; side++) {
            tp_taps(quarter, 4, 16, 6, p / 4 + side);
            for (int t = 0; t < 32; t++) left[t + 16] -= (side ? f : 1 - f) * quarter[t];
        }
        for (int t = 0; t < 64; t++) sum += fabs(left[t]);
        most = fmax(most, sum);
    }
    return most * (1 + 1e-5);
}

static void note(verify *v, float value)
{
    v->worst = fmax(v->worst, (double)value);
}

/* Quarters and the Hann interpolator for one window of frames from first on; fills its spans. */
static void look_coarsely(verify *v, spans *s, size_t section, int c, size_t first, size_t frames)
{
    const kern_table *kern = v->window.kern;
    size_t around = TP_WINDOW + 2 * REACH;
    const float *x = tp_window_at(&v->window, v->x->channel[c], v->x->frames, (ptrdiff_t)first - REACH, around);
    for (size_t i = 0; i < SPANS && i * SPAN < frames; i++) {
        const float *at = x + REACH + i * SPAN; /* the span's first sample */
        size_t n = frames - i * SPAN < SPAN ? frames - i * SPAN : SPAN;
        float most = kern->abs_max(at - REACH, SPAN + 2 * REACH), here = kern->abs_max(at, n + 1);
        float between = (float)(v->quarters.bound * (double)most);
        s->samples[section + i] = most;
        if (v->quarters.bound * (double)most > v->worst) {
            between = kern->peak_between(NULL, v->quarters.taps, 4, 16, at - 15, n);
            note(v, between);
        }
        if (v->hann.phases > 1 && v->hann.bound * (double)most > v->worst)
            note(v, kern->peak_between(NULL, v->hann.taps, v->hann.phases, (size_t)v->hann.half,
                                       at - v->hann.half + 1, n));
        s->quarters[section + i] = fmaxf(between, here);
    }
}

static void look_closely(verify *v, spans *s, size_t section, int c, size_t first, size_t frames)
{
    for (size_t i = 0; i < SPANS && i * SPAN < frames; i++) {
        double most = (double)s->samples[section + i], line = (double)s->quarters[section + i] + v->apart * most;
        if (fmin(line, v->fine.bound * most) <= v->worst) continue;
        size_t n = frames - i * SPAN < SPAN ? frames - i * SPAN : SPAN;
        ptrdiff_t from = (ptrdiff_t)(first + i * SPAN) - v->fine.half + 1;
        const float *x =
            tp_window_at(&v->window, v->x->channel[c], v->x->frames, from, n + 2 * (size_t)v->fine.half - 1);
        note(v, v->window.kern->peak_between(NULL, v->fine.taps, 16, (size_t)v->fine.half, x, n));
    }
}

/* The Hann meter also sees what rings before the first frame. */
static void look_before(verify *v, int c)
{
    size_t half = (size_t)v->hann.half;
    if (v->hann.phases < 2) return;
    const float *x = tp_window_at(&v->window, v->x->channel[c], v->x->frames, 1 - 2 * (ptrdiff_t)half, 3 * half - 1);
    note(v, v->window.kern->peak_between(NULL, v->hann.taps, v->hann.phases, half, x, half));
}

static void look_at_section(verify *v, int c, size_t first, size_t frames)
{
    spans s;
    for (int close = 0; close < 2; close++)
        for (size_t i = 0; i < frames; i += TP_WINDOW) {
            size_t n = frames - i < TP_WINDOW ? frames - i : TP_WINDOW;
            (close ? look_closely : look_coarsely)(v, &s, i / SPAN, c, first + i, n);
        }
}

double tp_verify(const sound *x, const float *gain, float scale, const kern_table *kern)
{
    verify v = {.x = x, .window = {.kern = kern, .gain = gain, .scale = scale}, .apart = interpolators_apart()};
    tp_bank_kaiser(&v.quarters, 4, 16, 6);
    tp_bank_kaiser(&v.fine, 16, 32, 8);
    if (x->rate < 192000) tp_bank_hann(&v.hann, x->rate < 96000 ? 4 : 2, x->rate < 96000 ? 6 : 12);
    if (!x->frames) return 0;
    for (int c = 0; c < x->channels; c++) /* the samples first: the more is known, the more can be skipped */
        for (size_t i = 0; i < x->frames; i += TP_WINDOW) {
            size_t n = x->frames - i < TP_WINDOW ? x->frames - i : TP_WINDOW;
            note(&v, kern->abs_max(tp_window_at(&v.window, x->channel[c], x->frames, (ptrdiff_t)i, n), n));
        }
    for (int c = 0; c < x->channels; c++) look_before(&v, c);
    size_t frames = x->frames + REACH, step = (size_t)SECTION * SPAN; /* with silence after the end */
    for (size_t i = 0; i < frames; i += step)
        for (int c = 0; c < x->channels; c++) look_at_section(&v, c, i, frames - i < step ? frames - i : step);
    return v.worst;
}
