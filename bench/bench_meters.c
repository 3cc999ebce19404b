/* bench_meters.c - meters and mastering on the test song, 95 s of stereo, on one core. With libebur128 installed its speed
 * at measuring the same song stands beside ours, in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "dsp/compat.h"
#include "dsp/deliver.h"
#include "dsp/dither.h"
#include "dsp/figures.h"
#include "dsp/master.h"
#include "dsp/truepeak.h"
#include "tests/programme.h"

#ifdef WITH_EBUR128
#include <ebur128.h>
#endif

typedef struct job job;
struct job {
    void (*run)(job *j);
    const sound *x;
    const kern_table *kern;
    float *frames; /* envelope, or interleaved for the other meter */
    double *cell;
    tp_bank bank;
    volatile double sink;
    sound y;            /* a copy to work on */
    const char *preset; /* of mastering */
};

/* What the other meter measures: I, LRA and true peak, ours with the maxima on their 10 ms hop besides. */
static void run_meters(job *j)
{
    tp_meter peaks;
    loudness_figures f = {0};
    loudness_measure(&f, j->x, j->kern, NULL);
    tp_open(&peaks, j->x->rate, j->x->channels, j->kern);
    tp_feed(&peaks, (const float *const *)j->x->channel, j->x->frames);
    j->sink = f.integrated + tp_read(&peaks, 0).true_peak;
}

static void run_figures(job *j)
{
    figures f = {0};
    figures_measure(&f, j->x, j->kern, NULL);
    j->sink = f.plr;
}

static void run_gained(job *j)
{
    j->sink = loudness_gained(j->x, j->x->channel[0], 1, j->cell, j->kern);
}

static void run_envelope(job *j)
{
    tp_envelope(j->frames, j->x, 0, j->x->frames, &j->bank, j->kern);
}

static void run_verify(job *j)
{
    j->sink = tp_verify(j->x, NULL, 1, j->kern);
}

#ifdef WITH_EBUR128
static void run_other(job *j)
{
    double v = 0, sum = 0;
    ebur128_state *s = ebur128_init((unsigned)j->x->channels, (unsigned long)j->x->rate,
                                    EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_TRUE_PEAK);
    if (!s) return;
    ebur128_add_frames_float(s, j->frames, j->x->frames);
    ebur128_loudness_global(s, &v), sum += v;
    ebur128_loudness_range(s, &v), sum += v;
    ebur128_true_peak(s, 0, &v), sum += v;
    ebur128_destroy(&s);
    j->sink = sum;
}
#endif

/* ---- mastering, on a copy; the copy's own time (about 1 %) counts too */

static void copy(job *j)
{
    for (int c = 0; c < j->x->channels; c++) memcpy(j->y.channel[c], j->x->channel[c], j->x->frames * sizeof(float));
}

static void run_master(job *j)
{
    drgen_mastering s;
    drgen_master_report r;
    figures f = {0};
    copy(j);
    if (master_preset(j->preset, &s, NULL) != DRGEN_OK || master_run(&j->y, &s, NULL, 0, &r, NULL) != DRGEN_OK) exit(1);
    figures_measure(&f, &j->y, j->kern, NULL);
    j->sink = r.lufs + f.plr;
}

static void run_compat(job *j)
{
    copy(j);
    if (compat_master(&j->y, j->preset[0] == 's' ? COMPAT_SEED : COMPAT_FORK, "balanced", NULL) != DRGEN_OK) exit(1);
    j->sink = (double)j->y.channel[0][0];
}

static void run_deliver(job *j)
{
    sound y;
    if (deliver_run(&y, j->x, 48000, j->kern, NULL) != DRGEN_OK) exit(1);
    j->sink = (double)y.channel[0][0];
    for (int c = 0; c < y.channels; c++) free(y.channel[c]);
}

static void run_dither(job *j)
{
    dither d;
    copy(j);
    if (dither_open(&d, 16, "none", j->y.rate, NULL) != DRGEN_OK) exit(1);
    j->sink = (double)dither_whole(&d, &j->y);
}

/* ---- all */

static void call(void *arg)
{
    job *j = arg;
    j->run(j);
}

static const struct {
    const char *name;
    void (*run)(job *);
    const char *preset;
} meters[] = {
    {"meters: I, LRA, M, S, true peak", run_meters, NULL},
    {"meters: every figure of a report", run_figures, NULL},
    {"meters: loudness of a gained signal", run_gained, NULL},
    {"meters: true-peak envelope, 8 phases", run_envelope, NULL},
    {"meters: strict true-peak check", run_verify, NULL},
}, masters[] = {
    {"master subtle, report included", run_master, "subtle"},
    {"master balanced, report included", run_master, "balanced"},
    {"master loud, report included", run_master, "loud"},
    {"master broadcast, report included", run_master, "broadcast"},
    {"master r128, report included", run_master, "r128"},
    {"historic chain seed, balanced", run_compat, "seed"},
    {"historic chain fork, balanced", run_compat, "fork"},
    {"delivery: 44100 to 48000 Hz", run_deliver, NULL},
    {"delivery: dither to 16 bits", run_dither, NULL},
};

enum { RATE = 44100, SECONDS = 95 };

static void run_one(bench *b, job *j, const char *name, double other)
{
    char text[80];
    double t = bench_time(call, j, 3);
    if (other > 0) snprintf(text, sizeof text, "%s (%.4g x libebur128)", name, other / t);
    else snprintf(text, sizeof text, "%s", name);
    bench_add(b, text, SECONDS, "s sound", t, 0);
}

static double open_job(bench *b, job *j, programme *p)
{
    double other = 0;
    size_t n = p->s.frames;
    *j = (job){.x = &p->s, .kern = b->kern, .frames = bench_memory(2 * n * sizeof(float)), .y = p->s,
               .cell = bench_memory(loudness_cells(n, RATE) * sizeof(double))};
    for (int c = 0; c < 2; c++) j->y.channel[c] = bench_memory(n * sizeof(float));
    tp_bank_kaiser(&j->bank, 8, 16, 6);
#ifdef WITH_EBUR128
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 2; c++) j->frames[2 * i + c] = p->s.channel[c][i];
    j->run = run_other;
    other = bench_time(call, j, 3);
    bench_add(b, "I, LRA, true peak by libebur128", SECONDS, "s sound", other, 0);
#endif
    return other;
}

static void close_job(job *j, programme *p)
{
    free(j->frames);
    free(j->cell);
    for (int c = 0; c < 2; c++) free(j->y.channel[c]);
    programme_free(p);
}

void bench_meters(bench *b)
{
    job j;
    programme p = programme_song(RATE, 2, 0, RATE * SECONDS);
    double other = open_job(b, &j, &p);
    for (size_t i = 0; i < sizeof meters / sizeof meters[0]; i++) {
        j.run = meters[i].run;
        run_one(b, &j, meters[i].name, other);
    }
    close_job(&j, &p);
}

void bench_master(bench *b)
{
    job j;
    programme p = programme_song(RATE, 2, 0, RATE * SECONDS);
    double other = open_job(b, &j, &p);
    for (size_t i = 0; i < sizeof masters / sizeof masters[0]; i++) {
        j.run = masters[i].run;
        j.preset = masters[i].preset;
        run_one(b, &j, masters[i].name, other);
    }
    close_job(&j, &p);
}
