/* bench_model.c - one forward of the transformer at three lengths and 128 latent frames of the decoder, for each model
 * folder given: `drgen synth --size 1b -o DIR` makes one of the real size. Rows are named by the type of the weights, so
 * that two folders are measured in turn. Work in GFLOP as the specification counts it (dit.md section 8, vae.md section 4),
 * however the code gets there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "bench/bench.h"
#include "bench/bench_model.h"
#include "io/modeldir.h"
#include "model/dit_types.h"
#include "model/vae.h"

typedef struct {
    const char *path;
    model_cfg cfg;
    st_file *dit_file, *vae_file;
    dit *dit;
    vae *vae;
} model;

static void model_close(model *m)
{
    dit_free(m->dit);
    vae_free(m->vae);
    st_close(m->dit_file);
    st_close(m->vae_file);
}

static drgen_status open_part(const char *folder, const char *name, st_file **out, drgen_err *err)
{
    char *file = file_join(folder, name);
    if (!file) exit(1);
    drgen_status status = st_open(out, file, err);
    free(file);
    return status;
}

static drgen_status read_config(const char *folder, model_cfg *cfg, drgen_err *err)
{
    modeldir dir;
    ERR_TRY(modeldir_open(&dir, folder, err));
    drgen_status status = config_read(&dir, cfg, err);
    modeldir_close(&dir);
    return status;
}

int bench_model_config(const char *folder, model_cfg *cfg)
{
    drgen_err err = {0};
    if (read_config(folder, cfg, &err) == DRGEN_OK) return 1;
    fprintf(stderr, "bench: %s\n", err.message);
    return 0;
}

static drgen_status open_all(model *m, drgen_err *err)
{
    ERR_TRY(read_config(m->path, &m->cfg, err));
    ERR_TRY(open_part(m->path, "dit.safetensors", &m->dit_file, err));
    ERR_TRY(open_part(m->path, "vae.safetensors", &m->vae_file, err));
    ERR_TRY(dit_load(&m->dit, &m->cfg.dit, m->dit_file, err));
    return vae_load(&m->vae, &m->cfg.vae, m->vae_file, err);
}

static int model_open(model *m, const char *path)
{
    drgen_err err = {0};
    *m = (model){.path = path};
    if (open_all(m, &err) == DRGEN_OK) return 1;
    fprintf(stderr, "bench: %s\n", err.message);
    model_close(m);
    return 0;
}

static float *noise(size_t count)
{
    float *x = bench_memory(count * sizeof *x);
    uint64_t rng = 3;
    for (size_t i = 0; i < count; i++) x[i] = rng_uniform(&rng);
    return x;
}

/* ---- transformer */

/* dit.md section 8, in 10^9. */
double bench_dit_gflop(const dit_cfg *c, double t)
{
    double d = c->dim, l = c->depth, cond = c->cond_dim, m = c->mel_dim;
    double row = l * (4 * d * d + 3 * c->ff_mult * d * d) + l / 2 * cond * d + (2 * m + 3 * cond) * d +
                 2 * 31 * d * d / c->conv_groups + d * m + c->conv_layers * (7 * cond + 4 * cond * cond);
    return 1e-9 * (2 * t * row + 4 * l * t * t * d);
}

typedef struct {
    nn n;
    dit_work w;
    const float *x;
    float *v[1];
} dit_job;

static void run_dit(void *arg)
{
    dit_job *j = arg;
    dit_forward(&j->w, &j->n, j->x, 0.5f, j->v, NULL, NULL);
}

static void dit_layout(dit_job *j, const model *m, const float *style, size_t frames)
{
    dit_input in = {.style = style, .duration = 1};
    dit_prepare(&j->w, m->dit, &j->n, &in, 1, frames, 0, NULL, NULL);
    if (nn_dry(&j->n)) dit_forward(&j->w, &j->n, NULL, 0.5f, j->v, NULL, NULL);
}

