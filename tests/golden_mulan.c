/* golden_mulan.c - MuQ-MuLan: both towers with their intermediates. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/weights.h"
#include "dsp/mel.h"
#include "model/mulan.h"
#include "model/muq.h"
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
    if (c->g->type != PACK_F32) judge_cosine(c, style, (size_t)cfg->dim_latent);
    arena_free(&work);
    free(style), free(ids), free(raw);
}

/* ---- audio */

typedef struct {
    mulan_case *c;
    size_t clip, frames;
} audio_tap;

/* An index list of the inputs, at most room entries; how many. */
static size_t picks(const golden *g, const char *name, size_t *out, size_t room)
{
    size_t shape[ST_MAX_DIMS], count = 0;
    int dims;
    float *v = golden_input(g, name, &dims, shape, &count);
    for (size_t i = 0; i < count && i < room; i++) out[i] = (size_t)v[i];
    free(v);
    return count < room ? count : room;
}

static void compare_clip(const audio_tap *t, const char *name, const float *data, size_t count)
{
    golden_compare_item(t->c->g, t->c->name, name, t->clip, data, count, t->c->inside, 1);
}

/* Images come as [height, width, channels]; the original keeps channels first, whole or some of them at some heights. */
static void compare_image(const audio_tap *t, const char *name, const float *data, size_t pixels, size_t channels)
{
    const golden *g = t->c->g;
    size_t height = strcmp(name, "res0") == 0 ? MUQ_BANDS / 2 : MUQ_BANDS / 4, width = pixels / height;
    size_t chan[16], freq[16], chans = picks(g, "rows.chan", chan, 16), freqs = picks(g, "rows.freq", freq, 16), at = 0;
    char sampled[32];
    float *some = malloc((pixels * channels + 1) * sizeof *some);
    snprintf(sampled, sizeof sampled, "%s.chan", name);
    if (golden_expects(g, t->c->name, name) && (t->clip == 0 || strcmp(name, "res0") != 0)) { /* res0: first clip only */
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < pixels; i++) some[at++] = data[i * channels + c];
        compare_clip(t, name, some, at);
    } else if (golden_expects(g, t->c->name, sampled)) {
        for (size_t c = 0; c < chans; c++)
            for (size_t f = 0; f < freqs; f++)
                for (size_t x = 0; x < width; x++) some[at++] = data[(freq[f] * width + x) * channels + chan[c]];
        compare_clip(t, sampled, some, at);
    }
    free(some);
}

/* Rows named in an input. */
static void compare_rows(const audio_tap *t, const char *name, const char *list, const float *data, size_t rows, size_t width, int columns)
{
    size_t pick[32], count = picks(t->c->g, list, pick, 32), at = 0;
    float *some = malloc((count * (columns ? rows : width) + 1) * sizeof *some);
    if (columns)
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < count; i++) some[at++] = data[r * width + pick[i]];
    else
        for (size_t i = 0; i < count; i++, at += width) memcpy(some + at, data + pick[i] * width, width * sizeof *some);
    compare_clip(t, name, some, at);
    free(some);
}

static void on_audio(void *user, const char *name, const float *data, size_t rows, size_t width)
{
    const audio_tap *t = user;
    const golden *g = t->c->g;
    char sampled[80];
    if (strncmp(name, "res", 3) == 0) {
        compare_image(t, name, data, rows, width);
        return;
    }
    snprintf(sampled, sizeof sampled, "%s.%s", name, strncmp(name, "mel", 3) == 0 ? "frames" : "rows");
    if (golden_expects(g, t->c->name, name)) compare_clip(t, name, data, rows * width);
    else if (golden_expects(g, t->c->name, sampled)) {
        int mel = strncmp(name, "mel", 3) == 0;
        compare_rows(t, sampled, mel ? "rows.mel" : "rows.audio", data, rows, width, mel);
    }
}

/* One clip: its spectrogram and its vector, added to sum. */
static void run_clip(audio_tap *t, const muq *m, const float *samples, size_t count, float *sum, size_t latent)
{
    size_t frames = mel_frames(count);
    float *mel = malloc((MUQ_BANDS * frames + 1) * sizeof *mel), *style = malloc(latent * sizeof *style);
    drgen_err err = {0};
    arena work = arena_measure();
    nn n = {t->c->g->kern, t->c->g->pool, &work};
    if (mel_db(samples, count, mel, &err) != DRGEN_OK) golden_broken(t->c->g, t->c->name, err.message);
    else {
        on_audio(t, "mel_db", mel, MUQ_BANDS, frames);
        muq_encode(m, &n, NULL, frames, NULL, NULL, NULL);
        if (arena_init(&work, work.peak, "golden", NULL) != DRGEN_OK) abort();
        muq_encode(m, &n, mel, frames, style, on_audio, t);
        arena_free(&work);
        for (size_t i = 0; i < latent; i++) sum[i] += style[i];
    }
    free(mel), free(style);
}

