/* kern_ref.c - the definition of every kernel: plain C, double inside, no cleverness. Not made from the vector
 * bodies, so that a test compares two independent texts. */
#include "kernels/kern.h"

#include <math.h>
#include <string.h>

#include "base/half.h"

enum { REF_MR = 4, REF_NR = 8 };

static void ref_add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = y[i] + x[i];
}

static void ref_axpy(float *y, const float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)((double)y[i] + (double)a * (double)x[i]);
}

static void ref_scale(float *y, const float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}

static void ref_relu(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

static double silu(double v)
{
    return v / (1.0 + exp(-v));
}

static void ref_silu(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)silu((double)x[i]);
}

static void ref_gelu(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i];
        y[i] = (float)(0.5 * v * (1.0 + erf(v * 0.70710678118654752440)));
    }
}

static void ref_mish(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i];
        double softplus = v > 20.0 ? v : log1p(exp(v));
        y[i] = (float)(v * tanh(softplus));
    }
}

static void ref_swiglu(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = (float)(silu((double)gate[i]) * (double)up[i]);
}

static void ref_snake(float *y, const float *x, const float *a, const float *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float angle = a[i] * x[i]; /* a float32 product, as in the original */
        double w = sin((double)angle);
        y[i] = (float)((double)x[i] + w * w * (double)s[i]);
    }
}

static float widen_one(const void *x, kern_type type, size_t i)
{
    switch (type) {
    case KERN_F16: return half_from_f16(((const uint16_t *)x)[i]);
    case KERN_BF16: return half_from_bf16(((const uint16_t *)x)[i]);
    case KERN_F32: break;
    }
    return ((const float *)x)[i];
}

static void ref_widen(float *y, const void *x, kern_type type, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = widen_one(x, type, i);
}

static float ref_dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return (float)sum;
}

static void ref_rmsnorm(float *y, const float *x, const float *w, float eps, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    double r = 1.0 / sqrt(sum / (double)(n ? n : 1) + (double)eps);
    for (size_t i = 0; i < n; i++) y[i] = (float)((double)x[i] * r * (double)w[i]);
}

static void ref_layernorm(float *y, const float *x, const float *w, const float *b, float eps, size_t n)
{
    double mean = 0, var = 0, count = (double)(n ? n : 1);
    for (size_t i = 0; i < n; i++) mean += (double)x[i];
    mean /= count;
    for (size_t i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean);
    double r = 1.0 / sqrt(var / count + (double)eps);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(((double)x[i] - mean) * r * (w ? (double)w[i] : 1.0) + (b ? (double)b[i] : 0.0));
}

static void ref_softmax_cols(float *p, size_t keys, float scale, float *m, float *l, float *alpha)
{
    for (size_t c = 0; c < REF_NR; c++) {
        double top = (double)m[c], sum = 0;
        for (size_t k = 0; k < keys; k++) {
            double v = (double)scale * (double)p[k * REF_NR + c];
            if (v > top) top = v;
        }
        double shrink = exp((double)m[c] - top);
        for (size_t k = 0; k < keys; k++) {
            double v = exp((double)scale * (double)p[k * REF_NR + c] - top);
            p[k * REF_NR + c] = (float)v;
            sum += v;
        }
        alpha[c] = (float)shrink;
        l[c] = (float)((double)l[c] * shrink + sum);
        m[c] = (float)top;
    }
}

static void ref_rope(float *x, const float *c, const float *s, size_t half)
{
    for (size_t j = 0; j < half; j++) {
        double a = (double)x[j], b = (double)x[j + half];
        x[j] = (float)(a * (double)c[j] - b * (double)s[j]);
        x[j + half] = (float)(b * (double)c[j] + a * (double)s[j]);
    }
}

static void ref_depthwise(float *y, const float *x, size_t stride, const float *w, const float *b, size_t taps, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        double sum = b ? (double)b[c] : 0.0;
        for (size_t k = 0; k < taps; k++) sum += (double)w[k * n + c] * (double)x[k * stride + c];
        y[c] = (float)sum;
    }
}

/* Winograd F(4x4, 3x3) as matrices, from its points: kernels at p count 1, p, p^2 over the product of p's distances to
 * the other points; outputs count 1, p, p^2, p^3; inputs the coefficients of the polynomial that is zero at all other
 * points. The sixth point is infinity. */
static const double wino_points[5] = {0, 0.75, -0.75, 1.5, -1.5};

/* Row i of the input's matrix. */
static void wino_polynomial(double c[6], int i)
{
    memset(c, 0, 6 * sizeof *c);
    c[0] = 1;
    for (int p = 0, degree = 0; p < 5; p++) {
        if (p == i) continue;
        degree++;
        for (int k = degree; k >= 0; k--) c[k] = (k ? c[k - 1] : 0) - wino_points[p] * c[k];
    }
}

