/* spectrogram.c - see spectrogram.h. */
#include "dsp/spectrogram.h"

#include <math.h>
#include <stdlib.h>

#include "dsp/fft.h"

enum { FRAME = SPECTROGRAM_FRAME, BINS = FRAME / 2 + 1 };

/* What a row shows: the largest of bins first..last, or, last < first, the level `part` of the way from bin first to
 * the next. */
typedef struct {
    int first, last;
    double part;
} row_bins;

/* One thread's own. */
typedef struct {
    fft *transform;
    double power[BINS];
} worker;

typedef struct {
    float *level;
    spectrogram_size size;
    const sound *x;
    const row_bins *row; /* [size.rows] */
    const double *window;
    worker *workers;
} work;

double spectrogram_frequency(double height, int rate)
{
    return SPECTROGRAM_LOWEST * pow(0.5 * rate / SPECTROGRAM_LOWEST, height);
}

double spectrogram_height(double frequency, int rate)
{
    return log(frequency / SPECTROGRAM_LOWEST) / log(0.5 * rate / SPECTROGRAM_LOWEST);
}

static void find_bins(row_bins *row, size_t rows, int rate)
{
    for (size_t r = 0; r < rows; r++) {
        double top = spectrogram_frequency((double)(rows - r) / (double)rows, rate) * FRAME / rate;
        double bottom = spectrogram_frequency((double)(rows - r - 1) / (double)rows, rate) * FRAME / rate;
        double middle = fmin((top + bottom) / 2, BINS - 2);
        row[r] = (row_bins){(int)middle, -1, middle - floor(middle)};
        if (top - bottom < 1) continue;
        row[r].first = (int)ceil(bottom);
        row[r].last = (int)fmin(floor(top), BINS - 1);
    }
}

static double decibels(double power)
{
    double db = 10 * log10(power + 1e-30);
    return db > 0 ? 0 : db > SPECTROGRAM_FLOOR ? db : SPECTROGRAM_FLOOR;
}

/* Adds the power of one frame around `centre` of one channel. */
static void add_frame(worker *w, const work *k, const float *x, int64_t centre)
{
    double *in = fft_input(w->transform);
    int64_t start = centre - FRAME / 2;
    for (int i = 0; i < FRAME; i++) {
        int64_t at = start + i;
        float v = at >= 0 && (uint64_t)at < k->x->frames ? x[at] : 0;
        in[i] = isfinite(v) ? (double)v * k->window[i] : 0;
    }
    const double(*bin)[2] = fft_run(w->transform);
    for (int b = 0; b < BINS; b++) w->power[b] += bin[b][0] * bin[b][0] + bin[b][1] * bin[b][1];
}

static void make_column(void *arg, size_t column, int thread)
{
    const work *k = arg;
    worker *w = &k->workers[thread];
    size_t columns = k->size.columns, parts = k->size.frames_a_column;
    for (int b = 0; b < BINS; b++) w->power[b] = 0;
    for (size_t p = 0; p < parts; p++) {
        double place = ((double)column + ((double)p + 0.5) / (double)parts) / (double)columns;
        for (int c = 0; c < k->x->channels; c++)
            add_frame(w, k, k->x->channel[c], (int64_t)(place * (double)k->x->frames));
    }
    double scale = 1.0 / ((double)parts * (double)k->x->channels);
    for (size_t r = 0; r < k->size.rows; r++) {
        const row_bins *row = &k->row[r];
        double level, most = 0;
        for (int b = row->first; b <= row->last; b++) most = fmax(most, w->power[b]);
        level = decibels(most * scale);
        if (row->last < row->first) {
            double below = decibels(w->power[row->first] * scale), above = decibels(w->power[row->first + 1] * scale);
            level = below + row->part * (above - below);
        }
        k->level[r * columns + column] = (float)level;
    }
}

drgen_status spectrogram_make(float *level, spectrogram_size size, const sound *x, pool *threads, drgen_err *err)
{
    if (x->rate < 8000 || x->channels < 1 || x->channels > SOUND_MAX_CHANNELS || !size.frames_a_column)
        return err_fail(err, DRGEN_ERR_ARG, "spectrogram: %d channels at %d Hz; wanted 1..%d at 8000 or more",
                        x->channels, x->rate, SOUND_MAX_CHANNELS);
    int count = pool_threads(threads);
    row_bins *row = calloc(size.rows + 1, sizeof *row);
    double *window = malloc(FRAME * sizeof *window);
    worker *workers = calloc((size_t)count, sizeof *workers);
    drgen_status status = DRGEN_OK;
    if (!row || !window || !workers) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "spectrogram of %zu columns: out of memory", size.columns);
        goto done;
    }
    for (int t = 0; t < count; t++)
        if ((status = fft_open(&workers[t].transform, FRAME, err)) != DRGEN_OK) goto done;
    find_bins(row, size.rows, x->rate);
    for (int i = 0; i < FRAME; i++) /* the window's sum is FRAME / 2: a sine of 1 gets a bin of 1 */
        window[i] = (1 - cos(2 * acos(-1) * i / FRAME)) * 2 / FRAME;
    work k = {level, size, x, row, window, workers};
    pool_run(threads, make_column, &k, size.columns);
done:
    for (int t = 0; workers && t < count; t++) fft_close(workers[t].transform);
    free(workers);
    free(window);
    free(row);
    return status;
}
