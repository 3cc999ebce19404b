/* judge.c - songs of the embedded model's kind, judged: one that is there, or many that the model makes for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"
#include "model/cfm.h"
#include "nano/judge.h"
#include "nano/listen.h"
#include "nano/songs.h"
#include "pipeline/conditions.h"
#include "pipeline/residency.h"

_Static_assert((int)DRGEN_SCORES == (int)JUDGE_SCORES, "the library's scores are the judge's");

drgen_judging drgen_judging_default(void)
{
    return (drgen_judging){.songs = 12, .pairs = DRGEN_PAIRS_HELD_OUT, .frames = 512,
                           .steps = 32, .guidance = 1, .sway = -1, .seed = 7};
}

static void hand_out(drgen_judgement *out, const judge_sums *sums, int songs)
{
    *out = (drgen_judgement){.songs = songs};
    for (int i = 0; i < JUDGE_SCORES; i++) {
        const judge_score *s = &judge_table[i];
        double v = judge_mean(sums, i);
        drgen_score *to = &out->score[i];
        *to = (drgen_score){.name = s->name, .value = v, .least = s->least, .most = s->most};
        to->barred = isfinite(s->least) || isfinite(s->most);
        to->missed = v < s->least || v > s->most; /* not for NaN */
        out->missed += to->missed;
    }
}

static drgen_status check_width(const drgen *g, drgen_err *err)
{
    if (g->cfg.dit.mel_dim == ROLL_WIDTH) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_MODEL, "judge: this model's latents have %d values a frame; those it knows have %d",
                    g->cfg.dit.mel_dim, (int)ROLL_WIDTH);
}

/* ---- a song that is there */

/* The length it was asked for in seconds: a whole number where one gives these frames. */
static double length_of(const drgen *g, size_t frames)
{
    double exact = (double)frames * ENGINE_HOP / ENGINE_RATE, tries[] = {95, ceil(exact)};
    for (int i = 0; i < 2; i++) {
        size_t count;
        if (frames_count(g->cfg.dit.max_frames, tries[i], &count, NULL) == DRGEN_OK && count == frames) return tries[i];
    }
    return exact;
}

static drgen_status check_song(const drgen *g, const drgen_latents *l, const drgen_song *song, drgen_err *err)
{
    ERR_TRY(check_width(g, err));
    if (!l->latent || l->frames == 0 || l->frames > INT32_MAX / ENGINE_HOP || l->width != ROLL_WIDTH)
        return err_fail(err, DRGEN_ERR_ARG, "latents: %zu frames of %d values; at least one of %d is wanted", l->frames,
                        l->width, (int)ROLL_WIDTH);
    if (!song->prompt) return err_fail(err, DRGEN_ERR_ARG, "judge: no prompt; the song is judged by its keywords");
    for (size_t i = 0; i < l->frames * ROLL_WIDTH; i++)
        if (!isfinite(l->latent[i])) return err_fail(err, DRGEN_ERR_ARG, "latents: frame %zu is not finite", i / ROLL_WIDTH);
    return DRGEN_OK;
}

drgen_status drgen_judge(drgen *g, const drgen_latents *l, const drgen_song *song, drgen_judgement *out, drgen_err *err)
{
    words w;
    judge_scores scores;
    judge_sums sums = {0};
    token_sounds sounds;
    err_clear(err);
    *out = (drgen_judgement){0};
    ERR_TRY(check_song(g, l, song, err));
    if (!words_find(song->prompt, &w)) engine_log(g, DRGEN_LOG_WARNING, "prompt: no known keyword; judged as Pop, Happy");
    request r = {.song = *song, .frames = l->frames, .seconds = song->seconds > 0 ? song->seconds : length_of(g, l->frames)};
    int32_t *tokens = calloc(l->frames, sizeof *tokens);
    if (!tokens) return err_fail(err, DRGEN_ERR_NOMEM, "judge: out of memory");
    compose_sounds(&sounds);
    drgen_status status = conditions_lyrics(g, &r, tokens, err);
    if (status == DRGEN_OK) status = judge_song(&scores, l->latent, l->frames, &w, tokens, &sounds, err);
    if (status == DRGEN_OK) {
        judge_add(&sums, &scores);
        hand_out(out, &sums, 1);
    }
    free(tokens);
    return status;
}

/* ---- many songs */

typedef struct {
    drgen *g;
    const drgen_judging *how;
    nano_songs *songs;
    nn n;
    uint64_t draws;          /* state of prompts and lyrics */
    words words;             /* of the song at hand */
    int song, done;          /* its number; updates of all songs */
    /* from the arena */
    int32_t *tokens;         /* [frames] */
    float *style, *negative; /* [WORDS_STYLE] */
    float *x;                /* [frames, ROLL_WIDTH] */
    unsigned char *roll;     /* the same, of the composer */
    cfm_scratch scratch;
    dit_work work;
    float *pcm;              /* of the song, when it is listened to */
    size_t filled;
    judge_sums sums;
} trial;

