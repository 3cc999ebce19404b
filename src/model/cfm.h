/* cfm.h - flow-matching sampler: Euler steps on a time grid, guidance, sway, edit mask. Knows no network: the
 * velocity is a callback. Source: spec dit.md section 4.
 *
 * Two approximations, both off unless asked for:
 * guidance in an interval of time only, Kynkaanniemi et al., "Applying Guidance in a Limited Interval Improves Sample and
 * Distribution Quality in Diffusion Models" (2024): updates outside take the conditional velocity as it is;
 * reuse of velocities, after Liu et al., "Timestep Embedding Tells: It's Time to Cache for Video Diffusion Model" (2024):
 * like there, an estimate of how much the output changed is summed up from step to step, and the network runs again when
 * the sum reaches a threshold. The estimate here needs nothing of the network: it is the rate at which the velocity changed
 * between the last two evaluations, relative, in the Euclidean norm, per unit of time. */
#ifndef MODEL_CFM_H
#define MODEL_CFM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Grid point i of steps: torch.linspace(0, 1, steps)[i] in float32, bent by sway (0: none). */
float cfm_time(int i, int steps, float sway);

/* Computes the conditional velocity v [count] and, when guided, the null one n [count], at latents y and time t.
 * Returns a status: CANCELLED stops the run. */
typedef drgen_status (*cfm_velocity)(void *user, const float *y, float t, float *v, float *n);

typedef struct {
    int steps;       /* grid points; steps - 1 updates */
    float guidance;  /* < 1e-5: off, n is NULL */
    float from, to;  /* guidance at times in [from, to] only; 0 and 1: always */
    float sway;
    float threshold; /* a velocity is reused while its estimated relative change is below; 0: never */
    cfm_velocity velocity;
    /* Called after each update with the state (may be NULL). Non-zero: stop, CANCELLED. */
    int (*step)(void *user, int done, int total, const float *y);
    void *user;
} cfm_run;

/* Whether the update that starts at time t is guided, and how many of a run are. */
int cfm_guided(const cfm_run *run, float t);
int cfm_guided_steps(const cfm_run *run);

/* Scratch of a run, [count] each. */
typedef struct {
    float *v;
    float *n;    /* NULL will do when no step is guided */
    float *last; /* NULL will do when threshold is 0 */
} cfm_scratch;

/* y [count]: noise in, sample out. The first and the last update are always evaluated, and so is one that is guided when
 * the one before was not, or the other way round. A NaN or infinity in y stops with an error naming the step. */
drgen_status cfm_sample(const cfm_run *run, float *y, size_t count, const cfm_scratch *scratch, drgen_err *err);

/* Frames [start, end). */
typedef struct {
    int64_t start, end;
} cfm_span;

/* Edit mask: mask[t] = 1 in any span, clipped to frames. */
void cfm_mask(uint8_t *mask, size_t frames, const cfm_span *spans, size_t count);

#endif
