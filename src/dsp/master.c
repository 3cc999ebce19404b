/* master.c - the chain in order; see master.h. */
#include "dsp/master.h"

#include <math.h>
#include <stdlib.h>

#include "dsp/biquad.h"
#include "dsp/deliver.h"
#include "dsp/denoise.h"
#include "dsp/dither.h"
#include "dsp/exciter.h"
#include "dsp/loudness.h"
#include "dsp/multiband.h"
#include "dsp/solve.h"
#include "dsp/truepeak.h"
#include "dsp/width.h"

static const double root_half = 0.70710678118654752440, most_align = 24; /* dB */
static const struct {
    double hz, q;
} peaks[DRGEN_PEAKS] = {{80, 1}, {250, 1.5}, {3000, 1}, {10000, 0.7}};

/* Every sample a number, and each channel's mean. */
static drgen_status condition(const sound *x, double mean[2], const kern_table *kern, drgen_err *err)
{
    mean[0] = mean[1] = 0;
    for (int c = 0; c < x->channels; c++) {
        const float *row = x->channel[c];
        if (!isfinite(kern->abs_max(row, x->frames)))
            for (size_t i = 0; i < x->frames; i++)
                if (!isfinite(row[i]))
                    return err_fail(err, DRGEN_ERR_ARG, "frame %zu (%.3f s), channel %d: not a finite number; nothing "
                                    "sensible can be made of this sound", i, (double)i / x->rate, c + 1);
        double sum[5] = {0};
        kern->moments(sum, row, row, x->frames);
        mean[c] = x->frames ? sum[0] / (double)x->frames : 0;
    }
    return DRGEN_OK;
}

static void filter(sound *x, biquad_row *row, const double offset[2], double gain, const kern_table *kern)
{
    int two = x->channels > 1;
    if (row->count) {
        biquad_job job = {x->channel[0], two ? x->channel[1] : NULL, x->channel[0], two ? x->channel[1] : NULL,
                          {offset[0], offset[1]}, gain};
        biquad_run(row, &job, x->frames);
        return;
    }
    for (int c = 0; c < x->channels; c++) {
        if (offset[c] != 0)
            for (size_t i = 0; i < x->frames; i++) x->channel[c][i] = (float)((double)x->channel[c][i] - offset[c]);
        if (gain != 1) kern->scale(x->channel[c], x->channel[c], (float)gain, x->frames);
    }
}

static double integrated(const sound *x, double *cell, const kern_table *kern)
{
    return loudness_gained(x, NULL, 1, cell, kern);
}

/* Rumble and DC, then colour from outside: noise, a reference. */
static drgen_status clean(sound *x, const drgen_mastering *s, const match_curve *reference, const kern_table *kern,
                          drgen_err *err)
{
    double mean[2];
    biquad_row row = {0};
    ERR_TRY(condition(x, mean, kern, err));
    if (s->highpass > 0) row = (biquad_row){1, {biquad_highpass(s->highpass, root_half, x->rate)}, {{{0}}}};
    filter(x, &row, mean, 1, kern);
    denoise_settings noise = {s->denoise, s->noise_from, s->noise_to};
    if (s->denoise > 0) ERR_TRY(denoise(x, &noise, err));
    if (reference && s->match_amount > 0 && x->frames) ERR_TRY(match_apply(x, reference, s->match_amount, err));
    return DRGEN_OK;
}

/* Level, tone, dynamics, image. */
static drgen_status shape(sound *x, const drgen_mastering *s, drgen_master_report *r, const kern_table *kern,
                          drgen_err *err)
{
    double none[2] = {0};
    biquad_row row = {0};
    if (isfinite(r->input_lufs)) r->align_gain = fmin(most_align, fmax(-most_align, s->align - r->input_lufs));
    for (int k = 0; k < DRGEN_PEAKS; k++)
        if (s->peak[k] != 0 && peaks[k].hz < 0.49 * x->rate)
            row.section[row.count++] = biquad_peak(peaks[k].hz, s->peak[k], peaks[k].q, x->rate);
    filter(x, &row, none, pow(10, r->align_gain / 20), kern);
    if (s->multiband) {
        multiband_settings m = {.crossover = s->crossover};
        for (int k = 0; k < DRGEN_BANDS - 1; k++) m.split[k] = s->split[k];
        for (int k = 0; k < DRGEN_BANDS; k++) m.band[k] = s->band[k];
        ERR_TRY(multiband_run(x, &m, r->band_reduction, kern, err));
    }
    exciter_settings bright = {s->exciter_hz, s->exciter_drive, s->exciter};
    if (s->exciter > 0 && s->exciter_hz < 0.5 * x->rate) ERR_TRY(exciter_run(x, &bright, kern, err));
    width_settings image = {s->width, s->bass_width, s->bass_hz};
    return width_run(x, &image, &r->width_kept, kern, err);
}

/* At another rate: rows and all. */
static drgen_status convert(sound *x, int rate, const kern_table *kern, drgen_err *err)
{
    sound y;
    if (!rate || rate == x->rate) return DRGEN_OK;
    ERR_TRY(deliver_run(&y, x, rate, kern, err));
    for (int c = 0; c < x->channels; c++) free(x->channel[c]);
    *x = y;
    return DRGEN_OK;
}

drgen_status master_run(sound *x, const drgen_mastering *s, const match_curve *reference, double reference_lufs,
                        drgen_master_report *r, drgen_err *err)
{
    const kern_table *kern = kern_best();
    *r = (drgen_master_report){.input_lufs = -INFINITY, .lufs = -INFINITY, .true_peak = -INFINITY};
    ERR_TRY(master_check(s, x->rate, err));
    if (x->channels < 1 || x->channels > 2)
        return err_fail(err, DRGEN_ERR_ARG, "a sound of %d channels; mono and stereo can be mastered: mix it down first",
                        x->channels);
    dither d;
    if (s->bits) ERR_TRY(dither_open(&d, s->bits, s->shaper ? s->shaper : "none", s->rate ? s->rate : x->rate, err));
    double *cell = malloc((loudness_cells(x->frames, x->rate) + 1) * sizeof *cell);
    if (!cell) return err_fail(err, DRGEN_ERR_NOMEM, "mastering: out of memory");
    drgen_status status = clean(x, s, reference, kern, err);
    if (status == DRGEN_OK) r->input_lufs = integrated(x, cell, kern);
    free(cell);
    if (status != DRGEN_OK) return status;
    ERR_TRY(shape(x, s, r, kern, err));
    ERR_TRY(convert(x, s->rate, kern, err));
    solve_settings solve = {s->match_loudness && isfinite(reference_lufs) ? reference_lufs : s->target,
                            s->ceiling - (s->bits ? dither_room(&d) : 0), s->look_ahead, s->release, s->max_reduction};
    ERR_TRY(solve_run(x, &solve, r, kern, err));
    if (s->bits) {
        r->clamped = dither_whole(&d, x);
        r->true_peak = 20 * log10(tp_verify(x, NULL, 1, kern));
    }
    return DRGEN_OK;
}
