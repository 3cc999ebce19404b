/* kern_grad_ref.c - the definition of training's kernels: plain C, double inside. Not made from the vector bodies, so
 * that a test compares two independent texts. */
#include "kernels/kern_grad.h"

#include <math.h>
#include <string.h>

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double d_silu(double x)
{
    double s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
}

static void ref_silu(float *dx, const float *dy, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) dx[i] = (float)((double)dy[i] * d_silu((double)x[i]));
}

static void ref_gelu(float *dx, const float *dy, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i];
        double d = 0.5 * (1.0 + erf(v * 0.70710678118654752440)) + v * exp(-0.5 * v * v) * 0.39894228040143267794;
        dx[i] = (float)((double)dy[i] * d);
    }
}

static void ref_mish(float *dx, const float *dy, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i], t = tanh(v > 20.0 ? v : log1p(exp(v)));
        dx[i] = (float)((double)dy[i] * (t + v * (1.0 - t * t) * sigmoid(v)));
    }
}

static void ref_swiglu(float *dgate, float *dup, const float *dy, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double g = (double)gate[i], u = (double)up[i], d = (double)dy[i];
        dgate[i] = (float)(d * u * d_silu(g));
        dup[i] = (float)(d * g * sigmoid(g));
    }
}

static void ref_rmsnorm(float *dx, float *dw, const float *dy, const float *x, const float *w, float eps, size_t n)
{
    double sum = 0, cross = 0, count = (double)(n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
        cross += (double)dy[i] * (double)w[i] * (double)x[i];
    }
    double r = 1.0 / sqrt(sum / count + (double)eps), back = cross * r * r * r / count;
    for (size_t i = 0; i < n; i++) {
        if (dw) dw[i] = (float)((double)dw[i] + (double)dy[i] * (double)x[i] * r);
        dx[i] = (float)((double)dx[i] + (double)dy[i] * (double)w[i] * r - (double)x[i] * back);
    }
}

static void ref_layernorm(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, float eps,
                          size_t n)
{
    double mean = 0, var = 0, count = (double)(n ? n : 1), sum = 0, cross = 0;
    for (size_t i = 0; i < n; i++) mean += (double)x[i];
    mean /= count;
    for (size_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
    double r = 1.0 / sqrt(var / count + (double)eps);
    for (size_t i = 0; i < n; i++) {
        double h = ((double)x[i] - mean) * r, d = (double)dy[i] * (w ? (double)w[i] : 1.0);
        if (dw) dw[i] = (float)((double)dw[i] + (double)dy[i] * h);
        if (db) db[i] = (float)((double)db[i] + (double)dy[i]);
        sum += d;
        cross += d * h;
    }
    for (size_t i = 0; i < n; i++) {
        double h = ((double)x[i] - mean) * r, d = (double)dy[i] * (w ? (double)w[i] : 1.0);
        dx[i] = (float)(r * (d - sum / count - h * cross / count));
    }
}

static void ref_softmax_cols(float *ds, const float *p, const float *dp, const float *delta, float scale, size_t rows,
                             size_t cols)
{
    for (size_t i = 0; i < rows * cols; i++)
        ds[i] = (float)((double)p[i] * ((double)dp[i] - (double)delta[i % cols]) * (double)scale);
}

static void ref_mul_add(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)((double)y[i] + (double)a[i] * (double)b[i]);
}

static double ref_energy(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void ref_adamw(float *p, const float *g, float *m, float *v, const kern_adamw *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double d = (double)g[i] * (double)a->scale;
        m[i] = (float)((double)a->b1 * (double)m[i] + (1.0 - (double)a->b1) * d);
        v[i] = (float)((double)a->b2 * (double)v[i] + (1.0 - (double)a->b2) * d * d);
        double down = (double)a->step * (double)m[i] / (sqrt((double)v[i]) * (double)a->root + (double)a->eps);
        p[i] = (float)((double)p[i] * (double)a->keep - down);
    }
}

static void ref_lerp(float *y, const float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)((double)y[i] + (double)a * ((double)x[i] - (double)y[i]));
}

const kern_grad kern_grad_ref = {
    .isa = "ref",
    .silu = ref_silu,
    .gelu = ref_gelu,
    .mish = ref_mish,
    .swiglu = ref_swiglu,
    .rmsnorm = ref_rmsnorm,
    .layernorm = ref_layernorm,
    .softmax_cols = ref_softmax_cols,
    .mul_add = ref_mul_add,
    .energy = ref_energy,
    .adamw = ref_adamw,
    .lerp = ref_lerp,
};

#if defined(__x86_64__)
extern const kern_grad kern_grad_avx2, kern_grad_avx512;
#endif

const kern_grad *kern_grad_of(const kern_table *kern)
{
#if defined(__x86_64__)
    if (strcmp(kern->isa, "avx512") == 0) return &kern_grad_avx512;
    if (strcmp(kern->isa, "avx2") == 0) return &kern_grad_avx2;
#endif
    (void)kern;
    return &kern_grad_ref;
}
