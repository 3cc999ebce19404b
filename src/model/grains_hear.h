/* grains_hear.h - rolls of any sound that the decoder of grains.h may have made, at whatever level and however mastered.
 *
 * The encoder of grains_encode.c is linear and answers frame by frame: exact for the decoder's own samples, but what a
 * mastering adds makes notes of it. Here the whole sound is explained at once: the rolls, each within 0..1, whose sound is
 * nearest to it (least squares within a box, by coordinate descent), with differences counting by the first difference of
 * the samples, so that a loud bass does not outweigh what is above it. Source: spec nano.md section 2 for the sounds. */
#ifndef MODEL_GRAINS_HEAR_H
#define MODEL_GRAINS_HEAR_H

#include "base/pool.h"
#include "kernels/kern.h"
#include "model/grains_wave.h"

typedef struct grains_ear grains_ear;

/* Work for about half a second. pool may be NULL. NOMEM. */
drgen_status grains_ear_open(grains_ear **out, pool *p, const kern_table *kern, drgen_err *err);
void grains_ear_close(grains_ear *e); /* NULL is fine */

/* Rolls [frames, GRAINS_CHANNELS], 0..1, of gain * pcm [frames * GRAINS_HOP, 2]. The same for any number of
 * threads. NOMEM. */
drgen_status grains_hear(const grains_ear *e, const float *pcm, size_t frames, double gain, float *rolls, drgen_err *err);

/* The gain that makes pcm the most like what the decoder makes: a ladder of them, then steps to the best fit, on the
 * loudest four seconds. 1 for silence. *left: the share of the energy that rolls of 0 and 1 do not explain. NOMEM. */
drgen_status grains_level(const grains_ear *e, const float *pcm, size_t frames, double *gain, double *left, drgen_err *err);

#endif