static void one_forward(bench *b, const model *m, size_t frames)
{
    size_t mel = (size_t)m->cfg.dit.mel_dim;
    if (frames > (size_t)m->cfg.dit.max_frames) return;
    float *style = noise((size_t)m->cfg.dit.cond_dim), *x = noise(frames * mel), *v = bench_memory(frames * mel * sizeof *v);
    arena work = arena_measure();
    dit_job j = {.n = {b->kern, b->pool, &work}, .x = x, .v = {v}};
    dit_layout(&j, m, style, frames);
    if (arena_init(&work, work.peak, "bench", NULL) != DRGEN_OK) exit(1);
    dit_layout(&j, m, style, frames);
    char name[80];
    snprintf(name, sizeof name, "transformer, %s, %zu frames, one branch", m->cfg.dtype, frames);
    bench_run(b, name, bench_dit_gflop(&m->cfg.dit, (double)frames), "GFLOP", LIMIT_FMA, run_dit, &j, 2);
    arena_free(&work);
    free(style), free(x), free(v);
}

void bench_dit(bench *b)
{
    static const size_t lengths[] = {512, 2048, 6144};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++)
        for (int i = 0; i < b->model_count; i++) {
            model m;
            if (!model_open(&m, b->models[i])) continue;
            one_forward(b, &m, lengths[k]);
            model_close(&m);
        }
}

/* The two grouped convolutions of 31 taps, with their activation. */
typedef struct {
    nn n;
    const dit *d;
    float *h;
    size_t frames;
} position_job;

static void run_position(void *arg)
{
    position_job *j = arg;
    dit_position(j->d, &j->n, j->h, j->frames);
}

void bench_position(bench *b)
{
    enum { FRAMES = 2048 };
    for (int i = 0; i < b->model_count; i++) {
        model m;
        if (!model_open(&m, b->models[i])) continue;
        const dit_cfg *c = &m.cfg.dit;
        arena work = arena_measure();
        position_job j = {{b->kern, b->pool, &work}, m.dit, noise((size_t)FRAMES * (size_t)c->dim), FRAMES};
        run_position(&j);
        if (arena_init(&work, work.peak, "bench", NULL) != DRGEN_OK) exit(1);
        char name[80];
        snprintf(name, sizeof name, "layer: position convolutions, %s, %d rows", m.cfg.dtype, FRAMES);
        bench_run(b, name, 4e-9 * FRAMES * 31 * (double)c->dim * (double)c->dim / (double)c->conv_groups, "GFLOP", LIMIT_FMA,
                  run_position, &j, 3);
        arena_free(&work);
        free(j.h);
        model_close(&m);
    }
}

/* ---- decoder */

/* vae.md section 4, in 10^9. */
double bench_vae_gflop(const vae_cfg *c, double frames)
{
    double sum = frames * c->latent_dim * 7 * c->widths[c->levels], at = frames;
    for (int i = c->levels; i-- > 0;) {
        double s = c->strides[i], in = c->widths[i + 1], out = c->widths[i];
        sum += at * 2 * s * in * out;
        at *= s;
        sum += at * 24 * out * out;
    }
    return 2e-9 * (sum + at * 7 * c->widths[0] * 2);
}

typedef struct {
    nn n;
    const vae *v;
    const float *z;
    size_t frames;
} vae_job;

static int swallow(void *user, const float *pcm, size_t samples, size_t done, size_t total)
{
    (void)user, (void)pcm, (void)samples, (void)done, (void)total;
    return 0;
}

static void run_vae(void *arg)
{
    vae_job *j = arg;
    vae_decode_tiled(j->v, &j->n, j->z, j->frames, 0, swallow, NULL);
}

void bench_vae(bench *b)
{
    enum { FRAMES = 128 };
    for (int i = 0; i < b->model_count; i++) {
        model m;
        if (!model_open(&m, b->models[i])) continue;
        float *z = noise((size_t)FRAMES * (size_t)m.cfg.vae.latent_dim);
        arena work = arena_measure();
        vae_job j = {{b->kern, b->pool, &work}, m.vae, z, FRAMES};
        run_vae(&j);
        if (arena_init(&work, work.peak, "bench", NULL) != DRGEN_OK) exit(1);
        char name[80];
        snprintf(name, sizeof name, "decoder, %s, %d latent frames, of its direct sums", m.cfg.dtype, FRAMES);
        bench_run(b, name, bench_vae_gflop(&m.cfg.vae, FRAMES), "GFLOP", LIMIT_FMA, run_vae, &j, 2);
        arena_free(&work);
        free(z);
        model_close(&m);
    }
}
