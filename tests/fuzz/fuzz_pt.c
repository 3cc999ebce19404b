/* fuzz_pt.c - any bytes as a checkpoint: archive, stream or safetensors, by content. */
#include "weights_tools/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source *s;
    float some[32];
    if (source_open_bytes(&s, file_borrow(data, size), "fuzz", NULL) != DRGEN_OK) return 0;
    for (size_t i = 0; i < source_count(s); i++) {
        const source_tensor *t = source_at(s, i);
        source_floats(s, t, 0, t->count < 32 ? t->count : 32, some, NULL);
        if (t->count) source_floats(s, t, t->count - 1, 1, some, NULL);
    }
    source_close(s);
    return 0;
}
