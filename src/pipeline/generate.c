/* generate.c - a song from a request: text, style, sampling, decoding, each phase in the memory of the one before. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "io/audio.h"
#include "model/cfm.h"
#include "pipeline/conditions.h"
#include "pipeline/residency.h"
#include "pipeline/styles.h"

/* One call of drgen_generate. */
typedef struct {
    drgen *g;
    request r;
    nn n;
    /* from the arena, alive for the whole song */
    int32_t *tokens;         /* [frames] */
    float *style, *negative; /* [cond_dim] */
    float *x;                /* [frames, mel_dim] noise, then latents */
    /* from the arena, while sampling */
    cfm_scratch scratch;     /* [frames, mel_dim] each */
    dit_work work;
    /* progress */
    drgen_phase phase;
    int done, total;
    drgen_report report;
    /* the result as it grows */
    float *pcm;              /* [frames * hop, channels] */
    size_t filled;           /* samples of all channels together */
    float peak;
    int broken;
} job;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Tells the caller where we are; non-zero when it wants to stop. */
static int tell(job *j)
{
    const drgen_song *s = &j->r.song;
    return s->progress && s->progress(j->phase, j->done, j->total, s->progress_user);
}

static int tick(void *user)
{
    return tell(user);
}

static drgen_status enter(job *j, drgen_phase phase, int total, drgen_err *err)
{
    j->phase = phase;
    j->done = 0;
    j->total = total;
    return tell(j) ? err_fail(err, DRGEN_ERR_CANCELLED, "stopped") : DRGEN_OK;
}

/* ---- memory: these run dry to measure, then for real */

static void lay_out(job *j)
{
    size_t width = (size_t)j->g->cfg.dit.cond_dim, latent = j->r.frames * (size_t)j->g->cfg.dit.mel_dim;
    j->tokens = arena_alloc(j->n.work, j->r.frames, sizeof *j->tokens);
    j->style = arena_floats(j->n.work, width);
    j->negative = arena_floats(j->n.work, width);
    j->x = arena_floats(j->n.work, latent);
}

static void lay_out_sampling(job *j)
{
    size_t latent = j->r.frames * (size_t)j->g->cfg.dit.mel_dim;
    j->scratch.v = arena_floats(j->n.work, latent);
    j->scratch.n = j->r.branches == 2 ? arena_floats(j->n.work, latent) : NULL;
    j->scratch.last = j->r.song.cache > 0.0f ? arena_floats(j->n.work, latent) : NULL;
    dit_input in[DIT_MAX_BRANCHES] = {
        {.text = j->tokens, .style = j->style, .duration = j->r.duration},
        {.style = j->negative, .duration = j->r.duration, .null = 1},
    };
    dit_prepare(&j->work, j->g->dit, &j->n, in, j->r.branches, j->r.frames, j->r.song.half_tables, NULL, NULL);
}

/* Bytes a song takes: the largest of its phases on top of what they share. */
static size_t measure(drgen *g, const request *r, const style_set *styles)
{
    arena dry = arena_measure();
    job j = {.g = g, .r = *r, .n = {g->kern, g->pool, &dry}};
    lay_out(&j);
    size_t mark = arena_mark(&dry);
    styles_measure(g, &j.n, styles);
    arena_rewind(&dry, mark);
    lay_out_sampling(&j);
    dit_forward(&j.work, &j.n, NULL, 0.0f, NULL, NULL, NULL);
    dit_forward_first(&j.work, &j.n, NULL, 0.0f, NULL, NULL, NULL);
    arena_rewind(&dry, mark);
    vae_decode_tiled(g->vae, &j.n, NULL, r->frames, 0, NULL, NULL);
    return dry.peak;
}

/* ---- phases */

/* For the song's recipe: the style given and what it moves away from, whatever their roles. */
static drgen_status keep_styles(job *j, drgen_err *err)
{
    drgen *g = j->g;
    int vocals = j->r.song.vocals_only;
    size_t bytes = (size_t)g->cfg.dit.cond_dim * sizeof(float);
    if (!g->given) g->given = malloc(bytes);
    if (!g->against) g->against = malloc(bytes);
    if (!g->given || !g->against) return err_fail(err, DRGEN_ERR_NOMEM, "style: out of memory");
    memcpy(g->given, vocals ? j->negative : j->style, bytes);
    if (vocals || j->r.branches == 2) memcpy(g->against, vocals ? j->style : j->negative, bytes);
    else memset(g->against, 0, bytes);
    return DRGEN_OK;
}

