/* Sounds to latents, back, and to songs of a dataset, through the public face on a small model. */
#include "drgen.h"
#include "io/safetensors.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "train/dataset.h"
#include "weights_tools/synth.h"

typedef struct {
    char dir[256];
    drgen *g;
    int warnings;
} bench;

static void on_log(int level, const char *line, void *user)
{
    bench *b = user;
    b->warnings += level == DRGEN_LOG_WARNING && strstr(line, "line ") == line;
}

static drgen *open_model(bench *b, const char *model, int threads)
{
    drgen_err err = {0};
    drgen_config c = drgen_config_default();
    c.model_dir = model;
    c.threads = threads;
    c.log = on_log;
    c.log_user = b;
    drgen *g = drgen_open(&c, &err);
    CHECKF(g != NULL, "%s", err.message);
    return g;
}

/* A folder with a model called "m", opened. */
static int begin(bench *b)
{
    drgen_err err = {0};
    synth_model small = synth_model_tiny();
    *b = (bench){0};
    small.dit.max_frames = 100;
    small.dit.depth = 2;
    small.tokenizer = "tests/golden/spm/spm.model";
    int ok = scratch_make(b->dir) && synth_write(scratch_path(b->dir, "m"), &small, &err) == DRGEN_OK;
    CHECKF(ok, "%s", err.message);
    if (ok) b->g = open_model(b, scratch_path(b->dir, "m"), 2);
    return b->g != NULL;
}

static void end(bench *b)
{
    drgen_close(b->g);
    scratch_remove(b->dir);
}

static drgen_audio tone(size_t frames, int rate, int channels)
{
    drgen_audio a = {malloc(frames * (size_t)channels * sizeof(float)), frames, channels, rate};
    for (size_t i = 0; i < frames; i++)
        for (int c = 0; c < channels; c++)
            a.samples[i * (size_t)channels + (size_t)c] =
                0.4f * sinf(6.2831853f * (300.0f + 100.0f * (float)c) * (float)i / (float)rate);
    return a;
}

static int same_latents(const drgen_latents *a, const drgen_latents *b)
{
    size_t bytes = a->frames * (size_t)a->width * sizeof(float);
    return a->frames == b->frames && a->samples == b->samples && a->width == b->width && a->hop == b->hop &&
           a->rate == b->rate && !a->mean == !b->mean && memcmp(a->latent, b->latent, bytes) == 0 &&
           (!a->mean || (memcmp(a->mean, b->mean, bytes) == 0 && memcmp(a->scale, b->scale, bytes) == 0));
}

TEST(latents_are_made_kept_and_turned_back)
{
    bench b;
    if (begin(&b)) {
        drgen_err err = {0};
        drgen_encoding how = drgen_encoding_default();
        drgen_latents a, c;
        drgen_audio x = tone(50 * 2048 + 100, 44100, 2), y;
        CHECKF(drgen_encode(b.g, &x, &how, &a, &err) == DRGEN_OK, "%s", err.message);
        CHECK(a.frames == 51 && a.samples == x.frames && a.width == 64 && a.mean && a.scale); /* the end is kept */
        CHECK(drgen_latents_write(&a, scratch_path(b.dir, "l"), &err) == DRGEN_OK &&
              drgen_latents_read(scratch_path(b.dir, "l"), &c, &err) == DRGEN_OK);
        CHECK(same_latents(&a, &c));
        CHECKF(drgen_decode(b.g, &c, NULL, NULL, &y, &err) == DRGEN_OK && y.frames == x.frames && y.channels == 2 &&
                   y.sample_rate == 44100,
               "%s", err.message);
        drgen_audio_free(&y);
        drgen_latents_free(&c);
        how.seed = 4294967295u;
        CHECK(drgen_encode(b.g, &x, &how, &c, &err) == DRGEN_OK &&
              memcmp(a.mean, c.mean, 51 * 64 * sizeof(float)) == 0);
        CHECK(memcmp(a.latent, c.latent, 51 * 64 * sizeof(float)) != 0); /* another draw of the same */
        CHECK(drgen_latents_draw(&c, 0, &err) == DRGEN_OK && same_latents(&a, &c));
        drgen_latents_free(&c);
        how.mean = 1;
        CHECK(drgen_encode(b.g, &x, &how, &c, &err) == DRGEN_OK && !c.mean &&
              memcmp(a.mean, c.latent, 51 * 64 * sizeof(float)) == 0);
        CHECK(drgen_latents_draw(&c, 0, &err) == DRGEN_ERR_ARG);
        drgen_latents_free(&c);
        drgen *one = open_model(&b, scratch_path(b.dir, "m"), 1);
        how = drgen_encoding_default();
        CHECK(drgen_encode(one, &x, &how, &c, &err) == DRGEN_OK && same_latents(&a, &c)); /* any number of threads */
        drgen_close(one);
        drgen_latents_free(&c);
        how.chunked = 1;
        CHECK(drgen_encode(b.g, &x, &how, &c, &err) == DRGEN_OK && c.frames == 50 && c.samples == 50 * 2048);
        drgen_latents_free(&c);
        drgen_latents_free(&a);
        drgen_audio_free(&x);
    }
    end(&b);
}

