/* The trainer: 200 updates follow torch's losses, any number of threads and any stop and resume give the same bits, what is
 * not a number stops it, an adapter learns three songs. */
#include <stdlib.h>

#include "base/rng.h"
#include "model/cfm.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "train/dit_tensors.h"
#include "train/trainer.h"

enum { FRAMES = 24, MEL = 32, WIDTH = 32, SONGS = 4 };

static const dit_cfg tiny = {.dim = 64,
                             .depth = 2,
                             .heads = 2,
                             .ff_mult = 4,
                             .cond_dim = WIDTH,
                             .conv_layers = 1,
                             .mel_dim = MEL,
                             .text_num_embeds = 20,
                             .max_frames = 64,
                             .conv_groups = 16};

/* Four songs of rule synth-1, of 24, 20, 24 and 17 frames. */
static drgen_status get(void *user, size_t index, int validation, uint64_t key, flow_batch *b, size_t slot,
                        drgen_err *err)
{
    static const size_t length[SONGS] = {24, 20, 24, 17};
    char name[16];
    size_t i = index % SONGS, real = length[i] * MEL;
    float poison = user ? *(const float *)user : 0;
    (void)validation, (void)key, (void)err;
    b->length[slot] = length[i];
    b->start[slot] = 0.25f * (float)i;
    b->duration[slot] = 1;
    snprintf(name, sizeof name, "song.%zu", i);
    rng_synth(b->latent + slot * b->frames * MEL, 0, real, name, 0, 1, 1);
    b->latent[slot * b->frames * MEL] += poison;
    snprintf(name, sizeof name, "style.%zu", i);
    rng_synth(b->style + slot * WIDTH, 0, WIDTH, name, 0, 0.3, 1);
    for (size_t t = 0; t < b->frames; t++) b->text[slot * b->frames + t] = (int32_t)((i * 7 + t * 3) % 21);
    return DRGEN_OK;
}

/* A start with activations near 1, as the golden models have it: uniform +-sqrt(3 / fan in) and the like. */
static float *make_start(dit **d)
{
    size_t floats, count;
    CHECK(dit_floats(&tiny, &floats, NULL) == DRGEN_OK);
    float *data = aligned_alloc(64, floats * sizeof *data);
    memset(data, 0, floats * sizeof *data);
    CHECK(dit_over(d, &tiny, data, NULL) == DRGEN_OK);
    count = dit_tensors(*d, NULL, NULL);
    dit_tensor *t = calloc(count, sizeof *t);
    dit_tensors(*d, t, NULL);
    for (size_t i = 0; i < count; i++) {
        char name[128];
        const char *n = t[i].name;
        size_t fan = strstr(n, "dwconv.weight") ? 7 : t[i].count / t[i].shape[0];
        double mean = 0, half = sqrt(3.0 / (double)fan);
        if (strstr(n, "layernorm") || strstr(n, ".norm.weight")) mean = 1, half = 0.2;
        else if (strstr(n, "grn.gamma")) half = 1;
        else if (strstr(n, "text_embed.text_embed")) half = sqrt(3.0);
        else if (t[i].dims == 1) half = 0.1;
        else if (strstr(n, "input_embed.proj") || strstr(n, "q_proj") || strstr(n, "k_proj")) half *= 2;
        else if (strstr(n, "text_fusion")) half *= 0.5;
        snprintf(name, sizeof name, "steps.%s", n);
        rng_synth(data + t[i].at, 0, t[i].count, name, mean, half, 1);
    }
    free(t);
    return data;
}

typedef struct {
    dit *d;
    float *start;
    train_how how;
    train_source source;
    pool *pool;
} setup;

static setup make(int full, int threads)
{
    setup s = {0};
    s.start = make_start(&s.d);
    if (threads > 1) CHECK(pool_open(&s.pool, threads, NULL) == DRGEN_OK);
    s.how = (train_how){.base = s.d,
                        .pool = s.pool,
                        .kern = kern_best(),
                        .full = full,
                        .updates = 200,
                        .batch = 2,
                        .accumulate = 1,
                        .frames = FRAMES,
                        .schedule = LR_LINEAR,
                        .warmup = 20,
                        .seed = 5,
                        .adamw = {.lr = 1e-3, .b1 = 0.9, .b2 = 0.999, .eps = 1e-8, .decay = 0.01, .clip = 1},
                        .lora = {.rank = 4, .alpha = 8, .sites = LORA_ALL}};
    s.source = (train_source){.get = get};
    return s;
}

