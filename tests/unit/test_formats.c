/* Delivery formats: what is written reads back, words in files, recipes, and what each format cannot hold. */
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "drgen.h"
#include "tests/t.h"

enum { FRAMES = 20000 };

typedef struct {
    char dir[32], path[64];
    drgen_audio a;
} room;

static room open_room(int rate)
{
    room r = {.dir = "/tmp/drgen-formats-XXXXXX", .a = {malloc(2 * FRAMES * sizeof(float)), FRAMES, 2, rate}};
    CHECK(mkdtemp(r.dir) != NULL);
    for (int i = 0; i < 2 * FRAMES; i++) r.a.samples[i] = (float)(0.7 * sin(0.01 * i * (1 + i % 2)));
    return r;
}

static void close_room(room *r)
{
    drgen_audio_free(&r->a);
    CHECKF(rmdir(r->dir) == 0, "something was left in %s", r->dir);
}

static int save(room *r, const char *ending, const drgen_save *how, drgen_err *err)
{
    *err = (drgen_err){0};
    snprintf(r->path, sizeof r->path, "%s/a%s", r->dir, ending);
    return drgen_audio_save(&r->a, r->path, how, err) == DRGEN_OK;
}

TEST(lossless_files_read_back_exactly)
{
    static const struct {
        const char *ending;
        int bits;
    } kinds[] = {{".wav", 16}, {".wav", 24}, {".wav", 32}, {".flac", 16}, {".flac", 24}, {".WAV", 0}};
    room r = open_room(44100);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        drgen_save how = drgen_save_default();
        drgen_audio back = {0};
        drgen_err err;
        double steps = kinds[k].bits == 24 ? 8388608 : 32768;
        how.bits = kinds[k].bits;
        /* samples that are steps already, as dither leaves them: nothing may move them */
        for (int i = 0; i < 2 * FRAMES && kinds[k].bits != 32; i++) r.a.samples[i] = (float)(rint((double)r.a.samples[i] * steps) / steps);
        r.a.samples[5] = -1;
        r.a.samples[6] = kinds[k].bits == 32 ? 1.5f : (float)((steps - 1) / steps);
        CHECKF(save(&r, kinds[k].ending, &how, &err), "%s", err.message);
        CHECKF(drgen_audio_read(r.path, &back, &err) == DRGEN_OK, "%s", err.message);
        CHECK(back.frames == FRAMES && back.channels == 2 && back.sample_rate == 44100);
        CHECKF(back.frames == FRAMES && memcmp(back.samples, r.a.samples, 2 * FRAMES * sizeof(float)) == 0, "%s, %d bits",
               kinds[k].ending, kinds[k].bits);
        drgen_audio_free(&back);
        unlink(r.path);
    }
    close_room(&r);
}

TEST(lossy_files_sound_alike)
{
    static const char *const endings[] = {".ogg", ".opus", ".mp3"};
    for (size_t k = 0; k < COUNT(endings); k++) {
        room r = open_room(k == 1 ? 48000 : 44100);
        drgen_audio back = {0};
        drgen_err err;
        if (!save(&r, endings[k], NULL, &err)) {
            CHECKF(k == 2 && err.code == DRGEN_ERR_IO && strstr(err.message, "MP3"), "%s", err.message);
            close_room(&r);
            continue;
        }
        CHECKF(drgen_audio_read(r.path, &back, &err) == DRGEN_OK, "%s", err.message);
        CHECKF(back.channels == 2 && back.frames + 4000 > FRAMES && back.frames < FRAMES + 4000, "%zu frames", back.frames);
        double power = 0, wanted = 0;
        for (size_t i = 0; i < 2 * back.frames; i++) power += (double)back.samples[i] * (double)back.samples[i];
        for (size_t i = 0; i < 2 * FRAMES; i++) wanted += (double)r.a.samples[i] * (double)r.a.samples[i];
        CHECKF(fabs(10 * log10(power / wanted)) < 0.5, "%s: %.2f dB", endings[k], 10 * log10(power / wanted));
        drgen_audio_free(&back);
        unlink(r.path);
        close_room(&r);
    }
}