static void wino_matrices(double in[6][6], double taps[6][3], double out[4][6])
{
    for (int i = 0; i < 6; i++) {
        wino_polynomial(in[i], i);
        double distance = 1;
        for (int p = 0; p < 5 && i < 5; p++)
            if (p != i) distance *= wino_points[i] - wino_points[p];
        for (int k = 0; k < 3; k++) taps[i][k] = i < 5 ? pow(wino_points[i], k) / distance : k == 2;
        for (int k = 0; k < 4; k++) out[k][i] = i < 5 ? pow(wino_points[i], k) : k == 3;
    }
}

static void ref_wino_in(float *v, size_t step, const float *x, size_t line, size_t pixel, size_t n)
{
    double in[6][6], taps[6][3], out[4][6];
    wino_matrices(in, taps, out);
    for (size_t i = 0; i < n; i++)
        for (int r = 0; r < 6; r++)
            for (int c = 0; c < 6; c++) {
                double sum = 0;
                for (size_t a = 0; a < 6; a++)
                    for (size_t b = 0; b < 6; b++) sum += in[r][a] * in[c][b] * (double)x[a * line + b * pixel + i];
                v[(size_t)(6 * r + c) * step + i] = (float)sum;
            }
}

static void ref_wino_taps(float *u, size_t step, const float *w, size_t n)
{
    double in[6][6], taps[6][3], out[4][6];
    wino_matrices(in, taps, out);
    for (size_t i = 0; i < n; i++)
        for (int r = 0; r < 6; r++)
            for (int c = 0; c < 6; c++) {
                double sum = 0;
                for (size_t a = 0; a < 3; a++)
                    for (size_t b = 0; b < 3; b++) sum += taps[r][a] * taps[c][b] * (double)w[(3 * a + b) * n + i];
                u[(size_t)(6 * r + c) * step + i] = (float)sum;
            }
}

static void ref_wino_out(float *y, size_t line, size_t pixel, const float *m, size_t step, int rows, int cols, const float *b,
                         float least, size_t n)
{
    double in[6][6], taps[6][3], out[4][6];
    wino_matrices(in, taps, out);
    for (size_t i = 0; i < n; i++)
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < cols; c++) {
                float *to = y + (size_t)r * line + (size_t)c * pixel + i;
                double sum = (double)*to + (b ? (double)b[i] : 0);
                for (size_t k = 0; k < 6; k++)
                    for (size_t l = 0; l < 6; l++) sum += out[r][k] * out[c][l] * (double)m[(6 * k + l) * step + i];
                *to = (float)sum < least ? least : (float)sum;
            }
}

static void ref_pack_a(float *dst, const float *const *src, int rows, size_t depth)
{
    for (size_t k = 0; k < depth; k++)
        for (int i = 0; i < REF_MR; i++) dst[k * REF_MR + (size_t)i] = i < rows ? src[i][k] : 0.0f;
}

static void ref_pack_b(float *dst, const void *src, kern_type type, size_t ld, int cols, size_t depth)
{
    for (size_t k = 0; k < depth; k++)
        for (int j = 0; j < REF_NR; j++)
            dst[k * REF_NR + (size_t)j] = j < cols ? widen_one(src, type, (size_t)j * ld + k) : 0.0f;
}

static void ref_micro(float *c, size_t ldc, const float *a, const float *b, size_t depth, int add)
{
    for (size_t i = 0; i < REF_MR; i++)
        for (size_t j = 0; j < REF_NR; j++) {
            double sum = add ? (double)c[i * ldc + j] : 0.0;
            for (size_t k = 0; k < depth; k++) sum += (double)a[k * REF_MR + i] * (double)b[k * REF_NR + j];
            c[i * ldc + j] = (float)sum;
        }
}

#include "kernels/ref_toom.inc"

static double ref_iir4_energy(const kern_iir4 *f, double *s, const float *x, const float *gain, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i] * (gain ? (double)gain[i] : 1.0), y = f->b[0] * v;
        for (int j = 0; j < 4; j++) y += f->b[j + 1] * s[j] - f->a[j + 1] * s[4 + j];
        memmove(s + 1, s, 3 * sizeof *s);
        memmove(s + 5, s + 4, 3 * sizeof *s);
        s[0] = v;
        s[4] = y;
        sum += y * y;
    }
    return sum;
}

static void ref_moments(double *sum, const float *l, const float *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double a = (double)l[i], b = (double)r[i];
        sum[0] += a;
        sum[1] += b;
        sum[2] += a * a;
        sum[3] += b * b;
        sum[4] += a * b;
    }
}