static void unmake(setup *s)
{
    dit_free(s->d);
    free(s->start);
    pool_close(s->pool);
}

TEST(two_hundred_updates_follow_torch)
{
    setup s = make(1, 1);
    drgen_err err = {0};
    trainer *t = NULL;
    st_file *f = NULL;
    CHECK(st_open(&f, "tests/golden/dit_tiny/steps.safetensors", &err) == DRGEN_OK);
    CHECKF(trainer_open(&t, &s.how, &s.source, &err) == DRGEN_OK, "%s", err.message);
    const st_tensor *want = f ? st_find(f, "losses") : NULL;
    double worst = 0;
    size_t updates = want ? T_SANITIZED ? 40 : want->count : 0;
    for (size_t i = 0; t && i < updates; i++) {
        CHECKF(trainer_update(t, NULL, NULL, &err) == DRGEN_OK, "%s", err.message);
        double e = fabs((double)trainer_records(t)[i].loss - (double)weights_value(want, i));
        CHECKF(e <= 1e-3, "update %zu: loss %.6f, torch's %.6f", i + 1, (double)trainer_records(t)[i].loss,
               (double)weights_value(want, i));
        if (!(e <= worst)) worst = e;
    }
    CHECK(want && want->count == 200);
    trainer_close(t);
    st_close(f);
    unmake(&s);
}

/* Trains `updates` of s's total from the state at path, if it is there, and saves it again. */
static void stretch(const setup *s, const char *path, long updates)
{
    drgen_err err = {0};
    trainer *t = NULL;
    double loss;
    CHECKF(trainer_open(&t, &s->how, &s->source, &err) == DRGEN_OK, "%s", err.message);
    if (!t) return;
    if (access(path, F_OK) == 0) CHECKF(trainer_load(t, path, &err) == DRGEN_OK, "%s", err.message);
    for (long i = 0; i < updates; i++) CHECKF(trainer_update(t, NULL, NULL, &err) == DRGEN_OK, "%s", err.message);
    CHECK(trainer_validate(t, &loss, &err) == DRGEN_OK && loss > 0);
    CHECKF(trainer_save(t, path, &err) == DRGEN_OK, "%s", err.message);
    trainer_close(t);
}

static int same_files(const char *a, const char *b)
{
    file_bytes x = {0}, y = {0};
    int same = file_map(&x, a, SIZE_MAX, NULL) == DRGEN_OK && file_map(&y, b, SIZE_MAX, NULL) == DRGEN_OK &&
               x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    file_close(&x);
    file_close(&y);
    return same;
}

static void check_resume(int full)
{
    char dir[256];
    CHECK(scratch_make(dir));
    setup one = make(full, 1), three = make(full, 3);
    setup *both[] = {&one, &three};
    for (int i = 0; i < 2; i++) {
        both[i]->how.accumulate = 2;
        both[i]->how.adamw.ema = 0.9;
        both[i]->how.lora.dropout = 0.1f;
        both[i]->how.flow = (flow_how){
            .span = 1, .drop_cond = 0.3, .drop_text = 0.2, .drop_style = 0.2, .drop_prompt = 0.1};
        both[i]->source.count = SONGS;
        both[i]->source.validation = 3;
        both[i]->how.memory = i ? SIZE_MAX : 0; /* activations made again, or kept */
    }
    const char *a = scratch_path(dir, "a"), *b = scratch_path(dir, "b");
    stretch(&one, a, 4);
    stretch(&one, a, 3);
    stretch(&three, b, 4);
    CHECK(!same_files(a, b));
    stretch(&three, b, 0);
    stretch(&three, b, 3);
    setup whole = make(full, 2);
    whole.how = three.how;
    whole.how.pool = whole.pool;
    const char *c = scratch_path(dir, "c");
    whole.source = three.source;
    stretch(&whole, c, 4);
    stretch(&whole, c, 3);
    CHECKF(same_files(a, b), "%s: threads change the state", full ? "full" : "adapter");
    CHECKF(same_files(b, c), "%s: a stop changes the state", full ? "full" : "adapter");
    unmake(&one), unmake(&three), unmake(&whole);
    scratch_remove(dir);
}

