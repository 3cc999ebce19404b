/* width.h - the stereo image: the side louder or softer, its bass on its own, the middle untouched. Source: spec
 * mastering.md B.6. */
#ifndef DSP_WIDTH_H
#define DSP_WIDTH_H

#include "base/err.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

typedef struct {
    double width, bass; /* what the side is multiplied by, above and below hz */
    double hz;
} width_settings;

/* x in place; other than two channels stay as they are. Where the two would oppose each other over the programme
 * (correlation below 0), the width is 1 and *kept too. DRGEN_ERR_NOMEM: half of x is needed. */
drgen_status width_run(sound *x, const width_settings *s, int *kept, const kern_table *kern, drgen_err *err);

#endif
