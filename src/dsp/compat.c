/* compat.c - presets and entry of compat.h, and the seed chain. */
#include "dsp/compat.h"

#include <stdlib.h>

#include "dsp/compat_parts.h"

enum { SEED_RATE = 44100, PRESETS = 4, SEED_PRESETS = PRESETS + 1 };

static const compat_preset seed_presets[SEED_PRESETS] = {
    {"subtle", 0, 0, 1.05, -1.0, 0},    {"balanced", 1, 0.05, 1.10, -0.5, 0}, {"loud", 1, 0.10, 1.15, -0.1, 0},
    {"broadcast", 1, 0, 1.05, -1.0, 0}, {"any other", 0, 0, 1.10, -0.5, 0},
};

static const compat_preset fork_presets[PRESETS] = {
    {"subtle", 0, 0.02, 1.05, -1.0, 0},
    {"balanced", 1, 0.05, 1.10, -0.5, 0},
    {"loud", 1, 0.08, 1.15, -0.1, 0},
    {"broadcast", 1, 0.03, 1.05, -1.0, -14},
};

const compat_band compat_seed_bands[COMPAT_SEED_BANDS] = {
    {20, 200, -18, 4, 0, 0}, {200, 800, -15, 3, 0, 0}, {800, 4000, -12, 2.5, 0, 0}, {4000, 20000, -10, 2, 0, 0}};

int compat_find(compat_chain chain, const char *name)
{
    for (int i = 0; i < PRESETS; i++)
        if (strcmp(seed_presets[i].name, name) == 0) return i;
    return chain == COMPAT_SEED ? COMPAT_SEED_OTHER : -1;
}

const compat_preset *compat_preset_at(compat_chain chain, int index)
{
    if (index < 0 || index >= (chain == COMPAT_SEED ? SEED_PRESETS : PRESETS)) return NULL;
    return chain == COMPAT_SEED ? &seed_presets[index] : &fork_presets[index];
}

/* ---- the seed's stages */

/* One band: what it lets through is turned down sample by sample, without a detector, and added to the others. */
typedef struct {
    compat_filter filter;
    double threshold, slope; /* linear; 1 / ratio */
} seed_band;

typedef struct {
    seed_band band[COMPAT_SEED_BANDS];
    double low[COMPAT_BLOCK][2], sum[COMPAT_BLOCK][2];
} seed_multiband;

/* b times (T + (e - T) / ratio) / e, kept within a tenth and all of e, without the division. */
static void add_band(seed_band *band, double (*sum)[2], double (*x)[2], size_t n)
{
    compat_filter_run(&band->filter, x, n);
    pair threshold = pair_all(band->threshold);
    for (size_t i = 0; i < n; i++) {
        pair b = pair_load(x[i]), e = pair_abs(b);
        pair y = pair_max(threshold + (e - threshold) * band->slope, e * 0.1);
        pair_store(sum[i], pair_load(sum[i]) + pair_signed(pair_min(y, e), b));
    }
}

static void multiband_block(void *state, double (*x)[2], size_t n)
{
    seed_multiband *m = state;
    memset(m->sum, 0, sizeof m->sum);
    for (int k = 0; k < COMPAT_SEED_BANDS; k++) {
        memcpy(m->low, x, n * sizeof *x);
        add_band(&m->band[k], m->sum, m->low, n);
    }
    memcpy(x, m->sum, n * sizeof *x);
}

static void open_multiband(seed_multiband *m)
{
    for (int k = 0; k < COMPAT_SEED_BANDS; k++) {
        const compat_band *band = &compat_seed_bands[k];
        compat_band_pass(&m->band[k].filter, band->low, band->high, SEED_RATE);
        m->band[k].threshold = pow(10, band->threshold / 20);
        m->band[k].slope = 1 / band->ratio;
    }
}

static void filter_block(void *state, double (*x)[2], size_t n)
{
    compat_filter_run(state, x, n);
}

static void exciter_block(void *state, double (*x)[2], size_t n)
{
    double amount = *(const double *)state;
    for (size_t i = 0; i < n; i++) {
        pair v = pair_load(x[i]);
        pair_store(x[i], v + amount * (compat_tanh(2 * v) - v));
    }
}

void compat_seed_high_pass(compat_sound *x)
{
    compat_filter f;
    compat_high_pass(&f, 30, SEED_RATE);
    compat_filter_run(&f, x->frame, x->frames);
}

