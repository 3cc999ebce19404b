/* en_espeak.h - English words to IPA by espeak-ng: the one door to that library. */
#ifndef TEXT_EN_ESPEAK_H
#define TEXT_EN_ESPEAK_H

#include "base/err.h"

/* "" when built without espeak-ng. */
const char *en_espeak_version(void);

/* Phonemes of one piece of text (valid UTF-8) in espeak's notation, clause by clause, through put. data: as
 * in g2p_open. The first call starts the library. Any thread; one at a time inside. The locale is what it was
 * when this returns. */
drgen_status en_espeak_phonemes(const char *data, const char *piece, void (*put)(void *to, const char *ipa),
                                void *to, drgen_err *err);

#endif
