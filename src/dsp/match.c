/* match.c - see match.h. */
#include "dsp/match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/fft_back.h"

enum { FRAME = MATCH_FRAME, BINS = MATCH_BINS, HALF = (MATCH_TAPS - 1) / 2, BLOCK = 16384, STEP = BLOCK - 2 * HALF };

static const double piece_seconds = 15, lowest = 30, highest = 18000, pi = 3.14159265358979323846;
static const double mid_limit = 6, side_limit = 3; /* dB */

static drgen_status check(const sound *x, drgen_err *err)
{
    if (x->channels < 1 || x->channels > 2 || x->rate < 8000 || !x->frames)
        return err_fail(err, DRGEN_ERR_ARG, "matching: %zu frames of %d channels at %d Hz; wanted some of 1 or 2 at "
                        "8000 or more", x->frames, x->channels, x->rate);
    for (size_t i = 0; i < x->frames; i++)
        for (int c = 0; c < x->channels; c++)
            if (!isfinite(x->channel[c][i]))
                return err_fail(err, DRGEN_ERR_ARG, "frame %zu, channel %d: not a finite number", i, c + 1);
    return DRGEN_OK;
}

/* ---- measuring */

/* Middle (0) or side (1) at a frame; zero after the end. */
static double value(const sound *x, int side, size_t at)
{
    if (at >= x->frames) return 0;
    double left = (double)x->channel[0][at];
    if (x->channels == 1) return side ? 0 : left;
    double right = (double)x->channel[1][at];
    return side ? (left - right) / 2 : (left + right) / 2;
}

/* Adds the magnitudes of half-overlapping frames in from..to - 1, at least one, and answers how many. */
static size_t add_piece(double *sum, const sound *x, int side, size_t from, size_t to, fft *f, const double *window)
{
    size_t count = 0;
    do {
        double *in = fft_input(f);
        for (size_t i = 0; i < FRAME; i++) in[i] = from + i < to ? value(x, side, from + i) * window[i] : 0;
        const double(*bin)[2] = fft_run(f);
        for (int k = 0; k < BINS; k++) sum[k] += sqrt(bin[k][0] * bin[k][0] + bin[k][1] * bin[k][1]);
        count++;
        from += FRAME / 2;
    } while (from + FRAME <= to);
    return count;
}

static void measure_loud(match_curve *out, const sound *x, double *power, size_t pieces, fft *f, const double *window)
{
    double mean = 0;
    size_t count = 0, mids = 0;
    for (size_t p = 0; p < pieces; p++) {
        size_t from = x->frames * p / pieces, to = x->frames * (p + 1) / pieces;
        power[p] = 0;
        for (size_t i = from; i < to; i++) power[p] += value(x, 0, i) * value(x, 0, i);
        power[p] /= (double)(to - from);
        mean += power[p] / (double)pieces;
    }
    for (size_t p = 0; p < pieces; p++) {
        size_t from = x->frames * p / pieces, to = x->frames * (p + 1) / pieces;
        if (power[p] < mean * (1 - 1e-9)) continue; /* equal ones all count, whatever rounding says */
        mids += add_piece(out->mid, x, 0, from, to, f, window);
        if (out->has_side) count += add_piece(out->side, x, 1, from, to, f, window);
    }
    for (int k = 0; k < BINS; k++) {
        out->mid[k] /= (double)mids;
        if (count) out->side[k] /= (double)count;
    }
}

drgen_status match_measure(match_curve *out, const sound *x, drgen_err *err)
{
    memset(out, 0, sizeof *out);
    ERR_TRY(check(x, err));
    size_t pieces = (size_t)ceil((double)x->frames / (piece_seconds * x->rate));
    double *power = malloc(pieces * sizeof *power), *window = malloc(FRAME * sizeof *window);
    fft *f = NULL;
    drgen_status status = fft_open(&f, FRAME, err);
    if (status != DRGEN_OK) goto done;
    if (!power || !window) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "matching: out of memory");
        goto done;
    }
    for (int i = 0; i < FRAME; i++) window[i] = (1 - cos(2 * pi * i / FRAME)) * 2 / FRAME; /* a sine of 1 becomes 1 */
    out->rate = x->rate;
    for (size_t i = 0; i < x->frames && !out->has_side; i++) out->has_side = value(x, 1, i) != 0;
    measure_loud(out, x, power, pieces, f, window);
