/* fuzz_json.c - any bytes as JSON. */
#include "io/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_doc *d;
    if (json_parse(&d, data, size, "fuzz", NULL) != DRGEN_OK) return 0;
    for (const json_node *n = json_first(json_root(d)); n; n = json_next(n)) {
        json_count(n);
        json_get(n, "a");
    }
    json_free(d);
    return 0;
}
