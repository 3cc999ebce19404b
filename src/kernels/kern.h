/* kern.h - the kernel table: every hot loop drgen runs, one entry each.
 *
 * A kernel knows numbers, not models. Each entry
 *   - works on float32 rows held by the caller; allocates nothing, locks nothing, cannot fail;
 *   - takes lengths in elements; any length, 0 included;
 *   - reads and writes only inside the lengths it is given (no over-read of a tail);
 *   - allows out == in where the comment says "in place", and otherwise no overlap.
 * kern_ref defines what each entry means (plain loops, double inside). The others may differ from it by the bound in
 * brackets: abs or rel error per element, or nmse = sum((a-b)^2) / sum(b^2) over the row.
 */
#ifndef KERNELS_KERN_H
#define KERNELS_KERN_H

#include <stddef.h>
#include <stdint.h>

typedef enum { KERN_F32, KERN_F16, KERN_BF16 } kern_type;

/* A recursive filter of order four, y[n] = sum b[k] x[n-k] - sum a[k] y[n-k], a[0] = 1, with what blocks of eight frames
 * need: pulse[8 + t] is the feedback part's answer at t to a pulse at 0 (before it 0), echo[j][t] its answer to an output
 * of 1 at time -1 - j. */
typedef struct {
    double b[5], a[5], pulse[16], echo[4][8];
} kern_iir4;

void kern_iir4_init(kern_iir4 *f, const double b[5], const double a[5]);