done:
    fft_close(f);
    free(power);
    free(window);
    return status;
}

/* ---- the correction */

/* The curve at a bin of another rate, by straight lines; held beyond its last. */
static double curve_at(const double *curve, double bin)
{
    if (bin >= BINS - 1) return curve[BINS - 1];
    int k = (int)bin;
    return curve[k] + (bin - k) * (curve[k + 1] - curve[k]);
}

/* What counts as nothing beside the rest of a curve. */
static double faint(const double *curve)
{
    double most = 0;
    for (int k = 0; k < BINS; k++) most = fmax(most, curve[k]);
    return 1e-6 * most + 1e-12;
}

/* Mean over a band of bins a < k < b in log frequency: every bin weighs 1 / k. sum and weight are running totals. */
static double band_mean(const double *sum, const double *weight, double a, double b)
{
    int from = (int)ceil(a), to = (int)floor(b);
    if (from < 1) from = 1;
    if (to > BINS - 1) to = BINS - 1;
    return to < from ? 0 : (sum[to + 1] - sum[from]) / (weight[to + 1] - weight[from]);
}

void match_gains(double *gain, const match_question *q)
{
    double from_least = faint(q->from), to_least = faint(q->to), *sum = gain + BINS, *weight = sum + BINS + 1;
    const double sixth = pow(2, 1.0 / 6), octave = sqrt(2), hz = (double)q->from_rate / FRAME;
    sum[0] = weight[0] = 0;
    for (int k = 0; k < BINS; k++) {
        double to = curve_at(q->to, (double)k * q->from_rate / q->to_rate);
        double db = 20 * log10((to + to_least) / (q->from[k] + from_least)), w = k ? 1.0 / k : 0;
        sum[k + 1] = sum[k] + w * db;
        weight[k + 1] = weight[k] + w;
    }
    for (int k = 1; k < BINS; k++) gain[k] = band_mean(sum, weight, k / sixth, k * sixth);
    int low = (int)ceil(lowest / hz), high = (int)floor(highest / hz);
    if (high > BINS - 1) high = BINS - 1;
    for (int k = 0; k < low; k++) gain[k] = gain[low];
    for (int k = high + 1; k < BINS; k++) gain[k] = gain[high];
    for (int k = 0; k < BINS; k++) sum[k + 1] = sum[k] + (k ? gain[k] / k : 0);
    double centre = band_mean(sum, weight, 1000 / octave / hz, 1000 * octave / hz);
    for (int k = 0; k < BINS; k++) gain[k] = fmin(q->limit, fmax(-q->limit, (gain[k] - centre) * q->amount));
}

/* ---- the filter */

typedef struct {
    fft *small, *large;
    double *gain;             /* room of match_gains */
    double *taps;             /* [FRAME] */
    double (*shape)[2];       /* [BINS] */
    double (*response[2])[2]; /* [BLOCK / 2 + 1] of mid and side; side NULL: left alone */
    double *in[2], *out[2];   /* [BLOCK] */
    double (*product)[2];     /* [BLOCK / 2 + 1] */
} matcher;

static drgen_status open_matcher(matcher *m, int sides, drgen_err *err)
{
    const size_t bins = BLOCK / 2 + 1;
    ERR_TRY(fft_open(&m->small, FRAME, err));
    ERR_TRY(fft_open(&m->large, BLOCK, err));
    m->gain = malloc(MATCH_GAINS_ROOM * sizeof *m->gain);
    m->taps = malloc(FRAME * sizeof *m->taps);
    m->shape = malloc(BINS * sizeof *m->shape);
    m->product = malloc(bins * sizeof *m->product);
    int whole = m->gain && m->taps && m->shape && m->product;
    for (int s = 0; s < 2; s++) {
        m->in[s] = calloc(BLOCK, sizeof *m->in[s]);
        m->out[s] = calloc(BLOCK, sizeof *m->out[s]);
        if (s < sides) m->response[s] = malloc(bins * sizeof *m->response[s]);
        whole = whole && m->in[s] && m->out[s] && (s >= sides || m->response[s]);
    }
    return whole ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "matching: out of memory");
}

