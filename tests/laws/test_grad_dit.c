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
#include "weights_tools/pack.h"

typedef struct {
    char dir[256];
    dit_cfg cfg;
    st_file *file, *inputs, *expected;
    dit *base, *d, *g;     /* as loaded; over weights; over gradients */
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
    CHECK(dit_over(&s->d, &s->cfg, s->weights, &err) == DRGEN_OK && dit_over(&s->g, &s->cfg, s->grads, &err) == DRGEN_OK);
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
    return (dit_batch){.songs = s->songs, .frames = s->frames, .x = s->x, .cond = s->cond, .text = s->text, .style = s->style,
                       .t = s->t, .start = s->start, .duration = s->duration, .key = 7};
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
