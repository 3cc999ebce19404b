/* The transformer's training pass: its forward is inference's, its gradients are torch's (gradients.safetensors beside the
 * golden forwards: of sum(v * dv) by autograd in float64, for every tensor its norm, eight random projections and some
 * elements), threads and memory saving change nothing, adapters' gradients are central differences. */
#include <stdlib.h>

#include "base/rng.h"
#include "io/json.h"
#include "tests/scratch.h"
#include "tests/t.h"
#include "train/dit_grad.h"
#include "train/dit_tensors.h"
#include "train/lora_params.h"
#include "weights_tools/pack.h"

typedef struct {
    char dir[256];
    dit_cfg cfg;
    st_file *file, *inputs, *expected;
    dit *base, *d, *g; /* as loaded; over weights; over gradients */
    float *weights, *grads;
    size_t floats, songs, frames;
    float *x, *cond, *style, *start, *duration, *v, *dv, t[2];
    int32_t *text;
} setup;

static float *read_input(const setup *s, const char *name, size_t *count)
{
    const st_tensor *t = st_find(s->inputs, name);
    float *out = calloc(t ? t->count : 1, sizeof *out);
    if (t) weights_widen(t, 0, t->count, out);
    *count = t ? t->count : 0;
    return out;
}

/* Floats on a 64-byte boundary. */
static float *floats(size_t count)
{
    return aligned_alloc(64, (count * sizeof(float) + 127) / 64 * 64);
}

static int load(setup *s, const char *folder, int heads, int max_frames)
{
    char path[256], packed[300];
    drgen_err err = {0};
    source *src = NULL;
    size_t n;
    static const float times[] = {0.37f, 0.81f};
    *s = (setup){.cfg = {.heads = heads, .max_frames = max_frames}};
    memcpy(s->t, times, sizeof times);
    if (!scratch_make(s->dir)) return 0;
    snprintf(packed, sizeof packed, "%s/dit.safetensors", s->dir);
    snprintf(path, sizeof path, "tests/golden/%s/manifest.json", folder);
    pack_how how = {.dtype = PACK_F32};
    if (source_open_manifest(&src, path, &err) || pack_dit(src, packed, &how, &s->cfg, NULL, &err) ||
        st_open(&s->file, packed, &err) || dit_load(&s->base, &s->cfg, s->file, &err)) {
        t_fail(__FILE__, __LINE__, "%s", err.message);
        return 0;
    }
    source_close(src);
    snprintf(path, sizeof path, "tests/golden/%s/inputs.safetensors", folder);
    CHECK(st_open(&s->inputs, path, &err) == DRGEN_OK);
    snprintf(path, sizeof path, "tests/golden/%s/gradients.safetensors", folder);
    CHECK(st_open(&s->expected, path, &err) == DRGEN_OK);
    CHECK(dit_floats(&s->cfg, &s->floats, &err) == DRGEN_OK);
    s->weights = floats(s->floats);
    s->grads = floats(s->floats);
    CHECK(dit_flatten(s->base, &kern_ref, s->weights, &err) == DRGEN_OK);
    CHECK(dit_over(&s->d, &s->cfg, s->weights, &err) == DRGEN_OK &&
          dit_over(&s->g, &s->cfg, s->grads, &err) == DRGEN_OK);
    s->x = read_input(s, "x", &n);
    float *text = read_input(s, "text", &s->frames);
    s->text = malloc((s->frames + 1) * sizeof *s->text);
    for (size_t i = 0; i < s->frames; i++) s->text[i] = (int32_t)text[i];
    free(text);
    s->start = read_input(s, "start", &s->songs);
    s->frames /= s->songs;
    s->cond = read_input(s, "cond", &n);
    s->style = read_input(s, "style", &n);
    s->duration = read_input(s, "duration", &n);
    n = s->songs * s->frames * (size_t)s->cfg.mel_dim;
    s->v = floats(n);
    s->dv = floats(n);
    rng_synth(s->dv, 0, n, "grad.dv", 0, 1, 1);
    return 1;
}