static void close_matcher(matcher *m)
{
    fft_close(m->small);
    fft_close(m->large);
    free(m->gain), free(m->taps), free(m->shape), free(m->product);
    for (int s = 0; s < 2; s++) free(m->in[s]), free(m->out[s]), free(m->response[s]);
}

/* Taps from gains: their transform back, Hann-windowed around the middle, HALF frames late. */
static void design(matcher *m, int side, const match_question *q)
{
    match_gains(m->gain, q);
    for (int k = 0; k < BINS; k++) {
        m->shape[k][0] = pow(10, m->gain[k] / 20);
        m->shape[k][1] = 0;
    }
    fft_back(m->small, m->taps, (const double(*)[2])m->shape, FRAME);
    double *in = fft_input(m->large);
    memset(in, 0, BLOCK * sizeof *in);
    for (int i = -HALF; i <= HALF; i++)
        in[i + HALF] = m->taps[(i + FRAME) % FRAME] * (1 + cos(pi * i / (HALF + 1))) / 2;
    memcpy(m->response[side], fft_run(m->large), (BLOCK / 2 + 1) * sizeof *m->response[side]);
}

/* in[0..BLOCK) to out[2 HALF..BLOCK), which belongs to in[HALF..BLOCK - HALF). */
static void convolve(matcher *m, int side)
{
    double(*h)[2] = m->response[side];
    if (!h) {
        memcpy(m->out[side] + 2 * HALF, m->in[side] + HALF, STEP * sizeof(double));
        return;
    }
    memcpy(fft_input(m->large), m->in[side], BLOCK * sizeof(double));
    const double(*x)[2] = fft_run(m->large);
    for (int k = 0; k <= BLOCK / 2; k++) {
        m->product[k][0] = x[k][0] * h[k][0] - x[k][1] * h[k][1];
        m->product[k][1] = x[k][0] * h[k][1] + x[k][1] * h[k][0];
    }
    fft_back(m->large, m->out[side], (const double(*)[2])m->product, BLOCK);
}

/* Overlap-save in place: `in` keeps the frames before `at` as they were. */
static void filter(matcher *m, sound *x)
{
    int sides = x->channels;
    for (size_t i = 0; i < HALF; i++)
        for (int s = 0; s < sides; s++) m->in[s][HALF + i] = value(x, s, i);
    for (size_t at = 0; at < x->frames; at += STEP) {
        for (int s = 0; s < sides; s++) {
            for (size_t i = 2 * HALF; i < BLOCK; i++) m->in[s][i] = value(x, s, at + i - HALF);
            convolve(m, s);
            memmove(m->in[s], m->in[s] + STEP, 2 * HALF * sizeof(double));
        }
        for (size_t i = 0; i < STEP && at + i < x->frames; i++) {
            double mid = m->out[0][2 * HALF + i], side = sides > 1 ? m->out[1][2 * HALF + i] : 0;
            x->channel[0][at + i] = (float)(mid + side);
            if (sides > 1) x->channel[1][at + i] = (float)(mid - side);
        }
    }
}

drgen_status match_apply(sound *x, const match_curve *reference, double amount, drgen_err *err)
{
    if (!(amount >= 0 && amount <= 1))
        return err_fail(err, DRGEN_ERR_ARG, "matching to an amount of %g: 0..1 are possible", amount);
    matcher m = {0};
    match_curve *own = malloc(sizeof *own);
    drgen_status status = own ? match_measure(own, x, err) : err_fail(err, DRGEN_ERR_NOMEM, "matching: out of memory");
    if (status != DRGEN_OK) goto done;
    int sides = own->has_side && reference->has_side ? 2 : 1;
    status = open_matcher(&m, sides, err);
    if (status != DRGEN_OK) goto done;
    for (int s = 0; s < sides; s++)
        design(&m, s, &(match_question){s ? own->side : own->mid, s ? reference->side : reference->mid, own->rate,
                                        reference->rate, amount, s ? side_limit : mid_limit});
    filter(&m, x);
done:
    close_matcher(&m);
    free(own);
    return status;
}
