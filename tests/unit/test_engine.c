/* The engine through its public face, on a small model of songs of up to 4 s: determinism, cancelling, memory, damaged
 * weights, bad texts. */
#include "drgen.h"
#include "io/npy.h"
#include "io/safetensors.h"
#include "tests/t.h"
#include "weights_tools/synth.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct {
    char dir[64];
    drgen *g;
} model;

static const char *const parts[] = {"model.json", "dit.safetensors", "vae.safetensors", "mulan.safetensors",
                                    "tokenizer.model"};

static int model_make_variant(model *m, int full)
{
    drgen_err err = {0};
    synth_model small = synth_model_tiny();
    small.dit.duration_embed = full;
    small.dit.max_frames = 100;
    small.dit.depth = 2;
    small.tokenizer = "tests/golden/spm/spm.model";
    *m = (model){.dir = "/tmp/drgen-engine-XXXXXX"};
    int ok = mkdtemp(m->dir) && synth_write(m->dir, &small, &err) == DRGEN_OK;
    CHECKF(ok, "%s: %s", m->dir, err.message);
    return ok;
}

static int model_make(model *m)
{
    return model_make_variant(m, 0);
}

static drgen *model_open(const model *m, int threads, drgen_log log, void *user)
{
    drgen_err err = {0};
    drgen_config c = drgen_config_default();
    c.model_dir = m->dir;
    c.threads = threads;
    c.log = log;
    c.log_user = user;
    drgen *g = drgen_open(&c, &err);
    CHECKF(g != NULL, "%s", err.message);
    return g;
}

static void model_remove(model *m)
{
    for (size_t i = 0; i < COUNT(parts); i++) {
        char *path = file_join(m->dir, parts[i]);
        unlink(path);
        free(path);
    }
    rmdir(m->dir);
}

/* Overwrites a tensor's bytes in place. */
static void model_damage(const model *m, const char *part, const char *tensor, int byte)
{
    char *path = file_join(m->dir, part);
    st_file *f = NULL;
    CHECK(st_open(&f, path, NULL) == DRGEN_OK);
    const st_tensor *t = f ? st_find(f, tensor) : NULL;
    CHECKF(t != NULL, "no %s", tensor);
    if (t) {
        size_t size = t->count * st_type_size(t->type);
        long at = (long)((const char *)t->data - (const char *)st_data(f));
        void *bytes = malloc(size);
        memset(bytes, byte, size);
        FILE *out = fopen(path, "r+b");
        CHECK(out && fseek(out, at, SEEK_SET) == 0 && fwrite(bytes, 1, size, out) == size);
        if (out) fclose(out);
        free(bytes);
    }
    st_close(f);
    free(path);
}

/* Songs without words when there is nothing to read words with. */
#ifdef WITH_ESPEAK
#define WORDS(text) (text)
#else
#define WORDS(text) NULL
#endif

static drgen_song quick(void)
{
    drgen_song s = drgen_song_default();
    s.prompt = "folk, acoustic guitar";
    s.seconds = 1;
    s.steps = 3;
    s.seed = 5;
    return s;
}

static int same(const drgen_audio *a, const drgen_audio *b)
{
    size_t n = a->frames * (size_t)a->channels;
    return a->frames == b->frames && memcmp(a->samples, b->samples, n * sizeof *a->samples) == 0;
}

