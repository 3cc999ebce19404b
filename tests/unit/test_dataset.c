/* Datasets: what is written comes back, and every size, offset, id and number of a damaged one is noticed. */
#include <stdlib.h>

#include "base/rng.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "train/dataset_write.h"

enum { LATENT = 5, STYLE = 3 };

static const dataset_info widths = {.latent_dim = LATENT, .style_dim = STYLE, .hop = 2048, .rate = 44100};

typedef struct {
    float mean[40 * LATENT], scale[40 * LATENT], style[STYLE];
    int32_t ids[8];
    dataset_line lines[3];
    dataset_addition add;
} made;

/* A song of 7 + k frames. */
static void make_song(made *m, const char *name, int k)
{
    uint64_t rng = (uint64_t)k + 1;
    *m = (made){0};
    for (int i = 0; i < 40 * LATENT; i++) m->mean[i] = rng_uniform(&rng), m->scale[i] = rng_uniform(&rng);
    for (int i = 0; i < STYLE; i++) m->style[i] = rng_uniform(&rng);
    for (int i = 0; i < 8; i++) m->ids[i] = 1 + i + k;
    m->lines[0] = (dataset_line){0.25, m->ids, 3};
    m->lines[1] = (dataset_line){2.5, m->ids + 3, 0};
    m->lines[2] = (dataset_line){1.125, m->ids + 3, 5}; /* out of order, as the original's may be */
    m->add = (dataset_addition){.song = {.name = name,
                                         .frames = (size_t)(7 + k),
                                         .mean = m->mean,
                                         .scale = m->scale,
                                         .style = m->style,
                                         .lines = m->lines,
                                         .line_count = 3},
                                .source = "a \"quoted\" file.wav",
                                .fingerprint = "abc",
                                .seconds = 1.5};
}

static int same(const dataset_song *a, const dataset_song *b)
{
    size_t bytes = a->frames * LATENT * sizeof(float);
    int ok = strcmp(a->name, b->name) == 0 && a->frames == b->frames && memcmp(a->mean, b->mean, bytes) == 0 &&
             !a->scale == !b->scale && (!a->scale || memcmp(a->scale, b->scale, bytes) == 0) &&
             memcmp(a->style, b->style, STYLE * sizeof(float)) == 0 && a->line_count == b->line_count;
    for (size_t i = 0; ok && i < a->line_count; i++)
        ok = a->lines[i].seconds == b->lines[i].seconds && a->lines[i].count == b->lines[i].count &&
             (!a->lines[i].count || memcmp(a->lines[i].ids, b->lines[i].ids, a->lines[i].count * sizeof(int32_t)) == 0);
    return ok;
}

