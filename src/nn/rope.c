/* rope.c - rotary position embedding in Llama's half-split layout, and sinusoidal features of a scalar. */
#include "nn/nn.h"

#include <math.h>

#include "base/half.h"

void nn_rope_freq(float *w, size_t half, double base, int half_tables)
{
    for (size_t j = 0; j < half; j++) {
        /* The original raises a float32 base to a float32 exponent, then divides: one rounding each. */
        w[j] = 1.0f / (float)pow(base, (double)((float)(2 * j) / (float)(2 * half)));
        if (half_tables) w[j] = half_from_f16(half_to_f16(w[j]));
    }
}

void nn_rope_tables(float *c, float *s, size_t count, size_t half, double base, int half_tables)
{
    nn_rope_freq(c, half, base, half_tables); /* row 0 of c holds the frequencies until it is made last */
    for (size_t p = count; p-- > 0;)
        for (size_t j = 0; j < half; j++) {
            float angle = (float)p * c[j]; /* a float32 product: its rounding is part of the model */
            s[p * half + j] = (float)sin((double)angle);
            c[p * half + j] = (float)cos((double)angle);
        }
}

typedef struct {
    nn *n;
    float *x;
    size_t ldx, period, heads, half, rows;
    const float *c, *s;
} rope_job;

enum { ROWS_PER_TASK = 32 };

static void rope_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const rope_job *j = arg;
    size_t end = (task + 1) * ROWS_PER_TASK < j->rows ? (task + 1) * ROWS_PER_TASK : j->rows;
    for (size_t r = task * ROWS_PER_TASK; r < end; r++) {
        size_t at = r % j->period * j->half;
        for (size_t h = 0; h < j->heads; h++)
            j->n->kern->rope(j->x + r * j->ldx + h * 2 * j->half, j->c + at, j->s + at, j->half);
    }
}

void nn_rope(nn *n, float *x, size_t ldx, const float *c, const float *s, size_t rows, size_t period, size_t heads,
             size_t half)
{
    if (nn_dry(n)) return;
    rope_job j = {n, x, ldx, period, heads, half, rows, c, s};
    pool_run(n->pool, rope_task, &j, (rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
}

/* e^x as torch computes it on a CPU (SLEEF's expf, 1 ulp): the frequencies below are multiplied by up to 1000 and used
 * as angles, so their last bit shows. */
static float torch_exp(float x)
{
    static const float c[] = {1.98527618e-04f, 1.39304355e-03f, 8.33336078e-03f, 4.16664854e-02f, 1.66666672e-01f, 0.5f};
    float k = rintf(x * 1.44269504f);
    float r = fmaf(k, -1.42860677e-06f, fmaf(k, -0.693145752f, x));
    float p = c[0];
    for (int i = 1; i < 6; i++) p = fmaf(p, r, c[i]);
    return ldexpf(1.0f + fmaf(r * r, p, r), (int)k);
}

void nn_sinus_freq(float *f, size_t half)
{
    float step = (float)-(log(10000.0) / (double)(half - 1));
    for (size_t i = 0; i < half; i++) f[i] = torch_exp((float)i * step);
}

void nn_sinus(float *out, size_t half, float u)
{
    nn_sinus_freq(out, half);
    for (size_t i = 0; i < half; i++) {
        float a = (1000.0f * u) * out[i];
        out[i] = (float)sin((double)a);
        out[half + i] = (float)cos((double)a);
    }
}
