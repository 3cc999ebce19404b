/* figures.c - see figures.h. Sound is taken in cells of 100 ms, the loudness meter's grid, so that every sum is made in
 * the same order however it arrives. */
#include "dsp/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/truepeak.h"

enum { LEFT, RIGHT, LEFT2, RIGHT2, CROSS, MOMENTS, STRETCH = 256, CLIP_RUN = 3 };
static const float quiet = 0.001f, clipped = 0.9999f;

/* A run of equal samples at full scale that may go on. */
typedef struct {
    float value;
    size_t length;
} clip_run;

struct figures_meter {
    figures f;
    const kern_table *kern;
    loudness_meter *loudness, *mono; /* mono: of (L + R) / 2; NULL unless stereo */
    tp_meter *peaks;
    float *cell;       /* [channels + 1][cell_frames]; the last row for the mono mix */
    size_t cell_frames, held;
    double total[SOUND_MAX_CHANNELS / 2][MOMENTS]; /* of channels 2 i and 2 i + 1 */
    double (*moments)[MOMENTS];                    /* stereo: of each cell */
    size_t cells, room;
    clip_run run[SOUND_MAX_CHANNELS];
    size_t first_loud, after_loud; /* frames; after_loud 0: none yet */
};

drgen_status figures_open(figures_meter **out, int rate, int channels, const kern_table *kern, drgen_err *err)
{
    loudness_meter *loudness = NULL;
    *out = NULL;
    ERR_TRY(loudness_open(&loudness, rate, channels, kern, err));
    figures_meter *m = calloc(1, sizeof *m);
    if (!m) {
        loudness_close(loudness);
        return err_fail(err, DRGEN_ERR_NOMEM, "figures: out of memory for a meter");
    }
    m->loudness = loudness;
    m->kern = kern;
    m->f.rate = rate;
    m->f.channels = channels;
    m->cell_frames = loudness_cell_frames(rate);
    m->cell = malloc(((size_t)channels + 1) * m->cell_frames * sizeof *m->cell);
    m->peaks = malloc(sizeof *m->peaks);
    drgen_status status =
        m->cell && m->peaks ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "figures: out of memory for a meter");
    if (status == DRGEN_OK && channels == 2) status = loudness_open(&m->mono, rate, 1, kern, err);
    if (status != DRGEN_OK) {
        figures_close(m);
        return status;
    }
    tp_open(m->peaks, rate, channels, kern);
    *out = m;
    return DRGEN_OK;
}

void figures_close(figures_meter *m)
{
    if (!m) return;
    loudness_close(m->loudness);
    loudness_close(m->mono);
    free(m->peaks);
    free(m->cell);
    free(m->moments);
    free(m);
}

const loudness_meter *figures_loudness(const figures_meter *m)
{
    return m->loudness;
}

/* ---- one cell */

static void end_run(figures *f, clip_run *run)
{
    if (run->length >= CLIP_RUN) {
        f->clip_runs++;
        if (run->length > f->longest_clip) f->longest_clip = run->length;
    }
    run->length = 0;
}

static void count_clips(figures_meter *m, int c, const float *x, size_t n)
{
    clip_run *run = &m->run[c];
    for (size_t i = 0; i < n; i += STRETCH) {
        size_t some = n - i < STRETCH ? n - i : STRETCH;
        if (m->kern->abs_max(x + i, some) < clipped) {
            end_run(&m->f, run);
            continue;
        }
        for (size_t k = i; k < i + some; k++) {
            m->f.over += fabsf(x[k]) > 1.0f;
            if (run->length && x[k] == run->value) run->length++;
            else {
                end_run(&m->f, run);
                run->value = x[k];
                run->length = fabsf(x[k]) >= clipped;
            }
        }
    }
}

/* Frames from the first to the last that are not quiet. */
static void note_extent(figures_meter *m, const float *x, size_t n)
{
    size_t at = m->f.frames;
    for (size_t i = 0; i < n && (!m->after_loud || at + i < m->first_loud); i++)
        if (fabsf(x[i]) >= quiet) {
            m->first_loud = at + i;
            m->after_loud = m->after_loud ? m->after_loud : at + i + 1;
        }
    for (size_t i = n; i > 0 && at + i > m->after_loud; i--)
        if (fabsf(x[i - 1]) >= quiet) m->after_loud = at + i;
}

static void remove_bad(figures *f, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i])) continue;
        if (!f->bad_samples || f->frames + i < f->first_bad_frame) f->first_bad_frame = f->frames + i;
        f->bad_samples++;
        x[i] = 0;
    }
}

