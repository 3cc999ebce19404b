/* rope.c - rotary position embedding in Llama's half-split layout, and sinusoidal features of a scalar. */
#include "nn/nn.h"

#include <math.h>

#include "base/half.h"

void nn_rope_tables(float *c, float *s, size_t count, size_t half, double base, int half_tables)
{
    for (size_t j = 0; j < half; j++) {
        /* The original raises a float32 base to a float32 exponent, then divides: one rounding each. */
        float w = 1.0f / (float)pow(base, (double)((float)(2 * j) / (float)(2 * half)));
        if (half_tables) w = half_from_f16(half_to_f16(w));
        for (size_t p = 0; p < count; p++) {
            float angle = (float)p * w; /* a float32 product: its rounding is part of the model */
            c[p * half + j] = (float)cos((double)angle);
            s[p * half + j] = (float)sin((double)angle);
        }
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

void nn_sinus(float *out, size_t half, float u)
{
    float step = (float)-(log(10000.0) / (double)(half - 1));
    for (size_t i = 0; i < half; i++) {
        float f = (float)exp((double)((float)i * step));
        float a = (1000.0f * u) * f;
        out[i] = (float)sin((double)a);
        out[half + i] = (float)cos((double)a);
    }
}
