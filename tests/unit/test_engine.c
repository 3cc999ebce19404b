/* The engine through its public face, with the model inside the library: determinism, cancelling, memory, recovery. */
#include "drgen.h"
#include "tests/t.h"

#include <stdlib.h>

static drgen *open_with(int threads)
{
    drgen_err err = {0};
    drgen_config c = drgen_config_default();
    c.threads = threads;
    drgen *g = drgen_open(&c, &err);
    CHECKF(g != NULL, "%s", err.message);
    return g;
}

static drgen_song quick(void)
{
    drgen_song s = drgen_song_default();
    s.prompt = "folk, acoustic guitar";
    s.steps = 2;
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
    drgen *one = open_with(1), *two = open_with(2);
    if (!one || !two) return;
    drgen_song s = quick();
    drgen_audio a = {0}, b = {0}, c = {0};
    drgen_err err = {0};
    CHECKF(drgen_generate(one, &s, &a, &err) == DRGEN_OK, "%s", err.message);
    CHECKF(drgen_generate(two, &s, &b, &err) == DRGEN_OK, "%s", err.message);
    s.seed = 6;
    CHECKF(drgen_generate(two, &s, &c, &err) == DRGEN_OK, "%s", err.message);
    CHECK(a.frames == 2048u * 2048u && a.channels == 2 && a.sample_rate == 44100);
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
    drgen *g = open_with(2);
    if (!g) return;
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
    drgen_close(g);
}

TEST(engine_measures_the_memory_it_uses)
{
    drgen *g = open_with(1);
    if (!g) return;
    drgen_song s = quick();
    drgen_err err = {0};
    size_t guided = drgen_memory_needed(g, &s, &err);
    s.guidance = 0;
    size_t plain = drgen_memory_needed(g, &s, &err);
    CHECK(plain > 0 && guided > plain);
    drgen_audio out = {0};
    CHECKF(drgen_generate(g, &s, &out, &err) == DRGEN_OK, "%s", err.message);
    drgen_report r = drgen_last_report(g);
    CHECKF(r.work_bytes == plain, "%zu said, %zu used", plain, r.work_bytes);
    CHECK(r.evaluations == 1 && r.frames == 2048);
    drgen_audio_free(&out);
    s.steps = 0;
    CHECK(drgen_memory_needed(g, &s, &err) == 0 && strstr(err.message, "steps"));
    drgen_close(g);
}

static void count_lines(int level, const char *line, void *user)
{
    int *count = user;
    if (level == DRGEN_LOG_WARNING && strncmp(line, "line ", 5) == 0) ++*count;
}

/* Everything that can be wrong with the texts of a song comes back as one line, and the handle lives on. */
TEST(engine_refuses_bad_texts)
{
    static const struct {
        const char *lyrics, *prompt;
        drgen_status code;
        const char *says;
    } bad[] = {
        {NULL, "  ", DRGEN_ERR_TEXT, "empty"},
        {"", "folk", DRGEN_ERR_TEXT, "no line can be sung"},
        {"no stamp here\n", "folk", DRGEN_ERR_TEXT, "no line can be sung"},
        {"[00:01.00]\xe4\xbd\xa0\xe5\xa5\xbd\n", "folk", DRGEN_ERR_TEXT, "line 1"},
        {"[00:01.00]fine\n[00:02.00]\xff\xfe\n", "folk", DRGEN_ERR_TEXT, ""},
        {"[10:00.00]much too late\n", "folk", DRGEN_ERR_TEXT, "95 s"},
    };
    int warnings = 0;
    drgen_config c = drgen_config_default();
    c.threads = 1;
    c.log = count_lines;
    c.log_user = &warnings;
    drgen *g = drgen_open(&c, NULL);
    CHECK(g != NULL);
    if (!g) return;
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
