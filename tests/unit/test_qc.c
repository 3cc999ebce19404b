/* Quality control: verdicts on both sides of every bound, and reports that are always JSON. Settings as JSON and back. */
#include <stdlib.h>

#include "drgen.h"
#include "io/json.h"
#include "tests/t.h"

enum { RATE = 44100, SECONDS = 2, FRAMES = RATE * SECONDS };

/* A stereo tone of this amplitude with the right channel turned by degrees and times balance. */
static drgen_audio tone(double amp, double degrees, double balance, double dc)
{
    const double pi = 3.14159265358979323846;
    drgen_audio a = {calloc(2 * FRAMES, sizeof(float)), FRAMES, 2, RATE};
    for (size_t i = 0; i < FRAMES; i++) {
        double t = 2 * pi * 1000 / RATE * (double)i;
        a.samples[2 * i] = (float)(amp * sin(t) + dc);
        a.samples[2 * i + 1] = (float)(amp * balance * sin(t + degrees * pi / 180) + dc);
    }
    return a;
}

static int verdict_with(drgen_audio *a, const char *name, const drgen_qc_options *o)
{
    drgen_qc qc;
    drgen_err err = {0};
    int found = -1, worst = 0;
    CHECKF(drgen_qc_run(a, o, &qc, &err) == DRGEN_OK, "%s", err.message);
    for (int i = 0; i < qc.count; i++) {
        if (strcmp(qc.check[i].name, name) == 0) found = qc.check[i].verdict;
        if (qc.check[i].verdict != DRGEN_SKIP && qc.check[i].verdict > worst) worst = qc.check[i].verdict;
        CHECK(qc.check[i].value[0] && qc.check[i].limit[0]);
    }
    CHECK(worst == qc.verdict);
    CHECKF(found >= 0, "no check '%s'", name);
    return found;
}

static int verdict(drgen_audio a, const char *name)
{
    int v = verdict_with(&a, name, NULL);
    drgen_audio_free(&a);
    return v;
}

TEST(loudness_is_judged_by_its_distance)
{
    /* a 1 kHz tone of amplitude a on both channels has 20 log10(a) LUFS to a hundredth */
    static const struct {
        double lufs;
        int want;
    } cases[] = {{-14, DRGEN_PASS}, {-13.92, DRGEN_PASS}, {-13.85, DRGEN_WARN}, {-14.45, DRGEN_WARN}, {-14.6, DRGEN_FAIL}, {-8, DRGEN_FAIL}};
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECKF(verdict(tone(pow(10, cases[i].lufs / 20), 0, 1, 0), "integrated loudness") == cases[i].want, "%g LUFS", cases[i].lufs);
    drgen_master_report r = {.status = DRGEN_MASTER_LIMITED};
    drgen_qc_options o = drgen_qc_default();
    drgen_audio a = tone(0.4, 0, 1, 0);
    o.master = &r;
    CHECK(verdict_with(&a, "integrated loudness", &o) == DRGEN_WARN);
    o.target = 20 * log10(0.4);
    CHECK(verdict_with(&a, "integrated loudness", &o) == DRGEN_PASS && verdict_with(&a, "streaming target", &o) == DRGEN_WARN);
    drgen_audio_free(&a);
}

TEST(peaks_and_offsets_are_judged)
{
    CHECK(verdict(tone(0.89, 0, 1, 0), "true peak") == DRGEN_PASS);
    CHECK(verdict(tone(0.893, 0, 1, 0), "true peak") == DRGEN_FAIL);
    CHECK(verdict(tone(0.2, 0, 1, 5e-5), "DC") == DRGEN_PASS);
    CHECK(verdict(tone(0.2, 0, 1, 5e-4), "DC") == DRGEN_WARN);
    CHECK(verdict(tone(0.2, 0, 1, 2e-3), "DC") == DRGEN_FAIL);
    drgen_audio a = tone(0.5, 0, 1, 0);
    drgen_qc_options o = drgen_qc_default();
    o.input_clip_runs = 2;
    CHECK(verdict_with(&a, "clipping", NULL) == DRGEN_PASS && verdict_with(&a, "clipping", &o) == DRGEN_WARN);
    a.samples[200] = a.samples[202] = a.samples[204] = 1;
    CHECK(verdict_with(&a, "clipping", &o) == DRGEN_FAIL);
    drgen_audio_free(&a);
    drgen_master_report r = {.clamped = 1};
    o = drgen_qc_default();
    o.master = &r;
    a = tone(0.5, 0, 1, 0);
    CHECK(verdict_with(&a, "clipping", &o) == DRGEN_FAIL);
    drgen_audio_free(&a);
}

