/* limiter.c - see limiter.h. Block by block: the ratio and its sliding minimum for the block and what lies ahead, then
 * release and averages frame by frame in double. */
#include "dsp/limiter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 };

drgen_status limiter_open(limiter *l, double look_ahead, double release, int rate, const kern_table *kern,
                          drgen_err *err)
{
    *l = (limiter){.half = (size_t)(look_ahead * rate / 2000 + 0.5), .release = exp(-1000 / (release * rate)), .kern = kern};
    size_t floats = BLOCK + 2 * l->half, doubles = 2 * (BLOCK + l->half);
    l->memory = malloc(doubles * sizeof(double) + floats * sizeof(float));
    return l->memory ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "limiter: out of memory");
}

void limiter_close(limiter *l)
{
    free(l->memory);
    l->memory = NULL;
}

/* What goes from block to block: half values each of the released minimum and of its average, before those of the
 * block, and the gain they ended with. */
typedef struct {
    double *released, *mean, gain;
    float *least; /* the sliding minimum of what each frame needs */
} course;

/* The minimum of limit(e) over a frame and those ahead; after the end nothing is needed. */
static void look_ahead(const limiter *l, float *m, const float *e, float c, size_t n, size_t have)
{
    size_t ahead = 2 * l->half, length = n + ahead, span = 1;
    l->kern->limit(m, e, c, have);
    for (size_t i = have; i < length; i++) m[i] = 1;
    for (; 2 * span <= ahead + 1; span *= 2) l->kern->lesser(m, m, m + span, length -= span);
    if (span < ahead + 1) l->kern->lesser(m, m, m + ahead + 1 - span, n);
}

/* Release and both averages frame by frame, their sums made anew for every block, so that rounding cannot gather. g holds
 * what each frame needs at most, and keeps the lesser: rounding alone could exceed it. */
static void smooth(course *s, float *g, const limiter *l, size_t n)
{
    size_t half = l->half;
    double keep = l->release, share = 1 / (double)(half + 1), gain = s->gain, first = 0, second = 0;
    double *released = s->released, *mean = s->mean;
    for (size_t i = 0; i < half; i++) first += released[i], second += mean[i];
    for (size_t i = 0; i < n; i++) {
        double now = (double)s->least[i], up = keep * gain + (1 - keep) * now;
        gain = now < up ? now : up;
        released[half + i] = gain;
        first += gain;
        double average = first * share;
        mean[half + i] = average;
        second += average;
        float v = (float)(second * share);
        g[i] = v < g[i] ? v : g[i];
        first -= released[i];
        second -= mean[i];
    }
    s->gain = gain;
    memmove(released, released + n, half * sizeof *released);
    memmove(mean, mean + n, half * sizeof *mean);
}

static void start(course *s, size_t half, double gain)
{
    s->gain = gain;
    for (size_t i = 0; i < half; i++) s->released[i] = s->mean[i] = gain;
}

void limiter_gain(limiter *l, float *g, const float *e, float c, size_t frames)
{
    const double open = 1 - 1e-9; /* as good as 1 */
    size_t half = l->half, ahead = 2 * half;
    course s = {.released = (double *)(void *)l->memory, .gain = 1};
    s.mean = s.released + half + BLOCK;
    s.least = (float *)(void *)(s.mean + half + BLOCK);
    start(&s, half, 1);
    for (size_t at = 0; at < frames; at += BLOCK) {
        size_t n = frames - at < BLOCK ? frames - at : BLOCK, have = frames - at < n + ahead ? frames - at : n + ahead;
        int quiet = l->kern->abs_max(e + at, have) <= c;
        if (quiet && s.gain > open && (half == 0 || s.mean[0] > open)) { /* nothing to do, and nothing left to undo */
            for (size_t i = 0; i < n; i++) g[at + i] = 1;
            start(&s, half, 1);
            continue;
        }
        look_ahead(l, s.least, e + at, c, n, have);
        l->kern->limit(g + at, e + at, c, n);
        if (at == 0) start(&s, half, (double)s.least[0]); /* as if the first minimum had always held */
        smooth(&s, g + at, l, n);
    }
}
