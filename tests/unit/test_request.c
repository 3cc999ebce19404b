/* The rules a song has to keep, without a model. */
#include "pipeline/request.h"
#include "tests/t.h"

static const model_cfg base = {.has_dit = 1, .dit = {.max_frames = 2048}};
static const model_cfg full = {.has_dit = 1, .dit = {.max_frames = 6144, .duration_embed = 1}};

static drgen_song plain(void)
{
    drgen_song s = drgen_song_default();
    s.prompt = "folk";
    return s;
}

TEST(request_defaults)
{
    drgen_song s = plain();
    request r;
    drgen_err err = {0};
    CHECK(request_check(&r, &base, &s, &err) == DRGEN_OK);
    CHECK(r.frames == 2048 && r.seconds == 95.0 && r.branches == 2 && r.duration == 1.0f);
    CHECK(request_check(&r, &full, &s, &err) == DRGEN_OK);
    CHECK(r.frames == 6136 && r.seconds == 285.0 && r.duration == 6136.0f / 6144.0f);
}

TEST(request_takes_what_is_left_open_from_the_model)
{
    model_cfg own = {.has_dit = 1, .dit = {.max_frames = 6200}, .defaults = {.steps = 16, .guidance = 1, .sway = -1, .seconds = 30}};
    drgen_song s = plain();
    request r;
    drgen_err err = {0};
    CHECK(request_check(&r, &base, &s, &err) == DRGEN_OK);
    CHECK(r.song.steps == 32 && r.song.guidance == 4.0f && r.song.sway == 0.0f);
    CHECKF(request_check(&r, &own, &s, &err) == DRGEN_OK, "%s", err.message);
    CHECK(r.song.steps == 16 && r.song.guidance == 1.0f && r.song.sway == -1.0f && r.seconds == 30.0 && r.frames == 645);
    s.steps = 5, s.guidance = 0, s.sway = 0, s.seconds = 285;
    CHECKF(request_check(&r, &own, &s, &err) == DRGEN_OK, "%s", err.message);
    CHECK(r.song.steps == 5 && r.song.guidance == 0.0f && r.song.sway == 0.0f && r.seconds == 285.0 && r.branches == 1);
    own.defaults.seconds = 0;
    s.seconds = 0;
    CHECK(request_check(&r, &own, &s, &err) == DRGEN_OK && r.seconds == 287.0);
}

TEST(request_half_tables_round_the_length)
{
    drgen_song s = plain();
    s.half_tables = 1;
    request r;
    CHECK(request_check(&r, &full, &s, NULL) == DRGEN_OK);
    CHECKF(r.duration == 0.99853515625f, "%.9g", (double)r.duration); /* 6136/6144 as the original feeds it */
}

TEST(request_without_guidance_has_one_branch)
{
    drgen_song s = plain();
    request r;
    s.guidance = 0.0f;
    CHECK(request_check(&r, &base, &s, NULL) == DRGEN_OK && r.branches == 1);
    s.guidance = 1e-6f; /* below the sampler's threshold */
    CHECK(request_check(&r, &base, &s, NULL) == DRGEN_OK && r.branches == 1);
    s.guidance = 1e-5f;
    CHECK(request_check(&r, &base, &s, NULL) == DRGEN_OK && r.branches == 2);
}

TEST(request_lengths)
{
    static const struct {
        const model_cfg *cfg;
        double seconds;
        size_t frames; /* 0: refused */
    } cases[] = {
        {&base, 95, 2048}, {&base, 94, 0},    {&base, 95.5, 0},   {&base, 96, 0},      {&base, -1, 0},
        {&base, NAN, 0},   {&base, 1e300, 0}, {&full, 95, 0},     {&full, 95.999, 0},  {&full, 96, 2067},
        {&full, 150, 3229}, {&full, 285, 6136}, {&full, 286, 0},  {&full, INFINITY, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        drgen_song s = plain();
        request r;
        drgen_err err = {0};
        s.seconds = cases[i].seconds;
        drgen_status status = request_check(&r, cases[i].cfg, &s, &err);
        CHECKF((status == DRGEN_OK) == (cases[i].frames != 0), "%g s: status %d", s.seconds, (int)status);
        if (status == DRGEN_OK) CHECKF(r.frames == cases[i].frames, "%g s: %zu frames", s.seconds, r.frames);
        else CHECKF(status == DRGEN_ERR_ARG && err.message[0], "%g s: status %d", s.seconds, (int)status);
    }
}

static void refused(const drgen_song *s, drgen_status want, const char *says)
{
    request r;
    drgen_err err = {0};
    drgen_status got = request_check(&r, &base, s, &err);
    CHECKF(got == want && strstr(err.message, says), "wanted %d \"%s\", got %d \"%s\"", (int)want, says, (int)got,
           err.message);
}

TEST(request_knows_when_no_step_is_guided)
{
    static const struct {
        float guidance, from, to;
        int branches;
    } cases[] = {{4, 0, 1, 2}, {0, 0, 1, 1}, {4, 0, 0, 2}, {4, 0.5f, 0.5f, 1}, {4, 1, 1, 1}, {4, 0.9f, 1, 2}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        drgen_song s = plain();
        request r;
        s.guidance = cases[i].guidance, s.guidance_from = cases[i].from, s.guidance_to = cases[i].to;
        CHECK(request_check(&r, &base, &s, NULL) == DRGEN_OK);
        CHECKF(r.branches == cases[i].branches, "case %zu: %d branches", i, r.branches);
    }
}

TEST(request_refuses_with_a_way_out)
{
    drgen_song s = plain();
    s.steps = 1;
    refused(&s, DRGEN_ERR_ARG, "2..1000");
    s.steps = 1001;
    refused(&s, DRGEN_ERR_ARG, "2..1000");
    s = plain();
    s.guidance = -1.0f;
    refused(&s, DRGEN_ERR_ARG, "0..100");
    s.guidance = INFINITY;
    refused(&s, DRGEN_ERR_ARG, "0..100");
    s = plain();
    s.sway = -1.5f;
    refused(&s, DRGEN_ERR_ARG, "-1..1");
    static const float intervals[][2] = {{-0.1f, 1}, {0, 1.1f}, {0.6f, 0.5f}, {NAN, 1}, {0, NAN}};
    for (size_t i = 0; i < COUNT(intervals); i++) {
        s = plain();
        s.guidance_from = intervals[i][0], s.guidance_to = intervals[i][1];
        refused(&s, DRGEN_ERR_ARG, "guidance interval");
    }
    static const float thresholds[] = {-0.1f, NAN, INFINITY, 101};
    for (size_t i = 0; i < COUNT(thresholds); i++) {
        s = plain();
        s.cache = thresholds[i];
        refused(&s, DRGEN_ERR_ARG, "cache");
    }
    s = plain();
    s.prompt = NULL;
    refused(&s, DRGEN_ERR_ARG, "prompt");
    s.prompt = "";
    refused(&s, DRGEN_ERR_TEXT, "empty");
    s.prompt = " \t\n";
    refused(&s, DRGEN_ERR_TEXT, "empty");
    s.prompt = "folk";
    s.style_file = "x.npy";
    refused(&s, DRGEN_ERR_ARG, "more than one way");
}
