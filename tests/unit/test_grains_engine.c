/* Model folders whose autoencoder is made at load: songs, latents and back, memory told and used, wrong sizes. */
#include <math.h>
#include <stdlib.h>

#include "drgen.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "kernels/kern.h"
#include "model/grains.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "weights_tools/synth.h"

/* A folder with a small transformer and no vae.safetensors. */
static int make_folder(char dir[256], const vae_cfg *vae)
{
    drgen_err err = {0};
    modeldir d = {0};
    model_cfg cfg;
    synth_model m = synth_model_tiny();
    m.dit.max_frames = 100;
    m.dit.depth = 1;
    m.tokenizer = "tests/golden/spm/spm.model";
    int ok = scratch_make(dir) && synth_write(dir, &m, &err) == DRGEN_OK &&
             remove(scratch_path(dir, "vae.safetensors")) == 0 &&
             modeldir_open(&d, dir, &err) == DRGEN_OK && config_read(&d, &cfg, &err) == DRGEN_OK;
    CHECKF(ok && cfg.vae.made == CONFIG_STORED, "%s", err.message);
    cfg.vae = *vae;
    modeldir_close(&d);
    /* Writing reads back and refuses what cannot be. */
    ok = ok && pack_model_json(dir, &cfg, &err) == DRGEN_OK && modeldir_open(&d, dir, &err) == DRGEN_OK &&
         config_read(&d, &cfg, &err) == DRGEN_OK;
    CHECKF(ok && cfg.vae.made == CONFIG_GRAINS && cfg.vae.widths[1] == vae->widths[1], "%s", err.message);
    modeldir_close(&d);
    return ok;
}

static drgen *open_folder(const char *dir, drgen_err *err)
{
    drgen_config c = drgen_config_default();
    c.model_dir = dir;
    c.threads = 2;
    return drgen_open(&c, err);
}

static drgen_song quick(void)
{
    drgen_song s = drgen_song_default();
    s.prompt = "folk, acoustic guitar";
    s.seconds = 2;
    s.steps = 2;
    s.seed = 5;
    return s;
}

TEST(grains_folder_makes_songs)
{
    char dir[256];
    drgen_err err = {0};
    vae_cfg vae = grains_config();
    if (!make_folder(dir, &vae)) return;
    drgen *g = open_folder(dir, &err);
    CHECKF(g != NULL, "%s", err.message);
    drgen_song s = quick();
    drgen_audio a = {0}, b = {0}, back = {0};
    drgen_latents l = {0};
    if (g) {
        uint64_t bytes = drgen_get_info(g).weight_bytes;
        CHECK(drgen_get_info(g).has_encoder && bytes > 8000000);
        CHECKF(drgen_generate(g, &s, &a, &err) == DRGEN_OK, "%s", err.message);
        bytes = drgen_get_info(g).weight_bytes;
        CHECKF(drgen_encode(g, &a, NULL, &l, &err) == DRGEN_OK, "%s", err.message); /* the encoder is made now */
        CHECK(drgen_get_info(g).weight_bytes > bytes + 8000000 && l.width == 64 && l.frames == 43);
        bytes = drgen_get_info(g).weight_bytes;
        CHECKF(drgen_decode(g, &l, NULL, NULL, &back, &err) == DRGEN_OK, "%s", err.message);
        CHECK(back.frames == a.frames);
        /* The tensors outlive what a phase drops. */
        CHECKF(drgen_generate(g, &s, &b, &err) == DRGEN_OK, "%s", err.message);
        CHECK(drgen_get_info(g).weight_bytes == bytes);
        CHECK(a.frames == 43u * 2048u && b.frames == a.frames);
        CHECK(memcmp(a.samples, b.samples, 2 * a.frames * sizeof *a.samples) == 0);
    }
    drgen_audio_free(&a), drgen_audio_free(&b), drgen_audio_free(&back);
    drgen_latents_free(&l);
    drgen_close(g);
    scratch_remove(dir);
}

/* model.json with one piece of text in place of another. */
static void edit(const char *dir, const char *from, const char *to)
{
    file_bytes f;
    CHECK(file_map(&f, scratch_path(dir, "model.json"), 1 << 20, NULL) == DRGEN_OK);
    char *text = calloc(1, f.size + strlen(to) + 1), *copy = strndup((const char *)f.data, f.size), *at = strstr(copy, from);
    CHECKF(at != NULL, "no %s", from);
    if (at) {
        *at = 0;
        sprintf(text, "%s%s%s", copy, to, at + strlen(from));
        file_close(&f);
        CHECK(scratch_write(scratch_path(dir, "model.json"), text, strlen(text)));
    }
    free(text);
    free(copy);
}

TEST(grains_folder_refused)
{
    char dir[256];
    drgen_err err = {0};
    vae_cfg vae = grains_config();
    if (!make_folder(dir, &vae)) return;
    edit(dir, "\"widths\": [3, 163]", "\"widths\": [3, 164]");
    CHECK(!open_folder(dir, &err) && err.code == DRGEN_ERR_MODEL);
    CHECKF(strstr(err.message, "grains") && strstr(err.message, dir), "%s", err.message);
    edit(dir, "\"made\": \"grains\"", "\"made\": \"sand\"");
    err = (drgen_err){0};
    CHECK(!open_folder(dir, &err) && err.code == DRGEN_ERR_FORMAT && strstr(err.message, "made"));
    edit(dir, ", \"made\": \"sand\"", "");
    err = (drgen_err){0};
    CHECK(!open_folder(dir, &err) && err.code == DRGEN_ERR_IO && strstr(err.message, "vae.safetensors"));
    scratch_remove(dir);
}

