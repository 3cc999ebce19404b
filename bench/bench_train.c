/* bench_train.c - training: an adapter's step at the size of the released model, and a small transformer from nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"
#include "bench/bench.h"
#include "kernels/gemm_turned.h"
#include "train/dit_grad.h"
#include "train/dit_tensors.h"
#include "train/lora_params.h"

typedef struct {
    nn n;
    arena work;
    dit_pass *pass;
    dit_trained m;
    dit_batch b;
    float *v;
} step;

static void run_step(void *arg)
{
    step *s = arg;
    dit_pass_forward(s->pass, &s->n, &s->m, &s->b, s->v);
    dit_pass_backward(s->pass, &s->n, s->v);
    arena_rewind(&s->work, 0);
}

static float *noise(size_t count)
{
    float *x = bench_memory(count * sizeof *x);
    uint64_t rng = 1;
    for (size_t i = 0; i < count; i++) x[i] = rng_uniform(&rng);
    return x;
}

/* A batch of made-up songs and memory for it; 0 when there is none. */
static int prepare(step *s, bench *b, size_t songs, size_t frames)
{
    const dit_cfg *c = &s->m.d->cfg;
    size_t count = songs * frames * (size_t)c->mel_dim;
    float *half = noise(songs);
    for (size_t i = 0; i < songs; i++) half[i] = 0.5f;
    s->b = (dit_batch){.songs = songs,
                       .frames = frames,
                       .x = noise(count),
                       .style = noise(songs * (size_t)c->cond_dim),
                       .t = half,
                       .start = half,
                       .duration = half};
    s->v = noise(count);
    s->pass = bench_memory(dit_pass_size());
    s->work = arena_measure();
    s->n = (nn){b->kern, b->pool, &s->work};
    dit_pass_forward(s->pass, &s->n, &s->m, &s->b, NULL);
    dit_pass_backward(s->pass, &s->n, NULL);
    size_t need = s->work.peak;
    drgen_err err = {0};
    if (arena_init(&s->work, need, "bench", &err) == DRGEN_OK) return 1;
    printf("skipped: %s\n", err.message);
    return 0;
}

static void finish(step *s)
{
    arena_free(&s->work);
    free((void *)(uintptr_t)s->b.x);
    free((void *)(uintptr_t)s->b.style);
    free((void *)(uintptr_t)s->b.t);
    free(s->v);
    free(s->pass);
}

/* Half-precision weights near what a real model has, all from one short run of random numbers. */
static dit *half_model(const dit_cfg *cfg, void **memory)
{
    enum { RUN = 65536 };
    size_t floats, count;
    dit *d;
    if (dit_floats(cfg, &floats, NULL) != DRGEN_OK) exit(1);
    uint16_t *data = bench_memory(floats * sizeof *data), run[RUN];
    float *vectors = noise(1 << 20);
    uint64_t rng = 1;
    for (size_t i = 0; i < RUN; i++) run[i] = half_to_f16(0.02f * rng_uniform(&rng));
    for (size_t i = 0; i < floats; i += RUN) memcpy(data + i, run, (floats - i < RUN ? floats - i : RUN) * sizeof *run);
    if (dit_over(&d, cfg, vectors, NULL) != DRGEN_OK) exit(1);
    count = dit_tensors(d, NULL, NULL);
    dit_tensor *t = calloc(count, sizeof *t);
    dit_tensors(d, t, NULL);
    for (size_t i = 0; i < count; i++) {
        if (t[i].matrix) {
            t[i].matrix->data = data + t[i].at;
            t[i].matrix->type = ST_F16;
        } else *t[i].vector = vectors;
    }
    free(t);
    memory[0] = data;
    memory[1] = vectors;
    return d;
}

static void adapter_step(bench *b, int keep)
{
    const dit_cfg cfg = {.dim = 2048,
                         .depth = 16,
                         .heads = 32,
                         .ff_mult = 4,
                         .cond_dim = 512,
                         .conv_layers = 4,
                         .mel_dim = 64,
                         .text_num_embeds = 363,
                         .max_frames = 2048,
                         .conv_groups = 16};
    const lora_shape shape = {.rank = 8, .alpha = 16, .sites = LORA_ALL};
    void *memory[2];
    dit *d = half_model(&cfg, memory);
    size_t count = lora_over(NULL, &cfg, &shape, NULL);
    float *data = noise(count), *grads = noise(count);
    lora_pair pair[16 * LORA_SITES], grad[16 * LORA_SITES];
    lora_over(pair, &cfg, &shape, data);
    lora_over(grad, &cfg, &shape, grads);
    step s = {.m = {.d = d, .lora = pair, .lora_grad = grad, .keep = keep}};
    if (prepare(&s, b, 1, 512)) {
        char name[80];
        snprintf(name, sizeof name, "adapter step, 1.1 B, 512 frames%s", keep ? ", activations kept" : "");
        bench_add(b, name, dit_pass_flop(&s.m, 512) * 1e-9, "GFLOP", bench_time(run_step, &s, 2), b->fma);
        printf("    working memory besides the weights: %.2f GiB\n", (double)s.work.size / (1 << 30));
        finish(&s);
    }
    dit_free(d);
    free(memory[0]), free(memory[1]), free(data), free(grads);
}

