/* denoise.c - see denoise.h. Two passes: levels of all frames, then, with the mask made from them, resynthesis. */
#include "dsp/denoise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/fft_back.h"

enum { SIZE = 2048, HOP = 512, BINS = SIZE / 2 + 1, LEAD = SIZE - HOP };

static const double open_above = 1.5;      /* standard deviations over the mean level of the noise */
static const double quietest_part = 0.05;
enum { QUIETEST_LEAST = 48 }; /* frames, fewer would not tell mean and spread of every bin */
static const double silence = -120;        /* dBFS; frames below are no noise to learn from */
static const double across_hz = 500, across_seconds = 0.05; /* widths of the mask's smoothing */

/* Frame t holds samples t * HOP - LEAD .. + SIZE - 1, so that every sample is in SIZE / HOP frames. */
typedef struct {
    const sound *x;
    size_t frames;
    fft *transform;
    float *level;   /* [frames][BINS] dB of the loudest channel, later the mask */
    double *window; /* [SIZE] square root of a periodic Hann window */
    double *power;  /* [frames] mean square of each, dB */
    double (*spectrum)[2]; /* [BINS] */
    double *out;    /* [SIZE] */
    double *sum;    /* [channels][SIZE] overlapping results */
} gate;

static const double (*analyse(gate *g, int channel, size_t frame))[2]
{
    double *in = fft_input(g->transform);
    ptrdiff_t start = (ptrdiff_t)(frame * HOP) - LEAD;
    for (ptrdiff_t i = 0; i < SIZE; i++) {
        ptrdiff_t at = start + i;
        in[i] = at >= 0 && (size_t)at < g->x->frames ? (double)g->x->channel[channel][at] * g->window[i] : 0;
    }
    return fft_run(g->transform);
}

