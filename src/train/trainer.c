/* trainer.c - see trainer.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "train/dit_tensors.h"
#include "train/trainer_types.h"

enum { KEY_ORDER = 1, KEY_STEP, KEY_VALIDATION, KEY_SONG, KEY_SHAPE };

static uint64_t key_of(const trainer *t, int kind, uint64_t a, uint64_t b)
{
    uint64_t state = t->how.seed * 0x9E3779B97F4A7C15u + (uint64_t)kind;
    state = rng_split(&state) ^ a * 0xD1342543DE82EF95u;
    state = rng_split(&state) ^ b * 0xAF251AF3B0F025B5u;
    return rng_split(&state);
}

/* ---- memory */

static float *floats(size_t count)
{
    size_t bytes;
    if (__builtin_mul_overflow(count + 16, sizeof(float), &bytes) || bytes > SIZE_MAX - 64) return NULL;
    float *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (p) memset(p, 0, bytes);
    return p;
}

static drgen_status count_trained(const train_how *how, size_t *count, drgen_err *err)
{
    const dit_cfg *cfg = dit_config(how->base);
    if (how->full) return dit_floats(cfg, count, err);
    *count = lora_over(NULL, cfg, &how->lora, NULL);
    return DRGEN_OK;
}

/* The form of batches number i, from 0: the usual one, then the others. */
static train_shape shape_of(const train_how *how, size_t i)
{
    return i ? how->shapes[i - 1] : (train_shape){how->batch, how->frames, 0};
}

/* The most songs a batch has, and the most frames all its songs have together. */
static void largest(const train_how *how, size_t *songs, size_t *frames)
{
    *songs = *frames = 0;
    for (size_t i = 0; i <= how->shape_count; i++) {
        train_shape s = shape_of(how, i);
        if (s.songs > *songs) *songs = s.songs;
        if (s.songs * s.frames > *frames) *frames = s.songs * s.frames;
    }
}

/* Bytes of activations of the largest batch. */
static drgen_status measure(const train_how *how, int keep, size_t *bytes, drgen_err *err)
{
    const dit_cfg *cfg = dit_config(how->base);
    size_t pairs = (size_t)cfg->depth * LORA_SITES;
    lora_pair *pair = calloc(pairs, sizeof *pair);
    dit_pass *pass = malloc(dit_pass_size());
    if (pair && pass) {
        for (size_t i = 0; i < pairs && !how->full; i++)
            if (how->lora.sites >> i % LORA_SITES & 1)
                pair[i] = (lora_pair){.rank = how->lora.rank, .dropout = how->lora.dropout};
        *bytes = 0;
        dit_trained m = {.d = how->base,
                         .grad = how->full ? how->base : NULL,
                         .lora = how->full ? NULL : pair,
                         .lora_grad = how->full ? NULL : pair,
                         .keep = keep};
        for (size_t i = 0; i <= how->shape_count; i++) {
            arena work = arena_measure();
            nn n = {how->kern, how->pool, &work};
            train_shape s = shape_of(how, i);
            dit_batch b = {.songs = s.songs, .frames = s.frames};
            dit_pass_forward(pass, &n, &m, &b, NULL);
            dit_pass_backward(pass, &n, NULL);
            if (work.peak > *bytes) *bytes = work.peak;
        }
    }
    int ok = pair && pass;
    free(pair);
    free(pass);
    return ok ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "training: out of memory");
}

/* Whether activations are kept, and what they take. */
static drgen_status choose(const train_how *how, int *keep, size_t *bytes, drgen_err *err)
{
    ERR_TRY(measure(how, 1, bytes, err));
    *keep = *bytes <= how->memory;
    return *keep ? DRGEN_OK : measure(how, 0, bytes, err);
}

drgen_status trainer_memory(const train_how *how, size_t *bytes, drgen_err *err)
{
    size_t count, work;
    int keep;
    ERR_TRY(count_trained(how, &count, err));
    ERR_TRY(choose(how, &keep, &work, err));
    size_t songs, frames;
    largest(how, &songs, &frames);
    size_t batch = frames * (size_t)dit_config(how->base)->mel_dim * 5;
    *bytes = work + (count * (how->adamw.ema > 0 ? 5 : 4) + batch) * sizeof(float);
    return DRGEN_OK;
}

static int make_arrays(trainer *t, size_t count)
{
    adamw_arrays *a = &t->arrays;
    *a = (adamw_arrays){floats(count), floats(count), floats(count), floats(count), NULL, count};
    if (t->how.adamw.ema > 0 && !(a->ema = floats(count))) return 0;
    t->sums = calloc(adamw_pieces(count) + 1, sizeof *t->sums);
    t->records = calloc((size_t)t->how.updates + 1, sizeof *t->records);
    t->order = calloc(t->source.count + 1, sizeof *t->order);
    t->epoch = SIZE_MAX;
    return a->p && a->g && a->m && a->v && t->sums && t->records && t->order;
}

