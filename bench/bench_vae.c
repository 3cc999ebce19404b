/* bench_vae.c - the autoencoder's residual unit at the decoder's widths. Work is counted as the direct convolution would do
 * it, so that fewer multiplications show as more than the machine's limit. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "bench/bench.h"
#include "nn/nn.h"

typedef struct {
    nn *n;
    nn_unit u;
    nn_unit_weights w;
    nn_stretch r;
} unit_bench;

static void run_unit(void *arg)
{
    unit_bench *b = arg;
    nn_unit_run(b->n, &b->u, b->w, &b->r);
}

static void prepare_unit(void *arg)
{
    unit_bench *b = arg;
    size_t mark = arena_mark(b->n->work);
    b->w = nn_unit_prepare(b->n, &b->u);
    arena_rewind(b->n->work, mark);
}

static float *numbers(size_t count, uint64_t *rng)
{
    float *p = bench_memory(count * sizeof *p);
    for (size_t i = 0; i < count; i++) p[i] = rng_uniform(rng);
    return p;
}

static void one_width(bench *b, size_t width, size_t rows)
{
    static const size_t dilations[] = {1, 3, 9};
    uint64_t rng = 7;
    float *x = numbers(rows * width, &rng), *y = numbers(rows * width, &rng), *row = numbers(width, &rng);
    float *wide = numbers(7 * width * width, &rng), *point = numbers(width * width, &rng);
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        arena work = arena_measure();
        nn n = {b->kern, b->pool, &work};
        unit_bench u = {&n, {{row, row}, {row, row}, {wide, ST_F32, width, 7 * width, 0}, {point, ST_F32, width, width, 0}, row, row,
                        width, dilations[i]}, {0}, {y, x, 0, (long)rows, 0, (long)rows}};
        u.w = nn_unit_prepare(&n, &u.u);
        run_unit(&u);
        if (arena_init(&work, work.peak, "bench", NULL) != DRGEN_OK) exit(1);
        if (i == 0) {
            snprintf(name, sizeof name, "residual unit %zu, preparing weights", width);
            bench_add(b, name, 92e-9 * (double)(width * width), "GB", bench_time(prepare_unit, &u, 2), b->stream);
        }
        u.w = nn_unit_prepare(&n, &u.u);
        snprintf(name, sizeof name, "residual unit %zu, %zu rows, dilation %zu, as direct", width, rows, dilations[i]);
        bench_add(b, name, 16e-9 * (double)(rows * width * width), "GFLOP", bench_time(run_unit, &u, 2), b->fma);
        arena_free(&work);
    }
    free(x), free(y), free(row), free(wide), free(point);
}

void bench_conv(bench *b)
{
    one_width(b, 128, 32768);
    one_width(b, 256, 8192);
    one_width(b, 512, 4096);
    one_width(b, 1024, 1200);
}