static drgen_status room_for_moments(figures_meter *m, drgen_err *err)
{
    if (m->cells < m->room) return DRGEN_OK;
    size_t room = m->room ? 2 * m->room : 1024;
    void *grown = realloc(m->moments, room * sizeof *m->moments);
    if (!grown) return err_fail(err, DRGEN_ERR_NOMEM, "figures: out of memory for %zu cells of 100 ms", room);
    m->moments = grown;
    m->room = room;
    return DRGEN_OK;
}

static drgen_status take_stereo(figures_meter *m, const double moments[MOMENTS], size_t n, drgen_err *err)
{
    const float *left = m->cell, *right = m->cell + m->cell_frames;
    float *mix = m->cell + 2 * m->cell_frames;
    m->kern->scale(mix, left, 0.5f, n);
    m->kern->axpy(mix, right, 0.5f, n);
    ERR_TRY(room_for_moments(m, err));
    memcpy(m->moments[m->cells++], moments, sizeof *m->moments);
    return loudness_feed(m->mono, (const float *const[]){mix}, n, err);
}

/* The n frames held: a whole cell, or what is left at the end. */
static drgen_status take_cell(figures_meter *m, size_t n, drgen_err *err)
{
    const float *row[SOUND_MAX_CHANNELS];
    for (int c = 0; c < m->f.channels; c++) {
        float *x = m->cell + (size_t)c * m->cell_frames, most = m->kern->abs_max(x, n);
        row[c] = x;
        if (!isfinite(most)) {
            remove_bad(&m->f, x, n);
            most = m->kern->abs_max(x, n);
        }
        if (most >= clipped) count_clips(m, c, x, n);
        else end_run(&m->f, &m->run[c]);
        if (most >= quiet) note_extent(m, x, n);
    }
    for (int c = 0; c < m->f.channels; c += 2) {
        double moments[MOMENTS] = {0};
        m->kern->moments(moments, row[c], c + 1 < m->f.channels ? row[c + 1] : row[c], n);
        for (int k = 0; k < MOMENTS; k++) m->total[c / 2][k] += moments[k];
        if (m->mono) ERR_TRY(take_stereo(m, moments, n, err));
    }
    tp_feed(m->peaks, row, n);
    ERR_TRY(loudness_feed(m->loudness, row, n, err));
    m->f.frames += n;
    return DRGEN_OK;
}

drgen_status figures_feed(figures_meter *m, const float *const *channel, size_t frames, drgen_err *err)
{
    for (size_t done = 0; done < frames;) {
        size_t n = m->cell_frames - m->held;
        if (frames - done < n) n = frames - done;
        for (int c = 0; c < m->f.channels; c++)
            memcpy(m->cell + (size_t)c * m->cell_frames + m->held, channel[c] + done, n * sizeof *m->cell);
        m->held += n;
        done += n;
        if (m->held == m->cell_frames) {
            m->held = 0;
            ERR_TRY(take_cell(m, m->cell_frames, err));
        }
    }
    return DRGEN_OK;
}

/* ---- what it adds up to */

static double decibels(double magnitude)
{
    return magnitude > 0 ? 20 * log10(magnitude) : -INFINITY;
}

/* Energies and product of n frames of two channels once their means are taken away. */
static void centre(double out[3], const double moments[MOMENTS], double n, double left, double right)
{
    out[0] = fmax(0, moments[LEFT2] - 2 * left * moments[LEFT] + n * left * left);
    out[1] = fmax(0, moments[RIGHT2] - 2 * right * moments[RIGHT] + n * right * right);
    out[2] = moments[CROSS] - left * moments[RIGHT] - right * moments[LEFT] + n * left * right;
}

/* 1 when a channel has no more energy than rounding leaves of a constant. */
static double correlation(const double e[3], double least)
{
    double size = sqrt(e[0]) * sqrt(e[1]);
    return e[0] > least && e[1] > least ? fmax(-1, fmin(1, e[2] / size)) : 1;
}

static double least_correlation(const figures_meter *m)
{
    double least = 1, frames = 4 * (double)m->cell_frames;
    double left = m->f.channel[0].dc, right = m->f.channel[1].dc;
    for (size_t i = 0; i + 4 <= loudness_cell_count(m->loudness); i++) {
        double energy = 0, sum[MOMENTS] = {0}, e[3];
        for (size_t k = i; k < i + 4; k++) {
            energy += 0.25 * loudness_cell(m->loudness, k);
            for (int j = 0; j < MOMENTS; j++) sum[j] += m->moments[k][j];
        }
        if (loudness_of_energy(energy) <= -60) continue;
        centre(e, sum, frames, left, right);
        least = fmin(least, correlation(e, 1e-12 * (sum[LEFT2] + sum[RIGHT2])));
    }
    return least;
}

