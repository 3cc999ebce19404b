/* fuzz_npy.c - any bytes as a style vector. */
#include "io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    float v[8];
    npy_read_bytes(file_borrow(data, size), "fuzz", v, 8, NULL);
    return 0;
}