static void unload(setup *s)
{
    dit_free(s->base), dit_free(s->d), dit_free(s->g);
    st_close(s->file), st_close(s->inputs), st_close(s->expected);
    free(s->weights), free(s->grads), free(s->x), free(s->cond), free(s->style), free(s->start), free(s->duration);
    free(s->v), free(s->dv), free(s->text);
    scratch_remove(s->dir);
}

static dit_batch batch_of(const setup *s)
{
    return (dit_batch){.songs = s->songs,
                       .frames = s->frames,
                       .x = s->x,
                       .cond = s->cond,
                       .text = s->text,
                       .style = s->style,
                       .t = s->t,
                       .start = s->start,
                       .duration = s->duration,
                       .key = 7};
}

static void pass(const setup *s, const kern_table *kern, pool *p, const dit_trained *m, int back)
{
    dit_pass *run = malloc(dit_pass_size());
    dit_batch b = batch_of(s);
    arena work = arena_measure();
    nn n = {kern, p, &work};
    dit_pass_forward(run, &n, m, &b, NULL);
    dit_pass_backward(run, &n, NULL);
    size_t need = work.peak;
    CHECK(arena_init(&work, need, "test", NULL) == DRGEN_OK);
    dit_pass_forward(run, &n, m, &b, s->v);
    if (back) dit_pass_backward(run, &n, s->dv);
    CHECKF(work.peak <= need, "the layout counted %zu bytes, %zu were used", need, work.peak);
    arena_free(&work);
    free(run);
}

static void check_tensor(const setup *s, const dit_tensor *t, const char *isa)
{
    char name[160];
    snprintf(name, sizeof name, "sums.%s", t->name);
    const st_tensor *sums = st_find(s->expected, name);
    snprintf(name, sizeof name, "some.%s", t->name);
    const st_tensor *some = st_find(s->expected, name);
    CHECKF(sums && some, "%s: not expected", t->name);
    if (!sums || !some) return;
    const float *g = s->grads + t->at;
    float *r = malloc(t->count * sizeof *r);
    double want[9], norm = 0;
    memcpy(want, sums->data, sizeof want);
    for (size_t i = 0; i < t->count; i++) norm += (double)g[i] * (double)g[i];
    double worst = fabs(sqrt(norm) - want[0]);
    for (int k = 0; k < 8; k++) {
        double sum = 0;
        snprintf(name, sizeof name, "proj.%d.%s", k, t->name);
        rng_synth(r, 0, t->count, name, 0, 1, 1);
        for (size_t i = 0; i < t->count; i++) sum += (double)g[i] * (double)r[i];
        if (!(fabs(sum - want[k + 1]) <= worst)) worst = fabs(sum - want[k + 1]);
    }
    size_t step = t->count / 128 ? t->count / 128 : 1;
    for (size_t i = 0; i < some->count; i++) {
        double e = fabs((double)g[i * step] - (double)weights_value(some, i));
        if (!(e <= worst)) worst = e;
    }
    CHECKF(worst <= 1e-3 * want[0], "%s %s: off by %.3g of a norm of %.3g", isa, t->name, worst, want[0]);
    free(r);
}

static void check_gradients(const char *folder, int heads, int max_frames)
{
    setup s;
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    if (!load(&s, folder, heads, max_frames)) return;
    size_t count = dit_tensors(s.d, NULL, NULL);
    dit_tensor *list = calloc(count, sizeof *list);
    dit_tensors(s.d, list, NULL);
    const st_tensor *v = st_find(s.expected, "v");
    for (size_t k = 0; k < tables; k++) {
        dit_trained m = {.d = s.d, .grad = s.g, .keep = (int)k % 2};
        memset(s.grads, 0, s.floats * sizeof *s.grads);
        pass(&s, table[k], NULL, &m, 1);
        double worst = 0;
        for (size_t i = 0; v && i < v->count; i++) {
            double e = fabs((double)s.v[i] - (double)weights_value(v, i));
            if (!(e <= worst)) worst = e;
        }
        CHECKF(v && worst <= 1e-4, "%s: forward off by %.3g", table[k]->isa, worst);
        for (size_t i = 0; i < count; i++) check_tensor(&s, &list[i], table[k]->isa);
    }
    free(list);
    unload(&s);
}

