/* bench_layers.c - the transformer's layers at their real sizes, as a forward pass calls them: threads, work memory and
 * activations that no cache holds. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "bench/bench.h"
#include "nn/nn.h"

enum { ROWS = 2048, DIM = 2048, INNER = 8192, HEADS = 32, HALF = DIM / HEADS / 2 };

typedef struct {
    nn n;
    float *x, *y, *z; /* [ROWS, INNER] each */
    float *vector, *cos, *sin;
    wmat w;
    void (*run)(void *arg);
} layer_job;

static void run_linear(void *arg)
{
    layer_job *j = arg;
    nn_linear(&j->n, j->y, j->w.rows, j->x, j->w.cols, &j->w, NULL, ROWS, 0);
}

static void run_attention(void *arg)
{
    layer_job *j = arg;
    nn_attn a = {.o = j->z, .q = j->x, .k = j->x + ROWS * DIM, .v = j->x + 2 * ROWS * DIM, .ldo = DIM, .ldq = DIM, .ldk = DIM,
                 .ldv = DIM, .rows_q = ROWS, .rows_k = ROWS, .heads = HEADS, .width = 2 * HALF, .scale = 0.125f};
    nn_attention(&j->n, &a);
}

static void run_rope(void *arg)
{
    layer_job *j = arg;
    nn_rope(&j->n, j->x, DIM, j->cos, j->sin, ROWS, ROWS, HEADS, HALF);
}

static void run_rmsnorm(void *arg)
{
    layer_job *j = arg;
    nn_rmsnorm(&j->n, j->y, j->x, j->vector, 1e-6f, ROWS, DIM);
}

static void run_layernorm(void *arg)
{
    layer_job *j = arg;
    nn_layernorm(&j->n, j->y, j->x, j->vector, j->vector, 1e-6f, ROWS, DIM);
}

static void run_swiglu(void *arg)
{
    layer_job *j = arg;
    nn_swiglu(&j->n, j->z, j->z, j->x, (size_t)ROWS * INNER);
}

static void run_add(void *arg)
{
    layer_job *j = arg;
    nn_add(&j->n, j->y, j->x, (size_t)ROWS * DIM);
}

static void run_one(bench *b, layer_job *j, const char *name, double amount, bench_limit limit, void (*run)(void *arg))
{
    arena work = arena_measure();
    j->n = (nn){b->kern, b->pool, &work};
    run(j);
    if (arena_init(&work, work.peak, "bench", NULL) != DRGEN_OK) exit(1);
    bench_run(b, name, amount, limit == LIMIT_FMA ? "GFLOP" : "GB", limit, run, j, 5);
    arena_free(&work);
}

static float *noise(size_t count)
{
    float *x = bench_memory(count * sizeof *x);
    uint64_t rng = 5;
    for (size_t i = 0; i < count; i++) x[i] = rng_uniform(&rng);
    return x;
}

/* Weights of half precision; values do not matter to speed as long as they are ordinary numbers. */
static void linear(bench *b, layer_job *j, const char *name, size_t rows, size_t cols)
{
    uint16_t *w = bench_memory(rows * cols * sizeof *w);
    for (size_t i = 0; i < rows * cols; i++) w[i] = (uint16_t)(0x2c00 + i % 701);
    j->w = (wmat){.data = w, .type = ST_F16, .rows = rows, .cols = cols};
    run_one(b, j, name, 2e-9 * ROWS * (double)rows * (double)cols, LIMIT_FMA, run_linear);
    free(w);
}

void bench_layers(bench *b)
{
    double row = 1e-9 * ROWS * DIM;
    layer_job j = {.x = noise((size_t)ROWS * INNER), .y = noise((size_t)ROWS * INNER), .z = noise((size_t)ROWS * INNER),
                   .vector = noise(DIM), .cos = bench_memory(ROWS * HALF * 4), .sin = bench_memory(ROWS * HALF * 4)};
    nn_rope_tables(j.cos, j.sin, ROWS, HALF, 10000.0, 0);
    linear(b, &j, "layer: q, k, v or o, f16, 2048 rows", DIM, DIM);
    linear(b, &j, "layer: gate or up, f16, 2048 rows", INNER, DIM);
    linear(b, &j, "layer: down, f16, 2048 rows", DIM, INNER);
    run_one(b, &j, "layer: attention, 2048 rows, 32 heads of 64", 4 * row * ROWS, LIMIT_FMA, run_attention);
    /* Bytes that cross the bus: what is read, what is written, and the lines that are read because they are written. */
    run_one(b, &j, "layer: rotary embedding, 2048 rows", 8 * row, LIMIT_STREAM, run_rope);
    run_one(b, &j, "layer: RMS norm, 2048 rows", 12 * row, LIMIT_STREAM, run_rmsnorm);
    run_one(b, &j, "layer: layer norm, 2048 rows", 12 * row, LIMIT_STREAM, run_layernorm);
    run_one(b, &j, "layer: SwiGLU, 2048 rows of 8192", 12 * row * INNER / DIM, LIMIT_STREAM, run_swiglu);
    run_one(b, &j, "layer: residual sum, 2048 rows", 12 * row, LIMIT_STREAM, run_add);
    free(j.x), free(j.y), free(j.z), free(j.vector), free(j.cos), free(j.sin);
    bench_position(b);
}
