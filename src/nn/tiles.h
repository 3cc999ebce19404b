/* tiles.h - small arithmetic that layers working in tiles share. */
#ifndef NN_TILES_H
#define NN_TILES_H

#include "nn/nn.h"

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t ceiling(size_t count, size_t of)
{
    return (count + of - 1) / of;
}

/* Panels [depth][nr] of columns o0.. of w, depth k0.. of `taps` taps: tap t of output o lies at (o * taps + t) * width. Tap
 * t goes to dst + t * step. */
static inline void tiles_pack_taps(const kern_table *kern, float *dst, size_t step, const wmat *w, size_t taps, size_t width,
                                   size_t o0, size_t k0, size_t depth)
{
    size_t size = w->type == ST_F32 ? 4 : 2, cols = least((size_t)kern->nr, w->rows - o0);
    kern_type type = w->type == ST_F16 ? KERN_F16 : w->type == ST_BF16 ? KERN_BF16 : KERN_F32;
    for (size_t t = 0; t < taps; t++)
        kern->pack_b(dst + t * step, (const char *)w->data + ((o0 * taps + t) * width + k0) * size, type, taps * width, (int)cols, depth);
}

#endif
