/* compat_fork.c - the fork chain of compat.h. */
#include "dsp/compat_parts.h"

const compat_band compat_fork_bands[COMPAT_FORK_BANDS] = {{20, 150, -18, 4, 10, 100},
                                                          {150, 500, -15, 3, 5, 80},
                                                          {500, 2000, -12, 2.5, 3, 60},
                                                          {2000, 6000, -10, 2, 2, 50},
                                                          {6000, 20000, -8, 2, 1, 40}};

enum { EQUALISERS = 4 };

static const struct {
    double hz, gain, q;
} equalisers[EQUALISERS] = {{80, 1.5, 1}, {250, -1, 1.5}, {3000, 1, 1}, {10000, 2, 0.7}};

/* ---- blocks */

typedef struct {
    double mean[2];
    compat_filter filter;
} condition;

static void condition_block(void *state, double (*x)[2], size_t n)
{
    condition *c = state;
    for (size_t i = 0; i < n; i++) pair_store(x[i], pair_load(x[i]) - pair_load(c->mean));
    compat_filter_run(&c->filter, x, n);
}

static void open_condition(condition *c, const compat_sound *x)
{
    pair sum = pair_all(0);
    for (size_t i = 0; i < x->frames; i++) sum += pair_load(x->frame[i]);
    pair_store(c->mean, sum / (double)(x->frames ? x->frames : 1));
    compat_high_pass(&c->filter, 30, x->rate);
}

static void equalise_block(void *state, double (*x)[2], size_t n)
{
    compat_filter *f = state;
    for (int k = 0; k < EQUALISERS; k++) compat_filter_run(&f[k], x, n);
}

static void open_equalisers(compat_filter f[EQUALISERS], int rate)
{
    for (int k = 0; k < EQUALISERS; k++)
        compat_peaking(&f[k], equalisers[k].hz, equalisers[k].gain, equalisers[k].q, rate);
}

/* One band with a detector for each channel. */
typedef struct {
    compat_filter filter;
    double threshold, slope, attack, release; /* linear; 1 / ratio; poles */
    double detector[2];
} fork_band;

typedef struct {
    fork_band band[COMPAT_FORK_BANDS];
    int begun; /* the very first frame does not reach the detectors */
    double part[COMPAT_BLOCK][2], sum[COMPAT_BLOCK][2];
} fork_multiband;

static void add_band(fork_band *band, double (*sum)[2], double (*x)[2], size_t n, int begun)
{
    pair s = pair_load(band->detector), threshold = pair_all(band->threshold);
    pair attack = pair_all(band->attack), release = pair_all(band->release);
    compat_filter_run(&band->filter, x, n);
    for (size_t i = 0; i < n; i++) {
        pair b = pair_load(x[i]), e = pair_abs(b), k = pair_pick((pair_bits)(e > s), attack, release);
        if (begun || i) s = k * s + (1 - k) * e;
        pair level = pair_max(s, threshold), gain = (threshold + (level - threshold) * band->slope) / level;
        pair_store(sum[i], pair_load(sum[i]) + b * gain);
    }
    pair_store(band->detector, s);
    compat_settle(band->detector, 2);
}

static void multiband_block(void *state, double (*x)[2], size_t n)
{
    fork_multiband *m = state;
    memset(m->sum, 0, sizeof m->sum);
    for (int k = 0; k < COMPAT_FORK_BANDS; k++) {
        memcpy(m->part, x, n * sizeof *x);
        add_band(&m->band[k], m->sum, m->part, n, m->begun);
    }
    m->begun = 1;
    memcpy(x, m->sum, n * sizeof *x);
}

static void open_multiband(fork_multiband *m, int rate)
{
    m->begun = 0;
    for (int k = 0; k < COMPAT_FORK_BANDS; k++) {
        const compat_band *band = &compat_fork_bands[k];
        fork_band *b = &m->band[k];
        compat_band_pass(&b->filter, band->low, band->high, rate);
        b->threshold = pow(10, band->threshold / 20);
        b->slope = 1 / band->ratio;
        b->attack = compat_pole(band->attack / 1000, rate);
        b->release = compat_pole(band->release / 1000, rate);
        b->detector[0] = b->detector[1] = 0;
    }
}

typedef struct {
    compat_filter filter;
    double amount, high[COMPAT_BLOCK][2];
} exciter;

