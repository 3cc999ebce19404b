/* .pt files: damage of every kind is refused, foreign code is named, and each form of the autoencoder packs alike. */
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/weights.h"
#include "tests/t.h"
#include "weights_tools/pack.h"
#include "weights_tools/source.h"

/* Bytes in memory that ends right behind them, so that ASan sees the first byte too far. */
static drgen_status open_copy(const void *data, size_t size, drgen_err *err)
{
    source *s = NULL;
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    drgen_status status = source_open_bytes(&s, file_borrow(copy, size), "copy", err);
    for (size_t i = 0; s && i < source_count(s); i++) {
        const source_tensor *t = source_at(s, i);
        float some[64];
        source_floats(s, t, 0, t->count < 64 ? t->count : 64, some, err);
        if (t->count) source_floats(s, t, t->count - 1, 1, some, err);
    }
    source_close(s);
    free(copy);
    return status;
}

TEST(pt_mutations_never_read_outside)
{
    static const char *const files[] = {"tests/golden/pt_files/dtypes.pt", "tests/golden/pt_files/views.pt",
                                        "tests/golden/pt_files/legacy.pt", "tests/golden/pt_files/nested.pt",
                                        "tests/golden/pt_files/protocol4.pt", "tests/golden/pt_files/torch27.pt"};
    uint64_t rng = t_seed;
    for (size_t i = 0; i < COUNT(files); i++) {
        file_bytes b;
        drgen_err err = {0};
        CHECK(file_map(&b, files[i], 1 << 20, &err) == DRGEN_OK);
        uint8_t *m = malloc(b.size);
        for (int k = 0; k < 1500; k++) {
            memcpy(m, b.data, b.size);
            size_t size = k % 3 ? b.size : rng_split(&rng) % (b.size + 1); /* some are cut off */
            for (uint64_t n = 0; n < 1 + rng_split(&rng) % 4; n++) m[rng_split(&rng) % b.size] = (uint8_t)rng_split(&rng);
            err = (drgen_err){0};
            if (open_copy(m, size, &err) != DRGEN_OK) CHECK(err.message[0] != '\0');
        }
        free(m);
        file_close(&b);
    }
}

TEST(pickle_with_foreign_code_is_refused_by_name)
{
    /* magic, protocol and system dict as pickles, then an object that calls os.system("id"). */
    static const uint8_t stream[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                                    "\x80\x02M\xe9\x03." "\x80\x02}." "\x80\x02" "cos\nsystem\nX\x02\0\0\0id\x85R.";
    drgen_err err = {0};
    CHECK(open_copy(stream, sizeof stream - 1, &err) == DRGEN_ERR_FORMAT);
    CHECKF(strstr(err.message, "os system") != NULL, "%s", err.message);
    static const uint8_t deep[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                                  "\x80\x02M\xe9\x03." "\x80\x02}." "\x80\x02]q\x00h\x00" "a." "\x80\x02].";
    err = (drgen_err){0}; /* a list that holds itself */
    CHECK(open_copy(deep, sizeof deep - 1, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "deep"));
}

static drgen_status pack_from(source *s, const char *path, st_file **out, drgen_err *err)
{
    vae_cfg cfg = {0};
    pack_how how = {.dtype = PACK_F32};
    ERR_TRY(pack_vae(s, path, &how, &cfg, NULL, err));
    return st_open(out, path, err);
}

TEST(every_form_of_the_autoencoder_packs_alike)
{
    static const struct {
        const char *file;
        double bound;
    } forms[] = {{"vae_trace", 2e-7}, {"vae_script", 2e-7}, {"vae_param", 2e-7}, {"vae_script_f16", 2e-3}};
    char dir[] = "/tmp/drgen-test-XXXXXX", a[64], b[64], file[96];
    drgen_err err = {0};
    source *s = NULL;
    st_file *want = NULL;
    CHECK(mkdtemp(dir) != NULL);
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(b, sizeof b, "%s/b", dir);
    CHECK(source_open_manifest(&s, "tests/golden/vae_tiny/manifest.json", &err) == DRGEN_OK);
    CHECKF(pack_from(s, a, &want, &err) == DRGEN_OK, "%s", err.message);
    source_close(s);
    for (size_t i = 0; want && i < COUNT(forms); i++) {
        st_file *got = NULL;
        snprintf(file, sizeof file, "tests/golden/pt_files/%s.pt", forms[i].file);
        CHECK(source_open(&s, file, &err) == DRGEN_OK);
        CHECKF(pack_from(s, b, &got, &err) == DRGEN_OK, "%s", err.message);
        CHECK(got && st_count(got) == st_count(want));
        for (size_t k = 0; got && k < st_count(want); k++) {
            const st_tensor *x = st_at(want, k), *y = st_find(got, x->name);
            CHECKF(y && y->count == x->count, "%s: %s", forms[i].file, x->name);
            double worst = 0;
            for (size_t n = 0; y && n < x->count; n++)
                worst = fmax(worst, fabs((double)weights_value(x, n) - (double)weights_value(y, n)));
            CHECKF(worst <= forms[i].bound, "%s: %s differs by %g", forms[i].file, x->name, worst);
        }
        st_close(got);
        source_close(s);
        unlink(b);
    }
    st_close(want);
    unlink(a);
    CHECK(rmdir(dir) == 0);
}

TEST(wrong_checkpoints_are_named)
{
    source *s = NULL;
    drgen_err err = {0};
    dit_cfg dit = {0};
    pack_how how = {.dtype = PACK_F32};
    CHECK(source_open(&s, "tests/golden/pt_files/vae_script.pt", &err) == DRGEN_OK);
    CHECK(pack_dit(s, "/tmp/drgen-never", &how, &dit, NULL, &err) == DRGEN_ERR_MODEL && strstr(err.message, "transformer.proj_out"));
    source_close(s);
    err_clear(&err);
    CHECK(source_open(&s, "tests/golden/pt_files/nested.pt", &err) == DRGEN_OK);
    CHECK(pack_dit(s, "/tmp/drgen-never", &how, &dit, NULL, &err) == DRGEN_ERR_MODEL && strstr(err.message, "is missing"));
    CHECK(access("/tmp/drgen-never", F_OK) != 0);
    source_close(s);
}