static int make_batch(trainer *t)
{
    const dit_cfg *cfg = dit_config(t->how.base);
    flow_batch *b = &t->batch;
    size_t songs, frames, mel = (size_t)cfg->mel_dim, style = (size_t)cfg->cond_dim;
    largest(&t->how, &songs, &frames);
    size_t count = frames * mel;
    *b = (flow_batch){.songs = t->how.batch,
                      .frames = t->how.frames,
                      .mel = mel,
                      .style_dim = style,
                      .latent = floats(count),
                      .length = calloc(songs, sizeof(size_t)),
                      .text = calloc(frames, sizeof(int32_t)),
                      .style = floats(songs * style),
                      .start = floats(songs),
                      .duration = floats(songs),
                      .noise = floats(count),
                      .x = floats(count),
                      .cond = floats(count),
                      .t = floats(songs),
                      .from = calloc(songs, sizeof(size_t)),
                      .to = calloc(songs, sizeof(size_t))};
    t->v = floats(count);
    t->pass = malloc(dit_pass_size());
    return b->latent && b->length && b->text && b->style && b->start && b->duration && b->noise && b->x && b->cond &&
           b->t && b->from && b->to && t->v && t->pass;
}

static drgen_status make_trained(trainer *t, drgen_err *err)
{
    const dit_cfg *cfg = dit_config(t->how.base);
    adamw_arrays *a = &t->arrays;
    size_t pairs = (size_t)cfg->depth * LORA_SITES;
    if (t->how.full) {
        if (t->how.start) memcpy(a->p, t->how.start, a->count * sizeof *a->p);
        else ERR_TRY(dit_flatten(t->how.base, t->how.kern, a->p, err));
        ERR_TRY(dit_over(&t->weights, cfg, a->p, err));
        ERR_TRY(dit_over(&t->grads, cfg, a->g, err));
        t->trained = (dit_trained){.d = t->weights, .grad = t->grads};
    } else {
        t->pair = calloc(pairs, sizeof *t->pair);
        t->pair_grad = calloc(pairs, sizeof *t->pair_grad);
        if (!t->pair || !t->pair_grad) return err_fail(err, DRGEN_ERR_NOMEM, "training: out of memory");
        lora_init(cfg, &t->how.lora, t->how.seed, a->p);
        lora_over(t->pair, cfg, &t->how.lora, a->p);
        lora_over(t->pair_grad, cfg, &t->how.lora, a->g);
        t->trained = (dit_trained){.d = t->how.base, .lora = t->pair, .lora_grad = t->pair_grad};
    }
    if (a->ema) memcpy(a->ema, a->p, a->count * sizeof *a->p);
    return DRGEN_OK;
}

/* Products of the way back read float32 and half precision. */
static drgen_status check_types(const dit *base, drgen_err *err)
{
    dit whole = *base;
    size_t count = dit_tensors(&whole, NULL, NULL);
    dit_tensor *t = calloc(count, sizeof *t);
    if (!t) return err_fail(err, DRGEN_ERR_NOMEM, "training: out of memory");
    drgen_status status = DRGEN_OK;
    dit_tensors(&whole, t, NULL);
    for (size_t i = 0; i < count && status == DRGEN_OK; i++) {
        const wmat *m = t[i].matrix;
        if (m && m->type != ST_F32 && m->type != ST_F16 && m->type != ST_BF16)
            status = err_fail(err, DRGEN_ERR_MODEL, "training: %s is stored as %s; train with the model in half precision or "
                              "float32, the adapter then fits this one too", t[i].name, st_type_name(m->type));
    }
    free(t);
    return status;
}

drgen_status trainer_open(trainer **out, const train_how *how, const train_source *source, drgen_err *err)
{
    size_t count, work;
    int keep;
    *out = NULL;
    ERR_TRY(check_types(how->base, err));
    ERR_TRY(count_trained(how, &count, err));
    ERR_TRY(choose(how, &keep, &work, err));
    trainer *t = calloc(1, sizeof *t);
    if (!t) return err_fail(err, DRGEN_ERR_NOMEM, "training: out of memory");
    t->how = *how;
    t->source = *source;
    drgen_status status = make_arrays(t, count) && make_batch(t) ? make_trained(t, err)
                                                                 : err_fail(err, DRGEN_ERR_NOMEM,
                                                                            "training: out of memory for %zu MiB "
                                                                            "of weights, gradients and moments",
                                                                            count * 16 >> 20);
    t->trained.keep = keep;
    if (status == DRGEN_OK && how->full && how->muon)
        status = muon_open(&t->muon, dit_config(how->base), how->pool, how->kern, err);
    if (status == DRGEN_OK) status = arena_init(&t->work, work, "training", err);
    if (status != DRGEN_OK) trainer_close(t);
    else *out = t;
    return status;
}

