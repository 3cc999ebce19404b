/* kern_q8_ref.c - plain C definition of the int8 kernels. */
#include <math.h>

#include "kernels/kern_q8.h"

enum { REF_MR = 4, REF_NR = 8 };

static float ref_absmax(const float *x, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++) most = fmaxf(most, fabsf(x[i]));
    return most;
}

static void ref_quant(uint8_t *dst, const float *const *src, const float *inv, int rows, size_t n)
{
    for (size_t k = 0; k < (n + 3) / 4 * 4; k++)
        for (size_t i = 0; i < REF_MR; i++)
            dst[(k / 4 * REF_MR + i) * 4 + k % 4] = (uint8_t)(k < n && i < (size_t)rows ? (int)rintf(src[i][k] * inv[i]) + 128 : 128);
}

static void ref_pack(int8_t *dst, int32_t *sums, const int8_t *src, size_t ld, int cols, size_t depth)
{
    for (size_t j = 0; j < REF_NR; j++) {
        sums[j] = 0;
        for (size_t k = 0; k < (depth + 3) / 4 * 4; k++) {
            int8_t v = j < (size_t)cols && k < depth ? src[j * ld + k] : 0;
            dst[k / 4 * REF_NR * 4 + j * 4 + k % 4] = v;
            sums[j] += v;
        }
    }
}

static void ref_micro(float *c, size_t ldc, const uint8_t *a, const int8_t *b, size_t quads, const kern_q8_tile *s)
{
    for (size_t i = 0; i < REF_MR; i++)
        for (size_t j = 0; j < REF_NR; j++) {
            int64_t sum = 0;
            for (size_t q = 0; q < quads; q++)
                for (size_t k = 0; k < 4; k++) sum += (int)a[(q * REF_MR + i) * 4 + k] * (int)b[(q * REF_NR + j) * 4 + k];
            sum -= 128 * (int64_t)s->sums[j];
            double v = (double)s->row[i] * (double)s->col[j] * (double)sum;
            c[i * ldc + j] = (float)(v + (s->from ? (double)s->from[i * s->ld + j] : 0));
        }
}

static void ref_bytes(int8_t *q, const float *x, float inv, size_t n)
{
    for (size_t i = 0; i < n; i++) q[i] = (int8_t)rintf(x[i] * inv);
}

static void ref_softmax_pairs(int16_t *p, const float *s, size_t keys, float *m, float *l, float *alpha)
{
    for (size_t j = 0; j < REF_NR; j++) {
        float top = m[j];
        double sum = 0;
        for (size_t k = 0; k < keys; k++) top = fmaxf(top, s[k * REF_NR + j]);
        for (size_t k = 0; k < (keys + 1) / 2 * 2; k++) {
            double w = k < keys ? rint(KERN_Q8_ONE * exp2((double)s[k * REF_NR + j] - (double)top)) : 0;
            p[(k / 2 * REF_NR + j) * 2 + k % 2] = (int16_t)w;
            sum += w;
        }
        alpha[j] = (float)exp2((double)m[j] - (double)top);
        l[j] = (float)((double)l[j] * (double)alpha[j] + sum);
        m[j] = top;
    }
}

static void ref_values(float *o, const int16_t *v, const int16_t *p, size_t pairs, const float *scale, const float *alpha)
{
    for (size_t i = 0; i < REF_MR; i++)
        for (size_t j = 0; j < REF_NR; j++) {
            int64_t sum = 0;
            for (size_t t = 0; t < pairs; t++)
                for (size_t k = 0; k < 2; k++) sum += (int64_t)v[(t * REF_MR + i) * 2 + k] * p[(t * REF_NR + j) * 2 + k];
            o[i * REF_NR + j] = (float)((double)alpha[j] * (double)o[i * REF_NR + j] + (double)scale[i] * (double)sum);
        }
}

const kern_q8 kern_q8_ref = {"ref", 1, REF_MR, REF_NR, ref_absmax, ref_quant, ref_pack, ref_micro,
                             ref_bytes, ref_softmax_pairs, REF_MR, ref_values};