TEST(sounds_of_any_rate_and_channels_are_encoded)
{
    bench b;
    if (begin(&b)) {
        static const struct {
            int rate, channels;
        } kinds[] = {{44100, 1}, {48000, 2}, {8000, 1}, {96000, 6}};
        drgen_latents l, two;
        for (size_t k = 0; k < COUNT(kinds); k++) {
            drgen_err err = {0};
            drgen_audio x = tone((size_t)kinds[k].rate / 2, kinds[k].rate, kinds[k].channels);
            CHECKF(drgen_encode(b.g, &x, NULL, &l, &err) == DRGEN_OK && l.samples == 22050 && l.frames == 11,
                   "%d Hz: %s", kinds[k].rate, err.message);
            if (k == 0) { /* mono is both sides */
                drgen_audio both = {malloc(2 * x.frames * sizeof(float)), x.frames, 2, 44100};
                for (size_t i = 0; i < 2 * x.frames; i++) both.samples[i] = x.samples[i / 2];
                CHECK(drgen_encode(b.g, &both, NULL, &two, &err) == DRGEN_OK && same_latents(&l, &two));
                drgen_latents_free(&two);
                drgen_audio_free(&both);
            }
            drgen_latents_free(&l);
            drgen_audio_free(&x);
        }
        drgen_err err = {0};
        drgen_audio x = tone(3000, 44100, 2), few = {x.samples, 2047, 2, 44100};
        CHECK(drgen_encode(b.g, &few, NULL, &l, &err) == DRGEN_ERR_ARG && strstr(err.message, "latent frame") &&
              !l.latent);
        CHECK(drgen_encode(b.g, &(drgen_audio){0}, NULL, &l, &err) == DRGEN_ERR_ARG);
        x.samples[2001] = NAN;
        CHECK(drgen_encode(b.g, &x, NULL, &l, &err) == DRGEN_ERR_ARG && strstr(err.message, "frame 1000"));
        drgen_audio_free(&x);
    }
    end(&b);
}