static void run_audio(mulan_case *c, const muq *m, const mulan_audio_cfg *cfg)
{
    size_t shape[ST_MAX_DIMS], count = 0, last = 0, latent = (size_t)cfg->dim_latent;
    int dims;
    float *wave = golden_input(c->g, "wave", &dims, shape, &count);
    size_t clip = (size_t)json_number(json_get(c->g->config, "sr"), 24000) * (size_t)cfg->clip_seconds;
    size_t clips = muq_clips(wave, count, clip, NULL, &last);
    float *all = calloc(clips * clip + 1, sizeof *all), *sum = calloc(latent, sizeof *sum);
    snprintf(c->name, sizeof c->name, "audio");
    muq_clips(wave, count, clip, all, &last);
    for (size_t i = 0; i < clips; i++) {
        audio_tap t = {c, i, 0};
        size_t size = i + 1 < clips ? clip : last;
        if (golden_expects(c->g, "audio", "clips")) golden_compare_item(c->g, "audio", "clips", i, all + i * clip, size, 0, 0);
        run_clip(&t, m, all + i * clip, size, sum, latent);
    }
    for (size_t i = 0; i < latent; i++) sum[i] /= (float)clips;
    golden_compare(c->g, "audio", "latent", sum, latent, c->vector, 0);
    if (c->g->type != PACK_F32) judge_cosine(c, sum, latent);
    free(wave), free(all), free(sum);
}

/* ---- both */

static void text_tower(golden *g, mulan_case *c, const source *src, const pack_how *how, const char *path)
{
    drgen_err err = {0};
    st_file *weights = NULL;
    mulan_text *m = NULL;
    const json_node *text = json_get(g->config, "text");
    mulan_text_cfg cfg = {.heads = (int)json_number(json_get(text, "num_attention_heads"), 0),
                          .layer_norm_eps = json_number(json_get(text, "layer_norm_eps"), 0)};
    if (pack_mulan_text(src, path, how, &cfg, NULL, &err) != DRGEN_OK || st_open(&weights, path, &err) != DRGEN_OK ||
        mulan_text_load(&m, &cfg, weights, &err) != DRGEN_OK)
        golden_broken(g, "load", err.message);
    else
        for (int i = 0; i < 100; i++) {
            char ids[48];
            snprintf(c->name, sizeof c->name, "text%d", i);
            snprintf(ids, sizeof ids, "%s.ids", c->name);
            if (!g->inputs || !st_find(g->inputs, ids)) break;
            if (golden_wanted(g, c->name)) run_text(c, m, &cfg);
        }
    mulan_text_free(m);
    st_close(weights);
    unlink(path);
}

static void audio_tower(golden *g, mulan_case *c, const source *src, const pack_how *how, const char *path)
{
    drgen_err err = {0};
    st_file *weights = NULL;
    muq *m = NULL;
    const json_node *a = json_get(g->config, "audio");
    mulan_audio_cfg cfg = {.heads = (int)json_number(json_get(a, "num_attention_heads"), 0),
                           .use_layer = (int)json_number(json_get(a, "use_layer_idx"), -1),
                           .clip_seconds = (int)json_number(json_get(g->config, "clip_secs"), 10),
                           .layer_norm_eps = json_number(json_get(a, "layer_norm_eps"), 0),
                           .mel_mean = json_number(json_get(a, "melspec_2048_mean"), 0),
                           .mel_std = json_number(json_get(a, "melspec_2048_std"), 0)};
    if (!g->inputs || !st_find(g->inputs, "wave") || !golden_wanted(g, "audio")) return;
    if (pack_mulan_audio(src, path, how, &cfg, NULL, &err) != DRGEN_OK || st_open(&weights, path, &err) != DRGEN_OK ||
        muq_load(&m, &cfg, weights, &err) != DRGEN_OK)
        golden_broken(g, "load", err.message);
    else run_audio(c, m, &cfg);
    muq_free(m);
    st_close(weights);
    unlink(path);
}

static void run(golden *g)
{
    drgen_err err = {0};
    source *src = NULL;
    char *manifest = golden_path(g, "manifest.json"), *path = file_join(g->temp, "mulan.safetensors");
    pack_how how = {.dtype = g->type};
    mulan_case c = {.g = g};
    set_bounds(&c);
    if (source_open_manifest(&src, manifest, &err) != DRGEN_OK) golden_broken(g, "load", err.message);
    else {
        text_tower(g, &c, src, &how, path);
        audio_tower(g, &c, src, &how, path);
    }
    source_close(src);
    free(path);
    free(manifest);
}

const golden_kind golden_mulan = {"mulan", match, run};