static drgen_status finish_stereo(figures_meter *m, figures *f, drgen_err *err)
{
    loudness_figures mono;
    const double *total = m->total[0];
    double e[3], left = f->channel[0].integrated, right = f->channel[1].integrated;
    ERR_TRY(loudness_read(m->mono, &mono, err));
    centre(e, total, (double)f->frames, f->channel[0].dc, f->channel[1].dc);
    double rounding = 1e-15 * (total[LEFT2] + total[RIGHT2]);
    f->correlation = correlation(e, rounding);
    f->min_correlation = least_correlation(m);
    f->balance = left == right ? 0 : left - right; /* both may have none */
    double mid = 0.25 * (e[0] + e[1] + 2 * e[2]), side = 0.25 * (e[0] + e[1] - 2 * e[2]);
    if (e[0] + e[1] > rounding) f->side_mid = 10 * log10((fmax(0, side) + 1e-30) / (fmax(0, mid) + 1e-30));
    f->side_mid = fmin(300, f->side_mid);
    if (f->side_mid > -INFINITY) f->side_mid = fmax(-300, f->side_mid);
    if (f->loudness.integrated > -INFINITY) f->mono_loss = mono.integrated + 10 * log10(2) - f->loudness.integrated;
    return DRGEN_OK;
}

static void finish_channel(const figures_meter *m, figures *f, int c)
{
    figures_channel *to = &f->channel[c];
    const double *total = m->total[c / 2];
    double n = f->frames ? (double)f->frames : 1;
    tp_figures peak = tp_read(m->peaks, c);
    to->true_peak = decibels(peak.true_peak);
    to->sample_peak = decibels(peak.sample_peak);
    to->true_peak_frame = peak.true_peak_frame;
    to->sample_peak_frame = peak.sample_peak_frame;
    to->rms = decibels(sqrt(total[c % 2 ? RIGHT2 : LEFT2] / n));
    to->crest = to->rms > -INFINITY ? to->sample_peak - to->rms : 0;
    to->dc = total[c % 2 ? RIGHT : LEFT] / n;
    to->integrated = loudness_read_channel(m->loudness, c);
    f->true_peak = fmax(f->true_peak, to->true_peak);
    f->sample_peak = fmax(f->sample_peak, to->sample_peak);
}

drgen_status figures_finish(figures_meter *m, figures *out, drgen_err *err)
{
    if (m->held) ERR_TRY(take_cell(m, m->held, err));
    m->held = 0;
    for (int c = 0; c < m->f.channels; c++) end_run(&m->f, &m->run[c]);
    figures *f = &m->f;
    double energy = 0, rate = f->rate;
    f->seconds = (double)f->frames / rate;
    f->true_peak = f->sample_peak = f->side_mid = -INFINITY;
    f->correlation = f->min_correlation = 1;
    for (int c = 0; c < f->channels; c++) {
        finish_channel(m, f, c);
        energy += m->total[c / 2][c % 2 ? RIGHT2 : LEFT2];
    }
    f->rms = decibels(sqrt(energy / fmax(1, (double)f->frames * f->channels)));
    f->crest = f->rms > -INFINITY ? f->sample_peak - f->rms : 0;
    ERR_TRY(loudness_read(m->loudness, &f->loudness, err));
    f->plr = f->loudness.integrated > -INFINITY ? f->true_peak - f->loudness.integrated : 0;
    if (m->mono) ERR_TRY(finish_stereo(m, f, err));
    f->silent = m->after_loud == 0;
    f->head_silence = (double)(f->silent ? f->frames : m->first_loud) / rate;
    f->tail_silence = (double)(f->frames - m->after_loud) / rate;
    *out = *f;
    return DRGEN_OK;
}

drgen_status figures_measure(figures *out, const sound *x, const kern_table *kern, drgen_err *err)
{
    figures_meter *m = NULL;
    ERR_TRY(figures_open(&m, x->rate, x->channels, kern, err));
    drgen_status status = figures_feed(m, (const float *const *)x->channel, x->frames, err);
    if (status == DRGEN_OK) status = figures_finish(m, out, err);
    figures_close(m);
    return status;
}