static void small_model(bench *b, size_t songs, int keep)
{
    const dit_cfg cfg = {.dim = 224,
                         .depth = 4,
                         .heads = 7,
                         .ff_mult = 4,
                         .cond_dim = 128,
                         .conv_layers = 2,
                         .mel_dim = 64,
                         .text_num_embeds = 363,
                         .max_frames = 2048,
                         .conv_groups = 16};
    size_t floats;
    dit *d, *g;
    if (dit_floats(&cfg, &floats, NULL) != DRGEN_OK) exit(1);
    float *data = bench_memory(floats * sizeof *data), *grads = bench_memory(floats * sizeof *grads);
    if (dit_init(&cfg, 1, data, NULL) || dit_over(&d, &cfg, data, NULL) || dit_over(&g, &cfg, grads, NULL)) exit(1);
    step s = {.m = {.d = d, .grad = g, .keep = keep}};
    if (prepare(&s, b, songs, 512)) {
        char name[80];
        double t = bench_time(run_step, &s, 2);
        snprintf(name, sizeof name, "%.1f M from nothing, %zu songs of 512 frames%s", (double)floats * 1e-6, songs,
                 keep ? ", kept" : "");
        bench_add(b, name, (double)songs * dit_pass_flop(&s.m, 512) * 1e-9, "GFLOP", t, b->fma);
        printf("    %.2f songs a second, %.2f GiB\n", (double)songs / t, (double)s.work.size / (1 << 30));
        finish(&s);
    }
    dit_free(d), dit_free(g);
    free(data), free(grads);
}

typedef struct {
    bench *b;
    gemm_turned g;
    float *scratch;
} product;

static void run_product(void *arg)
{
    product *p = arg;
    gemm_turned_run(p->b->pool, p->b->kern, &p->g, p->scratch);
}

/* One product of the way back: m x n outputs, sums of k. */
static void turned(bench *b, const char *what, size_t m, size_t n, size_t k, int a_turned, kern_type type)
{
    float *a = noise(m * k), *c = noise(m * n);
    void *w = bench_memory(n * k * (type == KERN_F32 ? 4 : 2));
    char name[80];
    product p = {b,
                 {.c = c,
                  .ldc = n,
                  .a = gemm_plain(a, a_turned ? m : k, k),
                  .a_turned = a_turned,
                  .b = gemm_plain(w, n, n),
                  .type = type,
                  .add = a_turned,
                  .m = m,
                  .n = n,
                  .k = k},
                 NULL};
    p.scratch = bench_memory(gemm_turned_scratch(b->kern, m, n, k) * sizeof(float));
    snprintf(name, sizeof name, "%s %zux%zux%zu", what, m, n, k);
    bench_add(b, name, 2e-9 * (double)m * (double)n * (double)k, "GFLOP", bench_time(run_product, &p, 3), b->fma);
    free(a), free(c), free(w), free(p.scratch);
}

void bench_train(bench *b)
{
    turned(b, "gradient of inputs, f16", 512, 2048, 8192, 0, KERN_F16);
    turned(b, "gradient of inputs, f16", 512, 8192, 2048, 0, KERN_F16);
    turned(b, "gradient of weights", 2048, 2048, 512, 1, KERN_F32);
    turned(b, "gradient of inputs", 4096, 224, 896, 0, KERN_F32);
    turned(b, "gradient of inputs", 4096, 224, 224, 0, KERN_F32);
    turned(b, "gradient of weights", 896, 224, 4096, 1, KERN_F32);
    turned(b, "gradient of weights", 224, 224, 4096, 1, KERN_F32);
    small_model(b, 1, 1);
    small_model(b, 8, 1);
    small_model(b, 8, 0);
    adapter_step(b, 1);
    adapter_step(b, 0);
}
