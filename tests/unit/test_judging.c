/* Songs judged through the public face, on small made-up models. */
#include <stdlib.h>

#include "drgen.h"
#include "nano/compose.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "weights_tools/synth.h"

typedef struct {
    char dir[256];
    drgen *g;
} bench;

static drgen *open_model(const bench *b, int threads)
{
    drgen_err err = {0};
    drgen_config c = drgen_config_default();
    c.model_dir = scratch_path(b->dir, "m");
    c.threads = threads;
    drgen *g = drgen_open(&c, &err);
    CHECKF(g != NULL, "%s", err.message);
    return g;
}

/* A model for songs of 160 frames that takes the keywords' styles. */
static int begin(bench *b)
{
    drgen_err err = {0};
    synth_model small = synth_model_tiny();
    *b = (bench){0};
    small.dit.max_frames = 160;
    small.dit.depth = 2;
    small.dit.cond_dim = small.audio.dim_latent = small.text.dim_latent = 128;
    int ok = scratch_make(b->dir) && synth_write(scratch_path(b->dir, "m"), &small, &err) == DRGEN_OK;
    CHECKF(ok, "%s", err.message);
    if (ok) b->g = open_model(b, 2);
    return b->g != NULL;
}

static void end(bench *b)
{
    drgen_close(b->g);
    scratch_remove(b->dir);
}

static double score(const drgen_judgement *j, const char *name)
{
    for (int i = 0; i < DRGEN_SCORES; i++)
        if (strcmp(j->score[i].name, name) == 0) return j->score[i].value;
    CHECKF(0, "no score called %s", name);
    return NAN;
}

TEST(composer_passes_its_own_judgement)
{
    bench b;
    if (begin(&b)) {
        static const char *const ones[] = {"f1",       "f1_drums", "f1_bass", "f1_plucks", "f1_pads",   "f1_lead",
                "f1_cons", "grid",
                                           "tempo_ok", "genre_ok", "harmony", "lead_prec", "lead_mono", "lead_silent",
                                               "activity"};
        drgen_err err = {0};
        drgen_judgement j;
        drgen_judging how = drgen_judging_default();
        how.composer = 1;
        how.songs = 60;
        how.frames = 160;
        for (how.pairs = DRGEN_PAIRS_HELD_OUT; how.pairs <= DRGEN_PAIRS_ANY; how.pairs++) {
            CHECKF(drgen_judge_model(b.g, &how, &j, &err) == DRGEN_OK, "%s", err.message);
            for (size_t i = 0; i < COUNT(ones); i++)
                CHECKF(fabs(score(&j, ones[i]) - 1) < 1e-6, "pairs %d: %s %g", how.pairs, ones[i], score(&j, ones[i]));
            CHECK(score(&j, "lead_rec") > 0.97); /* a note may fall behind the end */
            CHECK(score(&j, "dev_rms") < 1e-6 && score(&j, "unsure") == 0 && isnan(score(&j, "heard_tempo")));
            CHECK(j.songs == 60 && j.missed == 0);
        }
    }
    end(&b);
}

static int same_scores(const drgen_judgement *a, const drgen_judgement *b)
{
    int same = a->songs == b->songs && a->missed == b->missed;
    for (int i = 0; i < DRGEN_SCORES; i++)
        same &= a->score[i].value == b->score[i].value || (isnan(a->score[i].value) && isnan(b->score[i].value));
    return same;
}

static int stop_at_three(drgen_phase phase, int done, int total, void *user)
{
    (void)phase;
    *(int *)user = total;
    return done >= 3;
}

TEST(made_up_models_miss_their_bars)
{
    bench b;
    if (begin(&b)) {
        drgen_err err = {0};
        drgen_judgement two, one;
        drgen_judging how = drgen_judging_default();
        int total = 0;
        how.songs = T_SANITIZED ? 1 : 3;
        how.steps = 3;
        how.frames = 160;
        how.listen = 1;
        CHECKF(drgen_judge_model(b.g, &how, &two, &err) == DRGEN_OK, "%s", err.message);
        CHECK(two.missed > 0 && score(&two, "f1") < 0.5 && score(&two, "heard_drums") >= 0);
        drgen *g = open_model(&b, 1);
        CHECK(g && drgen_judge_model(g, &how, &one, &err) == DRGEN_OK && same_scores(&one, &two));
            /* any number of threads */
        drgen_close(g);
        how.seed++;
        if (!T_SANITIZED) CHECK(drgen_judge_model(b.g, &how, &one, &err) == DRGEN_OK && !same_scores(&one, &two));
        how.songs = 3;
        how.progress = stop_at_three;
        how.progress_user = &total;
        CHECK(drgen_judge_model(b.g, &how, &one, &err) == DRGEN_ERR_CANCELLED && total == 6);
        how.progress = NULL;
        how.frames = 161;
        CHECK(drgen_judge_model(b.g, &how, &one, &err) == DRGEN_ERR_ARG && strstr(err.message, "161"));
    }
    end(&b);
}