TEST(the_image_is_judged)
{
    CHECK(verdict(tone(0.2, 0, 0.95, 0), "stereo balance") == DRGEN_PASS);
    CHECK(verdict(tone(0.2, 0, 0.8, 0), "stereo balance") == DRGEN_WARN);
    CHECK(verdict(tone(0.2, 0, 0.5, 0), "stereo balance") == DRGEN_FAIL);
    CHECK(verdict(tone(0.2, 0, 0, 0), "stereo balance") == DRGEN_FAIL);
    CHECK(verdict(tone(0.2, 75, 1, 0), "correlation") == DRGEN_PASS);
    CHECK(verdict(tone(0.2, 85, 1, 0), "correlation") == DRGEN_WARN);
    CHECK(verdict(tone(0.2, 95, 1, 0), "correlation") == DRGEN_FAIL);
    CHECK(verdict(tone(0.2, 80, 1, 0), "mono loss") == DRGEN_PASS);
    CHECK(verdict(tone(0.2, 100, 1, 0), "mono loss") == DRGEN_WARN);
    CHECK(verdict(tone(0.2, 130, 1, 0), "mono loss") == DRGEN_FAIL);
    CHECK(verdict(tone(0.2, 180, 1, 0), "mono loss") == DRGEN_FAIL);
}

TEST(the_course_is_judged)
{
    drgen_audio a = tone(0.2, 0, 1, 0), silent = tone(0, 0, 1, 0);
    drgen_qc_options o = drgen_qc_default();
    CHECK(verdict_with(&a, "loudness range", NULL) == DRGEN_SKIP); /* under 60 s */
    CHECK(verdict_with(&a, "silence", NULL) == DRGEN_PASS && verdict_with(&silent, "silence", NULL) == DRGEN_FAIL);
    memset(a.samples, 0, (size_t)(1.2 * RATE) * 2 * sizeof(float));
    CHECK(verdict_with(&a, "silence", NULL) == DRGEN_WARN);
    o.planned_frames = FRAMES + 1;
    CHECK(verdict_with(&a, "samples", NULL) == DRGEN_PASS && verdict_with(&a, "samples", &o) == DRGEN_FAIL);
    a.samples[77] = (float)NAN;
    CHECK(verdict_with(&a, "samples", NULL) == DRGEN_FAIL);
    drgen_audio_free(&a);
    drgen_audio_free(&silent);
}

TEST(settings_are_judged)
{
    drgen_song s = drgen_song_default();
    drgen_qc_options o = drgen_qc_default();
    drgen_audio a = tone(0.2, 0, 1, 0);
    o.song = &s;
    s.prompt = "Jazz, Relaxed, Piano, professional studio production";
    CHECK(verdict_with(&a, "generation", &o) == DRGEN_PASS);
    s.steps = 15;
    CHECK(verdict_with(&a, "generation", &o) == DRGEN_WARN);
    s.steps = 32, s.guidance = 6;
    CHECK(verdict_with(&a, "generation", &o) == DRGEN_WARN);
    s.guidance = 1;
    CHECK(verdict_with(&a, "generation", &o) == DRGEN_WARN);
    o.guidance = 1; /* a model that is meant to run so */
    CHECK(verdict_with(&a, "generation", &o) == DRGEN_PASS);
    s.guidance = 4;
    CHECK(verdict_with(&a, "generation", &o) == DRGEN_WARN);
    o.guidance = 4;
    s.guidance = 4, s.prompt = "Jazz, Piano";
    CHECK(verdict_with(&a, "generation", &o) == DRGEN_WARN);
    drgen_audio_free(&a);
}

/* ---- JSON */

