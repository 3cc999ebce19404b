/* compat_filter.c - filters of compat.h and the small parts of compat_parts.h. */
#include <complex.h>

#include "dsp/compat_parts.h"

static const double pi = 3.14159265358979323846;

static void one_section(compat_filter *f, const double b[3], double a1, double a2)
{
    memset(f, 0, sizeof *f);
    f->sections = 1;
    f->section[0] = (compat_section){{b[0], b[1], b[2]}, {1, a1, a2}};
}

void compat_high_pass(compat_filter *f, double hz, int rate)
{
    double k = tan(pi * hz / rate), a0 = 1 + sqrt(2) * k + k * k;
    one_section(f, (const double[3]){1 / a0, -2 / a0, 1 / a0}, 2 * (k * k - 1) / a0, (1 - sqrt(2) * k + k * k) / a0);
}

void compat_low_pass(compat_filter *f, double hz, int rate)
{
    double k = tan(pi * hz / rate), a0 = 1 + sqrt(2) * k + k * k, b = k * k / a0;
    one_section(f, (const double[3]){b, 2 * b, b}, 2 * (k * k - 1) / a0, (1 - sqrt(2) * k + k * k) / a0);
}

void compat_peaking(compat_filter *f, double hz, double gain, double q, int rate)
{
    double w = 2 * pi * hz / rate, amp = pow(10, gain / 40), alpha = sin(w) / (2 * q), a0 = 1 + alpha / amp;
    double middle = -2 * cos(w) / a0;
    one_section(f, (const double[3]){(1 + alpha * amp) / a0, middle, (1 - alpha * amp) / a0}, middle,
                (1 - alpha / amp) / a0);
}

/* Each pole p of the low-pass prototype becomes two around the centre, s^2 - p bw s + w0^2 = 0, and each of these with
 * its conjugate a section. All zeros are at 0 Hz and half the rate: every section gets one of each, and a fourth root
 * of the gain. */
void compat_band_pass(compat_filter *f, double low, double high, int rate)
{
    double w1 = tan(pi * low / rate), w2 = tan(pi * high / rate), bw = w2 - w1, scale = 1;
    memset(f, 0, sizeof *f);
    f->sections = 4;
    for (int k = 0; k < 2; k++) {
        double complex half = cexp(I * pi * (2 * k + 5) / 8) * bw / 2, root = csqrt(half * half - w1 * w2);
        for (int side = 0; side < 2; side++) {
            double complex s = side ? half - root : half + root, z = (1 + s) / (1 - s);
            compat_section *section = &f->section[2 * k + side];
            section->a[0] = 1;
            section->a[1] = -2 * creal(z);
            section->a[2] = creal(z) * creal(z) + cimag(z) * cimag(z);
            scale *= bw / (creal((1 - s) * conj(1 - s)));
        }
    }
    double gain = pow(scale, 0.25);
    for (int k = 0; k < 4; k++) memcpy(f->section[k].b, (const double[3]){gain, 0, -gain}, sizeof f->section[k].b);
}

void compat_settle(double *state, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fabs(state[i]) < 1e-150) state[i] = 0;
}

static void run_one(const compat_section *c, double state[2][2], double (*x)[2], size_t n)
{
    pair s1 = pair_load(state[0]), s2 = pair_load(state[1]);
    pair b0 = pair_all(c->b[0]), b1 = pair_all(c->b[1]), b2 = pair_all(c->b[2]);
    pair a1 = pair_all(c->a[1]), a2 = pair_all(c->a[2]);
    for (size_t i = 0; i < n; i++) {
        pair v = pair_load(x[i]), y = b0 * v + s1;
        s1 = (b1 * v + s2) - a1 * y;
        s2 = b2 * v - a2 * y;
        pair_store(x[i], y);
    }
    pair_store(state[0], s1);
    pair_store(state[1], s2);
}

