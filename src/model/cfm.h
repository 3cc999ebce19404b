/* cfm.h - flow-matching sampler: Euler steps on a time grid, guidance, sway, edit mask. Knows no network: the
 * velocity is a callback. Source: spec dit.md section 4. */
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
    float sway;
    cfm_velocity velocity;
    /* Called after each update with the state (may be NULL). Non-zero: stop, CANCELLED. */
    int (*step)(void *user, int done, int total, const float *y);
    void *user;
} cfm_run;

/* y [count]: noise in, sample out. v and n: scratch [count] each. A NaN or infinity in y stops with an error naming
 * the step. */
drgen_status cfm_sample(const cfm_run *run, float *y, size_t count, float *v, float *n, drgen_err *err);

/* Frames [start, end). */
typedef struct {
    int64_t start, end;
} cfm_span;

/* Edit mask: mask[t] = 1 in any span, clipped to frames. */
void cfm_mask(uint8_t *mask, size_t frames, const cfm_span *spans, size_t count);

#endif