static void check_json(const drgen_audio *a, const drgen_qc_options *o)
{
    drgen_qc qc;
    drgen_err err = {0};
    char *text;
    json_doc *doc;
    CHECK(drgen_qc_run(a, o, &qc, &err) == DRGEN_OK && drgen_qc_json(&qc, o, &text, &err) == DRGEN_OK);
    CHECKF(json_parse(&doc, text, strlen(text), "report", &err) == DRGEN_OK, "%s: %s", err.message, text);
    const json_node *root = json_root(doc), *figures = json_get(root, "figures");
    CHECK(json_count(json_get(root, "checks")) == (size_t)qc.count && json_number(json_get(figures, "frames"), -1) == (double)a->frames);
    CHECK(strlen(json_string(json_get(figures, "sha256"), "")) == 64);
    CHECK(!(o && o->master) || json_is_object(json_get(root, "master")));
    json_free(doc);
    free(text);
}

TEST(reports_are_json_whatever_the_sound)
{
    drgen_audio good = tone(0.2, 0, 1, 0), silent = tone(0, 0, 1, 0), odd = tone(0.2, 0, 1, 0), none = {NULL, 0, 1, 8000};
    drgen_master_report r = {.status = DRGEN_MASTER_SILENT, .input_lufs = -INFINITY};
    drgen_qc_options o = drgen_qc_default();
    o.master = &r;
    odd.samples[0] = INFINITY, odd.samples[1] = (float)NAN;
    check_json(&good, NULL);
    check_json(&silent, &o);
    check_json(&odd, &o);
    check_json(&none, NULL);
    drgen_audio_free(&good);
    drgen_audio_free(&silent);
    drgen_audio_free(&odd);
}

TEST(settings_survive_json)
{
    for (int p = 0; drgen_mastering_name(p); p++) {
        drgen_mastering a, b;
        char *one, *two;
        drgen_err err = {0};
        CHECK(drgen_mastering_preset(drgen_mastering_name(p), &a, &err) == DRGEN_OK);
        CHECK(drgen_mastering_preset("r128", &b, &err) == DRGEN_OK);
        a.shaper = "lip5", a.peak[2] = 1.25, a.band[3].ratio = 7.5, a.crossover = DRGEN_CROSSOVER_LR4;
        CHECK(drgen_mastering_json(&a, &one, &err) == DRGEN_OK);
        CHECKF(drgen_mastering_read(&b, one, &err) == DRGEN_OK, "%s", err.message);
        CHECK(drgen_mastering_json(&b, &two, &err) == DRGEN_OK && strcmp(one, two) == 0);
        free(one);
        free(two);
    }
}

TEST(bad_settings_change_nothing)
{
    static const char *const bad[] = {"", "[]", "{\"width\":\"wide\"}", "{\"width\":3}", "{\"peak\":[1,2,3]}", "{\"peak\":1}",
        "{\"band\":[{}]}", "{\"multiband\":0.5}", "{\"bits\":1e30}", "{\"shaper\":\"x\"}", "{\"target\":null}", "{\"split\":[9,8,7]}"};
    drgen_mastering m, before;
    CHECK(drgen_mastering_preset("loud", &m, NULL) == DRGEN_OK);
    memcpy(&before, &m, sizeof m);
    for (size_t i = 0; i < COUNT(bad); i++) {
        drgen_err err = {0};
        CHECKF(drgen_mastering_read(&m, bad[i], &err) != DRGEN_OK && err.message[0], "%s was taken", bad[i]);
        CHECK(memcmp(&before, &m, sizeof m) == 0);
    }
}

TEST(odd_sounds_are_refused_by_name)
{
    float x[20] = {0};
    drgen_audio many = {x, 2, 9, RATE}, slow = {x, 2, 1, 4000};
    drgen_qc qc;
    drgen_err err = {0};
    CHECK(drgen_qc_run(&many, NULL, &qc, &err) == DRGEN_ERR_ARG && strstr(err.message, "9 channels"));
    CHECK(drgen_qc_run(&slow, NULL, &qc, &err) == DRGEN_ERR_ARG && strstr(err.message, "4000"));
}
