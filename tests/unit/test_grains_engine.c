/* Model folders whose autoencoder is made at load: songs, latents and back, memory told and used, wrong sizes. */
#include <stdlib.h>

#include "drgen.h"
#include "io/file.h"
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
