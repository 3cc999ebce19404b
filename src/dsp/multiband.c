/* multiband.c - see multiband.h. The programme goes through block by block: split, gains, sum. */
#include "dsp/multiband.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/biquad.h"
#include "dsp/compressor.h"
#include "dsp/fir.h"

enum { BANDS = DRGEN_BANDS, SPLITS = BANDS - 1, HALF_TAPS = 2047 };

typedef struct {
    const multiband_settings *set;
    const kern_table *kern;
    fir_plan plan;
    float *spectrum, *response[SPLITS], *history[2];   /* linear phase */
    biquad_row low[SPLITS], high[SPLITS], across[2];   /* LR4: across[0] evens out the low branch, [1] the high one */
    float *row[2][BANDS];                              /* [channel][band], hop frames each */
    float *memory;
} splitter;

/* ---- linear phase */

static drgen_status open_linear(splitter *s, const sound *x, drgen_err *err)
{
    size_t taps = 2 * s->plan.half + 1;
    double *h = malloc(taps * sizeof *h);
    drgen_status status = h ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "crossover: out of memory");
    for (int k = 0; k < SPLITS && status == DRGEN_OK; k++) {
        fir_lowpass(h, taps, s->set->split[k], x->rate, 8);
        status = fir_response(&s->plan, s->response[k], h, err);
    }
    free(h);
    /* a band is the difference of two low-passes */
    for (int k = SPLITS; status == DRGEN_OK && --k > 0;)
        s->kern->axpy(s->response[k], s->response[k - 1], -1, fir_response_size(&s->plan));
    return status;
}

static void split_linear(splitter *s, const sound *x, size_t pos)
{
    size_t hop = s->plan.hop, n = fir_response_size(&s->plan);
    float *bins = fftf_bins(s->plan.fft);
    for (int c = 0; c < x->channels; c++) {
        float *last = s->row[c][BANDS - 1];
        size_t left = x->frames - pos, take = left < hop ? left : hop;
        memcpy(last, x->channel[c] + pos, take * sizeof *last);
        memset(last + take, 0, (hop - take) * sizeof *last);
        fir_load(&s->plan, s->history[c], x->channel[c], x->frames, pos);
        memcpy(s->spectrum, bins, n * sizeof *bins);
        for (int k = 0; k < SPLITS; k++) {
            s->kern->mul(bins, s->spectrum, s->response[k], n);
            fftf_inverse(s->plan.fft);
            memcpy(s->row[c][k], fftf_time(s->plan.fft) + s->plan.half, hop * sizeof *bins);
            s->kern->axpy(last, s->row[c][k], -1, hop);
        }
    }
}

/* ---- Linkwitz-Riley: the middle first, then either half, each brought into the other's phase */

static const double root_half = 0.70710678118654752440;

static void open_lr4(splitter *s, const sound *x)
{
    for (int k = 0; k < SPLITS; k++) {
        double hz = fmin(s->set->split[k], 0.49 * x->rate);
        s->low[k] = s->high[k] = (biquad_row){.count = 2};
        for (int i = 0; i < 2; i++) {
            s->low[k].section[i] = biquad_lowpass(hz, root_half, x->rate);
            s->high[k].section[i] = biquad_highpass(hz, root_half, x->rate);
        }
        if (k == 0) s->across[1] = (biquad_row){.count = 1, .section = {biquad_allpass(hz, root_half, x->rate)}};
        if (k == 2) s->across[0] = (biquad_row){.count = 1, .section = {biquad_allpass(hz, root_half, x->rate)}};
    }
}

static void pass(splitter *s, biquad_row *row, int from, int to, int channels)
{
    biquad_job job = {s->row[0][from], channels > 1 ? s->row[1][from] : NULL, s->row[0][to], s->row[1][to], {0, 0}, 1};
    biquad_run(row, &job, s->plan.hop);
}

static void split_lr4(splitter *s, const sound *x, size_t pos)
{
    size_t hop = s->plan.hop, left = x->frames - pos, take = left < hop ? left : hop;
    for (int c = 0; c < x->channels; c++) {
        memcpy(s->row[c][0], x->channel[c] + pos, take * sizeof(float));
        memset(s->row[c][0] + take, 0, (hop - take) * sizeof(float));
    }
    pass(s, &s->high[1], 0, 2, x->channels);
    pass(s, &s->low[1], 0, 0, x->channels);
    pass(s, &s->across[0], 0, 0, x->channels);
    pass(s, &s->across[1], 2, 2, x->channels);
    pass(s, &s->high[0], 0, 1, x->channels);
    pass(s, &s->low[0], 0, 0, x->channels);
    pass(s, &s->high[2], 2, 3, x->channels);
    pass(s, &s->low[2], 2, 2, x->channels);
}

