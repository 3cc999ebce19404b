/* grains_hear.c - see grains_hear.h. */
#include "model/grains_hear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAPS = 4, LAGS = TAPS, SIDES = 2, REACH = 2 * LAGS + 1 };
enum { LENGTH = GRAINS_SPAN + (TAPS - 1) * GRAINS_HOP, LEAD_IN = 1024 }; /* samples of a channel's whole sound */
enum { CURVE = 4096, SWEEPS = 80, ROUGH_SWEEPS = 10, FLIPS = 10, TUNINGS = 5 };
enum { EXCERPT = 86 /* frames */, LADDER = 15, REFINE = 4 };

static const double pi = 3.14159265358979323846;
static const float emphasis = 0.95f;
static const float cost = 0.05f; /* of a roll of 1, in its sound's energy: what is not needed stays 0 */
static const double least_peak = 0.08, ladder_step = 1.26; /* 2 dB: peaks of 0.08 to 2 */

struct grains_ear {
    pool *pool;
    const kern_table *kern;
    float *sounds;         /* [GRAINS_CHANNELS][SIDES][LENGTH], emphasised */
    float *gram;           /* [GRAINS_CHANNELS][REACH][GRAINS_CHANNELS]: with the sounds of frames t - LAGS .. t + LAGS */
    float curve[CURVE + 2]; /* the limiter undone, for 0..1 */
};

static float energy(const grains_ear *e, size_t channel)
{
    return e->gram[(channel * REACH + LAGS) * GRAINS_CHANNELS + channel];
}

/* x[i] -= emphasis * x[i - 1] */
static void emphasise(float *x, size_t count)
{
    for (size_t i = count; i-- > 1;) x[i] -= emphasis * x[i - 1];
}

/* ---- opening */

/* The inverse of y = x / 2 + sin(pi x) / (2 pi), which rises by 1 when x does by 2: by bisection. */
static void fill_curve(float *curve)
{
    for (int i = 0; i < CURVE + 2; i++) {
        double y = (double)i / CURVE, low = 0, high = 2.1;
        for (int k = 0; k < 40; k++) {
            double x = 0.5 * (low + high);
            if (x / 2 + sin(pi * x) / (2 * pi) < y) low = x;
            else high = x;
        }
        curve[i] = (float)low;
    }
}

static drgen_status fill_sounds(grains_ear *e, drgen_err *err)
{
    grains_atom atoms[GRAINS_COUNT];
    float *grains = malloc((size_t)GRAINS_COUNT * GRAINS_SAMPLES * sizeof *grains);
    drgen_status status = grains ? grains_render(grains, err) : err_fail(err, DRGEN_ERR_NOMEM, "grains: out of memory");
    grains_list(atoms);
    for (size_t i = 0; i < GRAINS_COUNT && status == DRGEN_OK; i++)
        for (size_t side = 0; side < SIDES; side++) {
            float *to = e->sounds + ((size_t)atoms[i].channel * SIDES + side) * LENGTH + (size_t)atoms[i].tap * GRAINS_HOP;
            const float *from = grains + i * GRAINS_SAMPLES + side * GRAINS_SPAN;
            for (size_t k = 0; k < GRAINS_SPAN; k++) to[k] += from[k];
        }
    for (size_t i = 0; i < (size_t)GRAINS_CHANNELS * SIDES && status == DRGEN_OK; i++)
        emphasise(e->sounds + i * LENGTH, LENGTH);
    free(grains);
    return status;
}

/* Products of a channel's sound with all others, those beginning up to LAGS frames later. */
static void gram_row(void *arg, size_t a, int thread)
{
    grains_ear *e = arg;
    (void)thread;
    for (size_t lag = 0; lag <= LAGS; lag++)
        for (size_t b = 0; b < GRAINS_CHANNELS; b++) {
            float sum = 0;
            for (size_t side = 0; side < SIDES; side++)
                sum += e->kern->dot(e->sounds + (a * SIDES + side) * LENGTH + lag * GRAINS_HOP,
                                    e->sounds + (b * SIDES + side) * LENGTH, LENGTH - lag * GRAINS_HOP);
            e->gram[(a * REACH + LAGS + lag) * GRAINS_CHANNELS + b] = sum;
        }
}

