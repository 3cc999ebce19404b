/* golden_mulan.c - MuQ-MuLan: the text tower with its intermediates. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/weights.h"
#include "model/mulan.h"
#include "tests/golden.h"
#include "weights_tools/pack.h"

static int match(const golden *g)
{
    return g->config && json_get(g->config, "text_transformer") && json_get(g->config, "audio_transformer");
}

typedef struct {
    golden *g;
    char name[32];
    double vector, inside; /* bounds: final vectors absolute, intermediates relative to the largest */
} mulan_case;

/* The wide model averages rounding away; towers with a transformer behind the audio encoder are badly conditioned. */
static void set_bounds(mulan_case *c)
{
    double audio_depth = json_number(json_get(json_get(c->g->config, "audio_transformer"), "tf_depth"), 0);
    double hidden = json_number(json_get(json_get(c->g->config, "text"), "hidden_size"), 0);
    c->vector = audio_depth > 0 ? 2e-5 : hidden >= 512 ? 2e-6 : 5e-6;
    c->inside = audio_depth > 0 ? 1e-4 : 3e-5;
}

/* Large tensors are stored as three rows: first, middle, last. */
static void on_tap(void *user, const char *name, const float *data, size_t rows, size_t width)
{
    mulan_case *c = user;
    char sampled[80];
    snprintf(sampled, sizeof sampled, "%s.rows", name);
    if (golden_expects(c->g, c->name, name)) golden_compare(c->g, c->name, name, data, rows * width, c->inside, 1);
    else if (golden_expects(c->g, c->name, sampled)) {
        const size_t pick[3] = {0, rows / 2, rows - 1};
        float *some = malloc(3 * width * sizeof *some);
        for (size_t i = 0; i < 3; i++) memcpy(some + i * width, data + pick[i] * width, width * sizeof *some);
        golden_compare(c->g, c->name, sampled, some, 3 * width, c->inside, 1);
        free(some);
    }
}

/* Half-precision weights: what counts is the direction. */
static void judge_cosine(const mulan_case *c, const float *style, size_t count)
{
    char name[64], why[96];
    snprintf(name, sizeof name, "%s.latent", c->name);
    const st_tensor *want = c->g->expected ? st_find(c->g->expected, name) : NULL;
    double dot = 0, a = 0, b = 0;
    for (size_t i = 0; want && want->count == count && i < count; i++) {
        double x = (double)style[i], y = (double)weights_value(want, i);
        dot += x * y, a += x * x, b += y * y;
    }
    double cosine = dot / sqrt(a * b);
    snprintf(why, sizeof why, "cosine %.7f, above 0.9999 wanted", cosine);
    if (cosine > 0.9999) printf("%s: cosine %.7f\n", name, cosine);
    else golden_broken(c->g, c->name, why);
}

static void run_text(mulan_case *c, const mulan_text *m, const mulan_text_cfg *cfg)
{
    char input[48];
    size_t shape[ST_MAX_DIMS], count = 0;
    int dims;
    snprintf(input, sizeof input, "%s.ids", c->name);
    float *raw = golden_input(c->g, input, &dims, shape, &count);
    int32_t *ids = malloc((count + 1) * sizeof *ids);
    float *style = malloc((size_t)cfg->dim_latent * sizeof *style);
    for (size_t i = 0; i < count; i++) ids[i] = (int32_t)raw[i];
    arena work = arena_measure();
    nn n = {c->g->kern, c->g->pool, &work};
    mulan_text_encode(m, &n, NULL, count, NULL, NULL, NULL);
    if (arena_init(&work, work.peak, "golden", NULL) != DRGEN_OK) abort();
    mulan_text_encode(m, &n, ids, count, style, on_tap, c);
    golden_compare(c->g, c->name, "latent", style, (size_t)cfg->dim_latent, c->vector, 0);
    if (c->g->weights_f16) judge_cosine(c, style, (size_t)cfg->dim_latent);
    arena_free(&work);
    free(style), free(ids), free(raw);
}

static void run(golden *g)
{
    drgen_err err = {0};
    source *src = NULL;
    st_file *weights = NULL;
    mulan_text *m = NULL;
    const json_node *text = json_get(g->config, "text");
    char *manifest = golden_path(g, "manifest.json"), *path = file_join(g->temp, "mulan.safetensors");
    mulan_text_cfg cfg = {.heads = (int)json_number(json_get(text, "num_attention_heads"), 0),
                          .layer_norm_eps = json_number(json_get(text, "layer_norm_eps"), 0)};
    pack_how how = {.dtype = g->weights_f16 ? PACK_F16 : PACK_F32};
    mulan_case c = {.g = g};
    set_bounds(&c);
    if (source_open_manifest(&src, manifest, &err) != DRGEN_OK || pack_mulan_text(src, path, &how, &cfg, NULL, &err) != DRGEN_OK ||
        st_open(&weights, path, &err) != DRGEN_OK || mulan_text_load(&m, &cfg, weights, &err) != DRGEN_OK)
        golden_broken(g, "load", err.message);
    else
        for (int i = 0; i < 100; i++) {
            char ids[48];
            snprintf(c.name, sizeof c.name, "text%d", i);
            snprintf(ids, sizeof ids, "%s.ids", c.name);
            if (!g->inputs || !st_find(g->inputs, ids)) break;
            if (golden_wanted(g, c.name)) run_text(&c, m, &cfg);
        }
    if (g->inputs && st_find(g->inputs, "wave")) golden_skip(g, "audio", "the audio tower is not built yet");
    mulan_text_free(m);
    st_close(weights);
    source_close(src);
    unlink(path);
    free(path);
    free(manifest);
}

const golden_kind golden_mulan = {"mulan", match, run};
