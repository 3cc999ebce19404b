/* .pt files: damage of every kind is refused, foreign code is named, and each form of the autoencoder packs alike. */
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/weights.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "weights_tools/inflate.h"
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

/* ---- archives and streams made here, byte by byte ---- */

typedef struct {
    uint8_t bytes[4096];
    size_t size;
} maker;

static void add(maker *m, const void *data, size_t size)
{
    memcpy(m->bytes + m->size, data, size);
    m->size += size;
}

static void add_le(maker *m, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) m->bytes[m->size++] = (uint8_t)(i < 8 ? v >> 8 * i : 0);
}

#define TEXT(t) t, sizeof(t) - 1
#define STORAGE(type, count) "(X\7\0\0\0storagectorch\n" type "Storage\nX\1\0\0\0" "1X\3\0\0\0cpuK" count "tQ"
#define ZIPPED_2X2 "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("Float", "\4") "K\0K\2K\2\206K\2K\1\206\211NtR"

/* {"a": 2x2 floats, stored under key 1}. */
static const char object_a[] = "\x80\2}X\1\0\0\0" "a" ZIPPED_2X2 "s.";
static const float values[4] = {1, -2, 3.5f, 4};

/* An archive whose directory gives every size and place in ZIP64 form, and 0xffffffff where they usually stand. */
static void make_zip64(maker *z)
{
    static const struct {
        const char *name;
        const void *data;
        size_t size;
    } members[] = {{"t/data.pkl", object_a, sizeof object_a - 1}, {"t/data/1", values, sizeof values}, {"t/version", "3\n", 2}};
    maker directory = {.size = 0};
    for (size_t i = 0; i < COUNT(members); i++) {
        size_t at = z->size, n = strlen(members[i].name);
        add_le(z, 0x04034b50, 4), add_le(z, 45, 2), add_le(z, 8, 2), add_le(z, 0, 18); /* sizes follow in a descriptor */
        add_le(z, n, 2), add_le(z, 5, 2);
        add(z, members[i].name, n), add(z, "FB\1\0Z", 5), add(z, members[i].data, members[i].size);
        add_le(&directory, 0x02014b50, 4), add_le(&directory, 0, 4), add_le(&directory, 8, 2), add_le(&directory, 0, 10);
        add_le(&directory, 0xffffffffffffffffu, 8), add_le(&directory, n, 2), add_le(&directory, 28 + 6, 2), add_le(&directory, 0, 10);
        add_le(&directory, 0xffffffff, 4);
        add(&directory, members[i].name, n), add(&directory, "XX\2\0ab", 6), add_le(&directory, 1, 2), add_le(&directory, 24, 2);
        add_le(&directory, members[i].size, 8), add_le(&directory, members[i].size, 8), add_le(&directory, at, 8);
    }
    size_t at = z->size, end = at + directory.size;
    add(z, directory.bytes, directory.size);
    add_le(z, 0x06064b50, 4), add_le(z, 44, 8), add_le(z, 0, 12), add_le(z, COUNT(members), 8), add_le(z, COUNT(members), 8);
    add_le(z, directory.size, 8), add_le(z, at, 8);
    add_le(z, 0x07064b50, 4), add_le(z, 0, 4), add_le(z, end, 8), add_le(z, 1, 4);
    add_le(z, 0x06054b50, 4), add_le(z, 0, 4), add_le(z, 0xffffffff, 4), add_le(z, 0xffffffffffffffffu, 8), add_le(z, 0, 2);
}

TEST(zip64_archive)
{
    maker z = {.size = 0};
    source *s = NULL;
    drgen_err err = {0};
    make_zip64(&z);
    CHECKF(source_open_bytes(&s, file_borrow(z.bytes, z.size), "z", &err) == DRGEN_OK, "%s", err.message);
    const source_tensor *t = s ? source_find(s, "a") : NULL;
    float got[4] = {0};
    CHECK(t && t->count == 4 && source_floats(s, t, 0, 4, got, &err) == DRGEN_OK && memcmp(got, values, sizeof got) == 0);
    CHECK(t && source_floats(s, t, 3, 2, got, &err) == DRGEN_ERR_ARG);
    source_close(s);
    for (size_t n = 0; n < z.size; n++) /* cut off anywhere */
        CHECKF(open_copy(z.bytes, n, NULL) == DRGEN_ERR_FORMAT, "%zu bytes", n);
    for (size_t n = 0; n < z.size; n++) /* one wrong byte anywhere: refused or read, but within bounds */
        for (int bit = 0; bit < 8; bit++) {
            z.bytes[n] ^= (uint8_t)(1 << bit);
            open_copy(z.bytes, z.size, NULL);
            z.bytes[n] ^= (uint8_t)(1 << bit);
        }
}

