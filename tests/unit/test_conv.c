/* 3x3 convolution of images against its definition: strides, sizes that tiles do not divide, adding, cutting at zero,
 * half-precision kernels, the same bits for any number of threads. */
#include <stdlib.h>

#include "base/half.h"
#include "base/rng.h"
#include "nn/nn.h"
#include "tests/t.h"

typedef struct {
    size_t height, width, in, out, stride;
    int how, half, bias;
} shape;

/* Element of the definition, in double. */
static double element(const shape *s, const float *x, const float *w, const float *b, double before, size_t h, size_t wd, size_t o)
{
    double sum = b ? (double)b[o] : 0;
    for (size_t t = 0; t < 9; t++) {
        size_t r = h * s->stride + t / 3, c = wd * s->stride + t % 3; /* one more than the pixel's place */
        if (r < 1 || c < 1 || r > s->height || c > s->width) continue;
        for (size_t i = 0; i < s->in; i++)
            sum += (double)w[(o * 9 + t) * s->in + i] * (double)x[((r - 1) * s->width + c - 1) * s->in + i];
    }
    if (s->how & NN_CONV_ADD) sum += before;
    return s->how & NN_CONV_RELU && sum < 0 ? 0 : sum;
}

static void convolve(const shape *s, const kern_table *kern, int threads, float *y, const float *x, const wmat *w, const float *b)
{
    pool *p = NULL;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern, p, &work};
    nn_conv3x3(&n, NULL, NULL, w, b, s->height, s->width, s->in, s->stride, s->how);
    CHECK(work.used == 0 && arena_init(&work, work.peak, "test", NULL) == DRGEN_OK);
    nn_conv3x3(&n, y, x, w, b, s->height, s->width, s->in, s->stride, s->how);
    CHECK(work.used == 0);
    arena_free(&work);
    pool_close(p);
}

static void try_shape(const shape *s, const kern_table *kern, uint64_t *rng)
{
    size_t oh = (s->height + s->stride - 1) / s->stride, ow = (s->width + s->stride - 1) / s->stride, count = oh * ow * s->out;
    size_t pixels = s->height * s->width * s->in, taps = s->out * 9 * s->in;
    float *x = malloc(pixels * sizeof *x), *w = malloc(taps * sizeof *w), *b = malloc(s->out * sizeof *b);
    float *before = malloc(count * sizeof *before), *y = malloc(count * sizeof *y), *again = malloc(count * sizeof *again);
    uint16_t *half = malloc(taps * sizeof *half);
    for (size_t i = 0; i < pixels; i++) x[i] = rng_uniform(rng);
    for (size_t i = 0; i < taps; i++) {
        half[i] = half_to_f16(rng_uniform(rng));
        w[i] = half_from_f16(half[i]);
    }
    for (size_t i = 0; i < s->out; i++) b[i] = rng_uniform(rng);
    for (size_t i = 0; i < count; i++) again[i] = y[i] = before[i] = s->how & NN_CONV_ADD ? rng_uniform(rng) : NAN;
    wmat m = {s->half ? (const void *)half : w, s->half ? ST_F16 : ST_F32, s->out, 9 * s->in, 0};
    convolve(s, kern, 1, y, x, &m, s->bias ? b : NULL);
    convolve(s, kern, 3, again, x, &m, s->bias ? b : NULL);
    CHECKF(memcmp(y, again, count * sizeof *y) == 0, "%s %zux%zu: other bits with three threads", kern->isa, s->height, s->width);
    for (size_t i = 0; i < count; i++) {
        double want = element(s, x, w, s->bias ? b : NULL, (double)before[i], i / s->out / ow, i / s->out % ow, i % s->out);
        CHECKF(fabs((double)y[i] - want) < 4e-6 * sqrt((double)(9 * s->in)), "%s %zux%zux%zu to %zu stride %zu how %d: %zu is %g, want %g",
               kern->isa, s->height, s->width, s->in, s->out, s->stride, s->how, i, (double)y[i], want);
    }
    free(x), free(w), free(b), free(before), free(y), free(again), free(half);
}

TEST(convolution_of_images_is_its_definition)
{
    static const shape shapes[] = {
        {1, 1, 1, 1, 1, 0, 0, 1},   {1, 9, 3, 5, 1, 0, 0, 0},    {5, 1, 2, 33, 1, NN_CONV_RELU, 0, 1},
        {4, 4, 8, 8, 1, 0, 1, 1},   {8, 8, 16, 32, 1, 3, 0, 1},  {7, 13, 19, 40, 1, NN_CONV_ADD, 1, 1},
        {6, 70, 5, 34, 1, 3, 0, 1}, {21, 62, 4, 6, 1, 0, 0, 1},  {1, 1, 1, 1, 2, 0, 0, 1},
        {2, 3, 4, 5, 2, 0, 0, 0},   {7, 9, 6, 33, 2, 3, 1, 1},   {8, 12, 1, 7, 2, NN_CONV_RELU, 0, 1},
        {33, 5, 3, 8, 2, NN_CONV_ADD, 0, 1},
    };
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t t = 0; t < tables; t++)
        for (size_t i = 0; i < COUNT(shapes); i++) try_shape(&shapes[i], table[t], &rng);
    for (int i = 0; i < 20; i++) {
        shape s = {.stride = 1 + rng_split(&rng) % 2, .how = (int)(rng_split(&rng) % 4), .half = (int)(rng_split(&rng) % 2), .bias = 1};
        s.height = 1 + rng_split(&rng) % 20;
        s.width = 1 + rng_split(&rng) % 40;
        s.in = 1 + rng_split(&rng) % 24;
        s.out = 1 + rng_split(&rng) % 70;
        try_shape(&s, kern_best(), &rng);
    }
}

/* A NaN must not vanish where negative values are cut. */
TEST(convolution_of_images_keeps_nan)
{
    for (size_t stride = 1; stride <= 2; stride++) {
        shape s = {5, 5, 2, 3, stride, NN_CONV_RELU, 0, 0};
        float x[50] = {0}, w[54], y[75];
        for (size_t i = 0; i < COUNT(w); i++) w[i] = 1;
        x[24] = NAN;
        wmat m = {w, ST_F32, 3, 18, 0};
        convolve(&s, kern_best(), 1, y, x, &m, NULL);
        size_t lost = 0, count = stride == 1 ? 75 : 27;
        for (size_t i = 0; i < count; i++) lost += isnan(y[i]);
        CHECKF(lost > 0, "stride %zu", stride);
    }
}