TEST(dataset_comes_back_as_written)
{
    char dir[256];
    drgen_err err = {0};
    dataset_writer *w = NULL;
    dataset *d = NULL;
    dataset_song song;
    made a, b, c;
    CHECK(scratch_make(dir));
    make_song(&a, "first", 0), make_song(&b, "sub/dir|two: é", 9), make_song(&c, "instrumental", 3);
    b.add.song.scale = NULL; /* drawn once and for all */
    c.add.song.line_count = 0;
    CHECKF(dataset_create(&w, scratch_path(dir, "new"), &widths, &err) == DRGEN_OK, "%s", err.message);
    CHECK(!dataset_has(w, "first", "abc"));
    CHECK(dataset_add(w, &a.add, &widths, &err) == DRGEN_OK && dataset_add(w, &b.add, &widths, &err) == DRGEN_OK);
    dataset_writer_close(w);
    CHECKF(dataset_create(&w, scratch_path(dir, "new"), &widths, &err) == DRGEN_OK, "%s", err.message); /* goes on */
    CHECK(dataset_add(w, &c.add, &widths, &err) == DRGEN_OK && dataset_writer_count(w) == 3);
    CHECK(dataset_has(w, "first", "abc") && !dataset_has(w, "first", "abd") && !dataset_has(w, "nobody", "abc"));
    CHECK(dataset_has(w, "sub/dir|two: é", "abc"));
    CHECKF(dataset_open(&d, scratch_path(dir, "new"), &err) == DRGEN_OK, "%s", err.message);
    if (d) {
        const dataset_info *info = dataset_get_info(d);
        CHECK(dataset_count(d) == 3 && info->latent_dim == LATENT && info->style_dim == STYLE && info->hop == 2048 &&
              info->rate == 44100);
        CHECK(info->max_id == 17 && info->frames == 7 + 16 + 10);
        CHECK(dataset_get(d, 0, &song, &err) == DRGEN_OK && same(&song, &a.add.song));
        CHECK(dataset_get(d, 1, &song, &err) == DRGEN_OK && same(&song, &b.add.song) && !song.scale);
        CHECK(dataset_get(d, 2, &song, &err) == DRGEN_OK && same(&song, &c.add.song));
    }
    dataset_close(d);
    make_song(&a, "first", 4); /* another song of the same name takes its place */
    CHECK(dataset_add(w, &a.add, &widths, &err) == DRGEN_OK && dataset_writer_count(w) == 3);
    CHECK(dataset_open(&d, scratch_path(dir, "new"), &err) == DRGEN_OK && dataset_get(d, 0, &song, &err) == DRGEN_OK &&
          same(&song, &a.add.song));
    dataset_close(d);
    dataset_writer_close(w);
    CHECK(scratch_count(scratch_path(dir, "new")) == 3 && scratch_count(scratch_path(dir, "new/songs")) == 3);
    scratch_remove(dir);
}

TEST(dataset_refuses_songs_that_make_no_sense)
{
    char dir[256];
    dataset_writer *w = NULL;
    made m;
    CHECK(scratch_make(dir) && dataset_create(&w, dir, &widths, NULL) == DRGEN_OK);
    dataset_info other = widths;
    other.latent_dim = 4;
    for (int i = 0; i < 11; i++) {
        drgen_err err = {0};
        make_song(&m, "song", 0);
        switch (i) {
        case 0: m.add.song.frames = 0; break;
        case 1: m.mean[3] = NAN; break;
        case 2: m.scale[0] = INFINITY; break;
        case 3: m.style[1] = NAN; break;
        case 4: m.lines[0].seconds = -1; break;
        case 5: m.lines[0].seconds = NAN; break;
        case 6: m.ids[2] = 0; break;
        case 7: m.ids[2] = DATASET_MAX_ID + 1; break;
        case 8: m.add.song.name = ""; break;
        case 9: m.add.song.name = "\xff"; break;
        default: break;
        }
        CHECKF(dataset_add(w, &m.add, i == 10 ? &other : &widths, &err) == DRGEN_ERR_ARG && err.message[0],
               "case %d: %s", i, err.message);
    }
    CHECK(dataset_writer_count(w) == 0 && scratch_count(scratch_path(dir, "songs")) == 0);
    dataset_writer_close(w);
    make_song(&m, "song", 0);
    CHECK(dataset_create(&w, dir, &widths, NULL) == DRGEN_OK && dataset_add(w, &m.add, &widths, NULL) == DRGEN_OK);
    dataset_writer_close(w);
    drgen_err err = {0};
    CHECK(dataset_create(&w, dir, &other, &err) == DRGEN_ERR_ARG && strstr(err.message, "another folder"));
    scratch_remove(dir);
}

/* ---- damage */

/* Tensors of a song; a case changes one of them. */
typedef struct {
    const char *name;
    st_type type;
    size_t shape[2];
    int dims;
    const void *data;
} piece;

enum { MEAN, SCALE, PSTYLE, SECONDS, START, TOKENS, PIECES };

