/* tp_window.h - what truepeak.c and tp_verify.c share: stretches of a channel with zeros around it, gained on the
 * way. */
#ifndef DSP_TP_WINDOW_H
#define DSP_TP_WINDOW_H

#include <stddef.h>

#include "dsp/truepeak.h"

enum { TP_WINDOW = 512 };

typedef struct {
    const kern_table *kern;
    const float *gain; /* one value a frame, or NULL */
    float scale;
    float copy[TP_WINDOW + 2 * TP_MAX_HALF + 2];
} tp_window;

/* Samples first..first + n - 1 of the count at x, times scale and gain: 0 outside and where they are no finite numbers.
 * n at most TP_WINDOW + 2 TP_MAX_HALF + 2. Points into x or into w, until the next call. */
const float *tp_window_at(tp_window *w, const float *x, size_t count, ptrdiff_t first, size_t n);

/* Makes 0 of what is no finite number. */
void tp_clean(float *x, size_t n);

#endif