TEST(dit_gradients_are_torchs)
{
    check_gradients("dit_tiny", 4, 256);
}

TEST(dit_gradients_are_torchs_for_two_songs_with_durations)
{
    check_gradients("dit_tiny_full", 2, 72);
}

/* ---- adapters and laws */

typedef struct {
    lora_pair *pair, *grad;
    float *data, *grads;
    size_t floats;
} adapter;

static adapter make_adapter(const setup *s, const lora_shape *shape, uint64_t *rng)
{
    size_t pairs = (size_t)s->cfg.depth * LORA_SITES;
    adapter a = {.pair = calloc(pairs, sizeof(lora_pair)), .grad = calloc(pairs, sizeof(lora_pair))};
    a.floats = lora_over(NULL, &s->cfg, shape, NULL);
    a.data = floats(a.floats);
    a.grads = floats(a.floats);
    for (size_t i = 0; i < a.floats; i++) a.data[i] = 0.1f * rng_uniform(rng);
    memset(a.grads, 0, a.floats * sizeof *a.grads);
    lora_over(a.pair, &s->cfg, shape, a.data);
    lora_over(a.grad, &s->cfg, shape, a.grads);
    return a;
}

static void free_adapter(adapter *a)
{
    free(a->pair), free(a->grad), free(a->data), free(a->grads);
}

static const wmat *site_weight(const dit *d, size_t i)
{
    const dit_block *b = &d->blocks[i / LORA_SITES];
    const wmat *const w[] = {&b->q, &b->k, &b->v, &b->o, &b->gate, &b->up, &b->down};
    return w[i % LORA_SITES];
}

/* Largest difference between g [rows, cols] and scale * the product's sums, and the largest of those. */
static void compare_product(double *worst, double *top, const float *g, float scale, size_t rows, size_t cols,
                            size_t depth, const float *x, size_t xr, size_t xk, const float *y, size_t yk, size_t yc)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            double sum = 0;
            for (size_t k = 0; k < depth; k++) sum += (double)x[r * xr + k * xk] * (double)y[k * yk + c * yc];
            sum *= (double)scale;
            *top = fmax(*top, fabs(sum));
            *worst = fmax(*worst, fabs(sum - (double)g[r * cols + c]));
        }
}

/* With W' = W + s B A the chain rule gives dA = s B^T dW', dB = s dW' A^T: from the weights' gradients alone. */
TEST(adapter_gradients_follow_from_those_of_the_weights)
{
    setup s;
    uint64_t rng = t_seed;
    if (!load(&s, "dit_tiny_full", 2, 72)) return;
    lora_shape shape = {.rank = 3, .alpha = 6, .sites = LORA_ALL};
    adapter a = make_adapter(&s, &shape, &rng);
    dit_trained low = {.d = s.d, .lora = a.pair, .lora_grad = a.grad}, full = {.d = s.d, .grad = s.g};
    pass(&s, kern_best(), NULL, &low, 1);
    size_t count = s.songs * s.frames * (size_t)s.cfg.mel_dim;
    float *v = floats(count);
    memcpy(v, s.v, count * sizeof *v);
    for (size_t i = 0; i < (size_t)s.cfg.depth * LORA_SITES; i++) {
        const wmat *w = site_weight(s.d, i);
        const lora_pair *l = &a.pair[i];
        float *data = s.weights + ((const float *)w->data - s.weights);
        for (size_t r = 0; r < w->rows; r++)
            for (size_t c = 0; c < w->cols; c++)
                for (size_t k = 0; k < l->rank; k++)
                    data[r * w->cols + c] += l->scale * l->b[r * l->rank + k] * l->a[k * w->cols + c];
    }
    memset(s.grads, 0, s.floats * sizeof *s.grads);
    pass(&s, kern_best(), NULL, &full, 1);
    for (size_t i = 0; i < count; i++)
        CHECKF(fabsf(v[i] - s.v[i]) < 1e-4f, "forward %zu: %g, merged %g", i, (double)v[i], (double)s.v[i]);
    for (size_t i = 0; i < (size_t)s.cfg.depth * LORA_SITES; i++) {
        const wmat *w = site_weight(s.d, i);
        const float *dw = site_weight(s.g, i)->data;
        const lora_pair *l = &a.pair[i];
        double worst = 0, top = 0;
        compare_product(&worst, &top, a.grad[i].a, l->scale, l->rank, w->cols, w->rows, l->b, 1, l->rank, dw, w->cols,
                        1);
        compare_product(&worst, &top, a.grad[i].b, l->scale, w->rows, l->rank, w->cols, dw, w->cols, 1, l->a, 1,
                        w->cols);
        CHECKF(worst <= 1e-4 * top, "site %zu: off by %g of %g", i, worst, top);
    }
    free(v);
    free_adapter(&a);
    unload(&s);
}