/* The band-pass: b = {g, 0, -g}. One loop, so that a frame may enter the first section while its forerunners are still
 * in the others. */
static void run_band(const compat_section *c, double state[4][2][2], double (*x)[2], size_t n)
{
    pair s1[4], s2[4], a1[4], a2[4], g = pair_all(c->b[0]);
    for (int k = 0; k < 4; k++) {
        s1[k] = pair_load(state[k][0]);
        s2[k] = pair_load(state[k][1]);
        a1[k] = pair_all(c[k].a[1]);
        a2[k] = pair_all(c[k].a[2]);
    }
    for (size_t i = 0; i < n; i++) {
        pair v = pair_load(x[i]);
        for (int k = 0; k < 4; k++) {
            pair in = g * v, y = in + s1[k];
            s1[k] = s2[k] - a1[k] * y;
            s2[k] = -in - a2[k] * y;
            v = y;
        }
        pair_store(x[i], v);
    }
    for (int k = 0; k < 4; k++) {
        pair_store(state[k][0], s1[k]);
        pair_store(state[k][1], s2[k]);
    }
}

void compat_filter_run(compat_filter *f, double (*x)[2], size_t n)
{
    for (size_t at = 0; at < n; at += COMPAT_BLOCK) {
        size_t block = n - at < COMPAT_BLOCK ? n - at : COMPAT_BLOCK;
        if (f->sections == 4) run_band(f->section, f->state, x + at, block);
        else
            for (int k = 0; k < f->sections; k++) run_one(&f->section[k], f->state[k], x + at, block);
        compat_settle(&f->state[0][0][0], 4 * (size_t)f->sections);
    }
}

/* (1 - e) / (1 + e) with e = exp(-2 |x|) = 2^-k exp(r), |r| <= ln 2 / 2, by its series to the 13th power. */
pair compat_tanh(pair x)
{
    const double log2e = 1.4426950408889634074;
    const double ln2_high = 0.693147180369123816490, ln2_low = 1.90821492927058770002e-10;
    const double whole = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to a whole number in the lowest bits */
    static const double inverse[14] = {1, 1, 1 / 2.0, 1 / 3.0, 1 / 4.0, 1 / 5.0, 1 / 6.0, 1 / 7.0,
                                       1 / 8.0, 1 / 9.0, 1 / 10.0, 1 / 11.0, 1 / 12.0, 1 / 13.0};
    pair z = pair_min(pair_abs(x), pair_all(20)) * -2; /* beyond 20 it is 1 */
    pair shifted = z * log2e + whole, k = shifted - whole;
    pair r = (z - k * ln2_high) - k * ln2_low;
    pair e = pair_all(1);
    for (int i = 13; i > 0; i--) e = 1 + r * inverse[i] * e;
    e = (pair)((pair_bits)e + ((pair_bits)shifted << 52));
    return pair_signed((1 - e) / (1 + e), x);
}

void compat_run_stages(compat_sound *x, const compat_stage *stage, int stages)
{
    for (size_t at = 0; at < x->frames; at += COMPAT_BLOCK) {
        size_t block = x->frames - at < COMPAT_BLOCK ? x->frames - at : COMPAT_BLOCK;
        for (int i = 0; i < stages; i++) stage[i].run(stage[i].state, x->frame + at, block);
    }
}

double compat_peak(const compat_sound *x)
{
    pair most = pair_all(0);
    for (size_t i = 0; i < x->frames; i++) most = pair_max(pair_abs(pair_load(x->frame[i])), most);
    return most[0] > most[1] ? most[0] : most[1];
}

void compat_width_block(void *state, double (*x)[2], size_t n)
{
    double width = *(const double *)state;
    for (size_t i = 0; i < n; i++) {
        double mid = (x[i][0] + x[i][1]) / 2, side = width * ((x[i][0] - x[i][1]) / 2);
        x[i][0] = mid + side;
        x[i][1] = mid - side;
    }
}