static drgen_status make_style(job *j, const style_set *styles, drgen_err *err)
{
    drgen *g = j->g;
    double start = now();
    ERR_TRY(enter(j, DRGEN_STYLE, 1, err));
    ERR_TRY(styles_of_song(g, &j->n, &j->r, styles, j->style, j->negative, err));
    ERR_TRY(keep_styles(j, err));
    residency_drop(g, g->text_file);
    residency_drop(g, g->audio_file);
    j->report.seconds_style += now() - start;
    j->done = 1;
    return tell(j) ? err_fail(err, DRGEN_ERR_CANCELLED, "stopped") : DRGEN_OK;
}

static drgen_status velocity(void *user, const float *y, float t, float *v, float *null_v)
{
    job *j = user;
    j->report.evaluations += null_v ? 2 : 1;
    int whole = null_v ? dit_forward(&j->work, &j->n, y, t, (float *const[]){v, null_v}, tick, j)
                       : dit_forward_first(&j->work, &j->n, y, t, v, tick, j);
    return whole ? DRGEN_OK : DRGEN_ERR_CANCELLED;
}

static int stepped(void *user, int done, int total, const float *y)
{
    (void)total;
    (void)y;
    job *j = user;
    j->done = done;
    return tell(j);
}

static drgen_status sample(job *j, drgen_err *err)
{
    const drgen_song *s = &j->r.song;
    size_t latent = j->r.frames * (size_t)j->g->cfg.dit.mel_dim, mark = arena_mark(j->n.work);
    rng_torch rng;
    rng_torch_seed(&rng, s->seed);
    rng_torch_normal(&rng, j->x, latent);
    residency_want(j->g, j->g->dit_file);
    ERR_TRY(enter(j, DRGEN_SAMPLE, s->steps - 1, err));
    double prepare = now();
    lay_out_sampling(j);
    cfm_run run = request_sampler(s), exact = run;
    exact.from = 0, exact.to = 1;
    run.velocity = velocity;
    run.step = stepped;
    run.user = j;
    double start = now();
    drgen_status status = cfm_sample(&run, j->x, latent, &j->scratch, err);
    double end = now();
    j->report.evaluations_saved = s->steps - 1 + cfm_guided_steps(&exact) - j->report.evaluations;
    j->report.seconds_sample = end - prepare;
    if (j->report.evaluations) j->report.seconds_per_evaluation = (end - start) / j->report.evaluations;
    arena_rewind(j->n.work, mark);
    residency_drop(j->g, j->g->dit_file);
    return status;
}

/* Decoded samples arrive in order: keep them, watch the peak. */
static int collect(void *user, const float *pcm, size_t samples, size_t done, size_t total)
{
    (void)total;
    job *j = user;
    size_t n = samples * ENGINE_CHANNELS;
    memcpy(j->pcm + j->filled, pcm, n * sizeof *pcm);
    j->filled += n;
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(pcm[i]);
        if (!isfinite(a)) j->broken = 1;
        else if (a > j->peak) j->peak = a;
    }
    j->done = (int)done;
    return j->broken || tell(j);
}

static drgen_status decode(job *j, drgen_err *err)
{
    residency_want(j->g, j->g->vae_file);
    ERR_TRY(enter(j, DRGEN_DECODE, (int)j->r.frames, err));
    j->report.result_bytes = j->r.frames * ENGINE_HOP * ENGINE_CHANNELS * sizeof *j->pcm;
    j->pcm = malloc(j->report.result_bytes);
    if (!j->pcm)
        return err_fail(err, DRGEN_ERR_NOMEM, "song: no memory for %zu MiB of samples", j->report.result_bytes >> 20);
    double start = now();
    int whole = vae_decode_tiled(j->g->vae, &j->n, j->x, j->r.frames, 0, collect, j);
    j->report.seconds_decode = now() - start;
    residency_drop(j->g, j->g->vae_file);
    if (j->broken)
        return err_fail(err, DRGEN_ERR_MODEL, "decoder: frame %d has samples that are not finite; the weights are damaged",
                        j->done);
    if (!whole) return err_fail(err, DRGEN_ERR_CANCELLED, "stopped while decoding");
    /* Peak at 1, as the original does it; silence stays silence. */
    if (j->peak > 0.0f)
        for (size_t i = 0; i < j->filled; i++) j->pcm[i] /= j->peak;
    return DRGEN_OK;
}