TEST(engine_same_seed_same_song_on_any_threads)
{
    model m;
    if (!model_make(&m)) return;
    drgen *one = model_open(&m, 1, NULL, NULL), *two = model_open(&m, 2, NULL, NULL);
    drgen_song s = quick();
    s.lyrics = WORDS("[00:00.20]one two three\n");
    drgen_audio a = {0}, b = {0}, c = {0};
    drgen_err err = {0};
    CHECKF(drgen_generate(one, &s, &a, &err) == DRGEN_OK, "%s", err.message);
    CHECKF(drgen_generate(two, &s, &b, &err) == DRGEN_OK, "%s", err.message);
    s.seed = 6;
    CHECKF(drgen_generate(two, &s, &c, &err) == DRGEN_OK, "%s", err.message);
    CHECK(a.frames == 21u * 2048u && a.channels == 2 && a.sample_rate == 44100);
    if (a.samples && b.samples && c.samples) {
        CHECK(same(&a, &b));
        CHECK(!same(&b, &c));
        float peak = 0;
        for (size_t i = 0; i < 2 * a.frames; i++) peak = fabsf(a.samples[i]) > peak ? fabsf(a.samples[i]) : peak;
        CHECKF(peak == 1.0f, "peak %g", (double)peak);
    }
    drgen_audio_free(&a);
    drgen_audio_free(&b);
    drgen_audio_free(&c);
    drgen_close(one);
    drgen_close(two);
    model_remove(&m);
}

/* The whole way from words to samples, against an independent computation in PyTorch of the same made-up model: text
 * tower, tokens on the grid, noise, both branches, guidance, decoder, peak. Every 2750th sample from the 17th on, left
 * and right by turns. */
TEST(engine_song_equals_reference)
{
#ifndef WITH_ESPEAK
    t_skip("built without espeak-ng");
    return;
#endif
    static const float want[2][32] = {
        {0.094580f, 0.021948f, -0.160818f, 0.331883f, -0.036480f, 0.106637f, -0.250123f, 0.210415f,
         -0.126166f, 0.184530f, 0.015108f, -0.039032f, -0.080573f, 0.051175f, 0.248662f, 0.293988f,
         -0.009477f, 0.305795f, 0.175946f, 0.103486f, 0.031269f, 0.034753f, 0.159006f, 0.268430f,
         -0.129723f, 0.293116f, 0.046027f, 0.040642f, 0.070696f, 0.025499f, 0.120080f, 0.000806f},
        {0.071349f, 0.169744f, -0.107960f, 0.355444f, -0.183962f, 0.045258f, -0.016331f, 0.330768f,
         -0.118438f, 0.219580f, -0.049784f, 0.107524f, -0.051998f, 0.091661f, 0.167220f, 0.106036f,
         0.059431f, 0.168296f, 0.100363f, 0.103170f, 0.011676f, 0.101135f, 0.059781f, 0.357495f,
         -0.112659f, 0.207819f, -0.009158f, -0.086312f, 0.077468f, 0.067772f, 0.107232f, 0.030964f}};
    for (int full = 0; full < 2; full++) {
        model m;
        if (!model_make_variant(&m, full)) return;
        drgen *g = model_open(&m, 2, NULL, NULL);
        drgen_song s = quick();
        s.seconds = 2;
        s.lyrics = "[00:00.20]one two three\n";
        drgen_audio out = {0};
        drgen_err err = {0};
        CHECKF(drgen_generate(g, &s, &out, &err) == DRGEN_OK, "%s", err.message);
        for (size_t i = 0; out.samples && i < 32; i++) {
            float got = out.samples[2 * (17 + 2750 * i) + i % 2];
            CHECKF(fabsf(got - want[full][i]) < 2e-5f, "full %d, sample %zu: %.6f, want %.6f", full, i, (double)got,
                   (double)want[full][i]);
        }
        drgen_audio_free(&out);
        drgen_close(g);
        model_remove(&m);
    }
}

/* Style vectors reach the model in half precision, as in the original; the negative one counts too. */
TEST(engine_styles_are_rounded_to_half)
{
    model m;
    if (!model_make(&m)) return;
    drgen *g = model_open(&m, 2, NULL, NULL);
    float v[3][64];
    char path[3][96];
    drgen_audio out[4] = {0};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 64; k++) v[i][k] = 0.125f + (i == 1 ? 1e-6f : 0.0f) + (i == 2 ? 0.01f : 0.0f);
        snprintf(path[i], sizeof path[i], "%s/style%d.npy", m.dir, i);
        CHECK(npy_write_vector(path[i], v[i], 64, NULL) == DRGEN_OK);
    }
    for (int i = 0; i < 4; i++) {
        drgen_song s = quick();
        drgen_err err = {0};
        s.prompt = NULL;
        s.style_file = path[i < 3 ? i : 0];
        s.negative_file = i == 3 ? path[2] : NULL;
        CHECKF(drgen_generate(g, &s, &out[i], &err) == DRGEN_OK, "%s", err.message);
    }
    CHECK(same(&out[0], &out[1]));
    CHECK(!same(&out[0], &out[2]));
    CHECK(!same(&out[0], &out[3]));
    for (int i = 0; i < 4; i++) drgen_audio_free(&out[i]);
    for (int i = 0; i < 3; i++) unlink(path[i]);
    drgen_close(g);
    model_remove(&m);
}