void trainer_close(trainer *t)
{
    if (!t) return;
    arena_free(&t->work);
    dit_free(t->weights), dit_free(t->grads);
    muon_close(t->muon);
    free(t->pair), free(t->pair_grad), free(t->pass), free(t->v), free(t->sums), free(t->records), free(t->order);
    adamw_arrays *a = &t->arrays;
    free(a->p), free(a->g), free(a->m), free(a->v), free(a->ema);
    flow_batch *b = &t->batch;
    free(b->latent), free(b->length), free(b->text), free(b->style), free(b->start), free(b->duration), free(b->noise);
    free(b->x), free(b->cond), free(b->t), free(b->from), free(b->to);
    free(t);
}

/* ---- updates */

/* The song at a place of the endless sequence: every epoch has its own order, made from the seed. */
static size_t song_at(trainer *t, size_t place)
{
    size_t count = t->source.count;
    if (!count) return place;
    if (t->epoch != place / count) {
        t->epoch = place / count;
        uint64_t state = key_of(t, KEY_ORDER, t->epoch, 0);
        for (size_t i = 0; i < count; i++) t->order[i] = i;
        for (size_t i = count; i-- > 1;) {
            size_t k = (size_t)(rng_split(&state) % (i + 1)), kept = t->order[i];
            t->order[i] = t->order[k];
            t->order[k] = kept;
        }
    }
    return t->order[place % count];
}

static drgen_status fetch(trainer *t, size_t index, int validation, uint64_t key, size_t slot, drgen_err *err)
{
    flow_batch *b = &t->batch;
    size_t count = b->frames * b->mel;
    memset(b->latent + slot * count, 0, count * sizeof *b->latent);
    memset(b->text + slot * b->frames, 0, b->frames * sizeof *b->text);
    b->length[slot] = 0;
    ERR_TRY(t->source.get(t->source.user, index, validation, key, b, slot, err));
    if (b->length[slot] == 0 || b->length[slot] > b->frames)
        return err_fail(err, DRGEN_ERR_ARG, "training: song %zu came with %zu frames", index, b->length[slot]);
    return DRGEN_OK;
}

static dit_batch as_input(const trainer *t, int cond, uint64_t key)
{
    const flow_batch *b = &t->batch;
    return (dit_batch){.songs = b->songs,
                       .frames = b->frames,
                       .x = b->x,
                       .cond = cond ? b->cond : NULL,
                       .text = b->text,
                       .style = b->style,
                       .t = b->t,
                       .start = b->start,
                       .duration = b->duration,
                       .key = key};
}

/* One batch there and back; gradients are added. */
static double there_and_back(trainer *t, uint64_t key, double weight)
{
    nn n = {t->how.kern, t->how.pool, &t->work};
    dit_batch b = as_input(t, t->how.flow.span, key);
    dit_pass_forward(t->pass, &n, &t->trained, &b, t->v);
    double loss = flow_loss(&t->batch, t->v, t->v, weight);
    if (isfinite(loss)) dit_pass_backward(t->pass, &n, t->v);
    arena_rewind(&t->work, 0);
    return loss;
}

static drgen_status diverged(const trainer *t, const char *what, double value, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_ARG,
                    "training: the %s of update %ld is %g; stopped before it was applied. Go on from the last "
                    "checkpoint with a lower rate (it was %.3g) or a stricter clip",
                    what, t->done + 1, value,
                    adamw_rate(t->how.schedule, t->how.adamw.lr, t->done + 1, t->how.warmup, t->how.updates));
}

/* The form of an update's batches, drawn from its number. */
static train_shape draw_shape(const trainer *t, long update)
{
    double u = (double)(key_of(t, KEY_SHAPE, (uint64_t)update, 0) >> 11) * 0x1p-53;
    for (size_t i = 0; i < t->how.shape_count; i++) {
        if (u < t->how.shapes[i].share) return t->how.shapes[i];
        u -= t->how.shapes[i].share;
    }
    return shape_of(&t->how, 0);
}

static void take_shape(trainer *t, train_shape s)
{
    t->batch.songs = s.songs;
    t->batch.frames = s.frames;
}

static void optimise(trainer *t, double rate, double norm)
{
    adamw_how how = t->how.adamw;
    how.lr = rate;
    if (t->muon) muon_update(t->muon, &t->arrays, t->how.muon, rate, t->done + 1);
    else adamw_update(t->how.pool, kern_grad_of(t->how.kern), &t->arrays, &how, t->done + 1, norm);
}

