/* solve.c - see solve.h. A trial is a gain curve and the loudness it gives; nothing is written before the last one. */
#include "dsp/solve.h"

#include <math.h>
#include <stdlib.h>

#include "dsp/limiter.h"
#include "dsp/loudness.h"
#include "dsp/truepeak.h"

enum { TRIALS = 16, LOWERINGS = 6 };

static const double start_below = 0.05, lower_by = 0.005, close_enough = 0.02, promised = 0.1; /* dB, LU */
static const double drive_room = 6, rounding = 1e-5;                                    /* dB */

typedef struct {
    const sound *x;
    const solve_settings *set;
    const kern_table *kern;
    limiter limit;
    float *envelope, *gain;
    double *cell, most;   /* most: of the envelope */
    int limiting;         /* the gain curve is in use */
} solver;

static double from_db(double db)
{
    return pow(10, db / 20);
}

/* The gain curve for a drive and threshold in dB, and the loudness it gives. */
static double try_drive(solver *s, double drive, double threshold)
{
    double c = from_db(threshold - drive);
    s->limiting = s->most > c;
    if (s->limiting) limiter_gain(&s->limit, s->gain, s->envelope, (float)c, s->x->frames);
    return loudness_gained(s->x, s->limiting ? s->gain : NULL, from_db(drive), s->cell, s->kern);
}

static double peak_db(const solver *s, double drive)
{
    return 20 * log10(tp_verify(s->x, s->limiting ? s->gain : NULL, (float)from_db(drive), s->kern) + 1e-30);
}

/* The gain curve in the report's words. */
static void count_reduction(const solver *s, drgen_master_report *r)
{
    double sum = 0;
    float least = 1, edge[DRGEN_REDUCTION_STEPS];
    for (int k = 0; k < DRGEN_REDUCTION_STEPS; k++) edge[k] = (float)from_db(-k);
    for (size_t i = 0; i < s->x->frames; i++) {
        float g = s->limiting ? s->gain[i] : 1;
        int k = 0;
        while (k < DRGEN_REDUCTION_STEPS - 1 && g <= edge[k + 1]) k++;
        r->reduction[k]++;
        if (g < least) least = g;
        if (g < 1) sum -= (double)log2f(g) * 6.020599913279624;
    }
    r->max_reduction = least < 1 ? -20 * log10((double)least) : 0;
    r->mean_reduction = s->x->frames ? sum / (double)s->x->frames : 0;
}

static void apply(const solver *s, sound *x, double gain)
{
    for (int c = 0; c < x->channels; c++) {
        s->kern->scale(x->channel[c], x->channel[c], (float)gain, x->frames);
        if (s->limiting) s->kern->mul(x->channel[c], x->channel[c], s->gain, x->frames);
    }
}

/* Nothing to bring to a loudness: only the ceiling counts. */
static void keep_under(solver *s, sound *x, drgen_master_report *r)
{
    double over = peak_db(s, 0) - s->set->ceiling;
    r->status = DRGEN_MASTER_SILENT;
    r->trim = over > -rounding ? -over - lower_by : 0;
    if (r->trim < 0) apply(s, x, from_db(r->trim));
    count_reduction(s, r);
    r->true_peak = 20 * log10(tp_verify(x, NULL, 1, s->kern));
}

typedef struct {
    double drive, loudness;
} point;

/* Where the target should lie, from a drive too soft and one too loud, each known or not (NAN). */
static double next_drive(const solver *s, point soft, point loud, point now, double most)
{
    double target = s->set->target, miss = target - now.loudness;
    if (isfinite(soft.drive) && isfinite(loud.drive)) {
        double share = (target - soft.loudness) / (loud.loudness - soft.loudness);
        return soft.drive + (loud.drive - soft.drive) * fmin(0.9, fmax(0.1, share));
    }
    return fmin(most, now.drive + (miss < 0 ? miss : 1.25 * miss));
}

/* Leaves the gain curve of the drive and threshold in the report, whose trim makes up for a ceiling still missed. */
static void search(solver *s, drgen_master_report *r, double loudness)
{
    point soft = {NAN, 0}, loud = {NAN, 0}, best = {NAN, 0};
    double drive = s->set->target - loudness, most = drive + s->set->max_reduction + drive_room;
    double threshold = s->set->ceiling - start_below, best_threshold = threshold;
    int lowered = 0;
    for (r->trials = 0; r->trials < TRIALS; ) {
        point now = {drive, try_drive(s, drive, threshold)};
        double miss = s->set->target - now.loudness;
        r->trials++;
        if (!isfinite(best.drive) || best_threshold != threshold || fabs(miss) < fabs(s->set->target - best.loudness))
            best = now, best_threshold = threshold;
        if (fabs(miss) <= close_enough || (drive >= most && miss > 0) || r->trials == TRIALS) {
            if (best.drive != drive) try_drive(s, drive = best.drive, threshold);
            double over = peak_db(s, drive) - s->set->ceiling;
            if (over <= -rounding) break;
            if (lowered == LOWERINGS) {
                r->trim = -over - lower_by;
                break;
            }
            /* a lower threshold takes a little loudness; what is known of drives stays nearly true */
            threshold -= over + lower_by;
            lowered++;
            r->trials--;
            soft = loud = (point){NAN, 0};
            continue;
        }
        if (miss > 0) soft = now;
        else loud = now;
        drive = next_drive(s, soft, loud, now, most);
    }
    r->drive = best.drive;
    r->threshold = threshold;
}

drgen_status solve_run(sound *x, const solve_settings *set, drgen_master_report *r, const kern_table *kern,
                       drgen_err *err)
{
    solver s = {.x = x, .set = set, .kern = kern};
    tp_bank *bank = malloc(sizeof *bank);
    size_t row = x->frames + 1;
    double target = set->target;
    drgen_status status = limiter_open(&s.limit, set->look_ahead, set->release, x->rate, kern, err);
    s.envelope = malloc(row * sizeof *s.envelope);
    s.gain = malloc(row * sizeof *s.gain);
    s.cell = malloc((loudness_cells(x->frames, x->rate) + 1) * sizeof *s.cell);
    if (status == DRGEN_OK && (!bank || !s.envelope || !s.gain || !s.cell))
        status = err_fail(err, DRGEN_ERR_NOMEM, "loudness: out of memory (%zu bytes)", 2 * row * sizeof *s.gain);
    if (status != DRGEN_OK) goto done;
    double loudness = loudness_gained(x, NULL, 1, s.cell, kern);
    if (!isfinite(loudness)) {
        keep_under(&s, x, r);
        r->lufs = -INFINITY;
        goto done;
    }
    tp_bank_kaiser(bank, 8, 16, 6);
    tp_envelope(s.envelope, x, 0, x->frames, bank, kern);
    s.most = (double)kern->abs_max(s.envelope, x->frames);
    search(&s, r, loudness);
    count_reduction(&s, r);
    apply(&s, x, from_db(r->drive + r->trim));
    r->lufs = loudness_gained(x, NULL, 1, s.cell, kern);
    r->true_peak = 20 * log10(tp_verify(x, NULL, 1, kern));
    r->status = fabs(r->lufs - target) <= promised && r->max_reduction <= set->max_reduction ? DRGEN_MASTER_OK
                                                                                              : DRGEN_MASTER_LIMITED;
done:
    limiter_close(&s.limit);
    free(bank);
    free(s.envelope);
    free(s.gain);
    free(s.cell);
    return status;
}