static const float zeros[64];
static const double seconds_ok[2] = {1, 2}, seconds_nan[2] = {1, NAN}, seconds_minus[2] = {-1, 2};
static const int32_t starts_ok[3] = {0, 2, 3}, starts_back[3] = {0, 4, 3}, starts_far[3] = {0, 2, 9},
                     starts_late[3] = {1, 2, 3}, starts_minus[3] = {0, -1, 3}, tokens_ok[3] = {1, 2, 3},
                     tokens_zero[3] = {1, 0, 3}, tokens_big[3] = {1, DATASET_MAX_ID + 1, 3};
static const float style_nan[STYLE] = {0, NAN, 0}, mean_nan[4 * LATENT] = {[7] = NAN};

static drgen_status write_pieces(const char *path, const piece *p)
{
    static const int order[PIECES] = {SECONDS, MEAN, SCALE, PSTYLE, START, TOKENS};
    st_writer *w;
    drgen_status status = st_create(&w, path, NULL);
    if (status != DRGEN_OK) return status;
    for (int k = 0; k < PIECES; k++)
        if (p[order[k]].name)
            st_declare(w, p[order[k]].name, p[order[k]].type, p[order[k]].shape, p[order[k]].dims, NULL);
    for (int k = 0; k < PIECES; k++) {
        const piece *t = &p[order[k]];
        size_t count = t->shape[0] * (t->dims == 2 ? t->shape[1] : 1);
        if (t->name) st_put(w, t->data, count * st_type_size(t->type), NULL);
    }
    return st_finish(w, NULL);
}

static const piece whole[PIECES] = {
    {"mean", ST_F32, {4, LATENT}, 2, zeros},   {"scale", ST_F32, {4, LATENT}, 2, zeros},
    {"style", ST_F32, {STYLE}, 1, zeros},      {"line_seconds", ST_F64, {2}, 1, seconds_ok},
    {"line_start", ST_I32, {3}, 1, starts_ok}, {"tokens", ST_I32, {3}, 1, tokens_ok}};

static drgen_status open_pieces(const char *path, const piece *p, dataset_record *r, drgen_err *err)
{
    st_file *f = NULL;
    *r = (dataset_record){0};
    CHECK(write_pieces(path, p) == DRGEN_OK && st_open(&f, path, err) == DRGEN_OK);
    return f ? dataset_record_open(r, f, &widths, err) : DRGEN_ERR_IO;
}