/* Every input of a song reaches the sound: two songs that differ in one field differ. */
TEST(engine_every_field_counts)
{
    model m;
    if (!model_make(&m)) return;
    drgen *g = model_open(&m, 2, NULL, NULL);
    enum { SONGS = 9 };
    drgen_audio out[SONGS] = {0};
    for (int i = 0; i < SONGS; i++) {
        drgen_song s = quick();
        if (i == 1) s.lyrics = WORDS("[00:00.20]one two three\n");
        if (i == 2) s.lyrics = WORDS("[00:00.40]one two three\n");
        if (i <= 2 && i > 0 && !s.lyrics) s.seed += (uint64_t)i;
        if (i == 3) s.prompt = "loud brass band";
        if (i == 4) s.guidance = 0;
        if (i == 5) s.steps = 4;
        if (i == 6) s.sway = -1;
        if (i == 7) s.half_tables = 1;
        if (i == 8) s.guidance_from = 0.1f;
        drgen_err err = {0};
        CHECKF(drgen_generate(g, &s, &out[i], &err) == DRGEN_OK, "%d: %s", i, err.message);
    }
    for (int i = 0; i < SONGS; i++)
        for (int k = 0; k < i; k++) CHECKF(!same(&out[i], &out[k]), "songs %d and %d are the same", i, k);
    for (int i = 0; i < SONGS; i++) drgen_audio_free(&out[i]);
    drgen_close(g);
    model_remove(&m);
}

/* Shortcuts change only what they are asked to, and say what they saved. */
TEST(engine_takes_shortcuts_only_when_asked)
{
    static const struct {
        float guidance, from, to, cache;
        int done, saved, sound; /* the same number: the same sound */
    } cases[] = {
        {4, 0, 1, 0, 10, 0, 1},           /* five updates at 0, 0.2 ... 0.8 */
        {4, 0.3f, 0.7f, 0, 7, 3, 2},
        {4, 0, 1, 100, 6, 4, 3},          /* the first two and the last */
        {4, 0, 1, 1e-6f, 10, 0, 1},
        {0, 0, 1, 0, 5, 0, 4},
        {4, 0.45f, 0.55f, 0, 5, 5, 4},    /* no step is guided */
        {0, 0.45f, 0.55f, 0, 5, 0, 4},
    };
    model m;
    if (!model_make(&m)) return;
    drgen *g = model_open(&m, 2, NULL, NULL);
    drgen_audio out[COUNT(cases)] = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        drgen_song s = quick();
        drgen_err err = {0};
        s.steps = 6;
        s.guidance = cases[i].guidance, s.guidance_from = cases[i].from, s.guidance_to = cases[i].to, s.cache = cases[i].cache;
        size_t needed = drgen_memory_needed(g, &s, &err);
        CHECKF(drgen_generate(g, &s, &out[i], &err) == DRGEN_OK, "%zu: %s", i, err.message);
        drgen_report r = drgen_last_report(g);
        CHECKF(r.evaluations == cases[i].done && r.evaluations_saved == cases[i].saved && r.work_bytes == needed,
               "%zu: %d done, %d saved", i, r.evaluations, r.evaluations_saved);
        for (size_t k = 0; k < i; k++)
            CHECKF(same(&out[i], &out[k]) == (cases[i].sound == cases[k].sound), "songs %zu and %zu", i, k);
    }
    for (size_t i = 0; i < COUNT(cases); i++) drgen_audio_free(&out[i]);
    drgen_close(g);
    model_remove(&m);
}

