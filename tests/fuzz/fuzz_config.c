/* fuzz_config.c - any bytes as model.json of a packed model folder. */
#include "model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const modeldir_packed files[] = {{"model.json", data, data + size}, {NULL, NULL, NULL}};
    modeldir dir = modeldir_open_packed(files);
    model_cfg cfg;
    if (config_read(&dir, &cfg, NULL) == DRGEN_OK && cfg.has_dit && cfg.dit.dim % cfg.dit.heads) __builtin_trap();
    return 0;
}
