/* adamw.c - see adamw.h. */
#include "train/adamw.h"

#include <math.h>

enum { PIECE = 1 << 16 };

typedef struct {
    const kern_grad *k;
    const adamw_arrays *a;
    kern_adamw how;
    float ema;
    double *sums;
} adamw_job;

size_t adamw_pieces(size_t count)
{
    return (count + PIECE - 1) / PIECE;
}

static size_t piece(const adamw_job *j, size_t task)
{
    size_t left = j->a->count - task * PIECE;
    return left < PIECE ? left : PIECE;
}

static void norm_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const adamw_job *j = arg;
    j->sums[task] = j->k->energy(j->a->g + task * PIECE, piece(j, task));
}

double adamw_norm(pool *p, const kern_grad *k, const adamw_arrays *a, double *sums)
{
    adamw_job j = {.k = k, .a = a, .sums = sums};
    double sum = 0;
    pool_run(p, norm_task, &j, adamw_pieces(a->count));
    for (size_t i = 0; i < adamw_pieces(a->count); i++) sum += sums[i];
    return sqrt(sum);
}

static void update_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const adamw_job *j = arg;
    const adamw_arrays *a = j->a;
    size_t at = task * PIECE, n = piece(j, task);
    j->k->adamw(a->p + at, a->g + at, a->m + at, a->v + at, &j->how, n);
    if (a->ema) j->k->lerp(a->ema + at, a->p + at, j->ema, n);
}

float adamw_average(double ema, long n)
{
    return (float)(1.0 - fmin(ema, (1.0 + (double)n) / (10.0 + (double)n)));
}

void adamw_update(pool *p, const kern_grad *k, const adamw_arrays *a, const adamw_how *how, long n, double norm)
{
    double c1 = 1.0 - pow(how->b1, (double)n), c2 = 1.0 - pow(how->b2, (double)n), scale = 1.0;
    if (how->clip > 0) scale = fmin(1.0, how->clip / (norm + 1e-6));
    adamw_job j = {.k = k, .a = a, .ema = adamw_average(how->ema, n),
                   .how = {.keep = (float)(1.0 - how->lr * how->decay), .b1 = (float)how->b1, .b2 = (float)how->b2,
                           .scale = (float)scale, .step = (float)(how->lr / c1), .root = (float)(1.0 / sqrt(c2)),
                           .eps = (float)how->eps}};
    pool_run(p, update_task, &j, adamw_pieces(a->count));
}

double adamw_rate(lr_schedule s, double lr, long n, long warmup, long total)
{
    if (n <= warmup) return lr * (double)n / (double)warmup;
    double left = total > warmup ? (double)(total - n + 1) / (double)(total - warmup) : 1.0;
    if (s == LR_LINEAR) return lr * left;
    if (s == LR_LATE) return lr * fmin(1.0, 2.0 * (double)(total - n + 1) / (double)total);
    if (s == LR_COSINE) return lr * 0.5 * (1.0 - cos(3.14159265358979324 * left));
    return lr;
}
