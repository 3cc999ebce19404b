/* phones.h - the model's phoneme symbols and their token ids (vocabulary id + 1; 0 means "nothing here").
 * Knows no language. Source: DiffRhythm g2p/g2p/vocab.json. */
#ifndef TEXT_PHONES_H
#define TEXT_PHONES_H

#include "base/err.h"
#include "base/strmap.h"

enum { PHONES_COUNT = 363, PHONES_COMMA = 1, PHONES_PERIOD = 2, PHONES_GAP = 5 };

typedef struct {
    strmap ids;
} phones;

drgen_status phones_open(phones *p, drgen_err *err);
void phones_close(phones *p); /* NULL-safe, idempotent */

/* Token id 1..363 of a symbol, or 0 when the model does not know it. */
int32_t phones_id(const phones *p, const char *symbol, size_t size);
/* Symbol of a token id, or NULL. */
const char *phones_symbol(int32_t id);

#endif
