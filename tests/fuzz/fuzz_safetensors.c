/* fuzz_safetensors.c - any bytes as a safetensors file: what opens must be readable to the last element. */
#include "io/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    st_file *f;
    volatile float sum = 0;
    if (st_open_bytes(&f, file_borrow(data, size), "fuzz", NULL) != DRGEN_OK) return 0;
    for (size_t i = 0; i < st_count(f); i++) {
        const st_tensor *t = st_at(f, i);
        if (t->count) sum = sum + weights_value(t, 0) + weights_value(t, t->count - 1);
        if (st_find(f, t->name) != t) __builtin_trap();
    }
    st_metadata(f, "k");
    st_close(f);
    return 0;
}
