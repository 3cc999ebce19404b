/* Files, JSON, safetensors, model folders: what is written reads back, and nothing malformed gets through. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/file.h"
#include "io/json.h"
#include "io/modeldir.h"
#include "io/safetensors.h"
#include "io/weights.h"
#include "io/sha256.h"
#include "tests/scratch.h"
#include "tests/t.h"

/* A path in a fresh folder, removed by drop. */
static char folder[256], path[512];

static const char *fresh(const char *name)
{
    CHECK(scratch_make(folder));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void drop(void)
{
    unlink(path);
    CHECKF(rmdir(folder) == 0, "something was left in %s", folder);
}

TEST(sha256_of_known_texts)
{
    char hex[65];
    file_sha256("", 0, hex);
    CHECK(strcmp(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0);
    file_sha256("abc", 3, hex);
    CHECK(strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == 0);
    char *a = malloc(1000000);
    memset(a, 'a', 1000000);
    file_sha256(a, 1000000, hex);
    CHECK(strcmp(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") == 0);
    free(a);
    file_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex); /* the padding takes a block more */
    CHECK(strcmp(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1") == 0);
}

TEST(sha256_native_equals_plain)
{
    sha256_blocks native = sha256_native();
    uint8_t data[64 * 7];
    uint64_t rng = t_seed;
    if (!native) {
        t_skip("this processor has no SHA instructions");
        return;
    }
    for (int round = 0; round < 100; round++) {
        uint32_t a[8], b[8];
        for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)rng_split(&rng);
        for (int i = 0; i < 8; i++) a[i] = b[i] = (uint32_t)rng_split(&rng);
        size_t blocks = (size_t)round % 7, shift = (size_t)round % 16;
        sha256_plain(a, data + shift, blocks);
        native(b, data + shift, blocks);
        CHECK(memcmp(a, b, sizeof a) == 0);
    }
}

TEST(atomic_write_is_whole_or_nothing)
{
    file_writer w;
    file_bytes b;
    drgen_err err = {0};
    fresh("out");
    CHECK(file_begin(&w, path, &err) == DRGEN_OK && file_put(&w, "hello", 5, &err) == DRGEN_OK);
    CHECK(access(path, F_OK) != 0); /* not there before commit */
    CHECK(file_commit(&w, &err) == DRGEN_OK);
    CHECK(file_map(&b, path, 100, &err) == DRGEN_OK && b.size == 5 && memcmp(b.data, "hello", 5) == 0);
    file_close(&b);
    CHECK(file_begin(&w, path, &err) == DRGEN_OK && file_put(&w, "other", 5, &err) == DRGEN_OK);
    file_abort(&w);
    CHECK(file_map(&b, path, 100, &err) == DRGEN_OK && memcmp(b.data, "hello", 5) == 0);
    file_close(&b);
    CHECK(file_map(&b, path, 4, &err) == DRGEN_ERR_FORMAT);
    err_clear(&err);
    CHECK(file_begin(&w, scratch_path(folder, "no/such/x"), &err) == DRGEN_ERR_IO);
    err_clear(&err);
    CHECK(file_begin(&w, folder, &err) == DRGEN_ERR_IO);
    err_clear(&err);
    CHECK(file_map(&b, folder, 1 << 20, &err) == DRGEN_ERR_IO);
    err_clear(&err);
    CHECK(file_map(&b, scratch_path(folder, "none"), 1 << 20, &err) == DRGEN_ERR_IO && strstr(err.message, "No such file"));
    drop();
}

/* The permissions of a written file are those of any new file, and the process keeps its umask. */
TEST(atomic_write_keeps_the_umask)
{
    file_writer w;
    drgen_err err = {0};
    struct stat st;
    fresh("out");
    mode_t before = umask(027);
    CHECK(file_begin(&w, path, &err) == DRGEN_OK && file_commit(&w, &err) == DRGEN_OK);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640);
    CHECK(umask(before) == 027);
    drop();
}

/* A disk that is full shows at commit at the latest, and nothing stays. */
TEST(atomic_write_on_a_full_disk)
{
    pid_t child = fork();
    if (child == 0) {
        char dir[256], block[4096] = {0};
        drgen_err err = {0};
        file_writer w;
        struct rlimit limit = {5000, 5000};
        signal(SIGXFSZ, SIG_IGN);
        if (!scratch_make(dir) || setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(9);
        int bad = file_begin(&w, scratch_path(dir, "x"), &err) != DRGEN_OK;
        drgen_status st = DRGEN_OK;
        for (int i = 0; i < 3 && st == DRGEN_OK; i++) st = file_put(&w, block, sizeof block, &err);
        if (st == DRGEN_OK) st = file_commit(&w, &err);
        else file_abort(&w);
        bad |= st != DRGEN_ERR_IO || !strstr(err.message, "write failed") || scratch_count(dir) != 0;
        scratch_remove(dir);
        _exit(bad);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %d", status);
}

TEST(mistaken_files_are_named)
{
    static const struct {
        const char *text, *says;
    } cases[] = {{"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "git lfs pull"},
                 {"<!DOCTYPE html><html></html>", "web page"}, {"<!doctype HTML>", "web page"},
                 {"\r\n \t<HTML lang=en>", "web page"}, {"\xEF\xBB\xBF<?xml version='1.0'?>", "web page"}, {"", "empty"},
                 {"<htm", NULL}, {"version 2", NULL}, {"   ", NULL}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].text);
        char *exact = malloc(n ? n : 1);
        memcpy(exact, cases[i].text, n);
        const char *got = file_mistake(file_borrow(exact, n));
        CHECKF(cases[i].says ? got && strstr(got, cases[i].says) : !got, "case %zu: %s", i, got ? got : "nothing");
        free(exact);
    }
}

TEST(json_reads_and_refuses)
{
    static const char good[] = "{\"a\": 1.5, \"b\": [1, 2, 3], \"c\": {\"d\": \"x\\u00e9\"}, \"t\": true, \"n\": null}";
    static const char *const bad[] = {"", "{", "{\"a\":}", "[1,2", "{\"a\":1} x", "nul", "\"abc", "[\"a\\u0000b\"]"};
    json_doc *d;
    drgen_err err = {0};
    CHECK(json_parse(&d, good, strlen(good), "good", &err) == DRGEN_OK);
    const json_node *root = json_root(d);
    double v = 0;
    int64_t i = 0;
    CHECK(json_number(json_get(root, "a"), 0) == 1.5 && json_count(json_get(root, "b")) == 3);
    CHECK(strcmp(json_string(json_get(json_get(root, "c"), "d"), ""), "x\xc3\xa9") == 0);
    CHECK(json_bool(json_get(root, "t"), 0) == 1 && json_is_null(json_get(root, "n")));
    CHECK(json_need_number(d, root, "a", 0, 1, &v, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "good: a: "));
    err_clear(&err);
    CHECK(json_need_int(d, root, "a", 0, 10, &i, &err) == DRGEN_ERR_FORMAT);
    err_clear(&err);
    CHECK(json_need_int(d, root, "missing", 0, 10, &i, &err) == DRGEN_ERR_FORMAT);
    json_free(d);
    for (size_t k = 0; k < COUNT(bad); k++) {
        err_clear(&err);
        CHECKF(json_parse(&d, bad[k], strlen(bad[k]), "bad", &err) == DRGEN_ERR_FORMAT, "%s", bad[k]);
    }
    err_clear(&err);
    CHECK(json_parse(&d, "[1,\0 2]", 7, "zero", &err) == DRGEN_ERR_FORMAT);
    err_clear(&err);
    CHECK(json_parse(&d, "[\"\\\\u0000\"]", 11, "plain digits behind a backslash", &err) == DRGEN_OK);
    json_free(d);
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    err_clear(&err);
    CHECK(json_parse(&d, deep, 400, "deep", &err) == DRGEN_ERR_FORMAT && strstr(err.message, "nesting"));
}

TEST(json_out_reads_back)
{
    static const double numbers[] = {0, 1, -2.5, 1e-5, 267680, 123456789012345.0, 0.1, 1.0 / 3, 1e300};
    json_out o = {0};
    json_doc *d;
    json_out_raw(&o, "[");
    for (size_t i = 0; i < COUNT(numbers); i++) {
        json_out_number(&o, numbers[i]);
        json_out_raw(&o, ", ");
    }
    json_out_string(&o, "a\"b\\c\n\x01\xc3\xa9");
    json_out_raw(&o, "]");
    CHECK(json_parse(&d, o.text, o.size, "out", NULL) == DRGEN_OK);
    const json_node *n = json_first(json_root(d));
    for (size_t i = 0; i < COUNT(numbers); i++, n = json_next(n)) CHECK(json_number(n, 7) == numbers[i]);
    CHECK(strcmp(json_string(n, ""), "a\"b\\c\n\x01\xc3\xa9") == 0);
    json_free(d);
    json_out_free(&o);
}

TEST(safetensors_write_read_identity)
{
    st_writer *w;
    st_file *f;
    drgen_err err = {0};
    float a[6] = {1, -2, 3.5f, 0, 1e-20f, 1e20f};
    uint16_t b[3] = {0x3c00, 0x7bff, 1};
    fresh("t.safetensors");
    CHECK(st_create(&w, path, &err) == DRGEN_OK);
    CHECK(st_declare(w, "a", ST_F32, (const size_t[]){2, 3}, 2, &err) == DRGEN_OK);
    CHECK(st_declare(w, "b \"x\"", ST_F16, (const size_t[]){3}, 1, &err) == DRGEN_OK);
    CHECK(st_declare(w, "empty", ST_F32, (const size_t[]){0, 4}, 2, &err) == DRGEN_OK);
    CHECK(st_set_metadata(w, "k", "v", &err) == DRGEN_OK);
    CHECK(st_put(w, a, 10, &err) == DRGEN_OK && st_put(w, (const char *)a + 10, 14, &err) == DRGEN_OK);
    CHECK(st_put(w, b, sizeof b, &err) == DRGEN_OK && st_finish(w, &err) == DRGEN_OK);
    CHECKF(st_open(&f, path, &err) == DRGEN_OK, "%s", err.message);
    const st_tensor *t = st_find(f, "a");
    CHECK(t && t->dims == 2 && t->shape[1] == 3 && memcmp(t->data, a, sizeof a) == 0 && (uintptr_t)t->data % 64 == 0);
    CHECK(st_find(f, "b \"x\"") && weights_value(st_find(f, "b \"x\""), 0) == 1.0f);
    CHECK(st_find(f, "empty")->count == 0 && strcmp(st_metadata(f, "k"), "v") == 0 && !st_find(f, "nope"));
    wmat m;
    CHECK(weights_matrix(f, "a", (const size_t[]){2, 3}, 2, &m, &err) == DRGEN_OK && m.rows == 2 && m.cols == 3);
    CHECK(weights_matrix(f, "a", (const size_t[]){3, 2}, 2, &m, &err) == DRGEN_ERR_MODEL && strstr(err.message, "[3,2] wanted, [2,3] found"));
    err_clear(&err);
    CHECK(weights_matrix(f, "c", (const size_t[]){3, 2}, 2, &m, &err) == DRGEN_ERR_MODEL && strstr(err.message, "c is missing"));
    st_close(f);
    /* Unfinished, or with too little data: nothing appears. */
    unlink(path);
    err_clear(&err);
    CHECK(st_create(&w, path, &err) == DRGEN_OK && st_declare(w, "a", ST_F32, (const size_t[]){2}, 1, &err) == DRGEN_OK);
    CHECK(st_put(w, a, 12, &err) == DRGEN_ERR_ARG);
    st_cancel(w);
    err_clear(&err);
    CHECK(st_create(&w, path, &err) == DRGEN_OK && st_declare(w, "a", ST_F32, (const size_t[]){2}, 1, &err) == DRGEN_OK);
    CHECK(st_put(w, a, 4, &err) == DRGEN_OK && st_finish(w, &err) == DRGEN_ERR_ARG && access(path, F_OK) != 0);
    drop();
}

/* A safetensors file from its header's text and so many bytes of data, in memory that ends right there. */
static drgen_status open_text(const char *header, size_t data, drgen_err *err)
{
    size_t n = strlen(header);
    uint8_t *b = calloc(1, 8 + n + data);
    for (int i = 0; i < 8; i++) b[i] = (uint8_t)((uint64_t)n >> 8 * i);
    memcpy(b + 8, header, n);
    st_file *f;
    drgen_status status = st_open_bytes(&f, file_borrow(b, 8 + n + data), "text", err);
    if (status == DRGEN_OK) st_close(f);
    free(b);
    return status;
}

TEST(safetensors_refuses_every_malformed_kind)
{
#define T(dtype, shape, from, to) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"
    static const char *const bad[] = {
        "{\"a\":" T("F32", "[2]", "0", "12") "}",                       /* size does not fit the shape */
        "{\"a\":" T("F32", "[2]", "8", "0") "}",                        /* backwards */
        "{\"a\":" T("F32", "[4]", "0", "16") "}",                       /* outside: 12 bytes are there */
        "{\"a\":" T("F32", "[2]", "-8", "0") "}",
        "{\"a\":" T("F32", "[2]", "0.5", "8") "}",
        "{\"a\":" T("F32", "[2]", "1e300", "8") "}",
        "{\"a\":" T("F32", "[4294967296,4294967296,4]", "0", "0") "}",  /* 2^66 elements */
        "{\"a\":" T("F32", "[-1]", "0", "4") "}",
        "{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}",
        "{\"a\":" T("Q32", "[2]", "0", "8") "}",
        "{\"a\":" T("F32", "2", "0", "8") "}",
        "{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "4", "12") "}", /* overlap */
        "{\"a\":" T("F32", "[1]", "0", "4") ",\"a\":" T("F32", "[1]", "4", "8") "}",  /* twice */
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}",
        "{\"a\":7}", "[1]", "\"x\"", "{\"a\":"};
#undef T
    drgen_err err;
    for (size_t i = 0; i < COUNT(bad); i++) {
        err = (drgen_err){0};
        CHECKF(open_text(bad[i], 12, &err) == DRGEN_ERR_FORMAT && err.message[0], "%s", bad[i]);
    }
    err = (drgen_err){0};
    CHECK(open_text("{}", 0, &err) == DRGEN_OK);
    static const struct {
        const char *text, *says;
    } mistakes[] = {{"version https://git-lfs.github.com/spec/v1\noid sha256:aa\n", "Git LFS"}, {"<!DOCTYPE html><html>", "web page"},
                    {"abc", "too short"}, {"", "empty"}, {"\xff\xff\xff\xff\xff\xff\xff\xff{}", "not a safetensors"},
                    {"\x40\0\0\0\0\0\0\0{}", "cut off"}};
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        st_file *f;
        size_t n = i == 5 ? 10 : strlen(mistakes[i].text);
        err = (drgen_err){0};
        CHECK(st_open_bytes(&f, file_borrow(mistakes[i].text, n), "m", &err) == DRGEN_ERR_FORMAT);
        CHECKF(strstr(err.message, mistakes[i].says) != NULL, "%s", err.message);
    }
}

/* A file cut off anywhere is refused. */
TEST(safetensors_refuses_every_truncation)
{
    static const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}";
    uint8_t whole[8 + sizeof header - 1 + 12] = {sizeof header - 1};
    memcpy(whole + 8, header, sizeof header - 1);
    for (size_t n = 0; n <= sizeof whole; n++) {
        uint8_t *part = malloc(n ? n : 1);
        st_file *f = NULL;
        memcpy(part, whole, n);
        CHECKF((st_open_bytes(&f, file_borrow(part, n), "cut", NULL) == DRGEN_OK) == (n == sizeof whole), "%zu bytes", n);
        st_close(f);
        free(part);
    }
}

