/* truepeak.c - see truepeak.h: interpolators, the meter and the envelope. The strict check is in tp_verify.c. */
#include "dsp/truepeak.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "dsp/tp_window.h"

static const double pi = 3.14159265358979323846;

/* The modified Bessel function of the first kind, order 0, by its series. */
static double bessel_i0(double x)
{
    double sum = 1, term = 1, q = 0.25 * x * x;
    for (int k = 1; term > 1e-18 * sum; k++) sum += term *= q / ((double)k * k);
    return sum;
}

static double raw_tap(int phases, int half, double beta, int p, int t)
{
    double d = (double)p / phases - (t - half + 1), u = d / half;
    if (fabs(u) > 1) return 0;
    double sinc = d == 0 ? 1 : sin(pi * d) / (pi * d);
    return sinc * (beta < 0 ? 0.5 * (1 + cos(pi * u)) : bessel_i0(beta * sqrt(1 - u * u)) / bessel_i0(beta));
}

void tp_taps(double *tap, int phases, int half, double beta, int p)
{
    double sum = 0;
    for (int t = 0; t < 2 * half; t++) sum += tap[t] = raw_tap(phases, half, beta, p, t);
    for (int t = 0; t < 2 * half && beta >= 0; t++) tap[t] /= sum;
}

static void make_bank(tp_bank *b, int phases, int half, double beta)
{
    double tap[2 * TP_MAX_HALF];
    int row = phases - 1, last = 2 * half - 1;
    memset(b, 0, sizeof *b);
    b->phases = phases;
    b->half = half;
    for (int p = 1; p <= phases / 2; p++) {
        double size = 0;
        tp_taps(tap, phases, half, beta, p);
        for (int t = 0; t <= last; t++) size += fabs(tap[t]);
        b->bound = fmax(b->bound, size * (1 + 1e-5)); /* more than the kernel can round up */
        for (int j = 0; j < half; j++) {
            float *to = b->taps + j * row + 2 * (p - 1);
            if (2 * p == phases) to[0] = (float)tap[j];
            else to[0] = (float)(0.5 * (tap[j] + tap[last - j])), to[1] = (float)(0.5 * (tap[j] - tap[last - j]));
        }
    }
}

void tp_bank_kaiser(tp_bank *b, int phases, int half, double beta)
{
    make_bank(b, phases, half, beta);
}

void tp_bank_hann(tp_bank *b, int phases, int half)
{
    make_bank(b, phases, half, -1);
}

void tp_clean(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) x[i] = 0;
}

/* ---- meter */

enum { STRETCH = 256, HALF = TP_METER_HALF, HISTORY = TP_METER_HISTORY };

void tp_open(tp_meter *m, int rate, int channels, const kern_table *kern)
{
    memset(m, 0, sizeof *m);
    m->kern = kern;
    m->channels = channels;
    m->bank.phases = 1;
    if (rate < 192000) tp_bank_kaiser(&m->bank, rate < 96000 ? 4 : 2, HALF, 6);
}

/* Samples of a stretch: at is the frame of x[0]. All finite. */
static void note_samples(tp_channel *c, const float *x, size_t n, size_t at, float most)
{
    if ((double)most <= c->sample_peak) return;
    for (size_t i = 0; i < n; i++)
        if (fabsf(x[i]) == most) {
            c->sample_peak = (double)most;
            c->sample_frame = at + i;
            return;
        }
}

/* n values between samples, the first after sample HALF - 1 of x, which is frame at. All finite. Where even the bound
 * stays below the peak so far, nothing needs to be computed. */
static void note_between(const tp_meter *m, tp_channel *c, const float *x, size_t n, size_t at)
{
    if (m->bank.phases < 2) return;
    if (m->bank.bound * (double)m->kern->abs_max(x, n + HISTORY) <= fmax(c->between, c->sample_peak)) return;
    float most = m->kern->peak_between(NULL, m->bank.taps, m->bank.phases, HALF, x, n);
    if (!isfinite(most)) most = FLT_MAX; /* of samples near the end of float's range */
    if ((double)most <= c->between) return;
    float each[STRETCH] = {0};
    m->kern->peak_between(each, m->bank.taps, m->bank.phases, HALF, x, n);
    for (size_t i = 0; i < n; i++)
        if (fminf(each[i], FLT_MAX) == most) {
            c->between = (double)most;
            c->between_frame = at + i;
            return;
        }
}

/* The newest n <= STRETCH samples at x, where HISTORY more lie before them. Values between are known HALF frames later;
 * those before the first frame are not counted. */
static void take_stretch(const tp_meter *m, tp_channel *c, const float *x, size_t n, size_t at)
{
    size_t skip = at >= HALF ? 0 : HALF - at < n ? HALF - at : n;
    if (skip < n) note_between(m, c, x - HISTORY + skip, n - skip, at + skip - HALF);
}