typedef struct {
    drgen_phase at;
    int done, calls, after;
} stopper;

static int stop_at(drgen_phase phase, int done, int total, void *user)
{
    stopper *s = user;
    CHECK(done >= 0 && done <= total);
    s->calls++;
    if (s->after) s->after++;
    if (phase == s->at && done >= s->done) s->after = 1;
    return s->after != 0;
}

TEST(engine_stops_where_it_is_told_and_goes_on_afterwards)
{
    static const stopper places[] = {
        {DRGEN_TEXT, 0, 0, 0}, {DRGEN_STYLE, 0, 0, 0}, {DRGEN_SAMPLE, 0, 0, 0}, {DRGEN_SAMPLE, 1, 0, 0},
        {DRGEN_DECODE, 1, 0, 0},
    };
    model m;
    if (!model_make(&m)) return;
    drgen *g = model_open(&m, 2, NULL, NULL);
    for (size_t i = 0; i < COUNT(places); i++) {
        stopper s = places[i];
        drgen_song song = quick();
        song.progress = stop_at;
        song.progress_user = &s;
        drgen_audio out = {0};
        drgen_err err = {0};
        CHECKF(drgen_generate(g, &song, &out, &err) == DRGEN_ERR_CANCELLED, "phase %d: %s", (int)s.at, err.message);
        CHECK(!out.samples && err.code == DRGEN_ERR_CANCELLED);
        CHECKF(s.after == 1, "phase %d: %d calls after the one that said stop", (int)s.at, s.after - 1);
    }
    drgen_song song = quick();
    drgen_audio out = {0};
    CHECK(drgen_generate(g, &song, &out, NULL) == DRGEN_OK);
    drgen_audio_free(&out);
    drgen_close(g);
    model_remove(&m);
}

TEST(engine_measures_the_memory_it_uses)
{
    model m;
    if (!model_make(&m)) return;
    drgen *g = model_open(&m, 1, NULL, NULL);
    drgen_song s = quick();
    drgen_err err = {0};
    size_t guided = drgen_memory_needed(g, &s, &err);
    s.guidance = 0;
    size_t plain = drgen_memory_needed(g, &s, &err);
    CHECK(plain > 0 && guided >= plain);
    drgen_audio out = {0};
    CHECKF(drgen_generate(g, &s, &out, &err) == DRGEN_OK, "%s", err.message);
    drgen_report r = drgen_last_report(g);
    CHECKF(r.work_bytes == plain, "%zu said, %zu used", plain, r.work_bytes);
    CHECK(r.evaluations == 2 && r.frames == 21);
    drgen_audio_free(&out);
    s.steps = 1;
    CHECK(drgen_memory_needed(g, &s, &err) == 0 && strstr(err.message, "steps"));
    drgen_close(g);
    model_remove(&m);
}

static void count_lines(int level, const char *line, void *user)
{
    int *count = user;
    if (level == DRGEN_LOG_WARNING && strncmp(line, "line ", 5) == 0) ++*count;
}

