/* limiter.h - a look-ahead limiter that proves its ceiling: the gain is a window's minimum, released slowly and averaged
 * twice, and every step keeps it at or below what each frame needs. Source: spec mastering.md B.8. */
#ifndef DSP_LIMITER_H
#define DSP_LIMITER_H

#include <stddef.h>

#include "base/err.h"
#include "kernels/kern.h"

typedef struct {
    size_t half;    /* frames of each of the two averages less one; twice that is looked ahead */
    double release; /* kept of the gain a frame, 0..1 */
    float *memory;
    const kern_table *kern;
} limiter;

/* look_ahead in ms, 0..50; release in ms, above 0. DRGEN_ERR_NOMEM. */
drgen_status limiter_open(limiter *l, double look_ahead, double release, int rate, const kern_table *kern,
                          drgen_err *err);
void limiter_close(limiter *l);

/* g[0..frames): gains in (0, 1] with g[n] * e[n] <= c for the envelope e of magnitudes (e >= 0, c > 0), exactly 1 until
 * 2 half frames before the first e > c. Not in place. */
void limiter_gain(limiter *l, float *g, const float *e, float c, size_t frames);

#endif