typedef struct kern_table {
    const char *isa; /* "ref", "avx2", "avx512", "neon" */

    /* ---- elements */
    void (*add)(float *y, const float *x, size_t n);                    /* y += x                          [exact] */
    void (*axpy)(float *y, const float *x, float a, size_t n);          /* y += a * x            [rel 1e-6 of sum] */
    void (*scale)(float *y, const float *x, float a, size_t n);         /* y = a * x, in place             [exact] */
    void (*relu)(float *y, const float *x, size_t n);                   /* max(x, 0), in place             [exact] */
    void (*silu)(float *y, const float *x, size_t n);                   /* x / (1 + e^-x), in place     [rel 2e-6] */
    void (*gelu)(float *y, const float *x, size_t n);                   /* x (1 + erf(x/sqrt 2)) / 2, in place [2e-7 abs + rel 2e-6] */
    void (*mish)(float *y, const float *x, size_t n);                   /* x tanh(ln(1 + e^x)), in place [rel 4e-6] */
    void (*swiglu)(float *y, const float *gate, const float *up, size_t n); /* silu(gate) * up, in place [rel 3e-6] */
    /* y = x + sin(a x)^2 * s, channel-wise vectors a and s (s = 1/(b + 1e-9)). In place.
     * [abs 4e-7 * (1 + s) for |a x| < 1e4] */
    void (*snake)(float *y, const float *x, const float *a, const float *s, size_t n);
    void (*widen)(float *y, const void *x, kern_type type, size_t n);   /* f16/bf16/f32 to f32             [exact] */

    /* ---- rows */
    float (*dot)(const float *x, const float *y, size_t n);             /* sum x y                    [nmse 1e-12] */
    /* y = x * w / sqrt(mean(x^2) + eps). In place.                                                    [rel 3e-6] */
    void (*rmsnorm)(float *y, const float *x, const float *w, float eps, size_t n);
    /* y = (x - mean) / sqrt(var + eps) * w + b, biased variance; w, b may be NULL (1, 0). In place. [abs 5e-6] */
    void (*layernorm)(float *y, const float *x, const float *w, const float *b, float eps, size_t n);
    /* A block of online softmax down the columns of p [keys, nr] (nr of this table): m' = max(m, scale * p),
     * alpha = e^(m - m'), p = e^(scale * p - m'), l = l * alpha + sum over keys of p, m = m'. m, l, alpha are [nr];
     * start with m = -INFINITY, l = 0. keys >= 1.                                                    [rel 4e-6] */
    void (*softmax_cols)(float *p, size_t keys, float scale, float *m, float *l, float *alpha);
    /* Rotates pairs (x[j], x[j + half]) by the angle whose cosine and sine are c[j], s[j], j < half. [rel 1e-6] */
    void (*rope)(float *x, const float *c, const float *s, size_t half);
    /* Depthwise correlation at one time step: y[c] = b[c] + sum_k w[k*n + c] * x[k*stride + c], k < taps; b may be
     * NULL. taps in order of k.                                                                    [nmse 1e-12] */
    void (*depthwise)(float *y, const float *x, size_t stride, const float *w, const float *b, size_t taps, size_t n);

    /* ---- 3x3 convolution by Winograd's F(4x4, 3x3): 36 products instead of 144 for a tile of 4x4 outputs. Element
     * (r, c) of a transform lies at (6 r + c) * step. n channels each; see body_wino.inc for the points.
     * wino_in: the 6x6 pixels at x + r*line + c*pixel.                            [abs 2e-6 of the largest input] */
    void (*wino_in)(float *v, size_t step, const float *x, size_t line, size_t pixel, size_t n);
    /* wino_taps: a kernel w [3][3][n].                                                 [abs 1e-6 of the largest] */
    void (*wino_taps)(float *u, size_t step, const float *w, size_t n);
    /* wino_out: back to pixels, of which rows x cols (1..4 each) are wanted: y = max(least, y + b + pixel); b [n] may be
     * NULL.                                                                       [abs 4e-6 of the largest element] */
    void (*wino_out)(float *y, size_t line, size_t pixel, const float *m, size_t step, int rows, int cols, const float *b,
                     float least, size_t n);

    /* ---- kernel-7 convolution by Toom and Cook's F(6, 7): 14 products for six outputs instead of 42. Element e of a
     * transform lies at e * step; n channels each; see body_toom.inc for the points.
     * conv7_in: the 12 rows at x + k*row.                                        [abs 3e-6 of the largest input] */
    void (*conv7_in)(float *v, size_t step, const float *x, size_t row, size_t n);
    /* conv7_taps: the taps at w + k*tap.                                            [abs 3e-7 of the largest] */
    void (*conv7_taps)(float *u, size_t step, const float *w, size_t tap, size_t n);
    /* conv7_out: the six rows y + k*row = b + what m stands for.             [abs 6e-6 of the largest element] */
    void (*conv7_out)(float *y, size_t row, const float *m, size_t step, const float *b, size_t n);

    /* The same for two taps by F(3, 2): four products for three outputs instead of six. conv2_in takes four rows,
     * conv2_out writes the first `rows` (1..3) of three.                         [abs 5e-7 of the largest element] */
    void (*conv2_in)(float *v, size_t step, const float *x, size_t row, size_t n);
    void (*conv2_taps)(float *u, size_t step, const float *w, size_t tap, size_t n);
    void (*conv2_out)(float *y, size_t row, int rows, const float *m, size_t step, const float *b, size_t n);

    /* ---- matrix product, see gemm.h. Panels are zero-padded to full mr / nr. */
    int mr, nr; /* rows and columns of the register tile; at most KERN_MAX_MR, KERN_MAX_NR */
    /* a panel: dst[k*mr + i] = row i's element k, i < rows (rows <= mr, the rest 0); src[i] points to k = 0. */
    void (*pack_a)(float *dst, const float *const *src, int rows, size_t depth);
    /* b panel: dst[k*nr + j] = src[j*ld + k] widened, j < cols (cols <= nr, the rest 0); ld in elements. */
    void (*pack_b)(float *dst, const void *src, kern_type type, size_t ld, int cols, size_t depth);
    /* c[i*ldc + j] = (add ? c : 0) + sum_k a[k*mr + i] * b[k*nr + j] for the full mr x nr tile.       [nmse 1e-11] */
    void (*micro)(float *c, size_t ldc, const float *a, const float *b, size_t depth, int add);
    /* The same for the first rows (1..mr) of the tile only, the others neither computed nor stored; the same bits. NULL
     * where there is none. */
    void (*micro_part)(float *c, size_t ldc, const float *a, const float *b, size_t depth, int add, size_t rows);
    /* The same with A's mr rows as they lie, lda apart: c[i*ldc + j] = (add ? c : 0) + sum_k a[i*lda + k] * b[k*nr + j],
     * the sum rounded before c is added, so that adding it from elsewhere gives the same bits.
     * lda a multiple of 4 KiB would make the rows fight for the same cache lines.                     [nmse 1e-11] */
    void (*micro_rows)(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t depth, int add);

    /* ---- meters (body_audio.inc)
     * The energy sum y^2 of x[i] * gain[i] (gain NULL: 1) filtered by f in double. state: the last four inputs, newest
     * first, then the last four outputs; goes in and comes out. [2e-6 of energy + largest state^2: what K-weighting
     * at 192 kHz makes of rounding; 1e-9 at 48 kHz] */
    double (*iir4_energy)(const kern_iir4 *f, double state[8], const float *x, const float *gain, size_t n);
    /* sum[0..4] += sums of l, r, l^2, r^2, l r, in double.                                [rel 1e-12 of sum |.|] */
    void (*moments)(double sum[5], const float *l, const float *r, size_t n);
    float (*abs_max)(const float *x, size_t n);                         /* largest |x|; INFINITY with a NaN [exact] */
    void (*peak_abs)(float *y, const float *x, size_t n);               /* y = max(y, |x|)                 [exact] */
    /* The largest magnitude between samples: over i < n and the phases p = 1..phases-1 of the interpolated values
     * sum over t < 2 half of tap_p[t] * x[i + t], where x has n + 2 half - 1 elements, and tap_(phases-p) is tap_p
     * reversed. env, unless NULL, becomes max(env, that of each i). phases 2, 4, 8 or 16; half <= 32. Row j of taps,
     * j < half, has phases - 1 numbers: for p = 1..phases/2-1 (tap_p[j] + tap_p[2 half - 1 - j]) / 2 and the same
     * with a minus, at last tap_(phases/2)[j].                                   [abs 2e-6 of the largest input] */
    float (*peak_between)(float *env, const float *taps, int phases, size_t half, const float *x, size_t n);

    /* ---- mastering (body_master.inc)
     * y[i] = (add ? y[i] : 0) + sum over t < count of taps[t] * x[i + t]; x has n + count - 1 elements.
     * [abs 1e-6 of sum |tap| * largest input] */
    void (*fir)(float *y, const float *x, const float *taps, size_t count, size_t n, int add);
    void (*residue)(float *y, const float *x, float drive, size_t n); /* tanh(drive x) / drive - x, in place; drive > 0
                                                                         [abs 3e-7 (1 / drive + |x|)] */
    void (*mul)(float *y, const float *a, const float *b, size_t n);  /* a * b, in place                 [exact] */
    void (*lesser)(float *y, const float *a, const float *b, size_t n); /* min(a, b); y may be a, or below a or b in
                                                                         one row                         [exact] */
    void (*limit)(float *y, const float *e, float c, size_t n);       /* min(1, c / max(e, 1e-12)), in place [exact] */
    /* e[q] = sum over j < 8 of w[j] * x[8 q + j]^2.                                                    [rel 1e-6] */
    void (*octet_energy)(float *e, const float *x, const float w[8], size_t octets);
    /* y = (add ? y : 0) + x * gain, the gain going straight from g[q] before frame 8 q to g[q + 1] at frame 8 q + 7; g
     * has octets + 1 elements. In place.                                             [abs 1e-6 of largest x * g] */
    void (*octet_ramp)(float *y, const float *x, const float *g, size_t octets, int add);
} kern_table;

enum { KERN_MAX_MR = 16, KERN_MAX_NR = 64 };

extern const kern_table kern_ref; /* plain C; always built, always tested against */

/* The best table this CPU and this operating system can run; chosen once, then constant.
 * DRGEN_ISA=ref|avx2|avx512|neon in the environment caps the choice. Thread-safe. */
const kern_table *kern_best(void);

/* All tables that can run here, kern_ref first; *count gets their number. For tests and bench. */
const kern_table *const *kern_available(size_t *count);

/* The table of that name, or NULL when it cannot run here. */
const kern_table *kern_find(const char *isa);

#endif
