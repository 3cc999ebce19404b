/* exciter.c - see exciter.h. Blocks of the high band come from overlap-save; results lag 32 frames behind them, so
 * that both interpolations find their neighbours. */
#include "dsp/exciter.h"

#include <stdlib.h>
#include <string.h>

#include "dsp/fir.h"
#include "dsp/truepeak.h"

enum { UP = 4, HALF = 16, TAPS = 2 * HALF, DOWN = 2 * HALF * UP + 1, LAG = 2 * HALF, HALF_TAPS = 511 };

typedef struct {
    const exciter_settings *set;
    const kern_table *kern;
    fir_plan plan;
    float up[UP][TAPS], down[UP][TAPS + 1]; /* down[p]: every fourth tap from p on, 33 for p = 0, else 32 */
    float *response, *history, *high, *stream[UP];
    float *memory;
} exciter;

static drgen_status exciter_open(exciter *e, const sound *x, const exciter_settings *set, const kern_table *kern,
                                 drgen_err *err)
{
    *e = (exciter){.set = set, .kern = kern};
    ERR_TRY(fir_open(&e->plan, fir_half(HALF_TAPS, x->rate), err));
    size_t wide = (fir_response_size(&e->plan) + 15) / 16 * 16, half = (e->plan.half + 15) / 16 * 16, hop = e->plan.hop;
    size_t taps = 2 * e->plan.half + 1, floats = wide + half + 2 * LAG + hop + UP * (hop + LAG);
    e->memory = aligned_alloc(64, floats * sizeof *e->memory);
    double *h = malloc((taps + DOWN) * sizeof *h);
    drgen_status status =
        e->memory && h ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "exciter: out of memory (%zu bytes)", 4 * floats);
    if (status == DRGEN_OK) {
        float *next = e->memory;
        memset(e->memory, 0, floats * sizeof *e->memory);
        e->response = next, next += wide;
        e->history = next, next += half;
        e->high = next, next += 2 * LAG + hop;
        for (int p = 0; p < UP; p++) e->stream[p] = next, next += hop + LAG;
        fir_lowpass(h, taps, set->hz, x->rate, 8);
        for (size_t i = 0; i < taps; i++) h[i] = (i == e->plan.half) - h[i];
        status = fir_response(&e->plan, e->response, h, err);
        fir_lowpass(h, DOWN, 0.45, UP, 8);
        for (size_t i = 0; i < DOWN; i++) e->down[i % UP][i / UP] = (float)h[i];
        for (int p = 1; p < UP; p++) {
            tp_taps(h, UP, HALF, 6, p);
            for (size_t i = 0; i < TAPS; i++) e->up[p][i] = (float)h[i];
        }
    }
    free(h);
    return status;
}

static void exciter_close(exciter *e)
{
    fir_close(&e->plan);
    free(e->memory);
}

/* The curve's residue at four times the rate for hop + LAG frames from first on, which is pos - 48; nothing outside the
 * programme. high begins 16 frames earlier. */
static void saturate(exciter *e, ptrdiff_t first, size_t frames)
{
    size_t n = e->plan.hop + LAG, before = first < 0 ? (size_t)-first : 0, end = 0;
    if ((ptrdiff_t)frames > first) end = frames - (size_t)first; /* wraps as it should when first is negative */
    for (int p = 0; p < UP; p++) {
        float *u = e->stream[p];
        if (p == 0) memcpy(u, e->high + HALF, n * sizeof *u);
        else e->kern->fir(u, e->high + 1, e->up[p], TAPS, n, 0);
        e->kern->residue(u, u, (float)e->set->drive, n);
        if (before) memset(u, 0, (before < n ? before : n) * sizeof *u);
        if (end < n) memset(u + end, 0, (n - end) * sizeof *u);
    }
}

/* One channel. What is filtered is read before it is overwritten: outputs end LAG frames before what was loaded, and
 * fir_load keeps the rest. */
static void excite(exciter *e, float *x, size_t frames, float *out)
{
    size_t hop = e->plan.hop;
    memset(e->history, 0, e->plan.half * sizeof *e->history);
    memset(e->high, 0, 2 * LAG * sizeof *e->high);
    for (size_t pos = 0; pos < frames + LAG; pos += hop) {
        size_t left = pos < frames ? frames - pos : 0, take = left < hop ? left : hop;
        float *bins = fftf_bins(e->plan.fft);
        fir_load(&e->plan, e->history, x, frames, pos);
        e->kern->mul(bins, bins, e->response, fir_response_size(&e->plan));
        fftf_inverse(e->plan.fft);
        memcpy(e->high + 2 * LAG, fftf_time(e->plan.fft) + e->plan.half, take * sizeof *bins);
        memset(e->high + 2 * LAG + take, 0, (hop - take) * sizeof *bins);
        saturate(e, (ptrdiff_t)pos - LAG - HALF, frames);
        for (int p = 0; p < UP; p++) e->kern->fir(out, e->stream[p], e->down[p], p ? TAPS : TAPS + 1, hop, p > 0);
        size_t skip = pos ? 0 : LAG, at = pos + skip - LAG, room = frames - at;
        if (hop - skip < room) room = hop - skip;
        e->kern->axpy(x + at, out + skip, (float)e->set->amount, room);
        memmove(e->high, e->high + hop, 2 * LAG * sizeof *e->high);
    }
}

drgen_status exciter_run(sound *x, const exciter_settings *s, const kern_table *kern, drgen_err *err)
{
    exciter e;
    float *out = NULL;
    drgen_status status = exciter_open(&e, x, s, kern, err);
    if (status == DRGEN_OK && !(out = malloc(e.plan.hop * sizeof *out)))
        status = err_fail(err, DRGEN_ERR_NOMEM, "exciter: out of memory");
    for (int c = 0; c < x->channels && status == DRGEN_OK; c++) excite(&e, x->channel[c], x->frames, out);
    free(out);
    exciter_close(&e);
    return status;
}