drgen_status grains_ear_open(grains_ear **out, pool *p, const kern_table *kern, drgen_err *err)
{
    grains_ear *e = *out = calloc(1, sizeof *e);
    if (!e) return err_fail(err, DRGEN_ERR_NOMEM, "grains: out of memory");
    e->pool = p;
    e->kern = kern;
    e->sounds = calloc((size_t)GRAINS_CHANNELS * SIDES * LENGTH, sizeof *e->sounds);
    e->gram = calloc((size_t)GRAINS_CHANNELS * REACH * GRAINS_CHANNELS, sizeof *e->gram);
    drgen_status status = e->sounds && e->gram ? fill_sounds(e, err)
                                               : err_fail(err, DRGEN_ERR_NOMEM, "grains: out of memory");
    if (status == DRGEN_OK) {
        fill_curve(e->curve);
        pool_run(p, gram_row, e, GRAINS_CHANNELS);
        for (size_t a = 0; a < GRAINS_CHANNELS; a++) /* earlier ones are the later ones of the others */
            for (size_t lag = 1; lag <= LAGS; lag++)
                for (size_t b = 0; b < GRAINS_CHANNELS; b++)
                    e->gram[(a * REACH + LAGS - lag) * GRAINS_CHANNELS + b] =
                        e->gram[(b * REACH + LAGS + lag) * GRAINS_CHANNELS + a];
        return DRGEN_OK;
    }
    grains_ear_close(e);
    *out = NULL;
    return status;
}

void grains_ear_close(grains_ear *e)
{
    if (!e) return;
    free(e->sounds);
    free(e->gram);
    free(e);
}

/* ---- hearing */

typedef struct {
    const grains_ear *e;
    float *sound;   /* [SIDES][room], the limiter undone, emphasised; LEAD_IN samples of silence before, LENGTH behind */
    float *answers; /* [frames][GRAINS_CHANNELS]: products with the sounds of frames; while solving, of what is left */
    size_t frames, room;
} hearing;

static float unlimited(const grains_ear *e, double y)
{
    double whole = floor(y), at = (y - whole) * CURVE;
    int i = (int)at;
    return (float)(2 * whole + (double)e->curve[i] + (at - i) * (double)(e->curve[i + 1] - e->curve[i]));
}

static void answer(void *arg, size_t t, int thread)
{
    hearing *h = arg;
    (void)thread;
    for (size_t c = 0; c < GRAINS_CHANNELS; c++) {
        float sum = 0;
        for (size_t side = 0; side < SIDES; side++)
            sum += h->e->kern->dot(h->sound + side * h->room + t * GRAINS_HOP,
                                   h->e->sounds + (c * SIDES + side) * LENGTH, LENGTH);
        h->answers[t * GRAINS_CHANNELS + c] = sum;
    }
}

static void listen(hearing *h, const float *pcm, double gain)
{
    memset(h->sound, 0, SIDES * h->room * sizeof *h->sound);
    for (size_t side = 0; side < SIDES; side++) {
        float *to = h->sound + side * h->room;
        for (size_t i = 0; i < h->frames * GRAINS_HOP; i++)
            to[LEAD_IN + i] = unlimited(h->e, fmin(8, fmax(-8, gain * (double)pcm[2 * i + side])));
        emphasise(to, h->room);
    }
    pool_run(h->e->pool, answer, h, h->frames);
}

static drgen_status open_hearing(hearing *h, const grains_ear *e, size_t frames, drgen_err *err)
{
    *h = (hearing){.e = e, .frames = frames, .room = frames * GRAINS_HOP + LENGTH};
    h->sound = malloc(SIDES * h->room * sizeof *h->sound);
    h->answers = malloc(frames * GRAINS_CHANNELS * sizeof *h->answers);
    return h->sound && h->answers ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "grains: out of memory");
}

static void close_hearing(hearing *h)
{
    free(h->sound);
    free(h->answers);
}

static void move(hearing *h, float *rolls, size_t t, size_t c, float by)
{
    size_t from = t > LAGS ? t - LAGS : 0, to = t + LAGS < h->frames ? t + LAGS : h->frames - 1;
    rolls[t * GRAINS_CHANNELS + c] += by;
    for (size_t v = from; v <= to; v++)
        h->e->kern->axpy(h->answers + v * GRAINS_CHANNELS, h->e->gram + (c * REACH + LAGS + v - t) * GRAINS_CHANNELS, -by,
                         GRAINS_CHANNELS);
}