TEST(training_goes_on_where_it_stopped_for_any_number_of_threads)
{
    check_resume(1);
    check_resume(0);
}

TEST(a_state_of_another_training_is_refused)
{
    char dir[256];
    drgen_err err = {0};
    trainer *t = NULL;
    CHECK(scratch_make(dir));
    setup s = make(1, 1), other = make(0, 1);
    const char *path = scratch_path(dir, "state");
    s.source.validation = other.source.validation = 1;
    stretch(&s, path, 1);
    CHECK(trainer_open(&t, &other.how, &other.source, &err) == DRGEN_OK);
    CHECK(trainer_load(t, path, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "another training"));
    CHECK(trainer_done(t) == 0);
    trainer_close(t);
    unmake(&s), unmake(&other);
    scratch_remove(dir);
}

TEST(what_is_not_a_number_stops_training_before_it_does_harm)
{
    float poison = 0;
    drgen_err err = {0};
    trainer *t = NULL;
    setup s = make(1, 1);
    s.source.user = &poison;
    CHECK(trainer_open(&t, &s.how, &s.source, &err) == DRGEN_OK);
    CHECK(trainer_update(t, NULL, NULL, &err) == DRGEN_OK);
    size_t floats;
    CHECK(dit_floats(&tiny, &floats, NULL) == DRGEN_OK);
    float *before = malloc(floats * sizeof *before);
    memcpy(before, trainer_result(t), floats * sizeof *before);
    poison = NAN;
    CHECK(trainer_update(t, NULL, NULL, &err) == DRGEN_ERR_ARG && strstr(err.message, "lower rate"));
    poison = 1e30f;
    err = (drgen_err){0};
    CHECK(trainer_update(t, NULL, NULL, &err) == DRGEN_ERR_ARG);
    CHECK(trainer_done(t) == 1 && memcmp(before, trainer_result(t), floats * sizeof *before) == 0);
    poison = 0;
    CHECK(trainer_update(t, NULL, NULL, NULL) == DRGEN_OK);
    free(before);
    trainer_close(t);
    unmake(&s);
}

/* Adds an adapter's products to the weights at d's sites. */
static void merge(dit *d, float *weights, const lora_pair *pair)
{
    for (size_t i = 0; i < (size_t)tiny.depth * LORA_SITES; i++) {
        const dit_block *b = &d->blocks[i / LORA_SITES];
        const wmat *const site[] = {&b->q, &b->k, &b->v, &b->o, &b->gate, &b->up, &b->down}, *w = site[i % LORA_SITES];
        float *to = weights + ((const float *)w->data - weights);
        for (size_t r = 0; r < w->rows; r++)
            for (size_t k = 0; k < pair[i].rank; k++)
                for (size_t c = 0; c < w->cols; c++)
                    to[r * w->cols + c] += pair[i].scale * pair[i].b[r * pair[i].rank + k] * pair[i].a[k * w->cols + c];
    }
}

typedef struct {
    dit_work *w;
    nn *n;
} sampling;

static drgen_status velocity(void *user, const float *y, float t, float *v, float *n)
{
    sampling *s = user;
    (void)n;
    dit_forward(s->w, s->n, y, t, (float *const[]){v}, NULL, NULL);
    return DRGEN_OK;
}

