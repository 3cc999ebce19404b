/* golden_dit.c - transformer forwards with taps, guided samples with edit masks, single guided Euler steps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "model/cfm.h"
#include "model/dit.h"
#include "tests/golden.h"
#include "weights_tools/pack.h"

static const double forward_bound = 1e-4, sample_bound = 5e-4, q8_cosine = 0.9995, q8_rms = 0.03;

static int match(const golden *g)
{
    return g->config && json_get(g->config, "depth") && json_get(g->config, "mel_dim");
}

typedef struct {
    golden *g;
    dit *d;
    nn n;
    arena work;
    const json_node *spec; /* of the case */
    const char *name;
    float *x, *cond, *style, *neg, *start, *duration, *text_raw;
    int32_t *text;
    size_t batch, frames, cond_frames;
    size_t count_x, count_text;
} run_case;

/* A field of the case: the name of an input, or a number. *count gets its elements. */
static float *field(const run_case *c, const char *key, size_t *count, size_t shape[ST_MAX_DIMS], int *dims)
{
    const json_node *v = json_get(c->spec, key);
    *count = 0;
    if (json_is_string(v)) return golden_input(c->g, json_string(v, ""), dims, shape, count);
    if (!json_is_number(v)) return NULL;
    float *out = malloc(sizeof *out);
    out[0] = (float)json_number(v, 0);
    *count = 1;
    *dims = 0;
    return out;
}

static void read_fields(run_case *c)
{
    size_t shape[ST_MAX_DIMS], count;
    int dims;
    c->x = field(c, "x", &c->count_x, shape, &dims);
    c->text_raw = field(c, "text", &c->count_text, shape, &dims);
    c->batch = dims == 2 ? shape[0] : 1;
    c->frames = c->count_text / (c->batch ? c->batch : 1);
    c->text = malloc((c->count_text + 1) * sizeof *c->text);
    for (size_t i = 0; i < c->count_text; i++) c->text[i] = (int32_t)c->text_raw[i];
    c->cond = field(c, "cond", &count, shape, &dims);
    c->cond_frames = c->cond && dims == 3 ? shape[1] : 0;
    c->style = field(c, "style", &count, shape, &dims);
    c->neg = field(c, "neg_style", &count, shape, &dims);
    c->start = field(c, "start", &count, shape, &dims);
    c->duration = field(c, "duration", &count, shape, &dims);
}

static void free_fields(run_case *c)
{
    free(c->x), free(c->cond), free(c->style), free(c->neg), free(c->start), free(c->duration), free(c->text_raw);
    free(c->text);
    c->x = c->cond = c->style = c->neg = c->start = c->duration = c->text_raw = NULL;
    c->text = NULL;
}

/* One number per item, or one for all. */
static float item_value(const run_case *c, const char *key, const float *v, size_t item)
{
    return json_is_string(json_get(c->spec, key)) ? v[item] : v[0];
}

static void compare_item(run_case *c, const char *tensor, size_t item, const float *data, size_t count, double bound)
{
    if (!golden_expects(c->g, c->name, tensor)) return;
    if (c->g->type == PACK_Q8) golden_alike(c->g, c->name, tensor, item, data, count, q8_cosine, q8_rms);
    else golden_compare_item(c->g, c->name, tensor, item, data, count, bound, 0);
}

typedef struct {
    run_case *c;
    size_t item;
} tap_state;

static void on_tap(void *user, const char *name, int branch, const float *data, size_t rows, size_t width)
{
    tap_state *t = user;
    if (branch == 0) compare_item(t->c, name, t->item, data, rows * width, forward_bound);
}

static void with_memory(run_case *c, size_t frames, int branches, const dit_input *in)
{
    const float nothing = 0;
    dit_work w;
    dit_input dry[DIT_MAX_BRANCHES];
    for (int i = 0; i < branches; i++) {
        dry[i] = in[i];
        if (dry[i].cond) dry[i].cond = &nothing;
    }
    c->work = arena_measure();
    dit_prepare(&w, c->d, &c->n, dry, branches, frames, 0, NULL, NULL);
    dit_forward(&w, &c->n, NULL, 0, NULL, NULL, NULL);
    size_t need = c->work.peak;
    if (arena_init(&c->work, need, "golden", NULL) != DRGEN_OK) abort();
}

static dit_input input_of(const run_case *c, size_t item, const float *style, int null)
{
    const dit_cfg *cfg = dit_config(c->d);
    return (dit_input){.cond = c->cond ? c->cond + item * c->cond_frames * (size_t)cfg->mel_dim : NULL,
                       .text = c->text + item * c->frames, .style = style + item * (size_t)cfg->cond_dim,
                       .start = item_value(c, "start", c->start, item),
                       .duration = item_value(c, "duration", c->duration, item), .null = null};
}

