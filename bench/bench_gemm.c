/* bench_gemm.c - matrix products of the transformer's shapes, float32 and int8, and attention. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"
#include "bench/bench.h"
#include "kernels/gemm_q8.h"
#include "nn/nn.h"

static const struct {
    size_t m, n, k;
    const char *what;
} shapes[] = {{4096, 2048, 2048, "q, k, v, o"}, {4096, 8192, 2048, "gate, up"}, {4096, 2048, 8192, "down"}, {1024, 2048, 2048, "short song"}};

static float *noise(size_t count)
{
    float *x = bench_memory(count * sizeof *x);
    uint64_t rng = 1;
    for (size_t i = 0; i < count; i++) x[i] = rng_uniform(&rng);
    return x;
}

typedef struct {
    bench *b;
    gemm g;
    float *scratch;
} float_job;

static void run_float(void *arg)
{
    float_job *j = arg;
    gemm_run(j->b->pool, j->b->kern, &j->g, j->scratch);
}

void bench_gemm(bench *b)
{
    static const struct {
        kern_type type;
        const char *name;
    } types[] = {{KERN_F16, "f16"}, {KERN_F32, "f32"}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
            size_t m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
            float *a = noise(m * k), *c = bench_memory(m * n * 4), *f = noise(n * k);
            uint16_t *h = bench_memory(n * k * 2);
            for (size_t j = 0; j < n * k; j++) h[j] = half_to_f16(f[j]);
            float_job j = {b, {.c = c, .ldc = n, .a = gemm_plain(a, k, k), .w = t ? (void *)f : h, .ldw = k, .type = types[t].type, .m = m, .n = n, .k = k},
                           bench_memory(4 * gemm_scratch(b->kern, m, n, k))};
            char name[80];
            snprintf(name, sizeof name, "product %s %zux%zux%zu (%s)", types[t].name, m, n, k, shapes[i].what);
            bench_add(b, name, 2e-9 * (double)m * (double)n * (double)k, "GFLOP", bench_time(run_float, &j, 3), b->fma);
            free(a), free(c), free(f), free(h), free(j.scratch);
        }
}

typedef struct {
    bench *b;
    gemm_q8 g;
    const float *x;
    void *scratch;
    q8_rows rows;
} int8_job;

static void quantise_task(void *arg, size_t task, int thread)
{
    (void)thread;
    int8_job *j = arg;
    q8_set_panel(j->b->q8, &j->rows, task, j->x, j->rows.depth);
}

static void run_int8(void *arg)
{
    int8_job *j = arg;
    pool_run(j->b->pool, quantise_task, j, q8_panels(j->b->q8, j->rows.rows));
    gemm_q8_run(j->b->pool, j->b->q8, &j->g, j->scratch);
}

void bench_q8(bench *b)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
        float *x = noise(m * k), *c = bench_memory(m * n * 4), *f = noise(k), *scale = bench_memory(n * 4);
        int8_t *w = bench_memory(n * k);
        for (size_t j = 0; j < n; j++) q8_quantise_weights(w + j * k, &scale[j], f, k);
        void *memory = bench_memory(q8_rows_bytes(b->q8, m, k));
        int8_job j = {b, {c, n, NULL, w, scale, NULL, 0, n}, x, bench_memory(gemm_q8_scratch(b->pool, b->q8, n, k)), q8_rows_at(b->q8, memory, m, k)};
        j.g.a = &j.rows;
        char name[80];
        snprintf(name, sizeof name, "product q8 %zux%zux%zu (%s)", m, n, k, shapes[i].what);
        bench_add(b, name, 2e-9 * (double)m * (double)n * (double)k, "GOP", bench_time(run_int8, &j, 3), b->int8);
        free(x), free(c), free(f), free(scale), free(w), free(memory), free(j.scratch);
    }
}

typedef struct {
    nn n;
    nn_attn a;
} attention_job;

static void run_attention(void *arg)
{
    attention_job *j = arg;
    nn_attention(&j->n, &j->a);
}

static void run_attention_q8(void *arg)
{
    attention_job *j = arg;
    nn_attention_q8(&j->n, &j->a);
}

void bench_attention(bench *b)
{
    static const size_t lengths[] = {2048, 6144};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t rows = lengths[i], heads = 32, width = 64, dim = heads * width;
        float *q = noise(rows * dim), *k = noise(rows * dim), *v = noise(rows * dim), *o = bench_memory(rows * dim * 4);
        arena work = arena_measure();
        attention_job j = {{b->kern, b->pool, &work}, {.o = o, .q = q, .k = k, .v = v, .ldo = dim, .ldq = dim, .ldk = dim, .ldv = dim,
                                                       .rows_q = rows, .rows_k = rows, .heads = heads, .width = width, .scale = 0.125f}};
        nn_attention(&j.n, &j.a);
        nn_attention_q8(&j.n, &j.a);
        if (arena_init(&work, work.peak, "bench", NULL) != DRGEN_OK) exit(1);
        char name[80];
        snprintf(name, sizeof name, "attention %zux%zu, 32 heads of 64", rows, rows);
        bench_add(b, name, 4e-9 * (double)rows * (double)rows * (double)dim, "GFLOP", bench_time(run_attention, &j, 3), b->fma);
        snprintf(name, sizeof name, "attention in integers %zux%zu, 32 heads of 64", rows, rows);
        bench_add(b, name, 4e-9 * (double)rows * (double)rows * (double)dim, "GOP", bench_time(run_attention_q8, &j, 3), 0);
        arena_free(&work);
        free(q), free(k), free(v), free(o);
    }
}