/* Mean squared distance of what d makes from song i's words and style to the song. */
static double distance(const dit *d, size_t i)
{
    enum { COUNT = FRAMES * MEL };
    float latent[COUNT] = {0}, y[COUNT], v[COUNT], style[WIDTH], start, duration;
    int32_t text[FRAMES];
    size_t length;
    flow_batch b = {.songs = 1, .frames = FRAMES, .mel = MEL, .style_dim = WIDTH, .latent = latent, .length = &length,
                    .text = text, .style = style, .start = &start, .duration = &duration};
    get(NULL, i, 0, 0, &b, 0, NULL);
    dit_input in = {.text = text, .style = style, .start = start, .duration = duration};
    arena work = arena_measure();
    nn n = {kern_best(), NULL, &work};
    dit_work w;
    dit_prepare(&w, d, &n, &in, 1, FRAMES, 0, NULL, NULL);
    dit_forward(&w, &n, NULL, 0, NULL, NULL, NULL);
    CHECK(arena_init(&work, work.peak, "test", NULL) == DRGEN_OK);
    dit_prepare(&w, d, &n, &in, 1, FRAMES, 0, NULL, NULL);
    sampling s = {&w, &n};
    rng_torch rng;
    rng_torch_seed(&rng, 99);
    rng_torch_normal(&rng, y, COUNT);
    cfm_run run = {.steps = 12, .velocity = velocity, .user = &s};
    CHECK(cfm_sample(&run, y, COUNT, &(cfm_scratch){.v = v}, NULL) == DRGEN_OK);
    arena_free(&work);
    double sum = 0;
    for (size_t k = 0; k < length * MEL; k++) sum += ((double)y[k] - (double)latent[k]) * ((double)y[k] - (double)latent[k]);
    return sum / (double)(length * MEL);
}

/* 300 updates of an adapter on three songs: the loss at fixed noise falls below six tenths of what it was, and what the
 * model with it makes lies less than half as far from each song as what the model alone makes. */
TEST(an_adapter_learns_three_songs)
{
    drgen_err err = {0};
    trainer *t = NULL;
    double first, last, before[3];
    setup s = make(0, 2);
    s.how.updates = 300;
    s.how.adamw.lr = 1e-2;
    s.how.lora.rank = 8;
    s.how.lora.alpha = 16;
    s.source.count = 3;
    s.source.validation = 6;
    CHECK(trainer_open(&t, &s.how, &s.source, &err) == DRGEN_OK);
    CHECK(trainer_validate(t, &first, &err) == DRGEN_OK);
    for (int i = 0; i < (T_SANITIZED ? 60 : 300); i++) CHECKF(trainer_update(t, NULL, NULL, &err) == DRGEN_OK, "%s", err.message);
    CHECK(trainer_validate(t, &last, &err) == DRGEN_OK);
    CHECKF(last < (T_SANITIZED ? 1 : 0.6) * first, "validation loss was %g, is %g", first, last);
    for (size_t i = 0; i < 3; i++) before[i] = distance(s.d, i);
    lora_pair pair[2 * LORA_SITES];
    float *data = malloc(lora_over(NULL, &tiny, &s.how.lora, NULL) * sizeof *data);
    memcpy(data, trainer_result(t), lora_over(NULL, &tiny, &s.how.lora, NULL) * sizeof *data);
    lora_over(pair, &tiny, &s.how.lora, data);
    merge(s.d, s.start, pair);
    for (size_t i = 0; i < 3; i++) {
        double after = distance(s.d, i);
        CHECKF(after < (T_SANITIZED ? 1 : 0.5) * before[i], "song %zu: distance was %g, is %g", i, before[i], after);
    }
    free(data);
    trainer_close(t);
    unmake(&s);
}

TEST(rates_rise_and_fall)
{
    CHECK(fabs(adamw_rate(LR_CONSTANT, 2, 1, 4, 100) - 0.5) < 1e-12 && adamw_rate(LR_CONSTANT, 2, 90, 4, 100) == 2);
    CHECK(fabs(adamw_rate(LR_LINEAR, 2, 5, 4, 104) - 2) < 1e-12 &&
          fabs(adamw_rate(LR_LINEAR, 2, 104, 4, 104) - 0.02) < 1e-12);
    CHECK(fabs(adamw_rate(LR_COSINE, 2, 54, 4, 103) - 1) < 0.04 && adamw_rate(LR_COSINE, 2, 103, 4, 103) < 1e-3);
    CHECK(adamw_rate(LR_LINEAR, 2, 1, 0, 1) == 2);
}
