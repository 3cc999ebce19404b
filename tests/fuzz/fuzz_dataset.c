/* fuzz_dataset.c - the first byte even: any text as a dataset's manifest; odd: any bytes as one of its songs. What is taken
 * must be readable to the last number. */
#include <string.h>

#include "train/dataset.h"

static void try_song(const uint8_t *data, size_t size)
{
    static const dataset_info info = {.latent_dim = 5, .style_dim = 3, .hop = 2048, .rate = 44100};
    st_file *f;
    dataset_record r;
    volatile double sum = 0;
    if (st_open_bytes(&f, file_borrow(data, size), "fuzz", NULL) != DRGEN_OK) return;
    if (dataset_record_open(&r, f, &info, NULL) != DRGEN_OK) return;
    dataset_record_look(&r, &info, NULL);
    for (size_t i = 0; i < r.song.line_count; i++) {
        sum = sum + r.song.lines[i].seconds;
        for (size_t k = 0; k < r.song.lines[i].count; k++) sum = sum + r.song.lines[i].ids[k];
    }
    dataset_record_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(64) uint8_t aligned[1 << 16]; /* as a mapped file is */
    dataset_manifest m;
    if (size < 1 || size - 1 > sizeof aligned) return 0;
    memcpy(aligned, data + 1, size - 1);
    if (data[0] & 1) try_song(aligned, size - 1);
    else if (dataset_manifest_read(&m, (const char *)aligned, size - 1, "fuzz", NULL) == DRGEN_OK) {
        for (size_t i = 0; i < m.count; i++)
            if (!m.entries[i].name[0] || m.entries[i].file[0] == '/' || strstr(m.entries[i].file, "/../")) __builtin_trap();
        dataset_manifest_free(&m);
    }
    return 0;
}
