/* golden_vae.c - the autoencoder: decode and encode with taps, the original's chunked forms, the bottleneck. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "model/vae.h"
#include "tests/golden.h"
#include "weights_tools/pack.h"

static int match(const golden *g)
{
    return g->config && json_get(g->config, "strides") && json_get(g->config, "latent_dim");
}

typedef struct {
    golden *g;
    const vae *v;
    arena work;
    nn n;
    double bound;
    const char *name;
    size_t item;
} vae_case;

/* Deeper decoders add more rounding: 2e-5 up to three levels, 5e-5 above. */
static double bound_of(const vae_cfg *c)
{
    return c->levels <= 3 ? 2e-5 : 5e-5;
}

/* [rows, width] to the original's channel-major [width, rows]. */
static float *turned(const float *x, size_t rows, size_t width)
{
    float *out = malloc((rows * width + 1) * sizeof *out);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < width; c++) out[c * rows + r] = x[r * width + c];
    return out;
}

static void compare(vae_case *c, const char *tensor, const float *x, size_t rows, size_t width)
{
    float *t = turned(x, rows, width);
    golden_compare_item(c->g, c->name, tensor, c->item, t, rows * width, c->bound, 0);
    free(t);
}

static void on_tap(void *user, const char *name, const float *data, size_t rows, size_t width)
{
    vae_case *c = user;
    if (golden_expects(c->g, c->name, name)) compare(c, name, data, rows, width);
}

static void decode(vae_case *c, const float *z, size_t frames, float *pcm, int taps)
{
    c->work = arena_measure();
    vae_decode(c->v, &c->n, NULL, frames, NULL, NULL, NULL);
    if (arena_init(&c->work, c->work.peak, "golden", NULL) != DRGEN_OK) abort();
    vae_decode(c->v, &c->n, z, frames, pcm, taps ? on_tap : NULL, c);
    arena_free(&c->work);
}

typedef struct {
    float *out;
    size_t at, channels;
} collect;

static int on_samples(void *user, const float *pcm, size_t samples, size_t done, size_t total)
{
    collect *c = user;
    (void)done, (void)total;
    memcpy(c->out + c->at * c->channels, pcm, samples * c->channels * sizeof *pcm);
    c->at += samples;
    return 0;
}

static void decode_tiled(vae_case *c, const float *z, size_t frames, size_t tile, float *pcm)
{
    collect to = {pcm, 0, (size_t)vae_config(c->v)->io_channels};
    c->work = arena_measure();
    vae_decode_tiled(c->v, &c->n, NULL, frames, tile, NULL, NULL);
    if (arena_init(&c->work, c->work.peak, "golden", NULL) != DRGEN_OK) abort();
    vae_decode_tiled(c->v, &c->n, z, frames, tile, on_samples, &to);
    arena_free(&c->work);
}

/* The original's windows: each decoded alone, half the overlap cut from inner sides, later ones on top. */
static void decode_chunked(vae_case *c, const float *z, size_t frames, size_t chunk, size_t overlap, float *pcm)
{
    const vae_cfg *cfg = vae_config(c->v);
    size_t ratio = (size_t)cfg->ratio, io = (size_t)cfg->io_channels, cut = overlap / 2 * ratio;
    size_t size = chunk < frames ? chunk : frames, hop = chunk - overlap;
    float *part = malloc(size * ratio * io * sizeof *part);
    for (size_t i = 0, start = 0, final = 0; !final; i++) {
        start = i * hop;
        if (start + size >= frames) {
            start = frames - size;
            final = 1;
        }
        decode(c, z + start * (size_t)cfg->latent_dim, size, part, 0);
        size_t from = i ? cut : 0, to = size * ratio - (final ? 0 : cut);
        memcpy(pcm + (start * ratio + from) * io, part + from * io, (to - from) * io * sizeof *part);
    }
    free(part);
}

static void run_decode(vae_case *c, const json_node *spec, const float *z, const size_t *shape)
{
    const vae_cfg *cfg = vae_config(c->v);
    size_t frames = shape[2], samples = frames * (size_t)cfg->ratio, io = (size_t)cfg->io_channels;
    float *latent = malloc((frames * (size_t)cfg->latent_dim + 1) * sizeof *latent), *pcm = malloc(samples * io * sizeof *pcm);
    for (size_t b = 0; b < shape[0]; b++) {
        c->item = b;
        for (size_t t = 0; t < frames; t++)
            for (size_t k = 0; k < shape[1]; k++) latent[t * shape[1] + k] = z[(b * shape[1] + k) * frames + t];
        size_t chunk = (size_t)json_number(json_get(spec, "chunk_size"), 0);
        size_t overlap = (size_t)json_number(json_get(spec, "overlap"), 0);
        if (chunk) decode_chunked(c, latent, frames, chunk, overlap, pcm);
        else decode(c, latent, frames, pcm, 1);
        compare(c, "out", pcm, samples, io);
        if (!chunk || overlap / 2 >= vae_halo(cfg)) { /* then the chunks are exact, and our own tiles must agree */
            decode_tiled(c, latent, frames, chunk ? chunk / 3 : 5, pcm);
            compare(c, "out", pcm, samples, io);
        }
    }
    free(latent), free(pcm);
}