/* Everything that can be wrong with the texts of a song comes back as one line, and the handle lives on. */
TEST(engine_refuses_bad_texts)
{
#ifndef WITH_ESPEAK
    t_skip("built without espeak-ng");
    return;
#endif
    static const struct {
        const char *lyrics, *prompt;
        drgen_status code;
        const char *says;
    } bad[] = {
        {NULL, "  ", DRGEN_ERR_TEXT, "empty"},
        {"", "folk", DRGEN_ERR_TEXT, "no line can be sung"},
        {"[ti:a title]\n[xx:yy]not a time\n", "folk", DRGEN_ERR_TEXT, "no line can be sung"},
        {"[00:01.00]\xec\x95\x88\xeb\x85\x95\n", "folk", DRGEN_ERR_TEXT, "Hangul"},
        {"[00:01.00]fine\n[00:02.00]\xff\xfe\n", "folk", DRGEN_ERR_TEXT, ""},
        {"[10:00.00]much too late\n", "folk", DRGEN_ERR_TEXT, "1 s"},
    };
    int warnings = 0;
    model m;
    if (!model_make(&m)) return;
    drgen *g = model_open(&m, 1, count_lines, &warnings);
    for (size_t i = 0; i < COUNT(bad); i++) {
        drgen_song s = quick();
        s.lyrics = bad[i].lyrics;
        s.prompt = bad[i].prompt;
        drgen_audio out = {0};
        drgen_err err = {0};
        drgen_status status = drgen_generate(g, &s, &out, &err);
        CHECKF(status == bad[i].code && strstr(err.message, bad[i].says) && !strchr(err.message, '\n'), "%zu: %d \"%s\"",
               i, (int)status, err.message);
        CHECK(!out.samples);
    }
    CHECK(warnings > 0);
    char *prompt = malloc(4001);
    for (int i = 0; i < 4000; i++) prompt[i] = i % 2 ? ' ' : 'x';
    prompt[4000] = '\0';
    drgen_song s = quick();
    s.prompt = prompt;
    drgen_audio out = {0};
    drgen_err err = {0};
    CHECK(drgen_generate(g, &s, &out, &err) == DRGEN_ERR_TEXT && strstr(err.message, "512"));
    free(prompt);
    drgen_close(g);
    model_remove(&m);
}

TEST(engine_silence_stays_silence)
{
    model m;
    if (!model_make(&m)) return;
    model_damage(&m, "vae.safetensors", "decoder.layers.7.weight", 0);
    drgen *g = model_open(&m, 1, NULL, NULL);
    drgen_song s = quick();
    drgen_audio out = {0};
    drgen_err err = {0};
    CHECKF(drgen_generate(g, &s, &out, &err) == DRGEN_OK, "%s", err.message);
    size_t loud = 0;
    for (size_t i = 0; out.samples && i < 2 * out.frames; i++) loud += out.samples[i] != 0.0f;
    CHECKF(out.samples && loud == 0, "%zu samples", loud);
    drgen_audio_free(&out);
    drgen_close(g);
    model_remove(&m);
}

/* Bytes 0xff are a NaN in every float type. */
TEST(engine_notices_damaged_weights)
{
    static const struct {
        const char *part, *tensor, *says;
    } bad[] = {{"dit.safetensors", "proj_out.weight", "step 1"},
               {"vae.safetensors", "decoder.layers.7.weight", "decoder"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        model m;
        if (!model_make(&m)) return;
        model_damage(&m, bad[i].part, bad[i].tensor, 0xff);
        drgen *g = model_open(&m, 2, NULL, NULL);
        drgen_song s = quick();
        drgen_audio out = {0};
        drgen_err err = {0};
        CHECKF(drgen_generate(g, &s, &out, &err) == DRGEN_ERR_MODEL && strstr(err.message, bad[i].says), "%s: %s",
               bad[i].part, err.message);
        CHECK(!out.samples);
        drgen_close(g);
        model_remove(&m);
    }
}

TEST(engine_open_names_what_is_missing)
{
    drgen_err err = {0};
    drgen_config c = drgen_config_default();
    c.model_dir = "no such folder";
    CHECK(drgen_open(&c, &err) == NULL && err.code == DRGEN_ERR_IO && strstr(err.message, "no such folder"));
    c.model_dir = "src";
    CHECK(drgen_open(&c, &err) == NULL && strstr(err.message, "model.json"));
    c = drgen_config_default();
    c.threads = -1;
    CHECK(drgen_open(&c, &err) == NULL && strstr(err.message, "threads"));
    CHECK(drgen_open(&c, NULL) == NULL);
    drgen_close(NULL);
    drgen_audio_free(NULL);
}

TEST(engine_writes_only_sound)
{
    drgen_err err = {0};
    drgen_audio none = {0};
    CHECK(drgen_audio_write(&none, "nothing.wav", &err) == DRGEN_ERR_ARG);
}
