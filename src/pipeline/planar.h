/* planar.h - between the caller's interleaved samples and dsp's rows. Private to pipeline/. */
#ifndef PIPELINE_PLANAR_H
#define PIPELINE_PLANAR_H

#include "base/err.h"
#include "dsp/sound.h"

/* *out gets rows of its own, each malloc'd (of at least one sample). DRGEN_ERR_ARG: channels outside
 * 1..DRGEN_MAX_CHANNELS, a rate below 1, or no samples where frames are told; DRGEN_ERR_NOMEM. */
drgen_status planar_open(sound *out, const drgen_audio *audio, drgen_err *err);
void planar_free(sound *x);

/* The rows as audio's samples, replacing what was there; row after row is freed. DRGEN_ERR_NOMEM: both are then empty. */
drgen_status planar_back(drgen_audio *audio, sound *x, drgen_err *err);

#endif
