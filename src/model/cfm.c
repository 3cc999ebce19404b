/* cfm.c - see cfm.h. */
#include "model/cfm.h"

#include <math.h>
#include <string.h>

float cfm_time(int i, int steps, float sway)
{
    /* torch.linspace counts from the nearer end, so that 0 and 1 are exact. */
    float step = 1.0f / (float)(steps - 1);
    float t = i < steps / 2 ? step * (float)i : 1.0f - step * (float)(steps - 1 - i);
    if (sway == 0.0f) return t;
    return t + sway * (cosf(1.57079633f * t) - 1.0f + t);
}

int cfm_guided(const cfm_run *run, float t)
{
    return run->guidance >= 1e-5f && t >= run->from && t <= run->to;
}

int cfm_guided_steps(const cfm_run *run)
{
    int count = 0;
    for (int i = 0; i + 1 < run->steps; i++) count += cfm_guided(run, cfm_time(i, run->steps, run->sway));
    return count;
}

/* What is known of the velocity between evaluations. */
typedef struct {
    float *u;      /* [count] the one in use, guidance included; NULL: none yet */
    float *next;   /* [count] where the next one goes; u's own place when nothing is compared */
    float *other;  /* the other of the two, or the same */
    float *n;
    float t;       /* when u was evaluated */
    int guided;    /* as it was */
    double change; /* estimated relative change in a unit of time; INFINITY: not known */
} velocity_state;

/* |b - a| / |a| in a unit of time. */
static double change_rate(const float *a, const float *b, size_t count, float dt)
{
    double moved = 0, size = 0;
    for (size_t k = 0; k < count; k++) {
        double d = (double)b[k] - (double)a[k];
        moved += d * d;
        size += (double)a[k] * (double)a[k];
    }
    if (moved == 0) return 0;
    return size > 0 && dt > 0 ? sqrt(moved / size) / (double)dt : INFINITY;
}

static int reusable(const cfm_run *run, const velocity_state *s, int i, float t, int guided)
{
    if (!s->u || i + 2 == run->steps || guided != s->guided) return 0;
    return s->change * ((double)t - (double)s->t) < (double)run->threshold;
}

/* Evaluates the velocity of time t into s->u. */
static drgen_status evaluate(const cfm_run *run, velocity_state *s, const float *y, size_t count, float t)
{
    int guided = cfm_guided(run, t);
    float *v = s->next, *n = s->n;
    drgen_status status = run->velocity(run->user, y, t, v, guided ? n : NULL);
    if (status != DRGEN_OK) return status;
    if (guided)
        for (size_t k = 0; k < count; k++) v[k] = v[k] + (v[k] - n[k]) * run->guidance;
    if (run->threshold > 0.0f) s->change = s->u && guided == s->guided ? change_rate(s->u, v, count, t - s->t) : INFINITY;
    s->next = s->other;
    s->other = s->u = v;
    s->t = t;
    s->guided = guided;
    return DRGEN_OK;
}

drgen_status cfm_sample(const cfm_run *run, float *y, size_t count, const cfm_scratch *scratch, drgen_err *err)
{
    velocity_state s = {.next = scratch->v, .other = run->threshold > 0.0f ? scratch->last : scratch->v, .n = scratch->n,
                        .change = INFINITY};
    for (int i = 0; i + 1 < run->steps; i++) {
        float t = cfm_time(i, run->steps, run->sway), dt = cfm_time(i + 1, run->steps, run->sway) - t;
        if (!reusable(run, &s, i, t, cfm_guided(run, t))) {
            drgen_status status = evaluate(run, &s, y, count, t);
            if (status != DRGEN_OK) return err_fail(err, status, "stopped at step %d of %d", i + 1, run->steps - 1);
        }
        int broken = 0;
        for (size_t k = 0; k < count; k++) {
            y[k] += dt * s.u[k];
            broken |= !isfinite(y[k]);
        }
        if (broken)
            return err_fail(err, DRGEN_ERR_MODEL, "step %d of %d gave numbers that are not finite; the weights are damaged",
                            i + 1, run->steps - 1);
        if (run->step && run->step(run->user, i + 1, run->steps - 1, y))
            return err_fail(err, DRGEN_ERR_CANCELLED, "stopped at step %d of %d", i + 1, run->steps - 1);
    }
    return DRGEN_OK;
}

void cfm_mask(uint8_t *mask, size_t frames, const cfm_span *spans, size_t count)
{
    memset(mask, 0, frames);
    for (size_t i = 0; i < count; i++) {
        int64_t from = spans[i].start < 0 ? 0 : spans[i].start;
        int64_t to = spans[i].end > (int64_t)frames ? (int64_t)frames : spans[i].end;
        for (int64_t t = from; t < to; t++) mask[t] = 1;
    }
}
