/* mel.c - see mel.h. */
#include "dsp/mel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/fft.h"

static const double pi = 3.14159265358979323846;

/* Edge e of 0..129: equally spaced in mel (HTK) from 0 to half the rate. */
static double edge(int e)
{
    double top = 2595.0 * log10(1.0 + MEL_RATE / 2.0 / 700.0), mel = top * e / (MEL_BANDS + 1);
    return 700.0 * (pow(10.0, mel / 2595.0) - 1.0);
}

double mel_weight(int bin, int band)
{
    double f = bin * (MEL_RATE / 2.0) / (MEL_FFT / 2), a = edge(band), b = edge(band + 1), c = edge(band + 2);
    return fmax(0.0, fmin((f - a) / (b - a), (c - f) / (c - b)));
}

/* A band's bins are neighbours: first, count, and their weights. */
typedef struct {
    int first[MEL_BANDS], count[MEL_BANDS];
    float weight[MEL_BANDS][128];
    double window[MEL_FFT];
} bank;

static void fill_bank(bank *b)
{
    double e[MEL_BANDS + 2];
    for (int i = 0; i < MEL_BANDS + 2; i++) e[i] = edge(i);
    for (int m = 0; m < MEL_BANDS; m++) {
        b->first[m] = -1;
        b->count[m] = 0;
        for (int k = 0; k < MEL_BINS; k++) {
            double f = k * (MEL_RATE / 2.0) / (MEL_FFT / 2);
            double w = fmax(0.0, fmin((f - e[m]) / (e[m + 1] - e[m]), (e[m + 2] - f) / (e[m + 2] - e[m + 1])));
            if (w <= 0 || b->count[m] == 128) continue;
            if (b->first[m] < 0) b->first[m] = k;
            b->weight[m][b->count[m]++] = (float)w;
        }
    }
    for (int n = 0; n < MEL_FFT; n++) b->window[n] = 0.5 - 0.5 * cos(2.0 * pi * n / MEL_FFT);
}

/* Sample i of the signal mirrored at its ends, edge samples not repeated. */
static double mirrored(const float *x, long n, long i)
{
    if (i < 0) i = -i;
    if (i >= n) i = 2 * (n - 1) - i;
    return (double)x[i];
}

drgen_status mel_db(const float *x, size_t samples, float *db, drgen_err *err)
{
    fft *f = NULL;
    if (samples <= MEL_FFT / 2) return err_fail(err, DRGEN_ERR_ARG, "sound: %zu samples are too few to analyse", samples);
    bank *b = malloc(sizeof *b);
    drgen_status status = b ? fft_open(&f, MEL_FFT, err) : err_fail(err, DRGEN_ERR_NOMEM, "sound: out of memory");
    size_t frames = mel_frames(samples);
    if (status == DRGEN_OK) fill_bank(b);
    for (size_t t = 0; t < frames && status == DRGEN_OK; t++) {
        double *in = fft_input(f);
        long start = (long)(t * MEL_HOP) - MEL_FFT / 2;
        for (int n = 0; n < MEL_FFT; n++) in[n] = b->window[n] * mirrored(x, (long)samples, start + n);
        const double(*out)[2] = fft_run(f);
        for (int m = 0; m < MEL_BANDS; m++) {
            double sum = 0;
            for (int k = 0; k < b->count[m]; k++) {
                const double *z = out[b->first[m] + k];
                sum += (double)b->weight[m][k] * (z[0] * z[0] + z[1] * z[1]);
            }
            db[(size_t)m * frames + t] = (float)(10.0 * log10(fmax(sum, 1e-10)));
        }
    }
    fft_close(f);
    free(b);
    return status;
}
