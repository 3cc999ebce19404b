/* grains_encode.c - the encoder that answers the decoder of grains.c.
 *
 * 1. The residual units undo the limiter. Sample by sample it is y = x / 2 + sin(pi x) / (2 pi); its inverse (Kepler's
 *    equation) is approximated by x + sines of x, thrice, which is what units and their snakes can do.
 * 2. What remains is linear. A frame's window holds what 64 channels of 6 frames leave in it: from the last grains of notes
 *    of frame t-4 to attacks of frame t+1. The strided convolution is the regularised least-squares answer to these 384
 *    unknowns, and passes on the 64 of frame t.
 * 3. The snake after it is the decoder's staircase again and rounds them; the last convolution makes latents of rolls. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/grains.h"
#include "model/grains_tensors.h"

enum { BEFORE = 4, REACH = 6, UNKNOWNS = REACH * GRAINS_CHANNELS }; /* frames t - BEFORE and on */
enum { PIECE = GRAINS_SAMPLES / 2 };                                /* half a window: 2048 samples left, then right */

static const double pi = 3.14159265358979323846;
static const double ridge = 0.01; /* grains have energies of 0.7 to 590 */

/* ---- 1. the limiter undone */

/* A unit's share: x becomes x + c u + a sin(w u), u = x + b sin(v x). */
typedef struct {
    double c, a, w, b, v;
} bend;

/* Fitted to the inverse over |x| up to 1.3, the small ones counting most. */
static const bend bends[3] = {
    {0.158899503, -0.250936992, 6.23259083, -0.077406907, 6.43887329},
    {0.052050121, -0.020676175, 6.62206232, 0.512298242, 10.7661522},
    {0.5855952, 0.085097925, 8.9635407, 0.294072282, 10.209427},
};

/* A snake gives x + sin^2(w x / 2) * 2 |a|; fed x + offset, that is x + a sin(w x) and constants. */
static double offset_of(double a, double w)
{
    return (a > 0) == (w > 0) ? pi / (2 * fabs(w)) : -pi / (2 * fabs(w));
}

static void bend_snake(st_file *f, const char *base, double a, double w)
{
    grains_snake(f, base, 0, 2, log(fabs(w) / 2), -log(2 * fabs(a)));
    grains_still(f, base, 2, 1);
}

static void fill_pair(st_file *f, const char *base, size_t taps, double weight, double bias)
{
    char name[64];
    snprintf(name, sizeof name, "%s.weight", base);
    float *w = st_values(f, name);
    snprintf(name, sizeof name, "%s.bias", base);
    float *b = st_values(f, name);
    for (size_t side = 0; side < 2; side++) {
        w[(side * taps + taps / 2) * GRAINS_WIDTH + side] = (float)weight;
        b[side] = (float)bias;
    }
}

/* What flows through unit i has an offset that its first snake wants; after the last there is none. */
static void fill_units(st_file *f)
{
    char base[64];
    float *w = st_values(f, "encoder.layers.0.weight"), *b = st_values(f, "encoder.layers.0.bias");
    double offset = offset_of(bends[0].b, bends[0].v);
    for (size_t side = 0; side < 2; side++) {
        w[(side * 7 + 3) * 2 + side] = 1;
        b[side] = (float)offset;
    }
    for (int i = 0; i < 3; i++) {
        const bend *d = &bends[i];
        double next = i < 2 ? offset_of(bends[i + 1].b, bends[i + 1].v) : 0, a = d->a / d->c, inner = offset_of(a, d->w);
        snprintf(base, sizeof base, "encoder.layers.1.layers.%d.layers.0", i);
        bend_snake(f, base, d->b, d->v);
        snprintf(base, sizeof base, "encoder.layers.1.layers.%d.layers.1", i);
        fill_pair(f, base, 7, 1, inner - offset - fabs(d->b));
        snprintf(base, sizeof base, "encoder.layers.1.layers.%d.layers.2", i);
        bend_snake(f, base, a, d->w);
        snprintf(base, sizeof base, "encoder.layers.1.layers.%d.layers.3", i);
        fill_pair(f, base, 1, d->c, next - offset - d->c * (inner + fabs(a)));
        offset = next;
    }
    grains_still(f, "encoder.layers.1.layers.3", 0, GRAINS_WIDTH);
}

/* ---- 2. least squares */

/* What the unknowns leave in one half of a window: [UNKNOWNS][PIECE], and which of them leave anything. */
typedef struct {
    double *rows;
    unsigned char used[UNKNOWNS];
} traces;

/* Adds half `part` of an atom that sounds in frame t + d. */
static void leave(traces *t, const grains_atom *atom, const float *grain, int d, size_t part)
{
    size_t u = (size_t)((d - atom->tap + BEFORE) * GRAINS_CHANNELS + atom->channel);
    double *row = t->rows + u * PIECE;
    t->used[u] = 1;
    for (size_t side = 0; side < 2; side++)
        for (size_t k = 0; k < GRAINS_HOP; k++)
            row[side * GRAINS_HOP + k] += (double)grain[side * GRAINS_SPAN + part * GRAINS_HOP + k];
}

/* In a window's first half sound the first halves of frame t and the second halves of t-1; in its second half the second
 * halves of t and the first halves of t+1. */