static float ref_abs_max(const float *x, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++) most = !isfinite(x[i]) ? INFINITY : fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return most;
}

static void ref_peak_abs(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = fabsf(x[i]) > y[i] ? fabsf(x[i]) : y[i];
}

static float ref_peak_between(float *env, const float *taps, int phases, size_t half, const float *x, size_t n)
{
    enum { MOST = 64 };
    size_t row = (size_t)phases - 1, middle = (size_t)phases / 2, last = 2 * half - 1;
    double tap[MOST], most = 0;
    for (size_t p = 1; p < (size_t)phases; p++) {
        size_t q = p > middle ? (size_t)phases - p : p; /* of its pair the one that is stored */
        for (size_t t = 0; t <= last; t++) {
            size_t at = p == q ? t : last - t;
            const float *w = taps + (at < half ? at : last - at) * row + 2 * (q - 1);
            tap[t] = q == middle ? (double)w[0] : (double)w[0] + (at < half ? 1 : -1) * (double)w[1];
        }
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t t = 0; t <= last; t++) sum += tap[t] * (double)x[i + t];
            if (env && (float)fabs(sum) > env[i]) env[i] = (float)fabs(sum);
            most = fmax(most, fabs(sum));
        }
    }
    return (float)most;
}

/* ---- mastering */

static void ref_fir(float *y, const float *x, const float *taps, size_t count, size_t n, int add)
{
    for (size_t i = 0; i < n; i++) {
        double sum = add ? (double)y[i] : 0;
        for (size_t t = 0; t < count; t++) sum += (double)taps[t] * (double)x[i + t];
        y[i] = (float)sum;
    }
}

static void ref_residue(float *y, const float *x, float drive, size_t n)
{
    double d = (double)drive;
    for (size_t i = 0; i < n; i++) y[i] = (float)(tanh(d * (double)x[i]) / d - (double)x[i]);
}

static void ref_mul(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

static void ref_lesser(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] < b[i] ? a[i] : b[i];
}

static void ref_limit(float *y, const float *e, float c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float r = c / (e[i] > 1e-12f ? e[i] : 1e-12f);
        y[i] = r < 1 ? r : 1;
    }
}

static void ref_octet_energy(float *e, const float *x, const float w[8], size_t octets)
{
    for (size_t q = 0; q < octets; q++) {
        double sum = 0;
        for (size_t j = 0; j < 8; j++) sum += (double)w[j] * (double)x[8 * q + j] * (double)x[8 * q + j];
        e[q] = (float)sum;
    }
}

static void ref_octet_ramp(float *y, const float *x, const float *g, size_t octets, int add)
{
    for (size_t i = 0; i < 8 * octets; i++) {
        double from = (double)g[i / 8], gain = from + ((double)g[i / 8 + 1] - from) * (double)(i % 8 + 1) / 8;
        y[i] = (float)((add ? (double)y[i] : 0) + (double)x[i] * gain);
    }
}

const kern_table kern_ref = {
    .isa = "ref",
    .add = ref_add,
    .axpy = ref_axpy,
    .scale = ref_scale,
    .silu = ref_silu,
    .gelu = ref_gelu,
    .mish = ref_mish,
    .relu = ref_relu,
    .wino_in = ref_wino_in,
    .wino_out = ref_wino_out,
    .wino_taps = ref_wino_taps,
    .conv7_in = ref_conv7_in,
    .conv7_taps = ref_conv7_taps,
    .conv7_out = ref_conv7_out,
    .conv2_in = ref_conv2_in,
    .conv2_taps = ref_conv2_taps,
    .conv2_out = ref_conv2_out,
    .swiglu = ref_swiglu,
    .snake = ref_snake,
    .widen = ref_widen,
    .dot = ref_dot,
    .rmsnorm = ref_rmsnorm,
    .layernorm = ref_layernorm,
    .softmax_cols = ref_softmax_cols,
    .rope = ref_rope,
    .depthwise = ref_depthwise,
    .mr = REF_MR,
    .nr = REF_NR,
    .pack_a = ref_pack_a,
    .pack_b = ref_pack_b,
    .micro = ref_micro,
    .micro_rows = ref_micro_rows,
    .iir4_energy = ref_iir4_energy,
    .moments = ref_moments,
    .abs_max = ref_abs_max,
    .peak_abs = ref_peak_abs,
    .peak_between = ref_peak_between,
    .fir = ref_fir,
    .residue = ref_residue,
    .mul = ref_mul,
    .lesser = ref_lesser,
    .limit = ref_limit,
    .octet_energy = ref_octet_energy,
    .octet_ramp = ref_octet_ramp,
};
