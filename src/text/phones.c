/* phones.c - see phones.h. */
#include "text/phones.h"

#include <string.h>

static const char *const symbols[] = {
#include "text/vocab.inc"
};
_Static_assert(sizeof symbols / sizeof *symbols == PHONES_COUNT, "the vocabulary has 363 entries");

drgen_status phones_open(phones *p, drgen_err *err)
{
    *p = (phones){0};
    for (int32_t i = 0; i < PHONES_COUNT; i++)
        if (!strmap_put(&p->ids, symbols[i], strlen(symbols[i]), i + 1, 0)) {
            phones_close(p);
            return err_fail(err, DRGEN_ERR_NOMEM, "out of memory for the phoneme table");
        }
    return DRGEN_OK;
}

void phones_close(phones *p)
{
    if (p) strmap_free(&p->ids);
}

int32_t phones_id(const phones *p, const char *symbol, size_t size)
{
    return strmap_get(&p->ids, symbol, size, 0);
}

const char *phones_symbol(int32_t id)
{
    return id >= 1 && id <= PHONES_COUNT ? symbols[id - 1] : NULL;
}