TEST(dataset_songs_are_checked_to_the_last_number)
{
    static const struct {
        int at;
        piece p;
        const char *says;
    } cases[] = {
        {MEAN, {NULL}, "mean"},
        {PSTYLE, {NULL}, "style"},
        {SECONDS, {NULL}, "line_seconds"},
        {START, {NULL}, "line_start"},
        {TOKENS, {NULL}, "tokens"},
        {MEAN, {"mean", ST_F32, {4, LATENT + 1}, 2, zeros}, "mean"},
        {MEAN, {"mean", ST_F32, {0, LATENT}, 2, zeros}, "0 frames"},
        {MEAN, {"mean", ST_F32, {4 * LATENT}, 1, zeros}, "mean"},
        {MEAN, {"mean", ST_I32, {4, LATENT}, 2, zeros}, "F32"},
        {SCALE, {"scale", ST_F32, {3, LATENT}, 2, zeros}, "scale"},
        {PSTYLE, {"style", ST_F32, {STYLE + 1}, 1, zeros}, "style"},
        {PSTYLE, {"style", ST_F32, {STYLE}, 1, style_nan}, "finite"},
        {SECONDS, {"line_seconds", ST_F64, {2}, 1, seconds_nan}, "line 1"},
        {SECONDS, {"line_seconds", ST_F64, {2}, 1, seconds_minus}, "line 0"},
        {SECONDS, {"line_seconds", ST_F64, {1}, 1, seconds_ok}, "line_start"},
        {SECONDS, {"line_seconds", ST_F32, {2}, 1, zeros}, "F64"},
        {START, {"line_start", ST_I32, {2}, 1, starts_ok}, "line_start"},
        {START, {"line_start", ST_I32, {3}, 1, starts_back}, "line_start"},
        {START, {"line_start", ST_I32, {3}, 1, starts_far}, "span"},
        {START, {"line_start", ST_I32, {3}, 1, starts_late}, "span"},
        {START, {"line_start", ST_I32, {3}, 1, starts_minus}, "line_start"},
        {TOKENS, {"tokens", ST_I32, {2}, 1, tokens_ok}, "span"},
        {TOKENS, {"tokens", ST_I32, {3}, 1, tokens_zero}, "token 1"},
        {TOKENS, {"tokens", ST_I32, {3}, 1, tokens_big}, "token 1"},
    };
    char dir[256];
    dataset_record r;
    drgen_err err = {0};
    CHECK(scratch_make(dir));
    const char *path = scratch_path(dir, "song.safetensors");
    CHECKF(open_pieces(path, whole, &r, &err) == DRGEN_OK && dataset_record_look(&r, &widths, &err) == DRGEN_OK, "%s",
           err.message);
    CHECK(r.song.frames == 4 && r.song.line_count == 2 && r.song.lines[1].ids[0] == 3 && r.max_id == 3);
    dataset_record_close(&r);
    for (size_t i = 0; i < COUNT(cases); i++) {
        piece p[PIECES];
        memcpy(p, whole, sizeof p);
        p[cases[i].at] = cases[i].p;
        err = (drgen_err){0};
        CHECKF(open_pieces(path, p, &r, &err) == DRGEN_ERR_FORMAT && strstr(err.message, cases[i].says), "case %zu: %s",
               i, err.message);
    }
    piece p[PIECES];
    memcpy(p, whole, sizeof p);
    p[MEAN].data = mean_nan;
    err = (drgen_err){0};
    CHECK(open_pieces(path, p, &r, &err) == DRGEN_OK && dataset_record_look(&r, &widths, &err) == DRGEN_ERR_FORMAT &&
          strstr(err.message, "value 7"));
    dataset_record_close(&r);
    scratch_remove(dir);
}

TEST(dataset_manifests_are_checked)
{
#define HEAD                                                                                                           \
    "{\"format\":\"drgen-dataset\",\"version\":1,\"latent_dim\":5,\"style_dim\":3,\"hop\":2048,\"rate\":44100}\n"
#define SONG(name, file, frames)                                                                                       \
    "{\"name\":\"" name "\",\"file\":\"" file "\",\"frames\":" frames ",\"lines\":0,\"tokens\":0}\n"
    static const char *const good[] = {HEAD, HEAD "\r\n\n" SONG("a", "songs/a.safetensors", "1"),
                                       HEAD SONG("a", "a..b/..c", "1") SONG("b", "a", "2")};
    static const char *const bad[] = {
        "",
        "\n",
        "[]\n",
        "{\"format\":\"other\"}\n",
        "{\"format\":\"drgen-dataset\"}\n",
        "{\"format\":\"drgen-dataset\",\"version\":2,\"latent_dim\":5,\"style_dim\":3,\"hop\":1,\"rate\":1}\n",
        "{\"format\":\"drgen-dataset\",\"version\":1,\"latent_dim\":0,\"style_dim\":3,\"hop\":1,\"rate\":1}\n",
        HEAD "x\n",
        HEAD "{}\n",
        HEAD SONG("", "a", "1"),
        HEAD SONG("a", "", "1"),
        HEAD SONG("a", "/etc/x", "1"),
        HEAD SONG("a", "../x", "1"),
        HEAD SONG("a", "b/../../x", "1"),
        HEAD SONG("a", "b/..", "1"),
        HEAD SONG("a", "b", "0"),
        HEAD SONG("a", "b", "-1"),
        HEAD SONG("a", "b", "1.5"),
        HEAD SONG("a", "b", "1e30"),
        HEAD SONG("a", "b", "\"1\""),
        HEAD SONG("a", "b", "1") SONG("a", "c", "1"),
        HEAD "{\"name\":\"a\"",
    };
    dataset_manifest m;
    for (size_t i = 0; i < COUNT(good); i++) {
        drgen_err err = {0};
        CHECKF(dataset_manifest_read(&m, good[i], strlen(good[i]), "list", &err) == DRGEN_OK && m.count == i &&
                   m.info.latent_dim == 5,
               "%zu: %s", i, err.message);
        dataset_manifest_free(&m);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        drgen_err err = {0};
        CHECKF(dataset_manifest_read(&m, bad[i], strlen(bad[i]), "list", &err) == DRGEN_ERR_FORMAT &&
                   strstr(err.message, "list"),
               "%zu: %s", i, err.message);
        CHECK(!m.entries && m.count == 0);
    }
}