/* Runs an encoding twice: to measure its memory, then for real. tile: frames, 0 the whole at once. */
static void encode(vae_case *c, const float *pcm, size_t samples, size_t tile, vae_chunks chunks, float *h)
{
    c->work = arena_measure();
    for (int dry = 1; dry >= 0; dry--) {
        if (chunks.chunk) vae_encode_chunked(c->v, &c->n, pcm, samples, chunks, h, NULL, NULL);
        else if (tile) vae_encode_tiled(c->v, &c->n, pcm, samples, tile, h, NULL, NULL);
        else vae_encode(c->v, &c->n, pcm, samples, h, on_tap, c);
        if (dry && arena_init(&c->work, c->work.peak, "golden", NULL) != DRGEN_OK) abort();
    }
    arena_free(&c->work);
}

static void run_encode(vae_case *c, const json_node *spec, const float *in, const size_t *shape)
{
    const vae_cfg *cfg = vae_config(c->v);
    size_t samples = shape[2], io = shape[1], frames = vae_frames(cfg, samples), width = 2 * (size_t)cfg->latent_dim;
    float *pcm = malloc((samples * io + 1) * sizeof *pcm), *h = malloc((frames * width + 1) * sizeof *h);
    vae_chunks chunks = {(size_t)json_number(json_get(spec, "chunk_size"), 0), (size_t)json_number(json_get(spec, "overlap"), 0)};
    for (size_t b = 0; b < shape[0]; b++) {
        c->item = b;
        for (size_t t = 0; t < samples; t++)
            for (size_t k = 0; k < io; k++) pcm[t * io + k] = in[(b * io + k) * samples + t];
        encode(c, pcm, samples, 0, chunks, h);
        compare(c, "out", h, frames, width);
        if (chunks.chunk) continue;
        encode(c, pcm, samples, 7, chunks, h);
        compare(c, "out", h, frames, width);
    }
    free(pcm), free(h);
}

/* Mean and scale are the halves of the channel axis; noise is drawn for the whole batch in one go. */
static void run_sample(vae_case *c, const json_node *spec, const float *h, size_t items, size_t count)
{
    size_t half = count / 2, each = half / items;
    float *noise = malloc((half + 1) * sizeof *noise);
    rng_torch rng;
    rng_torch_seed(&rng, (uint64_t)json_number(json_get(spec, "seed"), 0));
    rng_torch_normal(&rng, noise, half);
    for (size_t i = 0; i < items; i++) {
        const float *mean = h + 2 * i * each;
        vae_bottleneck(noise + i * each, mean, mean + each, noise + i * each, each);
    }
    golden_compare(c->g, c->name, "out", noise, half, c->bound, 0);
    free(noise);
}

static void run_cases(golden *g, const vae *v)
{
    vae_case c = {.g = g, .v = v, .bound = bound_of(vae_config(v))};
    c.n = (nn){g->kern, g->pool, &c.work};
    for (const json_node *s = json_first(json_get(g->root, "cases")); s; s = json_next(s)) {
        c.name = json_key(s);
        const char *kind = json_string(json_get(s, "kind"), "");
        int dims = 0;
        size_t shape[ST_MAX_DIMS], count = 0;
        if (!golden_wanted(g, c.name)) continue;
        float *in = golden_input(g, json_string(json_get(s, "input"), ""), &dims, shape, &count);
        if (!in || dims != 3) golden_broken(g, c.name, "input missing or not of three axes");
        else if (strncmp(kind, "decode", 6) == 0) run_decode(&c, s, in, shape);
        else if (strncmp(kind, "encode", 6) == 0) run_encode(&c, s, in, shape);
        else if (strcmp(kind, "sample") == 0) run_sample(&c, s, in, shape[0], count);
        else golden_skip(g, c.name, "unknown kind of case");
        free(in);
    }
}

static void run(golden *g)
{
    drgen_err err = {0};
    source *src = NULL;
    st_file *weights = NULL;
    vae *v = NULL;
    char *manifest = golden_path(g, "manifest.json"), *path = file_join(g->temp, "vae.safetensors");
    vae_cfg cfg = {.final_tanh = json_bool(json_get(g->config, "final_tanh"), 0)};
    pack_how how = {.dtype = g->weights_f16 ? PACK_F16 : PACK_F32};
    if (source_open_manifest(&src, manifest, &err) != DRGEN_OK || pack_vae(src, path, &how, &cfg, NULL, &err) != DRGEN_OK ||
        st_open(&weights, path, &err) != DRGEN_OK || vae_load(&v, &cfg, weights, &err) != DRGEN_OK)
        golden_broken(g, "load", err.message);
    else run_cases(g, v);
    vae_free(v);
    st_close(weights);
    source_close(src);
    unlink(path);
    free(path);
    free(manifest);
}

const golden_kind golden_vae = {"vae", match, run};
