/* begin.c - see begin.h. */
#include "nano/begin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "train/dit_tensors.h"

/* Standard deviation of a tensor's start; negative: the constant -deviation instead. */
static double deviation(const dit_tensor *t)
{
    if (strstr(t->name, "layernorm") || dit_tensor_ends(t, ".norm.weight")) return -1;
    if (t->dims == 1 || strncmp(t->name, "proj_out", 8) == 0 || strncmp(t->name, "norm_out", 8) == 0) return 0;
    if (strcmp(t->name, "text_embed.text_embed.weight") == 0) return 1;
    double fan = strstr(t->name, "dwconv") ? DIT_TEXT_TAPS : (double)(t->count / t->shape[0]);
    int writes = strstr(t->name, "o_proj") || strstr(t->name, "down_proj") || strstr(t->name, "text_fusion");
    return (writes ? 0.5 : 1.0) / sqrt(fan);
}

drgen_status nano_init(const dit_cfg *cfg, uint64_t seed, float *weights, drgen_err *err)
{
    dit_tensor *t;
    size_t count, width = 2 * (size_t)cfg->mel_dim + 3 * (size_t)cfg->cond_dim, c = (size_t)cfg->cond_dim;
    rng_torch rng;
    ERR_TRY(dit_list(cfg, &t, &count, err));
    for (size_t i = 0; i < count; i++) {
        float *w = weights + t[i].at;
        double d = deviation(&t[i]);
        uint64_t state = seed * 0x9E3779B97F4A7C15u + i;
        rng_torch_seed(&rng, rng_split(&state) >> 32);
        memset(w, 0, (t[i].count + 15) / 16 * 16 * sizeof *w);
        if (d > 0) rng_torch_normal(&rng, w, t[i].count);
        for (size_t k = 0; k < t[i].count; k++) w[k] = d < 0 ? (float)-d : (float)d * w[k];
        if (strcmp(t[i].name, "input_embed.proj.weight") != 0) continue;
        for (size_t r = 0; r < (size_t)cfg->dim; r++)
            for (size_t k = 0; k < c; k++) w[r * width + 2 * (size_t)cfg->mel_dim + c + k] *= sqrtf((float)c);
    }
    free(t);
    return DRGEN_OK;
}

void metronome_waves(size_t frame, float *out)
{
    static const int periods[] = {4, 8, 16, 32, 64, 128, 256, 3, 6, 12, 24, 48, 96, 192};
    out[0] = frame % 2 ? -1.0f : 1.0f;
    for (size_t i = 0; i < 14; i++) {
        double a = 6.28318530717958648 * (double)(frame % (size_t)periods[i]) / periods[i];
        out[1 + i] = (float)cos(a);
        out[15 + i] = (float)sin(a);
    }
}

/* ---- the lesson */

/* Songs, and parts of the longest length that they have: short ones mostly, long ones so that it counts on. */
static const struct {
    size_t songs, parts;
} forms[] = {{6, 12}, {2, 3}, {6, 12}, {1, 1}};

typedef struct {
    const metronome_how *how;
    const nano_songs *songs;
    const dit_cfg *cfg;
    float *before, *g, *m, *v, *mix, *target, *d; /* mix [METRONOME_WAVES, c]; target, d [longest, c] */
    int32_t *text, *shifted;                      /* [longest]; rounds of it, [most_shifted()] */
    dit *now, *then, *grad;
    dit_pass *pass;
    arena work;
    double variance; /* of what is added */
} lesson;

static float *floats(size_t count)
{
    return calloc(count, sizeof(float));
}

/* Windows of `known` frames, each a round after the one before, that show every frame of a song where it is known. */
static size_t windows(const metronome_how *how, size_t frames)
{
    if (!how->known || frames <= how->known) return 1;
    return 1 + (frames - how->known + METRONOME_ROUND - 1) / METRONOME_ROUND;
}

static dit_batch batch_of(const lesson *l, size_t form)
{
    return (dit_batch){.songs = forms[form].songs, .frames = l->how->longest / forms[form].parts, .text = l->text};
}

/* The same songs as the model before can be asked for them. */
static dit_batch batch_before(const lesson *l, const dit_batch *b)
{
    size_t count = windows(l->how, b->frames);
    return (dit_batch){.songs = b->songs * count, .frames = count > 1 ? l->how->known : b->frames, .text = l->shifted};
}

