/* deliver.c - see deliver.h. */
#include "dsp/deliver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/kaiser.h"

enum { LEAST_RATE = 8000, MOST_RATE = 192000, MOST_TAPS = 1 << 21, FINE = 4096 };

static const double roll_off = 0.945, crossings = 64, beta = 12;

/* Row p holds the taps for outputs p / phases after an input. With too many phases for a table, `phases` rows are laid
 * evenly, one more at the end, and outputs go straight between two. */
typedef struct {
    float *row;
    size_t half, phases;
    int between;
} bank;

static int divisor(int a, int b)
{
    return b ? divisor(b, a % b) : a;
}

size_t deliver_frames(size_t frames, int from, int to)
{
    size_t g = (size_t)divisor(from, to), up = (size_t)to / g, down = (size_t)from / g;
    return frames / down * up + (frames % down * up + down - 1) / down;
}

static drgen_status bank_open(bank *b, int from, int to, drgen_err *err)
{
    double cut = roll_off * fmin(1, (double)to / from);
    b->half = (size_t)ceil(crossings / cut);
    b->phases = (size_t)(to / divisor(from, to));
    b->between = b->phases * 2 * b->half > MOST_TAPS;
    if (b->between) b->phases = (size_t)ceil(FINE * cut);
    size_t taps = 2 * b->half, rows = b->phases + (size_t)b->between;
    b->row = malloc(rows * taps * sizeof *b->row);
    if (!b->row) return err_fail(err, DRGEN_ERR_NOMEM, "resampling: out of memory (%zu bytes)", rows * taps * sizeof *b->row);
    for (size_t p = 0; p < rows; p++)
        for (size_t t = 0; t < taps; t++) {
            double d = (double)p / (double)b->phases + (double)b->half - 1 - (double)t;
            b->row[p * taps + t] = (float)(cut * kaiser_sinc(cut * d) * kaiser(d / (double)b->half, beta));
        }
    return DRGEN_OK;
}

/* An output: at an input and up / of-th of the way to the next. near points to half - 1 inputs before it. */
static float output(const bank *b, const float *near, size_t part, size_t of, const kern_table *kern)
{
    size_t taps = 2 * b->half;
    if (!b->between) return kern->dot(near, b->row + part * taps, taps);
    double at = (double)part / (double)of * (double)b->phases;
    size_t p = (size_t)at;
    float share = (float)(at - (double)p);
    float a = kern->dot(near, b->row + p * taps, taps), c = kern->dot(near, b->row + (p + 1) * taps, taps);
    return a + share * (c - a);
}

static void run_channel(float *y, size_t count, const float *x, size_t frames, const bank *b, int from, int to,
                        float *edge, const kern_table *kern)
{
    size_t g = (size_t)divisor(from, to), up = (size_t)to / g, down = (size_t)from / g, taps = 2 * b->half, at = 0, part = 0;
    for (size_t m = 0; m < count; m++) {
        const float *near = edge;
        if (at + 1 >= b->half && at + b->half < frames) near = x + at + 1 - b->half;
        else
            for (size_t t = 0; t < taps; t++) { /* silence around the sound */
                size_t i = at + t + 1;
                edge[t] = i >= b->half && i - b->half < frames ? x[i - b->half] : 0;
            }
        y[m] = output(b, near, part, up, kern);
        part += down;
        at += part / up;
        part %= up;
    }
}

drgen_status deliver_run(sound *y, const sound *x, int to, const kern_table *kern, drgen_err *err)
{
    bank b = {0};
    float *edge = NULL;
    *y = (sound){.channels = x->channels, .rate = to};
    if (x->rate < LEAST_RATE || x->rate > MOST_RATE || to < LEAST_RATE || to > MOST_RATE)
        return err_fail(err, DRGEN_ERR_ARG, "resampling from %d to %d Hz; wanted %d..%d", x->rate, to, LEAST_RATE, MOST_RATE);
    y->frames = deliver_frames(x->frames, x->rate, to);
    drgen_status status = bank_open(&b, x->rate, to, err);
    if (status == DRGEN_OK && !(edge = malloc(2 * b.half * sizeof *edge)))
        status = err_fail(err, DRGEN_ERR_NOMEM, "resampling: out of memory");
    for (int c = 0; c < x->channels && status == DRGEN_OK; c++) {
        y->channel[c] = malloc((y->frames + 1) * sizeof(float));
        if (!y->channel[c]) {
            status = err_fail(err, DRGEN_ERR_NOMEM, "resampling: out of memory (%zu bytes)", y->frames * sizeof(float));
            break;
        }
        if (to == x->rate) memcpy(y->channel[c], x->channel[c], x->frames * sizeof(float));
        else run_channel(y->channel[c], y->frames, x->channel[c], x->frames, &b, x->rate, to, edge, kern);
    }
    for (int c = 0; c < SOUND_MAX_CHANNELS && status != DRGEN_OK; c++) {
        free(y->channel[c]);
        y->channel[c] = NULL;
    }
    free(b.row);
    free(edge);
    return status;
}