static void run_forward(run_case *c)
{
    size_t mel = (size_t)dit_config(c->d)->mel_dim;
    float *v = malloc(c->frames * mel * sizeof *v);
    for (size_t item = 0; item < c->batch; item++) {
        dit_input in = input_of(c, item, c->style, json_bool(json_get(c->spec, "null"), 0));
        tap_state t = {c, item};
        dit_work w;
        with_memory(c, c->frames, 1, &in);
        dit_prepare(&w, c->d, &c->n, &in, 1, c->frames, json_bool(json_get(c->spec, "half_tables"), 0), on_tap, &t);
        dit_forward(&w, &c->n, c->x + item * c->frames * mel, (float)json_number(json_get(c->spec, "t"), 0), &v, NULL, NULL);
        arena_free(&c->work);
    }
    free(v);
}

static void run_euler(run_case *c)
{
    size_t mel = (size_t)dit_config(c->d)->mel_dim, count = c->frames * mel;
    float *v = malloc(count * sizeof *v), *n = malloc(count * sizeof *n);
    dit_input in[2] = {input_of(c, 0, c->style, 0), input_of(c, 0, c->neg, 1)};
    dit_work w;
    with_memory(c, c->frames, 2, in);
    dit_prepare(&w, c->d, &c->n, in, 2, c->frames, 0, NULL, NULL);
    dit_forward(&w, &c->n, c->x, 0, (float *const[]){v, n}, NULL, NULL);
    arena_free(&c->work);
    compare_item(c, "cond", 0, v, count, forward_bound);
    compare_item(c, "null", 0, n, count, forward_bound);
    float dt = cfm_time(1, (int)json_number(json_get(c->spec, "steps"), 2), 0);
    float guidance = (float)json_number(json_get(c->spec, "cfg"), 0);
    for (size_t i = 0; i < count; i++) v[i] = c->x[i] + dt * (v[i] + (v[i] - n[i]) * guidance);
    compare_item(c, "y1", 0, v, count, forward_bound);
    free(v), free(n);
}

typedef struct {
    run_case *c;
    dit_work *w;
    float *path;
    size_t count;
} sampling;

static drgen_status velocity(void *user, const float *y, float t, float *v, float *n)
{
    sampling *s = user;
    dit_forward(s->w, &s->c->n, y, t, (float *const[]){v, n}, NULL, NULL);
    return DRGEN_OK;
}

static int on_step(void *user, int done, int total, const float *y)
{
    sampling *s = user;
    (void)total;
    memcpy(s->path + (size_t)done * s->count, y, s->count * sizeof *y);
    return 0;
}

/* The trajectory of item i is path[:, i]. */
static void compare_path(run_case *c, size_t item, const float *path, int steps, size_t count)
{
    char full[160];
    snprintf(full, sizeof full, "%s.path", c->name);
    const st_tensor *want = st_find(c->g->expected, full);
    if (!want || want->count != (size_t)steps * c->batch * count) {
        golden_broken(c->g, c->name, "path: no expectation of this size");
        return;
    }
    double worst = 0;
    for (size_t s = 0; s < (size_t)steps; s++)
        for (size_t i = 0; i < count; i++) {
            double e = fabs((double)path[s * count + i] - (double)weights_value(want, (s * c->batch + item) * count + i));
            if (!(e <= worst)) worst = e;
        }
    golden_report(c->g, c->name, "path", worst, sample_bound);
}