TEST(a_song_is_judged_by_its_prompt)
{
    enum { FRAMES = 150 };
    bench b;
    if (begin(&b)) {
        unsigned char roll[FRAMES * ROLL_WIDTH];
        float latent[FRAMES * ROLL_WIDTH];
        int32_t tokens[FRAMES] = {0};
        token_sounds sounds;
        drgen_err err = {0};
        drgen_judgement j;
        words w;
        words_find("fast funk", &w);
        words_plan plan = words_read(&w);
        compose_sounds(&sounds);
        compose(roll, &plan, (compose_bits){1, 0}, tokens, FRAMES, &sounds, NULL);
        compose_latent(latent, roll, FRAMES * ROLL_WIDTH);
        drgen_latents l = {.latent = latent, .frames = FRAMES, .samples = FRAMES * 2048, .width = 64, .hop = 2048, .rate =
            44100};
        drgen_song song = drgen_song_default();
        song.prompt = "A fast funk song";
        CHECKF(drgen_judge(b.g, &l, &song, &j, &err) == DRGEN_OK && j.missed == 0 && score(&j, "f1") == 1, "%s",
            err.message);
        CHECK(score(&j, "lead_silent") == 1 && isnan(score(&j, "lead_prec")));
        song.lyrics = "[00:01.00]hello my dear old friend\n"; /* that are not in the song */
        CHECKF(drgen_judge(b.g, &l, &song, &j, &err) == DRGEN_OK && score(&j, "lead_rec") == 0, "%s", err.message);
        song.lyrics = NULL;
        song.prompt = "slow reggae";
        CHECK(drgen_judge(b.g, &l, &song, &j, &err) == DRGEN_OK && j.missed > 3 && score(&j, "tempo_ok") == 0 && score(&j,
            "genre_ok") == 0);
        l.width = 32;
        CHECK(drgen_judge(b.g, &l, &song, &j, &err) == DRGEN_ERR_ARG && strstr(err.message, "32 values"));
        l.width = 64;
        song.prompt = NULL;
        CHECK(drgen_judge(b.g, &l, &song, &j, &err) == DRGEN_ERR_ARG);
    }
    end(&b);
}

/* What generate hands out is what it decoded. */
TEST(a_songs_latents_can_be_had)
{
    bench b;
    if (begin(&b)) {
        drgen_err err = {0};
        drgen_latents l = {0};
        drgen_audio song_audio, again;
        drgen_song song = drgen_song_default();
        float style[128] = {1};
        drgen_style part = {.vector = style, .width = 128, .weight = 1};
        song.styles = &part;
        song.style_count = 1;
        song.seconds = 2;
        song.steps = 3;
        song.guidance = 0;
        song.latents = &l;
        CHECKF(drgen_generate(b.g, &song, &song_audio, &err) == DRGEN_OK, "%s", err.message);
        CHECK(l.latent && l.frames * 2048 == song_audio.frames && l.width == 64);
        CHECKF(drgen_decode(b.g, &l, NULL, NULL, &again, &err) == DRGEN_OK && again.frames == song_audio.frames, "%s",
            err.message);
        float peak = 0;
        size_t count = 2 * again.frames, wrong = 0;
        for (size_t i = 0; i < count; i++) peak = fmaxf(peak, fabsf(again.samples[i]));
        for (size_t i = 0; i < count; i++) wrong += again.samples[i] / peak != song_audio.samples[i];
        CHECKF(wrong == 0, "%zu samples differ", wrong);
        drgen_audio_free(&again);
        drgen_audio_free(&song_audio);
        drgen_latents_free(&l);
        song.steps = 1; /* an error leaves none */
        CHECK(drgen_generate(b.g, &song, &song_audio, &err) == DRGEN_ERR_ARG && !l.latent);
    }
    end(&b);
}
