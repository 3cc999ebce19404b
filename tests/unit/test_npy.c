/* Style vectors: .npy of every float type, safetensors, and clear refusals. */
#include <stdlib.h>
#include <unistd.h>

#include "io/npy.h"
#include "tests/t.h"

TEST(npy_reads_floats_of_every_width)
{
    float v[8];
    drgen_err err = {0};
    CHECKF(npy_read_vector("tests/fuzz/corpus/npy/f4.npy", v, 8, &err) == DRGEN_OK && v[7] == 7, "%s", err.message);
    CHECKF(npy_read_vector("tests/fuzz/corpus/npy/f2.npy", v, 8, &err) == DRGEN_OK && v[5] == 5, "%s", err.message);
    CHECK(npy_read_vector("tests/fuzz/corpus/npy/f2.npy", v, 7, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "7 numbers wanted, 8"));
    err_clear(&err);
    CHECK(npy_read_vector("tests/golden/spm/cases.tsv", v, 8, &err) == DRGEN_ERR_FORMAT);
}

TEST(npy_write_read_identity)
{
    char path[] = "/tmp/drgen-npy-XXXXXX";
    float v[3] = {1.5f, -2e-20f, 3e20f}, back[3];
    drgen_err err = {0};
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    CHECK(npy_write_vector(path, v, 3, &err) == DRGEN_OK && npy_read_vector(path, back, 3, &err) == DRGEN_OK);
    CHECK(memcmp(v, back, sizeof v) == 0);
    v[1] = NAN;
    CHECK(npy_write_vector(path, v, 3, &err) == DRGEN_OK && npy_read_vector(path, back, 3, &err) == DRGEN_ERR_FORMAT);
    unlink(path);
}
