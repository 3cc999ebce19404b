/* bench_meters.c - see bench_meters.h. With libebur128 installed its speed at the same figures stands beside ours. */
#include "bench/bench_meters.h"

#include <stdlib.h>

#include "bench/roof.h"
#include "dsp/figures.h"
#include "dsp/truepeak.h"
#include "tests/programme.h"

#ifdef WITH_EBUR128
#include <ebur128.h>
#endif

typedef struct {
    const sound *x;
    const kern_table *kern;
    float *frames; /* envelope, or interleaved for the other meter */
    double *cell;
    tp_bank bank;
    volatile double sink;
} job;

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

static double best_of(int rounds, void (*fn)(job *j), job *j)
{
    double best = 1e30;
    for (int i = 0; i < rounds; i++) {
        double start = roof_now();
        fn(j);
        double t = roof_now() - start;
        if (t < best) best = t;
    }
    return best;
}

void bench_meters(const kern_table *kern, bench_meters_result result, void *user)
{
    enum { RATE = 44100, SECONDS = 95 };
    programme p = programme_song(RATE, 2, 0, RATE * SECONDS);
    job j = {.x = &p.s, .kern = kern, .frames = malloc(2 * p.s.frames * sizeof(float)),
             .cell = malloc(loudness_cells(p.s.frames, RATE) * sizeof(double))};
    if (j.frames && j.cell) {
        const struct {
            const char *name;
            void (*fn)(job *);
        } parts[] = {{"meters: I, LRA, M, S, true peak", run_meters},
                     {"meters: every figure of a report", run_figures},
                     {"meters: loudness of a gained signal", run_gained},
                     {"meters: true-peak envelope, 8 phases", run_envelope},
                     {"meters: strict true-peak check", run_verify}};
        tp_bank_kaiser(&j.bank, 8, 16, 6);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            result(user, parts[i].name, SECONDS, best_of(7, parts[i].fn, &j));
#ifdef WITH_EBUR128
        for (size_t i = 0; i < p.s.frames; i++)
            for (size_t c = 0; c < 2; c++) j.frames[2 * i + c] = p.s.channel[c][i];
        double other = best_of(3, run_other, &j);
        result(user, "meters: I, LRA, true peak by libebur128", SECONDS, other);
#endif
    }
    free(j.frames);
    free(j.cell);
    programme_free(&p);
}