static void trace(traces *t, const grains_atom *atoms, const float *grains, size_t half)
{
    memset(t->rows, 0, (size_t)UNKNOWNS * PIECE * sizeof *t->rows);
    memset(t->used, 0, sizeof t->used);
    for (size_t i = 0; i < GRAINS_COUNT; i++) {
        const float *grain = grains + i * GRAINS_SAMPLES;
        leave(t, &atoms[i], grain, 0, half);
        leave(t, &atoms[i], grain, half ? 1 : -1, 1 - half);
    }
}

static double dot(const double *a, const double *b, size_t count)
{
    double s[4] = {0};
    for (size_t i = 0; i < count; i += 4)
        for (size_t k = 0; k < 4; k++) s[k] += a[i + k] * b[i + k];
    return s[0] + s[1] + (s[2] + s[3]);
}

/* The lower triangle of gram [UNKNOWNS][UNKNOWNS] += products of the traces, a stretch of samples at a time. */
static void add_gram(double *gram, const traces *t)
{
    enum { STRETCH = 512 };
    for (size_t k = 0; k < PIECE; k += STRETCH)
        for (size_t a = 0; a < UNKNOWNS; a++)
            for (size_t b = 0; b <= a && t->used[a]; b++)
                if (t->used[b]) gram[a * UNKNOWNS + b] += dot(t->rows + a * PIECE + k, t->rows + b * PIECE + k, STRETCH);
}

/* Cholesky's L of a positive definite matrix, in place of its lower triangle. */
static void factor(double *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = m[i * n + j];
            for (size_t k = 0; k < j; k++) s -= m[i * n + k] * m[j * n + k];
            m[i * n + j] = i == j ? sqrt(s) : s / m[j * n + j];
        }
}

/* x = (L L^T)^-1 x */
static void solve(const double *l, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
        x[i] /= l[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        x[i] /= l[i * n + i];
        for (size_t k = 0; k < i; k++) x[k] -= l[i * n + k] * x[i];
    }
}

/* The answer's rows for half a window: sums of traces with the weights of `answers` [channels][UNKNOWNS]. */
static void fill_filters(float *w, const traces *t, const double *answers, size_t half, double *sum)
{
    for (size_t c = 0; c < GRAINS_CHANNELS; c++) {
        memset(sum, 0, PIECE * sizeof *sum);
        for (size_t u = 0; u < UNKNOWNS; u++)
            for (size_t k = 0; k < PIECE && t->used[u]; k++) sum[k] += answers[c * UNKNOWNS + u] * t->rows[u * PIECE + k];
        for (size_t side = 0; side < 2; side++)
            for (size_t k = 0; k < GRAINS_HOP; k++)
                w[((c * 2 + half) * GRAINS_HOP + k) * GRAINS_WIDTH + side] = (float)sum[side * GRAINS_HOP + k];
    }
}

static void fill_answers(st_file *f, const grains_atom *atoms, const float *grains, traces *t, double *gram, double *answers,
                         double *sum)
{
    for (size_t u = 0; u < UNKNOWNS; u++) gram[u * UNKNOWNS + u] = ridge;
    for (size_t half = 0; half < 2; half++) {
        trace(t, atoms, grains, half);
        add_gram(gram, t);
    }
    factor(gram, UNKNOWNS);
    for (size_t c = 0; c < GRAINS_CHANNELS; c++) {
        answers[c * UNKNOWNS + BEFORE * GRAINS_CHANNELS + c] = 1;
        solve(gram, UNKNOWNS, answers + c * UNKNOWNS);
    }
    for (size_t half = 2; half-- > 0;) { /* the second still stands in t */
        if (half == 0) trace(t, atoms, grains, half);
        fill_filters(st_values(f, "encoder.layers.1.layers.4.weight"), t, answers, half, sum);
    }
}

/* ---- 3. rounding */

static void fill_rounding(st_file *f)
{
    float *b = st_values(f, "encoder.layers.1.layers.4.bias"), *w = st_values(f, "encoder.layers.3.weight");
    float *last = st_values(f, "encoder.layers.3.bias");
    grains_snake(f, "encoder.layers.2", 0, GRAINS_CHANNELS, log(pi), log(pi));
    grains_still(f, "encoder.layers.2", GRAINS_CHANNELS, GRAINS_DRIVES - GRAINS_CHANNELS);
    for (size_t c = 0; c < GRAINS_CHANNELS; c++) {
        b[c] = -0.25f;
        w[(c * 3 + 1) * GRAINS_DRIVES + c] = (float)GRAINS_SCALE;
        last[c] = (float)(GRAINS_SCALE * (0.25 - 1 / (2 * pi) - GRAINS_OFFSET));
        last[GRAINS_CHANNELS + c] = -20; /* a scale of nothing: the mean is certain */
    }
}

drgen_status grains_encoder(st_file *f, const grains_atom *atoms, const float *grains, drgen_err *err)
{
    traces t = {.rows = malloc((size_t)UNKNOWNS * PIECE * sizeof *t.rows)};
    double *gram = calloc((size_t)UNKNOWNS * UNKNOWNS, sizeof *gram), *sum = malloc(PIECE * sizeof *sum);
    double *answers = calloc((size_t)GRAINS_CHANNELS * UNKNOWNS, sizeof *answers);
    drgen_status status = DRGEN_OK;
    if (t.rows && gram && answers && sum) {
        fill_units(f);
        fill_answers(f, atoms, grains, &t, gram, answers, sum);
        fill_rounding(f);
    } else status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(f));
    free(t.rows);
    free(gram);
    free(answers);
    free(sum);
    return status;
}
