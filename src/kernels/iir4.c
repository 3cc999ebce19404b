/* iir4.c - fills kern_iir4 from a filter's coefficients. */
#include <string.h>

#include "kernels/kern.h"

void kern_iir4_init(kern_iir4 *f, const double b[5], const double a[5])
{
    memset(f, 0, sizeof *f);
    memcpy(f->b, b, sizeof f->b);
    memcpy(f->a, a, sizeof f->a);
    for (int from = -1; from < 4; from++) { /* -1: a pulse at 0; else: output 1 at time -1 - from and nothing since */
        double y[12] = {0};                 /* y[4 + t] */
        if (from >= 0) y[3 - from] = 1;
        for (int t = 4; t < 12; t++) {
            y[t] = from < 0 && t == 4;
            for (int j = 1; j <= 4; j++) y[t] -= a[j] * y[t - j];
        }
        memcpy(from < 0 ? f->pulse + 8 : f->echo[from], y + 4, 8 * sizeof *y);
    }
}