#define LEGACY_MAGIC "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define LEGACY_TENSOR(name, type, count) \
    "X\1\0\0\0" name "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n" type "Storage\nX\1\0\0\0" "1X\3\0\0\0cpuK" count \
    "NtQK\0K" count "\205K\1\205\211NtR"

/* preamble, object, the list of one key, four elements. */
static drgen_status open_legacy(const char *preamble, size_t preamble_size, const char *object, size_t object_size, size_t data,
                                drgen_err *err)
{
    maker m = {.size = 0};
    static const uint8_t zeros[64];
    *err = (drgen_err){0};
    add(&m, TEXT(LEGACY_MAGIC));
    add(&m, preamble, preamble_size);
    add(&m, object, object_size);
    add(&m, TEXT("\x80\2]X\1\0\0\0" "1a."));
    add_le(&m, 4, 8);
    add(&m, zeros, data);
    return open_copy(m.bytes, m.size, err);
}

TEST(legacy_streams)
{
#define GOOD "\x80\2M\xe9\3.\x80\2}X\x0d\0\0\0little_endian\x88s."
#define ONE "\x80\2}(" LEGACY_TENSOR("a", "Float", "\4") "u."
    drgen_err err;
    CHECKF(open_legacy(TEXT(GOOD), TEXT(ONE), 16, &err) == DRGEN_OK, "%s", err.message);
    CHECK(open_legacy(TEXT(GOOD), TEXT(ONE), 15, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "cut off"));
    CHECK(open_legacy(TEXT("\x80\2M\xe9\3.\x80\2}X\x0d\0\0\0little_endian\x89s."), TEXT(ONE), 16, &err) == DRGEN_ERR_FORMAT);
    CHECK(strstr(err.message, "big-endian"));
    CHECK(open_legacy(TEXT("\x80\2M\xea\3.\x80\2}."), TEXT(ONE), 16, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "version"));
    /* One key used with two types: the wider would reach behind the data. */
#define BYTES LEGACY_TENSOR("a", "Byte", "\4")
#define DOUBLES LEGACY_TENSOR("b", "Double", "\4")
    CHECK(open_legacy(TEXT(GOOD), TEXT("\x80\2}(" BYTES DOUBLES "u."), 4, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "two types"));
    CHECK(open_legacy(TEXT(GOOD), TEXT("\x80\2}(" DOUBLES BYTES "u."), 32, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "two types"));
    static const char other[] = "\x80\4\x95\5\0\0\0\0\0\0\0}.";
    err = (drgen_err){0};
    CHECK(open_copy(other, sizeof other - 1, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "one that torch saved"));
}

TEST(index_files_are_named)
{
    static const char shards[] = "{\"metadata\": {}, \"weight_map\": {\"a\": \"x-00001-of-2\"}}", other[] = "{\"a\": 1}";
    drgen_err err = {0};
    CHECK(open_copy(shards, sizeof shards - 1, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "list of shards"));
    err = (drgen_err){0};
    CHECK(open_copy(other, sizeof other - 1, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "JSON"));
}