TEST(words_are_kept_in_every_format)
{
    static const char *const endings[] = {".wav", ".flac", ".ogg", ".opus", ".mp3"};
    for (size_t k = 0; k < COUNT(endings); k++) {
        room r = open_room(k == 3 ? 48000 : 44100);
        drgen_save how = drgen_save_default();
        drgen_audio_info info;
        drgen_err err;
        how.title = "Ein \"Titel\", é 中文";
        how.artist = "Somebody";
        how.recipe = "{\"drgen\":\"0.1.0\",\"recipe\":1,\"lyrics\":\"line\\nline 中\"}";
        if (!save(&r, endings[k], &how, &err)) {
            CHECKF(k == 4, "%s", err.message);
            close_room(&r);
            continue;
        }
        CHECKF(drgen_audio_describe(r.path, &info, &err) == DRGEN_OK, "%s", err.message);
        CHECKF(info.title && strcmp(info.title, how.title) == 0, "%s: title %s", endings[k], info.title ? info.title : "-");
        CHECKF(info.artist && strcmp(info.artist, how.artist) == 0, "%s: artist", endings[k]);
        CHECKF(info.software && strstr(info.software, "drgen"), "%s: software", endings[k]);
        CHECKF(info.recipe && strcmp(info.recipe, how.recipe) == 0, "%s: recipe %s", endings[k], info.recipe ? info.recipe : "-");
        drgen_audio_info_free(&info);
        drgen_audio_info_free(&info);
        unlink(r.path);
        close_room(&r);
    }
}

TEST(what_a_format_cannot_hold_is_said)
{
    room r = open_room(44100);
    drgen_err err;
    drgen_save how = drgen_save_default();
    CHECK(!save(&r, ".opus", NULL, &err) && err.code == DRGEN_ERR_ARG && strstr(err.message, "48000"));
    CHECK(!save(&r, ".aac", NULL, &err) && err.code == DRGEN_ERR_ARG && strstr(err.message, ".flac"));
    CHECK(!save(&r, "", NULL, &err) && err.code == DRGEN_ERR_ARG);
    how.bits = 32;
    CHECK(!save(&r, ".flac", &how, &err) && err.code == DRGEN_ERR_ARG);
    how.bits = 24;
    CHECK(!save(&r, ".ogg", &how, &err) && err.code == DRGEN_ERR_ARG);
    r.a.samples[7] = (float)NAN;
    CHECK(!save(&r, ".wav", NULL, &err) && err.code == DRGEN_ERR_ARG);
    close_room(&r);
}

TEST(files_that_are_no_sound_are_refused)
{
    char path[] = "/tmp/drgen-nosound-XXXXXX";
    int fd = mkstemp(path);
    drgen_audio a;
    drgen_audio_info info;
    drgen_err err = {0};
    CHECK(fd >= 0 && write(fd, "RIFF....WAVEfmt nothing more", 28) == 28);
    close(fd);
    CHECK(drgen_audio_read(path, &a, &err) == DRGEN_ERR_FORMAT && strstr(err.message, path));
    CHECK(drgen_audio_describe(path, &info, NULL) == DRGEN_ERR_FORMAT);
    unlink(path);
    CHECK(drgen_audio_read(path, &a, NULL) == DRGEN_ERR_IO);
}

/* ---- recipes */

static drgen_status read_recipe(const char *text, drgen_recipe **r, drgen_err *err)
{
    *err = (drgen_err){0};
    return drgen_recipe_read(r, text, strlen(text), "test", err);
}