/* Rolls of frame t, one by one, to where they explain most; returns how far the farthest moved. */
static float settle(hearing *h, float *rolls, size_t t)
{
    float most = 0;
    for (size_t c = 0; c < GRAINS_CHANNELS; c++) {
        float roll = rolls[t * GRAINS_CHANNELS + c];
        float want = roll + h->answers[t * GRAINS_CHANNELS + c] / energy(h->e, c) - cost;
        float by = fminf(1, fmaxf(0, want)) - roll;
        if (by == 0) continue;
        move(h, rolls, t, c, by);
        most = fmaxf(most, fabsf(by));
    }
    return most;
}

static void solve(hearing *h, float *rolls, int sweeps)
{
    for (int s = 0; s < sweeps; s++) {
        float most = 0;
        for (size_t t = 0; t < h->frames; t++) most = fmaxf(most, settle(h, rolls, t));
        if (most < 1e-3f) break;
    }
}

/* The same with rolls of 0 and 1 only: from the nearest ones, by changing one after the other while that explains more. */
static void round_off(hearing *h, float *rolls)
{
    for (size_t i = 0; i < h->frames * GRAINS_CHANNELS; i++) {
        float by = (rolls[i] > 0.5f ? 1.0f : 0.0f) - rolls[i];
        if (by != 0) move(h, rolls, i / GRAINS_CHANNELS, i % GRAINS_CHANNELS, by);
        rolls[i] = rolls[i] > 0.5f ? 1 : 0;
    }
    for (int s = 0, moved = 1; s < FLIPS && moved; s++) {
        moved = 0;
        for (size_t i = 0; i < h->frames * GRAINS_CHANNELS; i++) {
            float by = 1 - 2 * rolls[i];
            if (by * h->answers[i] <= 0.5f * energy(h->e, i % GRAINS_CHANNELS)) continue;
            move(h, rolls, i / GRAINS_CHANNELS, i % GRAINS_CHANNELS, by);
            moved = 1;
        }
    }
}

