/* The original's prepared songs: lists of tensors and of floats, and what is wrong with damaged ones. */
#include <stdlib.h>

#include "base/rng.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "weights_tools/prepared_pt.h"
#include "weights_tools/source.h"

#define AT "tests/prepared/"

TEST(prepared_lyrics_are_lists)
{
    prepared_lyrics l;
    drgen_err err = {0};
    CHECKF(prepared_lyrics_read(AT "lrc/one.pt", &l, &err) == DRGEN_OK, "%s", err.message);
    static const double seconds[] = {0.5, 3, 10.25}; /* the second is a whole number in the file */
    static const int32_t first[] = {5, 6, 7}, last[] = {363, 2};
    CHECK(l.count == 3);
    for (size_t i = 0; i < l.count; i++)
        CHECKF(l.lines[i].seconds == seconds[i], "line %zu: %g", i, l.lines[i].seconds);
    if (l.count == 3)
        CHECK(l.lines[0].count == 3 && !memcmp(l.lines[0].tokens, first, sizeof first) && l.lines[1].count == 0 &&
              l.lines[2].count == 2 && !memcmp(l.lines[2].tokens, last, sizeof last));
    prepared_lyrics_free(&l);
    CHECK(prepared_lyrics_read(AT "lrc/two.pt", &l, &err) == DRGEN_OK && l.count == 1 &&
          l.lines[0].tokens[1] == 4); /* 64-bit ids */
    prepared_lyrics_free(&l);
    CHECK(prepared_lyrics_read(AT "lrc/uneven.pt", &l, &err) == DRGEN_ERR_FORMAT &&
          strstr(err.message, "line 2 has no tokens"));
    err = (drgen_err){0};
    CHECK(prepared_lyrics_read(AT "lrc/zero.pt", &l, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "token 0 is 0"));
    err = (drgen_err){0};
    CHECK(prepared_lyrics_read(AT "latent/one.pt", &l, &err) == DRGEN_ERR_FORMAT &&
          strstr(err.message, "not the original's lyrics"));
}

TEST(prepared_latents_are_turned)
{
    prepared_floats f;
    drgen_err err = {0};
    CHECKF(prepared_latent(AT "latent/one.pt", &f, &err) == DRGEN_OK && f.rows == 9 && f.cols == 6, "%s", err.message);
    for (size_t t = 0; f.data && t < 9; t++)
        for (size_t c = 0; c < 6; c++) CHECK(f.data[t * 6 + c] == (float)(c * 9 + t) / 8 - 2);
    free(f.data);
    CHECKF(prepared_style(AT "style/one.pt", &f, &err) == DRGEN_OK && f.cols == 8, "%s", err.message);
    double sum = 0;
    for (size_t i = 0; f.data && i < 8; i++) sum += (double)f.data[i] * (double)f.data[i];
    CHECK(fabs(sum - 1) < 1e-6);
    free(f.data);
    CHECK(prepared_latent(AT "lrc/one.pt", &f, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "one tensor"));
    err = (drgen_err){0};
    CHECK(prepared_latent(AT "nothing.pt", &f, &err) == DRGEN_ERR_IO);
}

TEST(prepared_lists_are_read)
{
    prepared_list l;
    drgen_err err = {0};
    char dir[256];
    CHECKF(prepared_list_read(AT "train.scp", &l, &err) == DRGEN_OK && l.count == 3, "%s", err.message);
    if (l.count == 3) {
        CHECK(!strcmp(l.songs[1].name, "two") && !strcmp(l.songs[1].lyrics, "lrc/two.pt") &&
              !strcmp(l.songs[1].latent, "latent/one.pt") && !strcmp(l.songs[1].style, "style/one.pt") &&
              l.songs[1].line == 4);
        char *path = prepared_path(AT "train.scp", l.songs[0].lyrics),
             *none = prepared_path(AT "train.scp", "no/such.pt");
        char *above = prepared_path(AT "lrc/list.scp", "style/one.pt");
        CHECK(path && !strcmp(path, AT "lrc/one.pt") && none && !strcmp(none, "no/such.pt") && above &&
              access(above, F_OK) == 0);
        free(path), free(none), free(above);
    }
    prepared_list_free(&l);
    static const char *const bad[] = {"a|b|c\n", "a|b|c|d|e\n", "a||c|d\n", "|b|c|d\n", "ok|b|c|d\nx\n"};
    CHECK(scratch_make(dir));
    for (size_t i = 0; i < COUNT(bad); i++) {
        err = (drgen_err){0};
        CHECK(scratch_write(scratch_path(dir, "l"), bad[i], strlen(bad[i])));
        CHECKF(prepared_list_read(scratch_path(dir, "l"), &l, &err) == DRGEN_ERR_FORMAT &&
                   strstr(err.message, i == 4 ? "line 2" : "line 1"),
               "%zu: %s", i, err.message);
    }
    CHECK(scratch_write(scratch_path(dir, "l"), " a | b|c |d \r\n", 14) &&
          prepared_list_read(scratch_path(dir, "l"), &l, NULL) == DRGEN_OK);
    CHECK(l.count == 1 && !strcmp(l.songs[0].name, "a") && !strcmp(l.songs[0].lyrics, "b") &&
          !strcmp(l.songs[0].style, "d"));
    prepared_list_free(&l);
    scratch_remove(dir);
}

TEST(prepared_mutations_never_read_outside)
{
    char dir[256];
    file_bytes b;
    uint64_t rng = t_seed;
    CHECK(scratch_make(dir) && file_map(&b, AT "lrc/one.pt", 1 << 20, NULL) == DRGEN_OK);
    uint8_t *m = malloc(b.size);
    for (int k = 0; k < 300; k++) {
        prepared_lyrics l;
        drgen_err err = {0};
        memcpy(m, b.data, b.size);
        for (uint64_t n = 0; n < 1 + rng_split(&rng) % 4; n++) m[rng_split(&rng) % b.size] = (uint8_t)rng_split(&rng);
        CHECK(scratch_write(scratch_path(dir, "m.pt"), m, k % 3 ? b.size : rng_split(&rng) % b.size));
        if (prepared_lyrics_read(scratch_path(dir, "m.pt"), &l, &err) != DRGEN_OK) CHECK(err.message[0] != '\0');
        prepared_lyrics_free(&l);
    }
    free(m);
    file_close(&b);
    scratch_remove(dir);
}