/* ---- songs as drgen leaves them, back to latents */

enum { SONG = 320 /* frames */, WIDTH = 64, TAIL = 4 /* frames whose sounds the end cuts off */ };

/* Latents of a song of the golden file; its rolls are 0 and 1. */
static drgen_latents golden_song(size_t song)
{
    st_file *f = NULL;
    drgen_latents l = {.frames = SONG, .samples = SONG * 2048, .width = WIDTH, .hop = 2048, .rate = 44100};
    const st_tensor *t = st_open(&f, "tests/golden/nano/grains.safetensors", NULL) == DRGEN_OK ? st_find(f, "rolls") : NULL;
    CHECK(t != NULL);
    l.latent = calloc(SONG * WIDTH, sizeof *l.latent);
    for (size_t i = 0, at = song * SONG * WIDTH; t && i < SONG * WIDTH; i++, at++)
        l.latent[i] = (float)(GRAINS_SCALE * ((((const uint8_t *)t->data)[at / 8] >> at % 8 & 1) - GRAINS_OFFSET));
    st_close(f);
    return l;
}

static int is_on(const drgen_latents *l, size_t i)
{
    return (double)l->latent[i] / GRAINS_SCALE + GRAINS_OFFSET > 0.5;
}

/* How far a is above the rest of b, the best factor applied: dB. */
static double likeness(const drgen_audio *a, const drgen_audio *b)
{
    double aa = 0, ab = 0, bb = 0;
    for (size_t i = 0; i < 2 * (a->frames - TAIL * 2048); i++) {
        double x = (double)a->samples[i], y = (double)b->samples[i];
        aa += x * x, ab += x * y, bb += y * y;
    }
    return 10 * log10(aa / (aa - ab * ab / bb + 1e-12 * aa));
}

/* Encodes and decodes sound, which was made from `from` as `original`; at most `wrong` cells, at least `db` alike. */
static void expect_back(drgen *g, const char *what, const drgen_audio *sound, const drgen_latents *from,
                        const drgen_audio *original, size_t wrong, double db)
{
    drgen_err err = {0};
    drgen_latents l = {0};
    drgen_audio back = {0};
    size_t off = 0;
    CHECKF(drgen_encode(g, sound, NULL, &l, &err) == DRGEN_OK && l.frames == SONG, "%s: %s", what, err.message);
    for (size_t i = 0; l.latent && i < (SONG - TAIL) * WIDTH; i++) off += is_on(&l, i) != is_on(from, i);
    CHECKF(off <= wrong, "%s: %zu cells of %d wrong", what, off, (SONG - TAIL) * WIDTH);
    CHECKF(drgen_decode(g, &l, NULL, NULL, &back, &err) == DRGEN_OK, "%s: %s", what, err.message);
    if (back.samples) CHECKF(likeness(original, &back) >= db, "%s: %.1f dB alike", what, likeness(original, &back));
    drgen_latents_free(&l);
    drgen_audio_free(&back);
}

TEST(grains_songs_come_back_at_any_level)
{
    char dir[256];
    drgen_err err = {0};
    vae_cfg vae = grains_config();
    if (!make_folder(dir, &vae)) return;
    drgen *g = open_folder(dir, &err);
    CHECKF(g != NULL, "%s", err.message);
    for (size_t song = 0; g && song < (T_SANITIZED ? 1 : 2); song++) {
        drgen_latents l = golden_song(song);
        drgen_audio own = {0}, louder = {0};
        drgen_mastering m;
        CHECKF(drgen_decode(g, &l, NULL, NULL, &own, &err) == DRGEN_OK, "%s", err.message);
        CHECKF(drgen_decode(g, &l, NULL, NULL, &louder, &err) == DRGEN_OK, "%s", err.message);
        if (own.samples && louder.samples) {
            expect_back(g, "its own level", &own, &l, &own, 2, 30);
            float peak = kern_best()->abs_max(own.samples, 2 * own.frames);
            for (size_t i = 0; i < 2 * own.frames; i++) louder.samples[i] /= peak;
            if (!T_SANITIZED) expect_back(g, "full scale", &louder, &l, &own, 2, 30);
            for (size_t i = 0; i < 2 * own.frames; i++) louder.samples[i] *= 0.1f;
            if (!T_SANITIZED) expect_back(g, "soft", &louder, &l, &own, 2, 30);
            CHECK(drgen_mastering_preset("balanced", &m, &err) == DRGEN_OK);
            CHECKF(drgen_master(&louder, &m, NULL, &err) == DRGEN_OK, "%s", err.message);
            CHECK(likeness(&own, &louder) < 15); /* it is another sound */
            expect_back(g, "mastered", &louder, &l, &own, 60, 15);
        }
        drgen_latents_free(&l);
        drgen_audio_free(&own), drgen_audio_free(&louder);
    }
    drgen_close(g);
    scratch_remove(dir);
}

TEST(grains_encoding_silence_and_scraps)
{
    char dir[256];
    drgen_err err = {0};
    vae_cfg vae = grains_config();
    if (!make_folder(dir, &vae)) return;
    drgen *g = open_folder(dir, &err);
    static float nothing[2 * 2048];
    drgen_audio a = {nothing, 2048, 2, 44100};
    drgen_latents l = {0};
    CHECKF(g && drgen_encode(g, &a, NULL, &l, &err) == DRGEN_OK && l.frames == 1, "%s", err.message);
    for (size_t c = 0; l.latent && c < WIDTH; c++) CHECK(!is_on(&l, c));
    drgen_latents_free(&l);
    drgen_close(g);
    scratch_remove(dir);
}