static double squares(const float *x, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

/* What rolls explain of the energy: the products before plus those of what is left. */
static double explained(const hearing *h, const float *before, const float *rolls)
{
    double sum = 0;
    for (size_t i = 0; i < h->frames * GRAINS_CHANNELS; i++)
        sum += (double)rolls[i] * ((double)before[i] + (double)h->answers[i]);
    return sum;
}

/* Now that the rolls are known, the gain is too: to their loudness exactly, so that what is left of loud notes does not
 * pass for soft ones. between: [2][frames][GRAINS_CHANNELS] to
 * work in. */
static void fine_tune(hearing *h, const float *pcm, double gain, float *before, float *rolls, float *between)
{
    const size_t count = h->frames * GRAINS_CHANNELS;
    float *best = between + count;
    double least = INFINITY;
    for (int pass = 0; pass <= TUNINGS; pass++) {
        double own = 0, cross = 0, all = squares(h->sound, SIDES * h->room);
        double left = 1 - explained(h, before, rolls) / fmax(all, 1e-30);
        if (left >= least) { /* near the limiter's end a little gain is much: not every step is a good one */
            memcpy(rolls, best, count * sizeof *rolls);
            return;
        }
        least = left;
        memcpy(best, rolls, count * sizeof *rolls);
        for (size_t i = 0; i < count; i++) {
            between[i] = before[i] - h->answers[i]; /* what the rolls make */
            own += (double)rolls[i] * (double)between[i];
            cross += (double)rolls[i] * (double)before[i];
        }
        if (!(own > 0 && cross > 0) || pass == TUNINGS || fabs(cross / own - 1) < 1e-5) return;
        gain *= 1 + 0.5 * (own / cross - 1);
        listen(h, pcm, gain);
        memcpy(before, h->answers, count * sizeof *before);
        for (size_t i = 0; i < count; i++) h->answers[i] -= between[i];
        solve(h, rolls, SWEEPS);
        round_off(h, rolls);
    }
}

/* Rolls between 0 and 1 always fit a little better; when those of 0 and 1 do nearly as well, they are what was played. */
drgen_status grains_hear(const grains_ear *e, const float *pcm, size_t frames, double gain, float *rolls, drgen_err *err)
{
    hearing h;
    size_t count = frames * GRAINS_CHANNELS;
    float *before = malloc((3 * count + 1) * sizeof *before);
    drgen_status status = open_hearing(&h, e, frames, err);
    if (!before && status == DRGEN_OK) status = err_fail(err, DRGEN_ERR_NOMEM, "grains: out of memory");
    if (status == DRGEN_OK && frames) {
        float *between = before + count;
        listen(&h, pcm, gain);
        memcpy(before, h.answers, count * sizeof *before);
        memset(rolls, 0, count * sizeof *rolls);
        solve(&h, rolls, SWEEPS);
        double all = squares(h.sound, SIDES * h.room), soft = all - explained(&h, before, rolls);
        memcpy(between, rolls, count * sizeof *rolls);
        round_off(&h, rolls);
        if (all - explained(&h, before, rolls) > 1.1 * soft + 0.005 * all) memcpy(rolls, between, count * sizeof *rolls);
        else fine_tune(&h, pcm, gain, before, rolls, between);
    }
    free(before);
    close_hearing(&h);
    return status;
}

/* ---- the level */

/* First of the loudest `part` frames. */
static size_t loudest(const float *pcm, size_t frames, size_t part)
{
    const size_t row = GRAINS_HOP * SIDES;
    double most = -1;
    size_t at = 0;
    for (size_t t = 0; t + part <= frames; t += part / 4 + 1) {
        double sum = 0;
        for (size_t i = t * row; i < (t + part) * row; i++) sum += (double)pcm[i] * (double)pcm[i];
        if (sum > most) most = sum, at = t;
    }
    return at;
}

/* Share of the energy left by the rolls solved at a gain when rounded; *fit: how much louder the sound is than they are. */
static double try_gain(hearing *h, const float *pcm, double gain, float *rolls, float *kept, double *fit)
{
    const size_t count = h->frames * GRAINS_CHANNELS;
    listen(h, pcm, gain);
    memcpy(kept, h->answers, count * sizeof *kept);
    memset(rolls, 0, count * sizeof *rolls);
    solve(h, rolls, ROUGH_SWEEPS);
    double own = 0, cross = 0, all = squares(h->sound, SIDES * h->room);
    for (size_t i = 0; i < count; i++) rolls[i] = rolls[i] > 0.5f;
    for (size_t t = 0; t < h->frames; t++)
        for (size_t c = 0; c < GRAINS_CHANNELS; c++) {
            if (rolls[t * GRAINS_CHANNELS + c] == 0) continue;
            cross += (double)kept[t * GRAINS_CHANNELS + c];
            for (size_t lag = 0; lag < REACH; lag++)
                if (t + lag >= LAGS && t + lag - LAGS < h->frames)
                    own += (double)h->e->kern->dot(rolls + (t + lag - LAGS) * GRAINS_CHANNELS,
                                                   h->e->gram + (c * REACH + lag) * GRAINS_CHANNELS, GRAINS_CHANNELS);
        }
    *fit = own > 0 && cross > 0 ? cross / own : 1;
    return all > 0 ? (all - 2 * cross + own) / all : 0;
}

drgen_status grains_level(const grains_ear *e, const float *pcm, size_t frames, double *gain, double *left, drgen_err *err)
{
    size_t part = frames < EXCERPT ? frames : EXCERPT, count = part * GRAINS_CHANNELS;
    const float *x = pcm + loudest(pcm, frames, part) * GRAINS_HOP * SIDES;
    double peak = part ? (double)e->kern->abs_max(x, part * GRAINS_HOP * SIDES) : 0, fit = 1, best_fit = 1;
    *gain = 1;
    *left = 0;
    if (!(peak > 1e-6)) return DRGEN_OK;
    hearing h;
    float *rolls = malloc(2 * count * sizeof *rolls);
    drgen_status status = open_hearing(&h, e, part, err);
    if (!rolls && status == DRGEN_OK) status = err_fail(err, DRGEN_ERR_NOMEM, "grains: out of memory");
    for (int i = 0; i < LADDER + REFINE && status == DRGEN_OK; i++) {
        double g = i < LADDER ? least_peak / peak * pow(ladder_step, i) : *gain / best_fit;
        double now = try_gain(&h, x, g, rolls, rolls + count, &fit);
        if (i == 0 || now < *left) *left = now, *gain = g, best_fit = fit;
        else if (i >= LADDER) break;
    }
    close_hearing(&h);
    free(rolls);
    return status;
}