drgen_status trainer_update(trainer *t, int (*stop)(void *user), void *user, drgen_err *err)
{
    double loss = 0, share = 1.0 / (double)t->how.accumulate;
    const kern_grad *k = kern_grad_of(t->how.kern);
    take_shape(t, draw_shape(t, t->done));
    memset(t->arrays.g, 0, t->arrays.count * sizeof *t->arrays.g);
    for (size_t i = 0; i < t->how.accumulate; i++) {
        uint64_t step = (uint64_t)t->done * t->how.accumulate + i, key = key_of(t, KEY_STEP, step, 0);
        if (stop && stop(user)) return err_fail(err, DRGEN_ERR_CANCELLED, "stopped");
        for (size_t s = 0; s < t->batch.songs; s++)
            ERR_TRY(fetch(t, song_at(t, (size_t)step * t->how.batch + s), 0, key_of(t, KEY_SONG, step, s), s, err));
        flow_draw(&t->batch, &t->how.flow, key);
        loss += share * there_and_back(t, key, share);
        if (!isfinite(loss)) return diverged(t, "loss", loss, err);
    }
    double norm = adamw_norm(t->how.pool, k, &t->arrays, t->sums);
    if (!isfinite(norm)) return diverged(t, "gradient", norm, err);
    double rate = adamw_rate(t->how.schedule, t->how.adamw.lr, t->done + 1, t->how.warmup, t->how.updates);
    optimise(t, rate, norm);
    t->records[t->done++] = (train_record){(float)loss, (float)rate, (float)norm, NAN};
    return DRGEN_OK;
}

/* time < 0: spread evenly over the songs. */
static drgen_status judge(trainer *t, double time, double *loss, drgen_err *err)
{
    size_t batches = (t->source.validation + t->how.batch - 1) / t->how.batch;
    nn n = {t->how.kern, t->how.pool, &t->work};
    double sum = 0;
    *loss = NAN;
    take_shape(t, shape_of(&t->how, 0));
    for (size_t i = 0; i < batches; i++) {
        uint64_t key = key_of(t, KEY_VALIDATION, i, 0);
        for (size_t s = 0; s < t->how.batch; s++)
            ERR_TRY(fetch(t, (i * t->how.batch + s) % t->source.validation, 1, key_of(t, KEY_VALIDATION, i, s + 1), s, err));
        flow_fix(&t->batch, key, i * t->how.batch, batches * t->how.batch, time);
        dit_batch b = as_input(t, 0, 0);
        dit_pass_forward(t->pass, &n, &t->trained, &b, t->v);
        arena_rewind(&t->work, 0);
        sum += flow_loss(&t->batch, t->v, NULL, 1);
    }
    if (batches) *loss = sum / (double)batches;
    return DRGEN_OK;
}

drgen_status trainer_loss_at(trainer *t, double time, double *loss, drgen_err *err)
{
    size_t pairs = (size_t)dit_config(t->how.base)->depth * LORA_SITES;
    for (size_t i = 0; i < pairs && t->pair; i++) t->pair[i].dropout = 0; /* adapters see everything now */
    drgen_status status = judge(t, time, loss, err);
    for (size_t i = 0; i < pairs && t->pair; i++)
        if (t->pair[i].rank) t->pair[i].dropout = t->how.lora.dropout;
    return status;
}

drgen_status trainer_validate(trainer *t, double *loss, drgen_err *err)
{
    ERR_TRY(trainer_loss_at(t, -1, loss, err));
    if (t->done) t->records[t->done - 1].validation = (float)*loss;
    return DRGEN_OK;
}

double trainer_measure(trainer *t)
{
    struct timespec a, b;
    take_shape(t, shape_of(&t->how, 0));
    for (size_t s = 0; s < t->batch.songs; s++) t->batch.length[s] = t->batch.frames;
    memset(t->batch.text, 0, t->batch.songs * t->batch.frames * sizeof *t->batch.text);
    flow_draw(&t->batch, &t->how.flow, 0);
    clock_gettime(CLOCK_MONOTONIC, &a);
    there_and_back(t, 0, 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)t->how.accumulate * ((double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec));
}

double trainer_flop(const trainer *t)
{
    return (double)(t->how.batch * t->how.accumulate) * dit_pass_flop(&t->trained, t->how.frames);
}

long trainer_done(const trainer *t)
{
    return t->done;
}

const train_record *trainer_records(const trainer *t)
{
    return t->records;
}

const float *trainer_result(const trainer *t)
{
    return t->arrays.ema ? t->arrays.ema : t->arrays.p;
}