static void run_sample(run_case *c)
{
    size_t mel = (size_t)dit_config(c->d)->mel_dim, count = c->frames * mel;
    int steps = (int)json_number(json_get(c->spec, "steps"), 2);
    double guidance = json_number(json_get(c->spec, "cfg"), 0);
    cfm_span segments[16];
    size_t segment_count = 0;
    for (const json_node *s = json_first(json_get(c->spec, "segments")); s && segment_count < 16; s = json_next(s)) {
        segments[segment_count].start = (int64_t)json_number(json_first(s), 0);
        segments[segment_count++].end = (int64_t)json_number(json_next(json_first(s)), 0);
    }
    uint8_t *mask = malloc(c->frames + 1);
    cfm_mask(mask, c->frames, segments, segment_count);
    float *whole = malloc(count * sizeof *whole); /* cond cut to the song's frames */
    memcpy(whole, c->cond, count * sizeof *whole);
    for (size_t t = 0; t < c->frames; t++)
        if (mask[t]) memset(c->cond + t * mel, 0, mel * sizeof *c->cond);
    c->batch = (size_t)json_number(json_get(c->spec, "batch"), 1);
    float *y = malloc(count * sizeof *y), *v = malloc(count * sizeof *v), *n = malloc(count * sizeof *n);
    float *path = malloc((size_t)steps * count * sizeof *path);
    rng_torch rng;
    for (size_t item = 0; item < c->batch; item++) {
        rng_torch_seed(&rng, (uint64_t)json_number(json_get(c->spec, "seed"), 0)); /* reseeded for every item */
        rng_torch_normal(&rng, y, count);
        memcpy(path, y, count * sizeof *y);
        dit_input in[2] = {input_of(c, 0, c->style, 0), input_of(c, 0, c->neg, 1)};
        int branches = guidance >= 1e-5 ? 2 : 1;
        dit_work w;
        with_memory(c, c->frames, branches, in);
        dit_prepare(&w, c->d, &c->n, in, branches, c->frames, 0, NULL, NULL);
        sampling s = {c, &w, path, count};
        cfm_run run = {.steps = steps, .guidance = (float)guidance, .to = 1, .sway = (float)json_number(json_get(c->spec, "sway"), 0),
                       .velocity = velocity, .step = on_step, .user = &s};
        drgen_err err = {0};
        if (cfm_sample(&run, y, count, &(cfm_scratch){v, n, NULL}, &err) != DRGEN_OK) golden_broken(c->g, c->name, err.message);
        arena_free(&c->work);
        compare_path(c, item, path, steps, count);
        for (size_t i = 0; i < count; i++)
            if (!mask[i / mel]) y[i] = whole[i];
        compare_item(c, "out", item, y, count, sample_bound);
    }
    free(mask), free(whole), free(y), free(v), free(n), free(path);
}

/* Exact lookup tables, stored as table.*. */
static void run_tables(golden *g, const dit_cfg *cfg)
{
    const st_tensor *t = st_find(g->expected, "table.sinus_freq");
    float w[512];
    if (t && t->count <= 512) {
        nn_sinus_freq(w, t->count);
        golden_compare(g, "table", "sinus_freq", w, t->count, 6e-8, 0);
    }
    t = st_find(g->expected, "table.rope_inv_freq");
    if (t && t->count == (size_t)(cfg->dim / cfg->heads / 2)) {
        nn_rope_freq(w, t->count, 10000.0, 0);
        golden_compare(g, "table", "rope_inv_freq", w, t->count, 6e-8, 0);
    }
}

static void run_cases(golden *g, dit *d)
{
    static const struct {
        const char *kind;
        void (*run)(run_case *c);
    } runs[] = {{"forward", run_forward}, {"sample", run_sample}, {"euler1", run_euler}};
    for (const json_node *s = json_first(json_get(g->root, "cases")); s; s = json_next(s)) {
        if (!golden_wanted(g, json_key(s))) continue;
        run_case c = {.g = g, .d = d, .spec = s, .name = json_key(s)};
        c.n = (nn){g->kern, g->pool, &c.work};
        const char *kind = json_string(json_get(s, "kind"), "");
        size_t k = 0;
        while (k < sizeof runs / sizeof runs[0] && strcmp(runs[k].kind, kind) != 0) k++;
        if (k == sizeof runs / sizeof runs[0]) {
            golden_skip(g, c.name, "unknown kind of case");
            continue;
        }
        read_fields(&c);
        if (!c.text_raw || !c.style || !c.frames) golden_broken(g, c.name, "inputs are missing");
        else runs[k].run(&c);
        free_fields(&c);
    }
}

static void run(golden *g)
{
    drgen_err err = {0};
    source *src = NULL;
    st_file *weights = NULL;
    dit *d = NULL;
    char *manifest = golden_path(g, "manifest.json"), *path = file_join(g->temp, "dit.safetensors");
    dit_cfg cfg = {.heads = (int)json_number(json_get(g->config, "heads"), 0),
                   .max_frames = (int)json_number(json_get(g->config, "max_frames"), 0)};
    pack_how how = {.dtype = g->type};
    if (source_open_manifest(&src, manifest, &err) != DRGEN_OK ||
        pack_dit(src, path, &how, &cfg, NULL, &err) != DRGEN_OK ||
        st_open(&weights, path, &err) != DRGEN_OK || dit_load(&d, &cfg, weights, &err) != DRGEN_OK)
        golden_broken(g, "load", err.message);
    else {
        run_tables(g, &cfg);
        run_cases(g, d);
    }
    dit_free(d);
    st_close(weights);
    source_close(src);
    unlink(path);
    free(path);
    free(manifest);
}

const golden_kind golden_dit = {"dit", match, run};
