/* width.c - see width.h. */
#include "dsp/width.h"

#include <stdlib.h>
#include <string.h>

#include "dsp/fir.h"

enum { HALF_TAPS = 2047, BLOCK = 4096 };

/* The side through the filter w + (bass - w) * low-pass, into row. */
static drgen_status filter_side(float *row, const sound *x, const width_settings *s, double w, const kern_table *kern,
                                drgen_err *err)
{
    fir_plan p;
    ERR_TRY(fir_open(&p, fir_half(HALF_TAPS, x->rate), err));
    size_t taps = 2 * p.half + 1;
    double *h = malloc(taps * sizeof *h);
    float *response = malloc(fir_response_size(&p) * sizeof *response), *history = calloc(p.half, sizeof *history);
    drgen_status status = h && response && history ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "width: out of memory");
    if (status == DRGEN_OK) {
        fir_lowpass(h, taps, s->hz, x->rate, 8);
        for (size_t i = 0; i < taps; i++) h[i] = (i == p.half) * w + (s->bass - w) * h[i];
        status = fir_response(&p, response, h, err);
    }
    if (status == DRGEN_OK) {
        const float *l = x->channel[0], *r = x->channel[1];
        for (size_t i = 0; i < x->frames; i++) row[i] = 0.5f * (l[i] - r[i]);
        for (size_t pos = 0; pos < x->frames; pos += p.hop) {
            size_t left = x->frames - pos;
            fir_load(&p, history, row, x->frames, pos);
            kern->mul(fftf_bins(p.fft), fftf_bins(p.fft), response, fir_response_size(&p));
            fftf_inverse(p.fft);
            memcpy(row + pos, fftf_time(p.fft) + p.half, (left < p.hop ? left : p.hop) * sizeof *row);
        }
    }
    free(h);
    free(response);
    free(history);
    fir_close(&p);
    return status;
}

/* Whether middle + side and middle - side oppose each other: their covariance is var(middle) - var(side). */
static int opposed(const float *row, const sound *x, const kern_table *kern)
{
    double sum[5] = {0}, n = (double)x->frames;
    float middle[BLOCK / 4];
    for (size_t i = 0; i < x->frames; i += BLOCK / 4) {
        size_t take = x->frames - i < BLOCK / 4 ? x->frames - i : BLOCK / 4;
        for (size_t j = 0; j < take; j++) middle[j] = 0.5f * (x->channel[0][i + j] + x->channel[1][i + j]);
        kern->moments(sum, middle, row + i, take);
    }
    return sum[2] - sum[0] * sum[0] / n < sum[3] - sum[1] * sum[1] / n;
}

drgen_status width_run(sound *x, const width_settings *s, int *kept, const kern_table *kern, drgen_err *err)
{
    *kept = 0;
    if (x->channels != 2 || !x->frames || (s->width == 1 && s->bass == 1)) return DRGEN_OK;
    float *row = malloc(x->frames * sizeof *row), *l = x->channel[0], *r = x->channel[1];
    if (!row) return err_fail(err, DRGEN_ERR_NOMEM, "width: out of memory (%zu bytes)", x->frames * sizeof *row);
    drgen_status status = filter_side(row, x, s, s->width, kern, err);
    if (status == DRGEN_OK && s->width > 1 && opposed(row, x, kern)) {
        *kept = 1;
        status = filter_side(row, x, s, 1, kern, err);
    }
    for (size_t i = 0; i < x->frames && status == DRGEN_OK; i++) {
        float middle = 0.5f * (l[i] + r[i]);
        l[i] = middle + row[i];
        r[i] = middle - row[i];
    }
    free(row);
    return status;
}