void compat_seed_multiband(compat_sound *x)
{
    seed_multiband m;
    open_multiband(&m);
    compat_run_stages(x, &(compat_stage){multiband_block, &m}, 1);
}

void compat_seed_exciter(compat_sound *x, double amount)
{
    exciter_block(&amount, x->frame, x->frames);
}

void compat_seed_width(compat_sound *x, double width)
{
    if (x->channels == 2) compat_width_block(&width, x->frame, x->frames);
}

void compat_seed_normalise(compat_sound *x)
{
    double peak = compat_peak(x), gain = peak > 0 ? pow(10, -0.5 / 20) / peak : 1;
    for (size_t i = 0; i < x->frames; i++) pair_store(x->frame[i], pair_load(x->frame[i]) * gain);
}

void compat_seed_front(compat_sound *x, const compat_preset *p)
{
    compat_stage stage[4];
    compat_filter high_pass;
    seed_multiband multiband;
    double exciter = p->exciter, width = p->width;
    int n = 0;
    compat_high_pass(&high_pass, 30, SEED_RATE);
    open_multiband(&multiband);
    stage[n++] = (compat_stage){filter_block, &high_pass};
    if (p->multiband) stage[n++] = (compat_stage){multiband_block, &multiband};
    if (p->exciter != 0) stage[n++] = (compat_stage){exciter_block, &exciter};
    if (x->channels == 2) stage[n++] = (compat_stage){compat_width_block, &width};
    compat_run_stages(x, stage, n);
}

/* ---- either chain */

drgen_status compat_run(compat_sound *x, compat_chain chain, const compat_preset *p, drgen_err *err)
{
    if (!x->frames) return DRGEN_OK;
    if (chain == COMPAT_FORK) {
        compat_fork_front(x, p);
        return compat_fork_limit(x, p->ceiling, err);
    }
    compat_seed_front(x, p);
    ERR_TRY(compat_seed_limit(x, p->ceiling, err));
    compat_seed_normalise(x);
    return DRGEN_OK;
}

static drgen_status check(const sound *x, compat_chain chain, const compat_preset *p, drgen_err *err)
{
    const char *name = chain == COMPAT_SEED ? "seed" : "fork";
    if (x->channels < 1 || x->channels > 2)
        return err_fail(err, DRGEN_ERR_ARG, "the %s chain masters 1 or 2 channels, these are %d", name, x->channels);
    int least = p->multiband ? 40001 : 6001; /* below, a filter's edge would be at or above half the rate */
    if (chain == COMPAT_FORK && x->rate < least)
        return err_fail(err, DRGEN_ERR_ARG, "the fork chain's preset %s needs a rate above %d Hz, this is %d", p->name,
                        least - 1, x->rate);
    for (size_t i = 0; i < x->frames; i++)
        for (int c = 0; c < x->channels; c++)
            if (!isfinite(x->channel[c][i]))
                return err_fail(err, DRGEN_ERR_ARG, "frame %zu, channel %d: not a finite number", i, c + 1);
    return DRGEN_OK;
}

drgen_status compat_master(sound *x, compat_chain chain, const char *preset, drgen_err *err)
{
    const compat_preset *p = compat_preset_at(chain, compat_find(chain, preset));
    if (!p)
        return err_fail(err, DRGEN_ERR_ARG, "the fork chain has no preset \"%.60s\"; there are subtle, balanced, loud "
                        "and broadcast", preset);
    ERR_TRY(check(x, chain, p, err));
    compat_sound d = {malloc((x->frames + 1) * sizeof *d.frame), x->frames, x->channels, x->rate};
    if (!d.frame) return err_fail(err, DRGEN_ERR_NOMEM, "mastering %zu frames: out of memory", x->frames);
    for (size_t i = 0; i < x->frames; i++) {
        d.frame[i][0] = (double)x->channel[0][i];
        d.frame[i][1] = x->channels > 1 ? (double)x->channel[1][i] : 0;
    }
    drgen_status status = compat_run(&d, chain, p, err);
    for (int c = 0; c < x->channels && status == DRGEN_OK; c++)
        for (size_t i = 0; i < x->frames; i++) x->channel[c][i] = (float)d.frame[i][c];
    free(d.frame);
    return status;
}