TEST(latent_files_are_checked)
{
    bench b;
    drgen_err err = {0};
    drgen_latents l;
    float values[12] = {0};
    char dir[256], path[512];
    CHECK(scratch_make(dir));
    snprintf(path, sizeof path, "%s", scratch_path(dir, "x.safetensors"));
    static const struct {
        const char *name;
        int type, dims;
        size_t shape[3];
        const char *says;
    } cases[] = {{"other", ST_F32, 2, {2, 3}, "no tensor"},  {"latent", ST_I32, 2, {2, 3}, "floats"},
                 {"latent", ST_F32, 1, {6}, "floats"},       {"latent", ST_F32, 2, {0, 3}, "floats"},
                 {"latent", ST_F32, 3, {2, 2, 3}, "floats"}, {"latent", ST_F32, 2, {2, 3}, NULL}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        st_writer *w = NULL;
        size_t count = 1;
        for (int d = 0; d < cases[i].dims; d++) count *= cases[i].shape[d];
        err = (drgen_err){0};
        values[4] = cases[i].says ? 0 : INFINITY;
        CHECK(st_create(&w, path, NULL) == DRGEN_OK &&
              st_declare(w, cases[i].name, (st_type)cases[i].type, cases[i].shape, cases[i].dims, NULL) == DRGEN_OK);
        CHECK(st_put(w, values, count * sizeof *values, NULL) == DRGEN_OK && st_finish(w, NULL) == DRGEN_OK);
        CHECKF(drgen_latents_read(path, &l, &err) == DRGEN_ERR_FORMAT &&
                   strstr(err.message, cases[i].says ? cases[i].says : "value 4") && !l.latent,
               "case %zu: %s", i, err.message);
    }
    CHECK(drgen_latents_write(&(drgen_latents){0}, path, &err) == DRGEN_ERR_ARG);
    scratch_remove(dir);
    if (begin(&b)) {
        l = (drgen_latents){.latent = values, .frames = 2, .samples = 4096, .width = 6, .hop = 2048, .rate = 44100};
        drgen_audio x;
        err = (drgen_err){0};
        CHECK(drgen_decode(b.g, &l, NULL, NULL, &x, &err) == DRGEN_ERR_ARG && strstr(err.message, "6 values") &&
              !x.samples);
    }
    end(&b);
}

/* ---- datasets */

static void write_tone(const char *path, double seconds, int rate, int channels, float gain)
{
    drgen_err err = {0};
    drgen_audio a = tone((size_t)(seconds * rate), rate, channels);
    for (size_t i = 0; i < a.frames * (size_t)channels; i++) a.samples[i] *= gain;
    CHECKF(drgen_audio_save(&a, path, NULL, &err) == DRGEN_OK, "%s", err.message);
    drgen_audio_free(&a);
}

static void look_at(const char *dir, size_t songs, size_t tokens)
{
    dataset *d = NULL;
    dataset_song s;
    drgen_err err = {0};
    CHECKF(dataset_open(&d, dir, &err) == DRGEN_OK && dataset_count(d) == songs, "%s", err.message);
    if (!d) return;
    CHECK(dataset_get(d, 0, &s, &err) == DRGEN_OK && s.scale && s.frames == (size_t)(10.5 * 44100) / 2048 &&
          s.line_count == (tokens ? 3 : 0));
    double sum = 0;
    size_t all = 0;
    for (size_t i = 0; i < dataset_get_info(d)->style_dim; i++) sum += (double)s.style[i] * (double)s.style[i];
    for (size_t i = 0; i < s.line_count; i++) all += s.lines[i].count;
    CHECKF(fabs(sum - 1) < 1e-5 && all == tokens, "length %g, %zu tokens", sum, all);
    if (tokens) CHECK(s.lines[1].seconds == 5.5 && s.lines[2].count == 0);
    dataset_close(d);
}

TEST(songs_are_prepared_once)
{
    static const char lyrics[] =
        "[00:01.00]Hello from a very small machine\n[00:05.50]Singing all the day\n[00:08.00]\n[02:00.00]too late\n";
    bench b;
    if (begin(&b)) {
        char sound[512], set[512], quiet[512];
        int already = 1;
        drgen_err err = {0};
        drgen_dataset *d = NULL;
        snprintf(sound, sizeof sound, "%s", scratch_path(b.dir, "a.flac"));
        snprintf(quiet, sizeof quiet, "%s", scratch_path(b.dir, "b.wav"));
        snprintf(set, sizeof set, "%s", scratch_path(b.dir, "set"));
        write_tone(sound, 10.5, 44100, 1, 1);
        CHECKF(drgen_dataset_open(&d, set, b.g, &err) == DRGEN_OK, "%s", err.message);
        drgen_example song = {.name = "a", .audio = sound, .lyrics = lyrics};
        CHECKF(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_OK && !already && b.warnings == 1, "%s, %d",
               err.message, b.warnings);
        look_at(set, 1, 41);
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_OK && already);
        song.styles = &(drgen_style){.prompt = "folk", .weight = 1};
        song.style_count = 1;
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_OK && !already); /* another style is another song */
        song.lyrics = NULL;
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_OK && !already && drgen_dataset_count(d) == 1);
        look_at(set, 1, 0);
        write_tone(sound, 10.6, 44100, 1, 1);
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_OK && !already); /* and so is another sound */
        song.lyrics = "words without times\n";
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_ERR_TEXT && strstr(err.message, "time stamps"));
        song.lyrics = "[00:01.00]\n";
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_ERR_TEXT &&
              strstr(err.message, "no line can be sung"));
        write_tone(quiet, 1, 44100, 2, 0);
        song = (drgen_example){.name = "b", .audio = quiet, .styles = song.styles, .style_count = 1};
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) == DRGEN_ERR_ARG && strstr(err.message, "silent"));
        song.styles = NULL;
        CHECK(drgen_prepare(b.g, d, &song, &already, &err) != DRGEN_OK && drgen_dataset_count(d) == 1);
        drgen_dataset_close(d);
        CHECK(scratch_count(scratch_path(set, "songs")) == 1);
    }
    end(&b);
}

