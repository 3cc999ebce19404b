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

drgen_status cfm_sample(const cfm_run *run, float *y, size_t count, float *v, float *n, drgen_err *err)
{
    int guided = run->guidance >= 1e-5f;
    for (int i = 0; i + 1 < run->steps; i++) {
        float t = cfm_time(i, run->steps, run->sway), dt = cfm_time(i + 1, run->steps, run->sway) - t;
        drgen_status status = run->velocity(run->user, y, t, v, guided ? n : NULL);
        if (status != DRGEN_OK) return err_fail(err, status, "stopped at step %d of %d", i + 1, run->steps - 1);
        int broken = 0;
        for (size_t k = 0; k < count; k++) {
            float u = guided ? v[k] + (v[k] - n[k]) * run->guidance : v[k];
            y[k] += dt * u;
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
