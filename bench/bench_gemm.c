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
            bench_run(b, name, 2e-9 * (double)m * (double)n * (double)k, "GFLOP", LIMIT_FMA, run_float, &j, 3);
            free(a), free(c), free(f), free(h), free(j.scratch);
        }
}

/* ---- beside OpenBLAS */

typedef struct {
    bench *b;
    float *c;
    const float *a, *w;
    size_t m, n, k, parts;
} blas_job;

static void blas_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const blas_job *j = arg;
    size_t r0 = j->m * task / j->parts, r1 = j->m * (task + 1) / j->parts;
    gemm_blas_tile(j->c + r0 * j->n, j->n, j->a + r0 * j->k, j->k, j->w, j->k, r1 - r0, j->n, j->k, 0);
}

static void run_blas(void *arg)
{
    blas_job *j = arg;
    pool_run(j->b->pool, blas_task, j, j->parts);
}

/* Rows shared out, one thread each: OpenBLAS as drgen would call it, float32 weights, nothing to widen. */
void bench_blas(bench *b)
{
    static const size_t more[][3] = {{2048, 2048, 2048}, {1, 2048, 2048}, {64, 2048, 2048}, {2048, 128, 3968}, {2048, 512, 1024}, {131072, 128, 896}};
    size_t count = sizeof shapes / sizeof shapes[0] + sizeof more / sizeof more[0];
    if (strcmp(gemm_blas_core(), "none") == 0) return;
    for (size_t i = 0; i < count; i++) {
        size_t at = i < sizeof shapes / sizeof shapes[0] ? i : 0;
        size_t m = shapes[at].m, n = shapes[at].n, k = shapes[at].k;
        if (at != i) m = more[i - sizeof shapes / sizeof shapes[0]][0], n = more[i - sizeof shapes / sizeof shapes[0]][1], k = more[i - sizeof shapes / sizeof shapes[0]][2];
        float *a = noise(m * k), *w = noise(n * k), *c = bench_memory(m * n * 4);
        float_job own = {b, {.c = c, .ldc = n, .a = gemm_plain(a, k, k), .w = w, .ldw = k, .type = KERN_F32, .m = m, .n = n, .k = k},
                         bench_memory(4 * gemm_scratch(b->kern, m, n, k))};
        blas_job other = {b, c, a, w, m, n, k, m < (size_t)pool_threads(b->pool) ? 1 : (size_t)pool_threads(b->pool)};
        double work = 2e-9 * (double)m * (double)n * (double)k;
        char name[80];
        snprintf(name, sizeof name, "own      f32 %zux%zux%zu", m, n, k);
        bench_run(b, name, work, "GFLOP", LIMIT_FMA, run_float, &own, 3);
        snprintf(name, sizeof name, "OpenBLAS f32 %zux%zux%zu (%s)", m, n, k, gemm_blas_core());
        bench_run(b, name, work, "GFLOP", LIMIT_FMA, run_blas, &other, 3);
        free(a), free(w), free(c), free(own.scratch);
    }
}

/* ---- int8 */

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
        bench_run(b, name, 2e-9 * (double)m * (double)n * (double)k, "GOP", LIMIT_INT8, run_int8, &j, 3);
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
        bench_run(b, name, 4e-9 * (double)rows * (double)rows * (double)dim, "GFLOP", LIMIT_FMA, run_attention, &j, 3);
        snprintf(name, sizeof name, "attention in integers %zux%zu, 32 heads of 64", rows, rows);
        bench_run(b, name, 4e-9 * (double)rows * (double)rows * (double)dim, "GOP", LIMIT_NONE, run_attention_q8, &j, 3);
        arena_free(&work);
        free(q), free(k), free(v), free(o);
    }
}