static void feed_channel(const tp_meter *m, tp_channel *c, const float *x, size_t frames)
{
    float seam[HISTORY + STRETCH];
    int joined = 0; /* whether what lies before x + done is the history */
    for (size_t done = 0; done < frames;) {
        size_t n = frames - done < STRETCH ? frames - done : STRETCH;
        const float *at = x + done;
        float most = m->kern->abs_max(at, n);
        if (!joined || !isfinite(most)) {
            memcpy(seam, c->history, sizeof c->history);
            memcpy(seam + HISTORY, at, n * sizeof *at);
            tp_clean(seam + HISTORY, n);
            at = seam + HISTORY;
            if (!isfinite(most)) most = m->kern->abs_max(at, n);
            joined = n >= HISTORY && most == m->kern->abs_max(x + done, n);
        }
        note_samples(c, at, n, m->frames + done, most);
        take_stretch(m, c, at, n, m->frames + done);
        if (n >= HISTORY) memcpy(c->history, at + n - HISTORY, sizeof c->history);
        else {
            memmove(c->history, c->history + n, (HISTORY - n) * sizeof *at);
            memcpy(c->history + HISTORY - n, at, n * sizeof *at);
        }
        done += n;
    }
}

void tp_feed(tp_meter *m, const float *const *channel, size_t frames)
{
    for (int c = 0; c < m->channels; c++) feed_channel(m, &m->channel[c], channel[c], frames);
    m->frames += frames;
}

tp_figures tp_read(const tp_meter *m, int channel)
{
    static const float silence[2 * HALF];
    tp_channel c = m->channel[channel];
    feed_channel(m, &c, silence, m->frames ? 2 * HALF : 0);
    tp_figures f = {c.sample_peak, c.sample_peak, c.sample_frame, c.sample_frame};
    if (c.between > c.sample_peak) f.true_peak = c.between, f.true_peak_frame = c.between_frame;
    return f;
}

/* ---- samples of a sound with what lies around them */

const float *tp_window_at(tp_window *w, const float *x, size_t count, ptrdiff_t first, size_t n)
{
    size_t before = first < 0 ? (size_t)-first : 0, from = first < 0 ? 0 : (size_t)first;
    size_t there = from >= count || before >= n ? 0 : n - before < count - from ? n - before : count - from;
    const float *at = before == 0 && there == n ? x + from : NULL;
    if (at && !w->gain && w->scale == 1.0f && isfinite(w->kern->abs_max(at, n))) return at;
    memset(w->copy, 0, n * sizeof *w->copy);
    if (there) memcpy(w->copy + before, x + from, there * sizeof *x);
    for (size_t i = 0; i < there && w->gain; i++) w->copy[before + i] *= w->scale * w->gain[from + i];
    if (!w->gain && w->scale != 1.0f) w->kern->scale(w->copy, w->copy, w->scale, n);
    if (!isfinite(w->kern->abs_max(w->copy, n))) tp_clean(w->copy, n);
    return w->copy;
}

/* ---- envelope */

/* Of all channels, for one stretch of frames first..: [i] of between lies between frames first - 1 + i and first + i,
 * [i] of at is frame first - 1 + i. */
typedef struct {
    float between[TP_WINDOW + 1], at[TP_WINDOW + 2];
} linked_peaks;

static void link_peaks(linked_peaks *l, const sound *x, size_t first, size_t n, const tp_bank *b,
                       const kern_table *kern)
{
    tp_window w = {.kern = kern, .scale = 1};
    memset(l, 0, sizeof *l);
    for (int c = 0; c < x->channels; c++) {
        ptrdiff_t start = (ptrdiff_t)first - b->half; /* the oldest sample of the value after first - 1 */
        const float *s = tp_window_at(&w, x->channel[c], x->frames, start, n + 2 * (size_t)b->half);
        kern->peak_between(l->between, b->taps, b->phases, (size_t)b->half, s, n + 1);
        kern->peak_abs(l->at, s + b->half - 1, n + 2);
    }
    if (first == 0) l->between[0] = 0; /* nothing is expected before the first frame */
}

void tp_envelope(float *e, const sound *x, size_t first, size_t frames, const tp_bank *b, const kern_table *kern)
{
    linked_peaks l;
    for (size_t done = 0; done < frames;) {
        size_t n = frames - done < TP_WINDOW ? frames - done : TP_WINDOW;
        link_peaks(&l, x, first + done, n, b, kern);
        memcpy(e + done, l.between, n * sizeof *e);
        kern->peak_abs(e + done, l.between + 1, n);
        for (size_t k = 0; k < 3; k++) kern->peak_abs(e + done, l.at + k, n);
        done += n;
    }
}