TEST(dataset_folders_that_do_not_fit_are_named)
{
    char dir[256];
    dataset *d;
    dataset_writer *w = NULL;
    made m;
    drgen_err err = {0};
    CHECK(scratch_make(dir));
    CHECK(dataset_open(&d, dir, &err) == DRGEN_ERR_IO && strstr(err.message, "dataset.jsonl"));
    CHECK(dataset_create(&w, dir, &widths, NULL) == DRGEN_OK);
    make_song(&m, "song", 0);
    CHECK(dataset_add(w, &m.add, &widths, NULL) == DRGEN_OK);
    const char *song = scratch_path(dir, "songs/song.safetensors");
    CHECK(write_pieces(song, whole) == DRGEN_OK); /* another song under its name */
    err = (drgen_err){0};
    CHECK(dataset_open(&d, dir, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "dataset.jsonl says 7"));
    CHECK(!dataset_has(w, "song", "abc"));
    CHECK(truncate(song, 300) == 0 && dataset_open(&d, dir, NULL) == DRGEN_ERR_FORMAT &&
          !dataset_has(w, "song", "abc"));
    unlink(song);
    err = (drgen_err){0};
    CHECK(dataset_open(&d, dir, &err) == DRGEN_ERR_IO && strstr(err.message, "song.safetensors"));
    CHECK(dataset_add(w, &m.add, &widths, NULL) == DRGEN_OK &&
          dataset_open(&d, dir, NULL) == DRGEN_OK); /* made again */
    dataset_close(d);
    CHECK(scratch_write(scratch_path(dir, "dataset.jsonl"), HEAD, sizeof HEAD - 1));
    err = (drgen_err){0};
    CHECK(dataset_open(&d, dir, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "without a song"));
    dataset_writer_close(w);
    scratch_remove(dir);
}

TEST(dataset_names_become_file_names)
{
    static const char *const names[] = {"..", "/", "a/b", "a_b", "a|b", "CON:", ".hidden", "x\ny", "日本語の長い名前",
                                        NULL};
    char dir[256], big[400];
    dataset_writer *w = NULL;
    dataset *d = NULL;
    made m;
    size_t n = 0;
    CHECK(scratch_make(dir) && dataset_create(&w, dir, &widths, NULL) == DRGEN_OK);
    memset(big, 'n', 399), big[399] = '\0';
    for (; names[n]; n++) {
        make_song(&m, names[n], 0);
        CHECKF(dataset_add(w, &m.add, &widths, NULL) == DRGEN_OK, "%s", names[n]);
    }
    make_song(&m, big, 0);
    CHECK(dataset_add(w, &m.add, &widths, NULL) == DRGEN_OK);
    CHECK(scratch_count(scratch_path(dir, "songs")) == (int)n + 1 && dataset_open(&d, dir, NULL) == DRGEN_OK &&
          dataset_count(d) == n + 1);
    dataset_close(d);
    dataset_writer_close(w);
    scratch_remove(dir);
}