static int tell(trial *t)
{
    const drgen_judging *how = t->how;
    int each = how->composer ? 1 : how->steps - 1;
    return how->progress && how->progress(DRGEN_SAMPLE, t->done, how->songs * each, how->progress_user);
}

static drgen_status check_trial(const drgen *g, const drgen_judging *how, drgen_err *err)
{
    ERR_TRY(check_width(g, err));
    if (how->songs < 1 || how->songs > 100000)
        return err_fail(err, DRGEN_ERR_ARG, "songs: %d is outside 1..100000", how->songs);
    if (how->steps < 2 || how->steps > 1000) return err_fail(err, DRGEN_ERR_ARG, "steps: %d is outside 2..1000", how->steps);
    if (how->frames < 1 || how->frames > g->cfg.dit.max_frames)
        return err_fail(err, DRGEN_ERR_ARG, "frames: %d is outside 1..%d", how->frames, g->cfg.dit.max_frames);
    if (!(how->guidance >= 0 && how->guidance <= 100))
        return err_fail(err, DRGEN_ERR_ARG, "guidance: %g is outside 0..100", (double)how->guidance);
    if (!(how->sway >= -1 && how->sway <= 1))
        return err_fail(err, DRGEN_ERR_ARG, "sway: %g is outside -1..1", (double)how->sway);
    if (!how->composer && (g->cfg.dit.cond_dim != WORDS_STYLE || g->cfg.dit.text_num_embeds < COMPOSE_TOKENS - 1))
        return err_fail(err, DRGEN_ERR_MODEL,
                        "judge: this model takes styles of %d numbers and %d phonemes; keywords are %d numbers, phonemes %d",
                        g->cfg.dit.cond_dim, g->cfg.dit.text_num_embeds, (int)WORDS_STYLE, COMPOSE_TOKENS - 1);
    return DRGEN_OK;
}

static void lay_out(trial *t)
{
    size_t frames = (size_t)t->how->frames;
    t->tokens = arena_alloc(t->n.work, frames, sizeof *t->tokens);
    t->style = arena_floats(t->n.work, WORDS_STYLE);
    t->negative = arena_floats(t->n.work, WORDS_STYLE);
    t->x = arena_floats(t->n.work, frames * ROLL_WIDTH);
    t->roll = arena_alloc(t->n.work, frames * ROLL_WIDTH, 1);
}

static cfm_run sampler(const drgen_judging *how)
{
    return (cfm_run){.steps = how->steps, .guidance = how->guidance, .from = 0, .to = 1, .sway = how->sway};
}

static void lay_out_sampling(trial *t)
{
    const drgen_judging *how = t->how;
    size_t frames = (size_t)how->frames;
    cfm_run run = sampler(how);
    int branches = cfm_guided_steps(&run) > 0 ? 2 : 1;
    float duration = t->g->cfg.dit.duration_embed ? (float)how->frames / (float)t->g->cfg.dit.max_frames : 1.0f;
    t->scratch = (cfm_scratch){.v = arena_floats(t->n.work, frames * ROLL_WIDTH)};
    if (branches == 2) t->scratch.n = arena_floats(t->n.work, frames * ROLL_WIDTH);
    dit_input in[DIT_MAX_BRANCHES] = {{.text = t->tokens, .style = t->style, .duration = duration},
                                      {.style = t->negative, .duration = duration, .null = 1}};
    dit_prepare(&t->work, t->g->dit, &t->n, in, branches, frames, 0, NULL, NULL);
}

static size_t measure(trial *t)
{
    arena dry = arena_measure();
    t->n.work = &dry;
    lay_out(t);
    size_t mark = arena_mark(&dry);
    if (!t->how->composer) {
        lay_out_sampling(t);
        dit_forward(&t->work, &t->n, NULL, 0.0f, NULL, NULL, NULL);
    }
    arena_rewind(&dry, mark);
    if (t->how->listen) vae_decode_tiled(t->g->vae, &t->n, NULL, (size_t)t->how->frames, 0, NULL, NULL);
    return dry.peak;
}

/* Prompt, lyrics and styles of the next song. */
static void draw_song(trial *t)
{
    const float *table = t->songs->table, *own = dit_negative_style(t->g->dit);
    if (t->how->pairs == DRGEN_PAIRS_ANY) words_draw(&t->words, &t->draws);
    else nano_prompt(&t->words, t->how->pairs == DRGEN_PAIRS_HELD_OUT, &t->draws);
    nano_grid(t->songs, 1, t->tokens, (size_t)t->how->frames, &t->draws);
    words_style(&t->words, table, t->style);
    memcpy(t->negative, own && t->g->cfg.dit.cond_dim == WORDS_STYLE ? own : table + WORDS_COUNT * WORDS_STYLE,
           WORDS_STYLE * sizeof(float));
    for (int i = 0; i < WORDS_STYLE; i++) { /* as songs have them */
        t->style[i] = half_from_f16(half_to_f16(t->style[i]));
        t->negative[i] = half_from_f16(half_to_f16(t->negative[i]));
    }
}