TEST(a_recipe_is_read_with_all_it_says)
{
    drgen_recipe *r;
    drgen_err err;
    const char *text = "{\"file\":\"x\",\"recipe\":{\"drgen\":\"0.1.0\",\"recipe\":1,\"title\":\"T\",\"lyrics\":\"[00:01.00]la\","
                       "\"style\":{\"parts\":[{\"kind\":\"prompt\",\"prompt\":\"folk\",\"weight\":2}]},\"seconds\":95,\"steps\":7,"
                       "\"guidance\":3.5,\"sway\":-0.5,\"seed\":42,\"bpm\":0,\"vocals_only\":false,\"lyrics_compat\":true,"
                       "\"half_tables\":false,\"output\":{\"format\":\"flac\",\"bits\":24},\"master\":{\"width\":1.2},\"more\":[1]}}";
    CHECKF(read_recipe(text, &r, &err) == DRGEN_OK, "%s", err.message);
    if (!r) return;
    const drgen_song *s = drgen_recipe_song(r);
    const drgen_recipe_notes *n = drgen_recipe_get_notes(r);
    CHECK(s->steps == 7 && s->seed == 42 && s->guidance > 3.4f && s->guidance < 3.6f && s->lyrics_compat && !s->vocals_only);
    CHECK(s->lyrics && strcmp(s->lyrics, "[00:01.00]la") == 0 && s->style_count == 1 && strcmp(s->styles[0].prompt, "folk") == 0);
    CHECK(n->bits == 24 && strcmp(n->format, "flac") == 0 && n->master_json && strcmp(n->master_json, "{\"width\":1.2}") == 0);
    drgen_recipe_free(r);
}

TEST(a_recipe_says_how_a_song_was_approximated)
{
    drgen_recipe *r;
    drgen_err err;
    CHECK(read_recipe("{\"drgen\":\"1\",\"recipe\":1,\"style\":{\"parts\":[{\"prompt\":\"folk\"}]}}", &r, &err) == DRGEN_OK);
    const drgen_song *s = r ? drgen_recipe_song(r) : NULL;
    CHECK(s && s->guidance_from == 0.0f && s->guidance_to == 1.0f && s->cache == 0.0f);
    drgen_recipe_free(r);
    CHECK(read_recipe("{\"drgen\":\"1\",\"recipe\":1,\"guidance_from\":0.1,\"guidance_to\":0.9,\"cache\":0.05,"
                      "\"style\":{\"parts\":[{\"prompt\":\"folk\"}]}}", &r, &err) == DRGEN_OK);
    s = r ? drgen_recipe_song(r) : NULL;
    CHECK(s && s->guidance_from == 0.1f && s->guidance_to == 0.9f && s->cache == 0.05f);
    drgen_recipe_free(r);
}

TEST(broken_recipes_are_refused)
{
    static const char *const bad[] = {"", "{", "[]", "{}", "{\"recipe\":null}", "{\"recipe\":{}}", "{\"drgen\":\"1\",\"recipe\":2}",
        "{\"drgen\":\"1\",\"recipe\":1,\"steps\":\"many\"}", "{\"drgen\":\"1\",\"recipe\":1,\"steps\":1e99}",
        "{\"drgen\":\"1\",\"recipe\":1,\"guidance_from\":0.6,\"guidance_to\":0.5}", "{\"drgen\":\"1\",\"recipe\":1,\"cache\":-1}"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        drgen_recipe *r = NULL;
        drgen_err err;
        CHECKF(read_recipe(bad[i], &r, &err) != DRGEN_OK && err.message[0], "%s was taken", bad[i]);
        drgen_recipe_free(r);
    }
}

/* ---- vectors in recipes */

TEST(base64_round_trips_and_refuses_the_rest)
{
    unsigned char data[300], back[300];
    char text[500];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 37 + i / 7);
    for (size_t n = 0; n <= sizeof data; n++) {
        base64_encode(data, n, text);
        CHECK(strlen(text) == base64_length(n) && base64_decode(text, strlen(text), NULL) == n);
        CHECK(base64_decode(text, strlen(text), back) == n && memcmp(data, back, n) == 0);
    }
    static const char *const bad[] = {"A", "AA", "AAA", "A===", "AA=A", "AA==AAAA", "AAA!", "AAAA\n", "=AAA"};
    for (size_t i = 0; i < COUNT(bad); i++) CHECKF(base64_decode(bad[i], strlen(bad[i]), NULL) == SIZE_MAX, "%s was taken", bad[i]);
    base64_encode("light work", 10, text);
    CHECK(strcmp(text, "bGlnaHQgd29yaw==") == 0);
}