static size_t most_shifted(const lesson *l)
{
    size_t most = 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        dit_batch b = batch_of(l, i), w = batch_before(l, &b);
        if (w.songs * w.frames > most) most = w.songs * w.frames;
    }
    return most;
}

static drgen_status prepare(lesson *l, float *weights, size_t count, drgen_err *err)
{
    size_t c = (size_t)l->cfg->cond_dim;
    l->before = floats(count), l->g = floats(count), l->m = floats(count), l->v = floats(count);
    l->mix = floats(METRONOME_WAVES * c), l->target = floats(l->how->longest * c), l->d = floats(l->how->longest * c);
    l->text = calloc(l->how->longest, sizeof *l->text);
    l->shifted = calloc(most_shifted(l), sizeof *l->shifted);
    l->pass = malloc(dit_pass_size());
    if (!l->before || !l->g || !l->m || !l->v || !l->mix || !l->target || !l->d || !l->text || !l->shifted || !l->pass)
        return err_fail(err, DRGEN_ERR_NOMEM, "metronome: out of memory");
    memcpy(l->before, weights, count * sizeof *weights);
    ERR_TRY(dit_over(&l->now, l->cfg, weights, err));
    ERR_TRY(dit_over(&l->then, l->cfg, l->before, err));
    ERR_TRY(dit_over(&l->grad, l->cfg, l->g, err));
    rng_torch rng;
    rng_torch_seed(&rng, l->how->seed);
    rng_torch_normal(&rng, l->mix, METRONOME_WAVES * c);
    for (size_t i = 0; i < METRONOME_WAVES * c; i++) {
        l->mix[i] *= 0.25f;
        l->variance += (double)l->mix[i] * (double)l->mix[i] * (i < c ? 1.0 : 0.5) / (double)c;
    }
    arena measure = arena_measure();
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        nn n = {l->how->kern, l->how->pool, &measure};
        dit_trained m = {.d = l->now, .grad = l->grad};
        dit_batch b = batch_of(l, i), w = batch_before(l, &b);
        dit_text_forward(l->pass, &n, &m, &b);
        dit_text_backward(l->pass, &n, NULL);
        arena_rewind(&measure, 0);
        dit_text_forward(l->pass, &n, &m, &w);
        arena_rewind(&measure, 0);
    }
    return arena_init(&l->work, measure.peak, "metronome", err);
}

/* What the features should be, from the model before: its own with the waves added; or, where it counts already, its own as
 * far as it knows them and those of a round before from there on. */
static void aim(lesson *l, const dit_batch *b)
{
    nn n = {l->how->kern, l->how->pool, &l->work};
    dit_trained m = {.d = l->then};
    size_t c = (size_t)l->cfg->cond_dim, count = windows(l->how, b->frames);
    dit_batch w = batch_before(l, b);
    float wave[METRONOME_WAVES];
    for (size_t s = 0; s < b->songs; s++)
        for (size_t i = 0; i < count; i++)
            for (size_t f = 0, at = i * METRONOME_ROUND; f < w.frames; f++, at++)
                l->shifted[(s * count + i) * w.frames + f] = at < b->frames ? b->text[s * b->frames + at] : 0;
    const float *said = dit_text_forward(l->pass, &n, &m, &w);
    for (size_t f = 0; f < b->frames; f++) {
        size_t i = f < w.frames ? 0 : 1 + (f - w.frames) / METRONOME_ROUND;
        metronome_waves(f, wave);
        for (size_t s = 0; s < b->songs; s++) {
            float *row = l->target + (s * b->frames + f) * c;
            memcpy(row, said + ((s * count + i) * w.frames + f - i * METRONOME_ROUND) * c, c * sizeof *row);
            for (int k = 0; k < METRONOME_WAVES && !l->how->known; k++) l->how->kern->axpy(row, l->mix + (size_t)k * c, wave[k], c);
        }
    }
    arena_rewind(&l->work, 0);
}