static double weigh(const setup *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->songs * s->frames * (size_t)s->cfg.mel_dim; i++)
        sum += (double)s->v[i] * (double)s->dv[i];
    return sum;
}

TEST(adapter_gradients_with_dropout_are_differences)
{
    setup s;
    uint64_t rng = t_seed;
    if (!load(&s, "dit_tiny_full", 2, 72)) return;
    lora_shape shape = {.rank = 2, .alpha = 4, .dropout = 0.3f, .sites = LORA_ALL};
    adapter a = make_adapter(&s, &shape, &rng);
    dit_trained m = {.d = s.d, .lora = a.pair, .lora_grad = a.grad};
    pass(&s, &kern_ref, NULL, &m, 1);
    float *way = floats(a.floats);
    double along = 0, up, down, h = 3e-3;
    for (size_t i = 0; i < a.floats; i++) {
        way[i] = rng_uniform(&rng);
        along += (double)way[i] * (double)a.grads[i];
    }
    for (size_t i = 0; i < a.floats; i++) a.data[i] += (float)h * way[i];
    pass(&s, &kern_ref, NULL, &m, 0);
    up = weigh(&s);
    for (size_t i = 0; i < a.floats; i++) a.data[i] -= 2 * (float)h * way[i];
    pass(&s, &kern_ref, NULL, &m, 0);
    down = weigh(&s);
    CHECKF(fabs((up - down) / (2 * h) - along) < 2e-2 * fabs(along), "slope %g, gradient %g", (up - down) / (2 * h),
           along);
    free(way);
    free_adapter(&a);
    unload(&s);
}

TEST(gradients_do_not_depend_on_threads_or_memory)
{
    setup s;
    uint64_t rng = t_seed;
    if (!load(&s, "dit_tiny_full", 2, 72)) return;
    lora_shape shape = {.rank = 4, .alpha = 4, .dropout = 0.1f, .sites = LORA_ALL};
    adapter a = make_adapter(&s, &shape, &rng);
    float *first = floats(s.floats), *low = floats(a.floats);
    for (int run = 0; run < 3; run++) {
        pool *p = NULL;
        dit_trained m = {.d = s.d, .grad = s.g, .lora = a.pair, .lora_grad = a.grad, .keep = run == 2};
        if (run) CHECK(pool_open(&p, run == 1 ? 3 : 2, NULL) == DRGEN_OK);
        memset(s.grads, 0, s.floats * sizeof *s.grads);
        memset(a.grads, 0, a.floats * sizeof *a.grads);
        pass(&s, kern_best(), p, &m, 1);
        pool_close(p);
        if (run == 0) {
            memcpy(first, s.grads, s.floats * sizeof *first);
            memcpy(low, a.grads, a.floats * sizeof *low);
        }
        CHECKF(memcmp(first, s.grads, s.floats * sizeof *first) == 0, "run %d: other gradients", run);
        CHECKF(memcmp(low, a.grads, a.floats * sizeof *low) == 0, "run %d: other gradients of the adapter", run);
    }
    free(first), free(low);
    free_adapter(&a);
    unload(&s);
}
