/* The prompt tokenizer: an even first byte means that the rest is a model (or tokenizer.json), an odd one that it is a
 * prompt for a good model. */
#include <stdlib.h>
#include <string.h>

#include "tests/spm_make.h"
#include "text/spm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for any model and any text. */
static void use(const spm *s, const uint8_t *text, size_t size)
{
    char *normal = NULL;
    int32_t *ids = NULL;
    size_t normal_size = 0, count = 0;
    if (spm_normalize(s, text, size, &normal, &normal_size, NULL) != DRGEN_OK || normal[normal_size] != '\0') abort();
    if (spm_encode(s, text, size, &ids, &count, NULL) != DRGEN_OK) abort();
    if (count < 2 || count > normal_size + 2 || ids[0] != 0 || ids[count - 1] != 2) abort();
    for (size_t i = 1; i + 1 < count; i++)
        if (ids[i] < 3 || ids[i] >= spm_vocab_size(s) - 1) abort();
    free(normal);
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "Aab \xEF\xBD\x81\xCC\x81 folk, b c\xC2\xA8\xFF\t\xE9\xBC\x93";
    if (size == 0) return 0;
    spm *s = NULL;
    if (data[0] % 2) {
        spm_bytes good = spm_small_model();
        if (spm_load(&s, good.data, good.size, "good", NULL) != DRGEN_OK) abort();
        free(good.data);
        use(s, data + 1, size - 1);
    } else if (spm_load(&s, data + 1, size - 1, "fuzz", NULL) == DRGEN_OK) {
        use(s, (const uint8_t *)text, sizeof text - 1);
        use(s, data, size);
    }
    spm_free(s);
    return 0;
}