/* Any piece of any view is the same slice of the whole. */
TEST(pieces_of_views)
{
    static const char *const files[] = {"tests/golden/pt_files/views.pt", "tests/golden/pt_files/dtypes.pt"};
    for (size_t f = 0; f < COUNT(files); f++) {
        source *s = NULL;
        drgen_err err = {0};
        CHECKF(source_open(&s, files[f], &err) == DRGEN_OK, "%s", err.message);
        for (size_t i = 0; s && i < source_count(s); i++) {
            const source_tensor *t = source_at(s, i);
            size_t size = st_type_size(t->type);
            uint8_t *whole = malloc(t->count * size + 1), *piece = malloc(t->count * size + 1);
            CHECK(source_raw(s, t, 0, t->count, whole, &err) == DRGEN_OK);
            for (size_t a = 0; a < t->count; a++)
                for (size_t n = 0; n <= t->count - a; n++) {
                    CHECK(source_raw(s, t, a, n, piece, &err) == DRGEN_OK);
                    CHECKF(memcmp(piece, whole + a * size, n * size) == 0, "%s %zu+%zu", t->name, a, n);
                }
            free(whole), free(piece);
        }
        source_close(s);
    }
}

TEST(inflate_known_streams)
{
    /* Stored, fixed and dynamic blocks as zlib writes them for these texts. */
    static const uint8_t stored[] = {1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c'};
    static const uint8_t fixed[] = {0x4b, 0x4c, 0x4a, 0x4e, 0x84, 0x21, 0x00};
    uint8_t out[4096];
    CHECK(inflate_exact(stored, sizeof stored, out, 3) && memcmp(out, "abc", 3) == 0);
    CHECK(inflate_exact(fixed, sizeof fixed, out, 12) && memcmp(out, "abcabcabcabc", 12) == 0);
    CHECK(!inflate_exact(fixed, sizeof fixed, out, 11) && !inflate_exact(fixed, sizeof fixed, out, 13));
    for (size_t n = 0; n < sizeof fixed; n++) CHECK(!inflate_exact(fixed, n, out, 12));
    static const uint8_t reserved[] = {7}, back[] = {0x4b, 0x04, 0xfe};
    CHECK(!inflate_exact(reserved, 1, out, 1) && !inflate_exact(back, sizeof back, out, 9));
    uint64_t rng = t_seed;
    for (int i = 0; i < 20000; i++) { /* anything at all: ends, within bounds */
        uint8_t noise[64], *exact = malloc(200);
        for (size_t k = 0; k < sizeof noise; k++) noise[k] = (uint8_t)rng_split(&rng);
        noise[0] = (uint8_t)((noise[0] & 0xf8u) | (i % 2 ? 5u : 3u)); /* last block, dynamic or fixed */
        inflate_exact(noise, rng_split(&rng) % sizeof noise, exact, 200);
        free(exact);
    }
}

/* TorchScript archives carry their program deflated, dynamic blocks included; the autoencoder's says what shapes do not. */
TEST(program_of_torchscript)
{
    source *s = NULL;
    drgen_err err = {0};
    CHECKF(source_open(&s, "tests/golden/pt_files/vae_trace.pt", &err) == DRGEN_OK, "%s", err.message);
    const char *code = s ? source_code(s) : NULL;
    CHECK(code && strstr(code, "class SnakeBeta(Module):\n") && strstr(code, "torch.exp(alpha0)") && !strstr(code, "tanh("));
    source_close(s);
    CHECK(source_open(&s, "tests/golden/pt_files/vae_param.pt", &err) == DRGEN_OK && source_code(s) == NULL);
    source_close(s);
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
    char dir[256], a[300], b[300], file[96];
    drgen_err err = {0};
    source *s = NULL;
    st_file *want = NULL;
    CHECK(scratch_make(dir));
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
    char dir[256];
    pack_how how = {.dtype = PACK_F32};
    CHECK(source_open(&s, "tests/golden/pt_files/vae_script.pt", &err) == DRGEN_OK);
    CHECK(scratch_make(dir));
    CHECK(pack_dit(s, scratch_path(dir, "x"), &how, &dit, NULL, &err) == DRGEN_ERR_MODEL && strstr(err.message, "transformer.proj_out"));
    source_close(s);
    err_clear(&err);
    CHECK(source_open(&s, "tests/golden/pt_files/nested.pt", &err) == DRGEN_OK);
    CHECK(pack_dit(s, scratch_path(dir, "x"), &how, &dit, NULL, &err) == DRGEN_ERR_MODEL && strstr(err.message, "is missing"));
    CHECK(scratch_count(dir) == 0);
    scratch_remove(dir);
    source_close(s);
}