TEST(a_song_as_loud_as_it_may_be)
{
    bench b;
    if (begin(&b)) { /* levels are made equal: a quiet and a loud recording of the same become the same latents */
        drgen_err err = {0};
        drgen_dataset *d = NULL;
        dataset *r = NULL;
        dataset_song one, two;
        char sound[512], set[512];
        const drgen_style folk = {.prompt = "folk", .weight = 1};
        snprintf(set, sizeof set, "%s", scratch_path(b.dir, "set"));
        CHECK(drgen_dataset_open(&d, set, b.g, &err) == DRGEN_OK);
        for (int k = 0; k < 2; k++) {
            snprintf(sound, sizeof sound, "%s", scratch_path(b.dir, k ? "loud.wav" : "quiet.wav"));
            drgen_audio a = tone(22050, 44100, 2);
            for (size_t i = 0; i < 44100; i++) a.samples[i] *= k ? 2.0f : 0.25f;
            CHECK(drgen_audio_save(&a, sound, &(drgen_save){.bits = 32, .quality = -1}, &err) == DRGEN_OK);
            drgen_audio_free(&a);
            drgen_example song = {.name = k ? "loud" : "quiet", .audio = sound, .styles = &folk, .style_count = 1};
            CHECKF(drgen_prepare(b.g, d, &song, NULL, &err) == DRGEN_OK, "%s", err.message);
        }
        drgen_dataset_close(d);
        CHECK(dataset_open(&r, set, &err) == DRGEN_OK && dataset_get(r, 0, &one, &err) == DRGEN_OK &&
              dataset_get(r, 1, &two, &err) == DRGEN_OK);
        for (size_t i = 0; r && i < one.frames * 64; i++)
            CHECKF(fabsf(one.mean[i] - two.mean[i]) < 1e-4f, "value %zu", i);
        dataset_close(r);
    }
    end(&b);
}

TEST(a_model_without_encoder_says_so)
{
    bench b;
    if (begin(&b)) {
        drgen_err err = {0};
        drgen_latents l;
        char path[512], text[16384];
        drgen_audio x = tone(4096, 44100, 2);
        snprintf(path, sizeof path, "%s", scratch_path(b.dir, "m/model.json"));
        FILE *f = fopen(path, "rb");
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
        if (f) fclose(f);
        text[n] = '\0';
        char *at = strstr(text, "\"has_encoder\"");
        char *value = at ? strpbrk(at + 13, "1t") : NULL;
        CHECKF(value != NULL, "%s", at ? at : "no has_encoder");
        if (value && *value == '1') *value = '0';
        else if (value) memcpy(value, "null", 4);
        CHECK(scratch_write(path, text, n));
        drgen *g = open_model(&b, scratch_path(b.dir, "m"), 1);
        CHECK(g && !drgen_get_info(g).has_encoder && drgen_get_info(b.g).has_encoder);
        CHECKF(g && drgen_encode(g, &x, NULL, &l, &err) == DRGEN_ERR_MODEL && strstr(err.message, "--vae"), "%s",
               err.message);
        drgen_close(g);
        drgen_audio_free(&x);
    }
    end(&b);
}