/* Variance over the frames of what is to be said: where the model counts already, there is no other measure. */
static double spread(const lesson *l, size_t frames)
{
    size_t c = (size_t)l->cfg->cond_dim;
    double sum = 0;
    for (size_t k = 0; k < c; k++) {
        double mean = 0, squares = 0;
        for (size_t f = 0; f < frames; f++) {
            double x = (double)l->target[f * c + k];
            mean += x;
            squares += x * x;
        }
        mean /= (double)frames;
        sum += squares / (double)frames - mean * mean;
    }
    return sum / (double)c;
}

/* One update of the text encoder's tensors, floats [from, to) of the weights. */
static double teach(lesson *l, float *weights, size_t from, size_t to, long update, uint64_t *state)
{
    nn n = {l->how->kern, l->how->pool, &l->work};
    dit_trained m = {.d = l->now, .grad = l->grad};
    size_t form = (size_t)(rng_split(state) % (sizeof forms / sizeof forms[0]));
    dit_batch b = batch_of(l, form);
    size_t c = (size_t)l->cfg->cond_dim, count = b.songs * b.frames * c;
    for (size_t s = 0; s < b.songs; s++) nano_grid(l->songs, 0, l->text + s * b.frames, b.frames, state);
    aim(l, &b);
    const float *said = dit_text_forward(l->pass, &n, &m, &b);
    double sum = 0, scale = 1.0 / ((double)count * l->variance);
    for (size_t i = 0; i < count; i++) {
        float d = said[i] - l->target[i];
        sum += (double)d * (double)d;
        l->d[i] = (float)(2 * scale) * d;
    }
    memset(l->g + from, 0, (to - from) * sizeof *l->g);
    dit_text_backward(l->pass, &n, l->d);
    arena_rewind(&l->work, 0);
    adamw_arrays a = {weights + from, l->g + from, l->m + from, l->v + from, NULL, to - from};
    double part = (double)update / (double)l->how->updates;
    double rate = l->how->rate * fmin(1, (double)update / (double)l->how->warmup) * fmin(1, (1 - part) / 0.6 + 0.01);
    adamw_how how = {.lr = rate, .b1 = 0.9, .b2 = 0.98, .eps = 1e-8};
    adamw_update(l->how->pool, kern_grad_of(l->how->kern), &a, &how, update, 0);
    return sum * scale;
}

static drgen_status run(lesson *l, float *weights, size_t from, size_t to, double *error, drgen_err *err)
{
    uint64_t state = l->how->seed ^ 0x6D6574726F6E6Fu;
    double sum = 0;
    if (l->how->known) { /* a song without lyrics */
        dit_batch b = {.songs = 1, .frames = l->how->known, .text = l->text};
        aim(l, &b);
        l->variance = spread(l, b.frames);
    }
    long counted = 0;
    for (long u = 1; u <= l->how->updates; u++) {
        sum += teach(l, weights, from, to, u, &state);
        counted++;
        if (u % 100 && u != l->how->updates) continue;
        *error = sum / (double)counted;
        sum = 0;
        counted = 0;
        if (l->how->progress && l->how->progress(l->how->user, u, l->how->updates, *error))
            return err_fail(err, DRGEN_ERR_CANCELLED, "stopped");
    }
    return DRGEN_OK;
}

drgen_status metronome_train(float *weights, const dit_cfg *cfg, const nano_songs *songs, const metronome_how *how,
                             double *error, drgen_err *err)
{
    lesson l = {.how = how, .songs = songs, .cfg = cfg};
    dit_tensor *t = NULL;
    size_t tensors = 0, count = 0, from = SIZE_MAX, to = 0;
    *error = NAN;
    ERR_TRY(dit_list(cfg, &t, &tensors, err));
    for (size_t i = 0; i < tensors; i++) {
        count = t[i].at + (t[i].count + 15) / 16 * 16;
        if (strncmp(t[i].name, "text_embed.", 11) != 0) continue;
        if (from == SIZE_MAX) from = t[i].at; /* they follow each other */
        to = count;
    }
    drgen_status status = prepare(&l, weights, count, err);
    if (status == DRGEN_OK) status = run(&l, weights, from, to, error, err);
    arena_free(&l.work);
    dit_free(l.now), dit_free(l.then), dit_free(l.grad);
    free(l.before), free(l.g), free(l.m), free(l.v), free(l.mix), free(l.target), free(l.d), free(l.text), free(l.shifted), free(l.pass);
    free(t);
    return status;
}
