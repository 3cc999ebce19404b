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

/* Averages of half + 1 values: to[n] of from[n - half..n], where from has half values before the block. The sum is made
 * anew for every block, so rounding cannot gather. */
static void average(double *to, const double *from, size_t half, size_t n)
{
    double sum = 0, count = (double)(half + 1);
    for (size_t i = 0; i < half; i++) sum += from[i];
    for (size_t i = 0; i < n; i++) {
        sum += from[half + i];
        to[i] = sum / count;
        sum -= from[i];
    }
}

void limiter_gain(limiter *l, float *g, const float *e, float c, size_t frames)
{
    size_t half = l->half, ahead = 2 * half;
    double *s = (double *)(void *)l->memory, *mean = s + half + BLOCK, keep = l->release, gain = 1;
    float *m = (float *)(void *)(mean + half + BLOCK);
    for (size_t at = 0; at < frames; at += BLOCK) {
        size_t n = frames - at < BLOCK ? frames - at : BLOCK, have = frames - at < n + ahead ? frames - at : n + ahead;
        l->kern->limit(m, e + at, c, have);
        for (size_t i = have; i < n + ahead; i++) m[i] = 1;
        memcpy(g + at, m, n * sizeof *g);
        size_t length = n + ahead, span = 1;
        for (; 2 * span <= ahead + 1; span *= 2) l->kern->lesser(m, m, m + span, length -= span);
        if (span < ahead + 1) l->kern->lesser(m, m, m + ahead + 1 - span, n);
        if (at == 0) { /* as if the first minimum had always held */
            gain = (double)m[0];
            for (size_t i = 0; i < half; i++) s[i] = mean[i] = gain;
        }
        for (size_t i = 0; i < n; i++) {
            double now = (double)m[i], up = keep * gain + (1 - keep) * now;
            gain = now < up ? now : up;
            s[half + i] = gain;
        }
        average(mean + half, s, half, n);
        for (size_t i = 0; i < half; i++) s[i] = s[n + i];
        double sum = 0, count = (double)(half + 1);
        for (size_t i = 0; i < half; i++) sum += mean[i];
        for (size_t i = 0; i < n; i++) {
            sum += mean[half + i];
            float v = (float)(sum / count);
            if (v < g[at + i]) g[at + i] = v;
            sum -= mean[i];
        }
        for (size_t i = 0; i < half; i++) mean[i] = mean[n + i];
    }
}