/* A copy of what is decoded, for the caller who wants it. */
static drgen_status keep_latents(job *j, drgen_err *err)
{
    drgen_latents *to = j->r.song.latents;
    size_t width = (size_t)j->g->cfg.dit.mel_dim, bytes = j->r.frames * width * sizeof(float);
    if (!to) return DRGEN_OK;
    float *copy = malloc(bytes);
    if (!copy) return err_fail(err, DRGEN_ERR_NOMEM, "latents: out of memory");
    memcpy(copy, j->x, bytes);
    *to = (drgen_latents){.latent = copy, .frames = j->r.frames, .samples = j->r.frames * ENGINE_HOP, .width = (int)width,
                          .hop = ENGINE_HOP, .rate = ENGINE_RATE};
    return DRGEN_OK;
}

static drgen_status make_song(job *j, const style_set *styles, drgen_err *err)
{
    double start = now();
    ERR_TRY(enter(j, DRGEN_TEXT, 1, err));
    ERR_TRY(conditions_lyrics(j->g, &j->r, j->tokens, err));
    j->report.seconds_text = now() - start;
    ERR_TRY(make_style(j, styles, err));
    ERR_TRY(sample(j, err));
    ERR_TRY(decode(j, err));
    return keep_latents(j, err);
}

size_t drgen_memory_needed(drgen *g, const drgen_song *song, drgen_err *err)
{
    request r;
    style_set styles = {0};
    size_t bytes = 0;
    err_clear(err);
    if (request_check(&r, &g->cfg, song, err) == DRGEN_OK &&
        styles_read(g, r.parts, r.part_count, song->negative_prompt, &styles, err) == DRGEN_OK) {
        bytes = measure(g, &r, &styles);
        styles_free(&styles);
    }
    return bytes;
}

drgen_status drgen_generate(drgen *g, const drgen_song *song, drgen_audio *out, drgen_err *err)
{
    err_clear(err);
    *out = (drgen_audio){0};
    if (song->latents) *song->latents = (drgen_latents){0};
    g->report = (drgen_report){0};
    job j = {.g = g};
    arena work = {0};
    style_set styles = {0};
    double start = now();
    drgen_status status = request_check(&j.r, &g->cfg, song, err);
    if (status == DRGEN_OK) status = styles_read(g, j.r.parts, j.r.part_count, song->negative_prompt, &styles, err);
    j.report.seconds_style = now() - start; /* tokenizer and text tower are part of it */
    if (status == DRGEN_OK) status = arena_init(&work, j.report.work_bytes = measure(g, &j.r, &styles), "working memory", err);
    if (status != DRGEN_OK) goto done;
    j.n = (nn){g->kern, g->pool, &work};
    j.report.frames = j.r.frames;
    lay_out(&j);
    status = make_song(&j, &styles, err);
    g->report = j.report;
    if (status != DRGEN_OK) goto done;
    *out = (drgen_audio){j.pcm, j.r.frames * ENGINE_HOP, ENGINE_CHANNELS, ENGINE_RATE};
    j.pcm = NULL;
done:
    free(j.pcm);
    styles_free(&styles);
    arena_free(&work);
    return status;
}

drgen_status drgen_audio_write(const drgen_audio *audio, const char *path, drgen_err *err)
{
    err_clear(err);
    if (!audio->samples || audio->frames == 0 || audio->channels < 1)
        return err_fail(err, DRGEN_ERR_ARG, "%s: there is no sound to write", path);
    const drgen_save how = {.bits = 16, .truncate = 1};
    return audio_write(path, AUDIO_WAV, audio, &how, NULL, err);
}

void drgen_audio_free(drgen_audio *audio)
{
    if (!audio) return;
    free(audio->samples);
    *audio = (drgen_audio){0};
}
