/* fuzz_lora.c - any bytes as adapter_config.json. */
#include "model/lora_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lora_config c;
    double rank = 1, alpha = 0;
    if (lora_config_read(&c, data, size, "fuzz", NULL) == DRGEN_OK) {
        lora_config_module(&c, "transformer_blocks.12.self_attn.q_proj", &rank, &alpha);
        if (!(rank > 0 && rank <= 65536 && alpha >= 0)) __builtin_trap();
    }
    lora_config_free(&c);
    return 0;
}
