/* bench_kern.c - kernels that touch each number once, on arrays in the second-level cache and beyond any cache. There the
 * limit is memory: bytes read and written a second. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "bench/bench.h"

typedef struct {
    const kern_table *k;
    float *x, *y, *z;
    size_t n, row;
    void (*one)(const kern_table *k, float *x, const float *y, const float *z, size_t n);
} kern_job;

static void do_add(const kern_table *k, float *x, const float *y, const float *z, size_t n) { (void)z; k->add(x, y, n); }
static void do_silu(const kern_table *k, float *x, const float *y, const float *z, size_t n) { (void)z; k->silu(x, y, n); }
static void do_swiglu(const kern_table *k, float *x, const float *y, const float *z, size_t n) { k->swiglu(x, y, z, n); }
static void do_snake(const kern_table *k, float *x, const float *y, const float *z, size_t n) { k->snake(x, y, z, z, n); }
static void do_rmsnorm(const kern_table *k, float *x, const float *y, const float *z, size_t n) { k->rmsnorm(x, y, z, 1e-6f, n); }
static void do_layernorm(const kern_table *k, float *x, const float *y, const float *z, size_t n) { k->layernorm(x, y, z, z, 1e-6f, n); }

static const struct {
    const char *name;
    void (*one)(const kern_table *k, float *x, const float *y, const float *z, size_t n);
    double bytes; /* per element that cross the bus: read, written, and read because they are written */
} kernels[] = {{"add", do_add, 12}, {"silu", do_silu, 12}, {"swiglu", do_swiglu, 16}, {"snake", do_snake, 12},
               {"rmsnorm", do_rmsnorm, 12}, {"layernorm", do_layernorm, 12}};

static void run_task(void *arg, size_t task, int thread)
{
    (void)thread;
    kern_job *j = arg;
    size_t at = task * j->row;
    /* swiglu reads a third array; the others a vector that belongs to the channel. */
    j->one(j->k, j->x + at, j->y + at, j->one == do_swiglu ? j->z + at : j->z, j->row);
}

typedef struct {
    bench *b;
    kern_job *j;
} pair;

static void run(void *arg)
{
    pair *p = arg;
    pool_run(p->b->pool, run_task, p->j, p->j->n / p->j->row);
}

void bench_kern(bench *b)
{
    enum { N = 24 << 20, ROW = 2048 };
    kern_job j = {b->kern, bench_memory(N * 4), bench_memory(N * 4), bench_memory(N * 4), N, ROW, NULL};
    uint64_t rng = 1;
    for (size_t i = 0; i < N; i++) {
        j.x[i] = j.y[i] = rng_uniform(&rng);
        j.z[i] = 0.5f + 0.1f * j.x[i];
    }
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        char name[80];
        j.one = kernels[i].one;
        pair p = {b, &j};
        snprintf(name, sizeof name, "%s, 24 M elements", kernels[i].name);
        bench_run(b, name, kernels[i].bytes * N * 1e-9, "GB", LIMIT_STREAM, run, &p, 3);
    }
    free(j.x), free(j.y), free(j.z);
}
