/* master.h - the mastering chain "pro-1": conditioning, level, tone, dynamics, image, loudness and true peak, each stage
 * a room of its own. Source: spec mastering.md section B. */
#ifndef DSP_MASTER_H
#define DSP_MASTER_H

#include "base/err.h"
#include "dsp/match.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

/* Settings of that name. DRGEN_ERR_ARG names the known ones. */
drgen_status master_preset(const char *name, drgen_mastering *out, drgen_err *err);
/* Names of presets by index; NULL at the end. */
const char *master_preset_name(int index);

/* DRGEN_ERR_ARG with the first setting that is out of range, for a sound of this rate. */
drgen_status master_check(const drgen_mastering *s, int rate, drgen_err *err);

/* x, 1 or 2 channels at 8000..192000 Hz, in place; with s->rate its rows are freed and replaced (they must come from
 * malloc), its frames and rate change. reference: what s->match names, measured, with its loudness in
 * reference_lufs; NULL without. DRGEN_ERR_ARG: settings, channels or rate out of range, a sample that is no finite
 * number (with its frame); DRGEN_ERR_NOMEM. After an error x may be half worked on, but its rows are whole. */
drgen_status master_run(sound *x, const drgen_mastering *s, const match_curve *reference, double reference_lufs,
                        drgen_master_report *report, drgen_err *err);

#endif