TEST(model_folder_keeps_inside_itself)
{
    modeldir d;
    file_bytes b;
    drgen_err err = {0};
    CHECK(modeldir_open(&d, "/nowhere/at/all", &err) == DRGEN_ERR_IO);
    fresh("model.json");
    err_clear(&err);
    CHECK(modeldir_open(&d, folder, &err) == DRGEN_ERR_IO && strstr(err.message, "model.json"));
    FILE *f = fopen(path, "w");
    fputs("{}", f);
    fclose(f);
    err_clear(&err);
    CHECK(modeldir_open(&d, folder, &err) == DRGEN_OK);
    CHECK(modeldir_file(&d, "../secret", 100, &b, NULL, &err) == DRGEN_ERR_FORMAT);
    err_clear(&err);
    CHECK(modeldir_file(&d, "model.json", 100, &b, NULL, &err) == DRGEN_OK && b.size == 2);
    file_close(&b);
    modeldir_close(&d);
    static const unsigned char data[3] = {1, 2, 3};
    const modeldir_packed packed[] = {{"x", data, data + 3}, {NULL, NULL, NULL}};
    d = modeldir_open_packed(packed);
    CHECK(modeldir_has(&d, "x") && !modeldir_has(&d, "y"));
    CHECK(modeldir_file(&d, "x", 100, &b, NULL, &err) == DRGEN_OK && b.size == 3 && b.data == data);
    drop();
}
