/* Recipes and mastering settings: any bytes are refused or give a song whose texts and numbers can be used. */
#include <stdlib.h>
#include <string.h>

#include "drgen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drgen_recipe *r = NULL;
    drgen_mastering m;
    if (drgen_mastering_preset("balanced", &m, NULL) != DRGEN_OK) abort();
    if (drgen_recipe_read(&r, (const char *)data, size, "fuzz", NULL) == DRGEN_OK) {
        const drgen_song *s = drgen_recipe_song(r);
        const drgen_recipe_notes *n = drgen_recipe_get_notes(r);
        if (s->lyrics && strlen(s->lyrics) > size) abort();
        for (size_t i = 0; i < s->style_count; i++)
            if (s->styles[i].vector && !s->styles[i].width) abort();
        if (n->master_json) drgen_mastering_read(&m, n->master_json, NULL);
        drgen_recipe_free(r);
    }
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (drgen_mastering_read(&m, text, NULL) == DRGEN_OK) {
        char *again;
        if (!(m.width >= 0 && m.width <= 2)) abort();
        if (drgen_mastering_json(&m, &again, NULL) == DRGEN_OK) free(again);
    }
    free(text);
    return 0;
}