/* ---- both */

static void splitter_close(splitter *s)
{
    fir_close(&s->plan);
    free(s->memory);
}

static drgen_status splitter_open(splitter *s, const sound *x, const multiband_settings *set, const kern_table *kern,
                                  drgen_err *err)
{
    *s = (splitter){.set = set, .kern = kern};
    ERR_TRY(fir_open(&s->plan, fir_half(HALF_TAPS, x->rate), err));
    size_t wide = (fir_response_size(&s->plan) + 15) / 16 * 16, hop = s->plan.hop, half = (s->plan.half + 15) / 16 * 16;
    size_t floats = (1 + SPLITS) * wide + 2 * half + 2 * BANDS * hop;
    s->memory = aligned_alloc(64, floats * sizeof *s->memory);
    if (!s->memory) {
        splitter_close(s);
        return err_fail(err, DRGEN_ERR_NOMEM, "crossover: out of memory (%zu bytes)", floats * sizeof *s->memory);
    }
    memset(s->memory, 0, floats * sizeof *s->memory);
    float *next = s->memory;
    s->spectrum = next, next += wide;
    for (int k = 0; k < SPLITS; k++) s->response[k] = next, next += wide;
    for (int c = 0; c < 2; c++) {
        s->history[c] = next, next += half;
        for (int k = 0; k < BANDS; k++) s->row[c][k] = next, next += hop;
    }
    drgen_status status = DRGEN_OK;
    if (set->crossover == DRGEN_CROSSOVER_LR4) open_lr4(s, x);
    else status = open_linear(s, x, err);
    if (status != DRGEN_OK) splitter_close(s);
    return status;
}

/* pos = 0, hop, 2 hop ...: the bands of hop frames, zero after the end. */
static void split(splitter *s, const sound *x, size_t pos)
{
    if (s->set->crossover == DRGEN_CROSSOVER_LR4) split_lr4(s, x, pos);
    else split_linear(s, x, pos);
}

drgen_status multiband_split(const sound *x, const multiband_settings *set, sound band[BANDS], const kern_table *kern,
                             drgen_err *err)
{
    splitter s;
    ERR_TRY(splitter_open(&s, x, set, kern, err));
    for (size_t pos = 0; pos < x->frames; pos += s.plan.hop) {
        size_t left = x->frames - pos, take = left < s.plan.hop ? left : s.plan.hop;
        split(&s, x, pos);
        for (int k = 0; k < BANDS; k++)
            for (int c = 0; c < x->channels; c++)
                memcpy(band[k].channel[c] + pos, s.row[c][k], take * sizeof(float));
    }
    splitter_close(&s);
    return DRGEN_OK;
}

drgen_status multiband_run(sound *x, const multiband_settings *set, double reduction[BANDS], const kern_table *kern,
                           drgen_err *err)
{
    splitter s;
    compressor comp[BANDS];
    ERR_TRY(splitter_open(&s, x, set, kern, err));
    size_t hop = s.plan.hop;
    float *gain = malloc((2 * (hop / 8) + 1) * sizeof *gain);
    drgen_status status = gain ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "compressor: out of memory");
    for (int k = 0; k < BANDS; k++) compressor_init(&comp[k], &set->band[k], x->rate);
    for (size_t pos = 0; pos < x->frames && status == DRGEN_OK; pos += hop) {
        size_t left = x->frames - pos, take = left < hop ? left : hop;
        split(&s, x, pos);
        for (int k = 0; k < BANDS; k++) {
            const float *row[2] = {s.row[0][k], s.row[1][k]};
            compressor_gains(&comp[k], gain, row, x->channels, (take + 7) / 8, gain + hop / 8 + 1, kern);
            for (int c = 0; c < x->channels; c++)
                kern->octet_ramp(s.row[c][0], row[c], gain, (take + 7) / 8, k > 0);
        }
        for (int c = 0; c < x->channels; c++) memcpy(x->channel[c] + pos, s.row[c][0], take * sizeof(float));
    }
    for (int k = 0; k < BANDS; k++) reduction[k] = comp[k].octets ? comp[k].reduced / (double)comp[k].octets : 0;
    free(gain);
    splitter_close(&s);
    return status;
}