/* Levels relative to a sine at full scale; the window's sum is 2 SIZE / pi. */
static void measure(gate *g)
{
    const double scale = 9.869604401089358 / ((double)SIZE * SIZE);
    for (size_t t = 0; t < g->frames; t++) {
        float *row = g->level + t * BINS;
        double all = 0;
        for (int k = 0; k < BINS; k++) row[k] = 0;
        for (int c = 0; c < g->x->channels; c++) {
            const double(*bin)[2] = analyse(g, c, t);
            for (int k = 0; k < BINS; k++) {
                double p = (bin[k][0] * bin[k][0] + bin[k][1] * bin[k][1]) * scale;
                all += p;
                row[k] = fmaxf(row[k], (float)p);
            }
        }
        g->power[t] = 10 * log10(all + 1e-30);
        for (int k = 0; k < BINS; k++) row[k] = 10 * log10f(row[k] + 1e-20f);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The power that the quietest frames do not exceed: of those wholly inside the sound and not silent, if there are
 * any, else of all. sorted has room for all. */
static double quiet_power(const gate *g, double *sorted)
{
    size_t n = 0, first = LEAD / HOP, end = g->x->frames / HOP;
    for (size_t t = first; t < end; t++)
        if (g->power[t] > silence) sorted[n++] = g->power[t];
    if (!n) {
        n = g->frames;
        memcpy(sorted, g->power, n * sizeof *sorted);
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    size_t count = (size_t)ceil(quietest_part * (double)n);
    if (count < QUIETEST_LEAST) count = n < QUIETEST_LEAST ? n : QUIETEST_LEAST;
    return sorted[count - 1];
}

/* Marks which frames are noise (1) and answers how many. */
static size_t find_noise(const gate *g, const denoise_settings *s, double *sorted, unsigned char *noise)
{
    size_t count = 0, inside_from = LEAD / HOP, inside_to = g->x->frames / HOP;
    double most = s->noise_from == s->noise_to ? quiet_power(g, sorted) : 0;
    for (size_t t = 0; t < g->frames; t++) {
        double start = ((double)(t * HOP) - LEAD) / g->x->rate, end = start + (double)SIZE / g->x->rate;
        if (s->noise_from != s->noise_to) noise[t] = start >= s->noise_from && end <= s->noise_to;
        else
            noise[t] = g->power[t] <= most && (inside_from >= inside_to || (t >= inside_from && t < inside_to)) &&
                       (g->power[t] > silence || most <= silence);
        count += noise[t];
    }
    return count;
}

/* threshold [BINS], dB. */
static void learn(const gate *g, const unsigned char *noise, size_t count, double *threshold)
{
    for (int k = 0; k < BINS; k++) {
        double sum = 0, squares = 0;
        for (size_t t = 0; t < g->frames; t++)
            if (noise[t]) sum += (double)g->level[t * BINS + (size_t)k];
        double mean = sum / (double)count;
        for (size_t t = 0; t < g->frames; t++)
            if (noise[t]) squares += pow((double)g->level[t * BINS + (size_t)k] - mean, 2);
        threshold[k] = mean + open_above * sqrt(squares / (double)count);
    }
}

/* out[k] = a triangle of 2 half + 1 weights over in, the ends held. */
static void smooth_row(float *out, const float *in, int count, int half)
{
    for (int k = 0; k < count; k++) {
        float sum = 0;
        for (int j = -half; j <= half; j++) {
            int at = k + j < 0 ? 0 : k + j >= count ? count - 1 : k + j;
            sum += in[at] * (float)(half + 1 - abs(j));
        }
        out[k] = sum / (float)((half + 1) * (half + 1));
    }
}

/* Levels become the mask, smoothed over frequency. */
static void make_mask(gate *g, const double *threshold, float *row)
{
    int half = (int)(across_hz * (SIZE / 2) / g->x->rate);
    for (size_t t = 0; t < g->frames; t++) {
        float *level = g->level + t * BINS;
        for (int k = 0; k < BINS; k++) row[k] = (double)level[k] > threshold[k];
        smooth_row(level, row, BINS, half);
    }
}

/* row [BINS] = gains of frame t: the mask smoothed over time, between the floor and 1. */
static void find_gains(const gate *g, size_t t, double floor, float *row)
{
    ptrdiff_t half = (ptrdiff_t)(across_seconds * g->x->rate / HOP), last = (ptrdiff_t)g->frames - 1;
    for (int k = 0; k < BINS; k++) row[k] = 0;
    for (ptrdiff_t j = -half; j <= half; j++) {
        ptrdiff_t at = (ptrdiff_t)t + j < 0 ? 0 : (ptrdiff_t)t + j > last ? last : (ptrdiff_t)t + j;
        const float *mask = g->level + at * BINS;
        float weight = (float)(half + 1 - (j < 0 ? -j : j)) / (float)((half + 1) * (half + 1));
        for (int k = 0; k < BINS; k++) row[k] += weight * mask[k];
    }
    for (int k = 0; k < BINS; k++) row[k] = (float)(floor + (1 - floor) * (double)row[k]);
}

/* Samples that no later frame reads are written back as soon as they are whole. */
static void resynthesise(gate *g, sound *x, double floor, float *row)
{
    for (size_t t = 0; t < g->frames; t++) {
        find_gains(g, t, floor, row);
        ptrdiff_t start = (ptrdiff_t)(t * HOP) - LEAD;
        for (int c = 0; c < x->channels; c++) {
            double *sum = g->sum + (size_t)c * SIZE;
            const double(*bin)[2] = analyse(g, c, t);
            for (int k = 0; k < BINS; k++) {
                g->spectrum[k][0] = bin[k][0] * (double)row[k];
                g->spectrum[k][1] = bin[k][1] * (double)row[k];
            }
            fft_back(g->transform, g->out, (const double(*)[2])g->spectrum, SIZE);
            for (int i = 0; i < SIZE; i++) sum[i] += g->out[i] * g->window[i] * (2.0 * HOP / SIZE);
            for (ptrdiff_t i = 0; i < HOP; i++)
                if (start + i >= 0 && (size_t)(start + i) < x->frames) x->channel[c][start + i] = (float)sum[i];
            memmove(sum, sum + HOP, (SIZE - HOP) * sizeof *sum);
            memset(sum + SIZE - HOP, 0, HOP * sizeof *sum);
        }
    }
}

static drgen_status check(const sound *x, const denoise_settings *s, drgen_err *err)
{
    if (!(s->reduction >= 0 && s->reduction <= DENOISE_MOST))
        return err_fail(err, DRGEN_ERR_ARG, "noise reduction of %g dB: 0..%g are possible", s->reduction, DENOISE_MOST);
    if (x->channels < 1 || x->channels > SOUND_MAX_CHANNELS || x->rate < 8000)
        return err_fail(err, DRGEN_ERR_ARG, "noise reduction: %d channels at %d Hz; wanted 1..%d at 8000 or more",
                        x->channels, x->rate, SOUND_MAX_CHANNELS);
    double length = (double)x->frames / x->rate, least = 2.0 * SIZE / x->rate;
    if (s->noise_from != s->noise_to &&
        !(s->noise_from >= 0 && s->noise_to <= length && s->noise_to - s->noise_from >= least))
        return err_fail(err, DRGEN_ERR_ARG, "noise from %g to %g s of %g: wanted a stretch of at least %.3f s inside",
                        s->noise_from, s->noise_to, length, least);
    for (size_t i = 0; i < x->frames; i++)
        for (int c = 0; c < x->channels; c++)
            if (!isfinite(x->channel[c][i]))
                return err_fail(err, DRGEN_ERR_ARG, "frame %zu, channel %d: not a finite number", i, c + 1);
    return DRGEN_OK;
}

drgen_status denoise(sound *x, const denoise_settings *s, drgen_err *err)
{
    ERR_TRY(check(x, s, err));
    if (s->reduction == 0 || x->frames == 0) return DRGEN_OK;
    gate g = {.x = x, .frames = (x->frames + LEAD + HOP - 1) / HOP};
    double *threshold = malloc(BINS * sizeof *threshold), *sorted = malloc(g.frames * sizeof *sorted);
    unsigned char *noise = malloc(g.frames);
    float *row = malloc(BINS * sizeof *row);
    g.level = malloc(g.frames * BINS * sizeof *g.level);
    g.power = malloc(g.frames * sizeof *g.power);
    g.window = malloc(SIZE * sizeof *g.window);
    g.spectrum = malloc(BINS * sizeof *g.spectrum);
    g.out = malloc(SIZE * sizeof *g.out);
    g.sum = calloc((size_t)x->channels * SIZE, sizeof *g.sum);
    drgen_status status = fft_open(&g.transform, SIZE, err);
    if (status != DRGEN_OK) goto done;
    if (!threshold || !sorted || !noise || !row || !g.level || !g.power || !g.window || !g.spectrum || !g.out ||
        !g.sum) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "noise reduction of %zu frames: out of memory", x->frames);
        goto done;
    }
    for (int i = 0; i < SIZE; i++) g.window[i] = sin(acos(-1) * i / SIZE);
    measure(&g);
    size_t count = find_noise(&g, s, sorted, noise);
    if (count) { /* none: nothing but silence */
        learn(&g, noise, count, threshold);
        make_mask(&g, threshold, row);
        resynthesise(&g, x, pow(10, -s->reduction / 20), row);
    }
done:
    fft_close(g.transform);
    free(threshold), free(sorted), free(noise), free(row);
    free(g.level), free(g.power), free(g.window), free(g.spectrum), free(g.out), free(g.sum);
    return status;
}
