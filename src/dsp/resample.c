/* resample.c - see resample.h. */
#include "dsp/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef WITH_SOXR
#include <soxr.h>
#endif

void resample_mono(float *out, const float *in, size_t frames, int channels)
{
    size_t c = (size_t)channels;
    for (size_t i = 0; i < frames; i++) {
        float sum = in[i * c];
        for (size_t k = 1; k < c; k++) sum += in[i * c + k];
        out[i] = sum / (float)channels;
    }
}

static drgen_status make_room(size_t count, int from, int to, float **out, size_t *out_count, drgen_err *err)
{
    *out = NULL;
    if (from < 1000 || to < 1000 || from > 1000000 || to > 1000000 || count > (size_t)1 << 40)
        return err_fail(err, DRGEN_ERR_ARG, "sound: cannot go from %d to %d samples a second", from, to);
    *out_count = (size_t)ceil((double)count * ((double)to / (double)from));
    *out = calloc(*out_count + 2, sizeof **out);
    return *out ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "sound: out of memory");
}

/* Modified Bessel function of the first kind, order 0. */
static double bessel(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; term > 1e-18 * sum; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

static int divisor(int a, int b)
{
    return b ? divisor(b, a % b) : a;
}

drgen_status resample_own(const float *in, size_t count, int from, int to, float **out, size_t *out_count, drgen_err *err)
{
    ERR_TRY(make_room(count, from, to, out, out_count, err));
    if (from == to) {
        memcpy(*out, in, count * sizeof **out);
        return DRGEN_OK;
    }
    /* Pass and stop edges of 0.9136 and 1 of the lower half rate, 126 dB between: the window's length follows (Kaiser). */
    const double pi = 3.14159265358979323846, beta = 0.1102 * (126.0 - 8.7);
    double low = from < to ? from : to, pass = 0.9136 * low / 2, stop = low / 2, cut = (pass + stop) / 2 / from;
    long half = (long)ceil((126.0 - 7.95) / (2.285 * 2 * pi * (stop - pass) / from) / 2) + 1;
    int g = divisor(from, to), phases = to / g, step = from / g;
    size_t taps = (size_t)(2 * half);
    float *filter = phases <= 1 << 16 ? malloc((size_t)phases * taps * sizeof *filter) : NULL;
    if (!filter) {
        free(*out), *out = NULL;
        return err_fail(err, DRGEN_ERR_NOMEM, "sound: no memory to go from %d to %d samples a second", from, to);
    }
    for (int p = 0; p < phases; p++) /* output at input place i + p / phases: taps i - half + 1 .. i + half */
        for (long k = 0; k < (long)taps; k++) {
            double d = (double)(k - half + 1) - (double)p / phases, r = d / (double)half;
            double window = fabs(r) < 1 ? bessel(beta * sqrt(1 - r * r)) / bessel(beta) : 0;
            double x = 2 * cut * d;
            filter[(size_t)p * taps + (size_t)k] = (float)(2 * cut * (x == 0 ? 1 : sin(pi * x) / (pi * x)) * window);
        }
    size_t whole = (size_t)llround((double)count * to / from);
    for (size_t n = 0; n < *out_count && n < whole; n++) {
        unsigned long long place = (unsigned long long)n * (unsigned long long)step;
        long i = (long)(place / (unsigned long long)phases) - half + 1;
        const float *h = filter + (size_t)(place % (unsigned long long)phases) * taps;
        double sum = 0;
        for (size_t k = 0; k < taps; k++)
            if (i + (long)k >= 0 && i + (long)k < (long)count) sum += (double)h[k] * (double)in[i + (long)k];
        (*out)[n] = (float)sum;
    }
    free(filter);
    return DRGEN_OK;
}

#ifdef WITH_SOXR
drgen_status resample(const float *in, size_t count, int from, int to, float **out, size_t *out_count, drgen_err *err)
{
    ERR_TRY(make_room(count, from, to, out, out_count, err));
    if (from == to) {
        memcpy(*out, in, count * sizeof **out);
        return DRGEN_OK;
    }
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    size_t done = 0;
    soxr_error_t why = soxr_oneshot(from, to, 1, in, count, NULL, *out, *out_count + 1, &done, &io, &quality, NULL);
    if (!why) {
        if (done > *out_count) (*out)[*out_count] = 0;
        return DRGEN_OK;
    }
    free(*out), *out = NULL;
    return err_fail(err, DRGEN_ERR_NOMEM, "sound: resampling failed: %s", soxr_strerror(why));
}
#else
drgen_status resample(const float *in, size_t count, int from, int to, float **out, size_t *out_count, drgen_err *err)
{
    return resample_own(in, count, from, to, out, out_count, err);
}
#endif