static void exciter_block(void *state, double (*x)[2], size_t n)
{
    exciter *e = state;
    memcpy(e->high, x, n * sizeof *x);
    compat_filter_run(&e->filter, e->high, n);
    for (size_t i = 0; i < n; i++) {
        pair h = pair_load(e->high[i]);
        pair_store(x[i], pair_load(x[i]) + e->amount * (compat_tanh(3 * h) - h));
    }
}

static void open_exciter(exciter *e, double amount, int rate)
{
    e->amount = amount;
    compat_high_pass(&e->filter, 3000, rate);
}

/* The side signal with less below 120 Hz; both filters run on it in one lane of their own. */
typedef struct {
    compat_filter high_pass, low_pass;
    double width, high[COMPAT_BLOCK][2], low[COMPAT_BLOCK][2];
} widener;

static void width_block(void *state, double (*x)[2], size_t n)
{
    widener *w = state;
    for (size_t i = 0; i < n; i++) {
        w->high[i][0] = w->low[i][0] = w->width * ((x[i][0] - x[i][1]) / 2);
        w->high[i][1] = w->low[i][1] = 0;
    }
    compat_filter_run(&w->high_pass, w->high, n);
    compat_filter_run(&w->low_pass, w->low, n);
    for (size_t i = 0; i < n; i++) {
        double mid = (x[i][0] + x[i][1]) / 2, side = w->high[i][0] + 0.3 * w->low[i][0];
        x[i][0] = mid + side;
        x[i][1] = mid - side;
    }
}

static void open_widener(widener *w, double width, int rate)
{
    w->width = width;
    compat_high_pass(&w->high_pass, 120, rate);
    compat_low_pass(&w->low_pass, 120, rate);
}

/* ---- stages */

void compat_fork_high_pass(compat_sound *x)
{
    condition c;
    open_condition(&c, x);
    compat_run_stages(x, &(compat_stage){condition_block, &c}, 1);
}

void compat_fork_equalise(compat_sound *x)
{
    compat_filter f[EQUALISERS];
    open_equalisers(f, x->rate);
    compat_run_stages(x, &(compat_stage){equalise_block, f}, 1);
}

void compat_fork_multiband(compat_sound *x)
{
    fork_multiband m;
    open_multiband(&m, x->rate);
    compat_run_stages(x, &(compat_stage){multiband_block, &m}, 1);
}

void compat_fork_exciter(compat_sound *x, double amount)
{
    exciter e;
    open_exciter(&e, amount, x->rate);
    compat_run_stages(x, &(compat_stage){exciter_block, &e}, 1);
}

void compat_fork_width(compat_sound *x, double width)
{
    widener w;
    if (x->channels != 2) return;
    open_widener(&w, width, x->rate);
    compat_run_stages(x, &(compat_stage){width_block, &w}, 1);
}

void compat_fork_loudness(compat_sound *x, double lufs)
{
    pair energy = pair_all(0);
    for (size_t i = 0; i < x->frames; i++) energy += pair_load(x->frame[i]) * pair_load(x->frame[i]);
    double mean = (energy[0] + energy[1]) / ((double)(x->frames ? x->frames : 1) * x->channels);
    double gain = pow(10, (lufs - (-0.691 + 10 * log10(mean + 1e-10))) / 20), peak = compat_peak(x) * gain;
    if (peak > 0.99) gain *= 0.99 / peak;
    for (size_t i = 0; i < x->frames; i++) pair_store(x->frame[i], pair_load(x->frame[i]) * gain);
}

void compat_fork_front(compat_sound *x, const compat_preset *p)
{
    compat_stage stage[5];
    condition dc;
    compat_filter equaliser[EQUALISERS];
    fork_multiband multiband;
    exciter excite;
    widener widen;
    int n = 0;
    open_condition(&dc, x);
    stage[n++] = (compat_stage){condition_block, &dc};
    if (p->multiband) {
        open_equalisers(equaliser, x->rate);
        open_multiband(&multiband, x->rate);
        stage[n++] = (compat_stage){equalise_block, equaliser};
        stage[n++] = (compat_stage){multiband_block, &multiband};
    }
    open_exciter(&excite, p->exciter, x->rate);
    if (p->exciter > 0) stage[n++] = (compat_stage){exciter_block, &excite};
    open_widener(&widen, p->width, x->rate);
    if (x->channels == 2) stage[n++] = (compat_stage){width_block, &widen};
    compat_run_stages(x, stage, n);
    if (p->loudness != 0) compat_fork_loudness(x, p->loudness);
}