static int tick(void *user)
{
    return tell(user);
}

static drgen_status velocity(void *user, const float *y, float time, float *v, float *null_v)
{
    trial *t = user;
    int whole = null_v ? dit_forward(&t->work, &t->n, y, time, (float *const[]){v, null_v}, tick, t)
                       : dit_forward_first(&t->work, &t->n, y, time, v, tick, t);
    return whole ? DRGEN_OK : DRGEN_ERR_CANCELLED;
}

static int stepped(void *user, int done, int total, const float *y)
{
    trial *t = user;
    (void)total, (void)y;
    t->done = t->song * (t->how->steps - 1) + done;
    return tell(t);
}

static drgen_status sample(trial *t, drgen_err *err)
{
    size_t count = (size_t)t->how->frames * ROLL_WIDTH, mark = arena_mark(t->n.work);
    rng_torch noise;
    rng_torch_seed(&noise, t->how->seed + (uint64_t)t->song);
    rng_torch_normal(&noise, t->x, count);
    lay_out_sampling(t);
    cfm_run run = sampler(t->how);
    run.velocity = velocity;
    run.step = stepped;
    run.user = t;
    drgen_status status = cfm_sample(&run, t->x, count, &t->scratch, err);
    arena_rewind(t->n.work, mark);
    return status;
}

static void write_own(trial *t)
{
    words_plan plan = words_read(&t->words);
    size_t frames = (size_t)t->how->frames;
    compose(t->roll, &plan, (compose_bits){t->song & 1, t->song >> 1 & 1}, t->tokens, frames, &t->songs->sounds, NULL);
    compose_latent(t->x, t->roll, frames * ROLL_WIDTH);
}

static int collect(void *user, const float *pcm, size_t samples, size_t done, size_t total)
{
    trial *t = user;
    (void)done, (void)total;
    memcpy(t->pcm + t->filled, pcm, samples * ENGINE_CHANNELS * sizeof *pcm);
    t->filled += samples * ENGINE_CHANNELS;
    return tell(t);
}

/* What the song sounds like, against what its words ask for. */
static drgen_status hear(trial *t, judge_scores *s, drgen_err *err)
{
    heard h;
    words_plan plan = words_read(&t->words);
    t->filled = 0;
    if (!vae_decode_tiled(t->g->vae, &t->n, t->x, (size_t)t->how->frames, 0, collect, t))
        return err_fail(err, DRGEN_ERR_CANCELLED, "stopped while decoding");
    ERR_TRY(listen(&h, t->pcm, (size_t)t->how->frames * ENGINE_HOP, ENGINE_CHANNELS, err));
    s->heard_tempo = h.step == plan.step;
    s->heard_drums = h.family == compose_family(plan.genre);
    return DRGEN_OK;
}

static drgen_status try_songs(trial *t, drgen_err *err)
{
    if (tell(t)) return err_fail(err, DRGEN_ERR_CANCELLED, "stopped");
    for (t->song = 0; t->song < t->how->songs; t->song++) {
        judge_scores scores;
        draw_song(t);
        if (t->how->composer) write_own(t);
        else ERR_TRY(sample(t, err));
        ERR_TRY(judge_song(&scores, t->x, (size_t)t->how->frames, &t->words, t->tokens, &t->songs->sounds, err));
        if (t->how->listen) ERR_TRY(hear(t, &scores, err));
        judge_add(&t->sums, &scores);
        t->done = (t->song + 1) * (t->how->composer ? 1 : t->how->steps - 1);
        if (tell(t)) return err_fail(err, DRGEN_ERR_CANCELLED, "stopped");
    }
    return DRGEN_OK;
}

drgen_status drgen_judge_model(drgen *g, const drgen_judging *how, drgen_judgement *out, drgen_err *err)
{
    const drgen_judging usual = drgen_judging_default();
    arena work = {0};
    trial t = {.g = g, .how = how ? how : &usual, .n = {g->kern, g->pool, NULL}};
    err_clear(err);
    *out = (drgen_judgement){0};
    ERR_TRY(check_trial(g, t.how, err));
    ERR_TRY(engine_need_g2p(g, err));
    ERR_TRY(nano_songs_open(&t.songs, g->g2p, err));
    t.draws = t.how->seed;
    drgen_status status = arena_init(&work, measure(&t), "working memory", err);
    size_t samples = (size_t)t.how->frames * ENGINE_HOP * ENGINE_CHANNELS;
    if (status == DRGEN_OK && t.how->listen && !(t.pcm = malloc(samples * sizeof *t.pcm)))
        status = err_fail(err, DRGEN_ERR_NOMEM, "judge: out of memory");
    if (status == DRGEN_OK) {
        t.n.work = &work;
        lay_out(&t);
        residency_want(g, g->dit_file);
        status = try_songs(&t, err);
    }
    if (status == DRGEN_OK) hand_out(out, &t.sums, t.how->songs);
    free(t.pcm);
    arena_free(&work);
    nano_songs_close(t.songs);
    return status;
}
