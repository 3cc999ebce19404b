/* muq_config.h - what the audio tower's tensors do not show, from the two config.json files it is published with. */
#ifndef WEIGHTS_TOOLS_MUQ_CONFIG_H
#define WEIGHTS_TOOLS_MUQ_CONFIG_H

#include "model/config.h"

/* muq: MuQ-large-msd-iter's config.json (heads, mel statistics, norm); mulan: MuQ-MuLan-large's (state used, length of
 * clips). Either may be NULL: the released values stay. Fills hints for pack_mulan_audio. What this tower cannot do (another
 * rate, position embedding, activation, ...) is an error that names the key. */
drgen_status muq_config_read(const char *muq, const char *mulan, mulan_audio_cfg *c, drgen_err *err);

#endif
