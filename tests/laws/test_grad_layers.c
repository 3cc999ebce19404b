/* Every layer's gradient is the central difference of its definition, written down here once more in double: relative to
 * the largest element 1e-4. The loss is sum(y * r) for random r; z holds all inputs and weights of a layer one after the
 * other, the way back gives all of their gradients. */
#include <stdlib.h>

#include "base/rng.h"
#include "nn/nn_grad.h"
#include "tests/t.h"

typedef struct {
    size_t rows, in, out, songs, frames, heads, taps, groups; /* what a layer needs of them */
    size_t count, results;
    double *r; /* [results] */
    float *rf; /* the same */
} layer;

typedef struct {
    const char *name;
    layer shape;
    size_t (*count)(const layer *l);   /* numbers in z */
    size_t (*results)(const layer *l); /* numbers in y */
    void (*forward)(const layer *l, const double *z, double *y);
    /* Gradients of all of z from z; weights' are zero before. */
    void (*back)(const layer *l, nn *n, const float *z, float *g);
} layer_case;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ---- linear: x [rows, in], w [out, in], b [out] */

static size_t linear_count(const layer *l)
{
    return l->rows * l->in + l->out * l->in + l->out;
}

static size_t linear_results(const layer *l)
{
    return l->rows * l->out;
}

static void linear_forward(const layer *l, const double *z, double *y)
{
    const double *w = z + l->rows * l->in, *b = w + l->out * l->in;
    for (size_t r = 0; r < l->rows; r++)
        for (size_t o = 0; o < l->out; o++) {
            double s = b[o];
            for (size_t i = 0; i < l->in; i++) s += z[r * l->in + i] * w[o * l->in + i];
            y[r * l->out + o] = s;
        }
}

static void linear_back(const layer *l, nn *n, const float *z, float *g)
{
    size_t x = l->rows * l->in, w = l->out * l->in;
    wmat m = {.data = z + x, .type = ST_F32, .rows = l->out, .cols = l->in};
    nn_linear_dx(n, g, l->in, l->rf, l->out, &m, l->rows, 0);
    nn_linear_dw(n, g + x, l->in, l->rf, l->out, gemm_plain(z, l->in, l->in), l->out, l->in, l->rows);
    nn_bias_grad(n, g + x + w, l->rf, l->out, l->rows, l->out);
}

/* ---- norms: x [rows, in], w [in] (, b [in]) */

static size_t rms_count(const layer *l)
{
    return (l->rows + 1) * l->in;
}

static size_t ln_count(const layer *l)
{
    return (l->rows + 2) * l->in;
}

static size_t rows_results(const layer *l)
{
    return l->rows * l->in;
}

static void rms_forward(const layer *l, const double *z, double *y)
{
    const double *w = z + l->rows * l->in;
    for (size_t r = 0; r < l->rows; r++) {
        const double *x = z + r * l->in;
        double s = 0;
        for (size_t i = 0; i < l->in; i++) s += x[i] * x[i];
        for (size_t i = 0; i < l->in; i++) y[r * l->in + i] = x[i] * w[i] / sqrt(s / (double)l->in + 1e-6);
    }
}

static void rms_back(const layer *l, nn *n, const float *z, float *g)
{
    size_t x = l->rows * l->in;
    nn_rmsnorm_grad(n, g, g + x, l->rf, z, z + x, 1e-6f, l->rows, l->in);
}

static void ln_forward(const layer *l, const double *z, double *y)
{
    const double *w = z + l->rows * l->in, *b = w + l->in;
    for (size_t r = 0; r < l->rows; r++) {
        const double *x = z + r * l->in;
        double m = 0, v = 0, n = (double)l->in;
        for (size_t i = 0; i < l->in; i++) m += x[i] / n;
        for (size_t i = 0; i < l->in; i++) v += (x[i] - m) * (x[i] - m) / n;
        for (size_t i = 0; i < l->in; i++) y[r * l->in + i] = (x[i] - m) / sqrt(v + 1e-6) * w[i] + b[i];
    }
}

static void ln_back(const layer *l, nn *n, const float *z, float *g)
{
    size_t x = l->rows * l->in;
    nn_layernorm_grad(n, g, g + x, g + x + l->in, l->rf, z, z + x, 1e-6f, l->rows, l->in);
}

/* ---- activations: x [rows, in]; SwiGLU: gate, up */

static size_t x_count(const layer *l)
{
    return l->rows * l->in;
}

static void silu_forward(const layer *l, const double *z, double *y)
{
    for (size_t i = 0; i < x_count(l); i++) y[i] = z[i] * sigmoid(z[i]);
}

static void gelu_forward(const layer *l, const double *z, double *y)
{
    for (size_t i = 0; i < x_count(l); i++) y[i] = 0.5 * z[i] * (1 + erf(z[i] / sqrt(2)));
}

static void mish_forward(const layer *l, const double *z, double *y)
{
    for (size_t i = 0; i < x_count(l); i++) y[i] = z[i] * tanh(log1p(exp(z[i])));
}

static void silu_back(const layer *l, nn *n, const float *z, float *g)
{
    nn_activate_grad(n, NN_SILU, g, l->rf, z, x_count(l));
}

static void gelu_back(const layer *l, nn *n, const float *z, float *g)
{
    nn_activate_grad(n, NN_GELU, g, l->rf, z, x_count(l));
}

static void mish_back(const layer *l, nn *n, const float *z, float *g)
{
    nn_activate_grad(n, NN_MISH, g, l->rf, z, x_count(l));
}

static size_t swiglu_count(const layer *l)
{
    return 2 * x_count(l);
}

static void swiglu_forward(const layer *l, const double *z, double *y)
{
    for (size_t i = 0; i < x_count(l); i++) y[i] = z[i] * sigmoid(z[i]) * z[x_count(l) + i];
}

static void swiglu_back(const layer *l, nn *n, const float *z, float *g)
{
    nn_swiglu_grad(n, g, g + x_count(l), l->rf, z, z + x_count(l), x_count(l));
}

/* ---- attention with rotated queries and keys: q, k, v [frames, heads * in] */

static size_t attention_count(const layer *l)
{
    return 3 * l->frames * l->heads * l->in;
}

static size_t attention_results(const layer *l)
{
    return l->frames * l->heads * l->in;
}

static double angle(size_t t, size_t j, size_t half)
{
    return (double)(float)((float)t * (1.0f / (float)pow(100.0, (double)((float)(2 * j) / (float)(2 * half)))));
}

static void rotate(const layer *l, double *x)
{
    size_t half = l->in / 2;
    for (size_t t = 0; t < l->frames; t++)
        for (size_t h = 0; h < l->heads; h++)
            for (size_t j = 0; j < half; j++) {
                double *p = x + (t * l->heads + h) * l->in + j, a = p[0], b = p[half], c = cos(angle(t, j, half)),
                       s = sin(angle(t, j, half));
                p[0] = a * c - b * s;
                p[half] = b * c + a * s;
            }
}

static void attention_forward(const layer *l, const double *z, double *y)
{
    size_t part = attention_results(l), dim = l->heads * l->in;
    double *q = malloc(2 * part * sizeof *q), *k = q + part, *p = malloc(l->frames * sizeof *p);
    const double *v = z + 2 * part;
    memcpy(q, z, 2 * part * sizeof *q);
    rotate(l, q);
    rotate(l, k);
    for (size_t h = 0; h < l->heads; h++)
        for (size_t i = 0; i < l->frames; i++) {
            double sum = 0;
            for (size_t t = 0; t < l->frames; t++) {
                double s = 0;
                for (size_t d = 0; d < l->in; d++) s += q[i * dim + h * l->in + d] * k[t * dim + h * l->in + d];
                sum += p[t] = exp(s / sqrt((double)l->in));
            }
            for (size_t d = 0; d < l->in; d++) {
                double s = 0;
                for (size_t t = 0; t < l->frames; t++) s += p[t] * v[t * dim + h * l->in + d];
                y[i * dim + h * l->in + d] = s / sum;
            }
        }
    free(q), free(p);
}

static void attention_back(const layer *l, nn *n, const float *z, float *g)
{
    size_t part = attention_results(l), dim = l->heads * l->in, half = l->in / 2;
    float *o = malloc(part * sizeof *o), *lse = malloc(l->frames * l->heads * sizeof *lse);
    float *c = malloc(l->frames * half * sizeof *c), *s = malloc(l->frames * half * sizeof *s);
    memcpy(g, z, 3 * part * sizeof *g);
    nn_rope_tables(c, s, l->frames, half, 100.0, 0);
    nn_rope(n, g, dim, c, s, l->frames, l->frames, l->heads, half);
    nn_rope(n, g + part, dim, c, s, l->frames, l->frames, l->heads, half);
    nn_attn a = {.o = o,
                 .q = g,
                 .k = g + part,
                 .v = g + 2 * part,
                 .ldo = dim,
                 .ldq = dim,
                 .ldk = dim,
                 .ldv = dim,
                 .rows_q = l->frames,
                 .rows_k = l->frames,
                 .heads = l->heads,
                 .width = l->in,
                 .scale = 1.0f / sqrtf((float)l->in),
                 .lse = lse};
    nn_attention(n, &a);
    nn_attention_grad(n, &a, l->rf, g, g + part, g + 2 * part);
    for (size_t i = 0; i < l->frames * half; i++) s[i] = -s[i];
    nn_rope(n, g, dim, c, s, l->frames, l->frames, l->heads, half);
    nn_rope(n, g + part, dim, c, s, l->frames, l->frames, l->heads, half);
    free(o), free(lse), free(c), free(s);
}

/* ---- convolutions and GRN: x [songs, frames, in], then weights */

static size_t song_results(const layer *l)
{
    return l->songs * l->frames * l->in;
}

static size_t depthwise_count(const layer *l)
{
    return song_results(l) + l->taps * l->in;
}

static size_t grouped_count(const layer *l)
{
    return song_results(l) + l->in * l->taps * (l->in / l->groups);
}

static size_t grn_count(const layer *l)
{
    return song_results(l) + 2 * l->in;
}

/* y[t][o] = sum over taps and the inputs of o's group; width 1: depthwise, whose weights lie [taps, in]. */
static void conv(const layer *l, const double *z, double *y, size_t width, int depthwise)
{
    const double *w = z + song_results(l);
    for (size_t s = 0; s < l->songs; s++)
        for (size_t t = 0; t < l->frames; t++)
            for (size_t o = 0; o < l->in; o++) {
                double sum = 0;
                for (size_t k = 0; k < l->taps; k++) {
                    size_t at = t + k;
                    if (at < l->taps / 2 || at - l->taps / 2 >= l->frames) continue;
                    const double *x = z + (s * l->frames + at - l->taps / 2) * l->in + o / width * width;
                    for (size_t c = 0; c < width; c++)
                        sum += x[c] * (depthwise ? w[k * l->in + o] : w[(o * l->taps + k) * width + c]);
                }
                y[(s * l->frames + t) * l->in + o] = sum;
            }
}

static void depthwise_forward(const layer *l, const double *z, double *y)
{
    conv(l, z, y, 1, 1);
}

static void grouped_forward(const layer *l, const double *z, double *y)
{
    conv(l, z, y, l->in / l->groups, 0);
}

static void depthwise_back(const layer *l, nn *n, const float *z, float *g)
{
    size_t x = song_results(l);
    nn_depthwise_grad(n, g, g + x, l->rf, z, z + x, l->taps, l->songs, l->frames, l->in);
}

static void grouped_back(const layer *l, nn *n, const float *z, float *g)
{
    size_t x = song_results(l), width = l->in / l->groups;
    wmat w = {.data = z + x, .type = ST_F32, .rows = l->in, .cols = l->taps * width};
    nn_grouped c = {&w, l->taps, l->groups, l->songs, l->frames, l->in};
    nn_grouped_conv_grad(n, g, g + x, l->rf, z, &c);
}

static void grn_forward(const layer *l, const double *z, double *y)
{
    const double *gamma = z + song_results(l), *beta = gamma + l->in;
    double *norm = malloc(l->in * sizeof *norm);
    for (size_t s = 0; s < l->songs; s++) {
        const double *x = z + s * l->frames * l->in;
        double mean = 0;
        for (size_t c = 0; c < l->in; c++) {
            double sum = 0;
            for (size_t t = 0; t < l->frames; t++) sum += x[t * l->in + c] * x[t * l->in + c];
            mean += (norm[c] = sqrt(sum)) / (double)l->in;
        }
        for (size_t t = 0; t < l->frames; t++)
            for (size_t c = 0; c < l->in; c++)
                y[(s * l->frames + t) * l->in + c] = gamma[c] * x[t * l->in + c] * norm[c] / (mean + 1e-6) + beta[c] +
                                                     x[t * l->in + c];
    }
    free(norm);
}

static void grn_back(const layer *l, nn *n, const float *z, float *g)
{
    size_t x = song_results(l);
    float *norm = malloc(l->songs * l->in * sizeof *norm), *y = malloc(x * sizeof *y);
    nn_grn(n, y, norm, z, z + x, z + x + l->in, l->songs, l->frames, l->in);
    nn_grn_grad(n, g, g + x, g + x + l->in, l->rf, z, norm, z + x, l->songs, l->frames, l->in);
    free(norm), free(y);
}

/* ---- table look-up: z is the table [out, in]; row r looks up r * 5 % out */

static size_t table_count(const layer *l)
{
    return l->out * l->in;
}

static void table_forward(const layer *l, const double *z, double *y)
{
    for (size_t r = 0; r < l->rows; r++) memcpy(y + r * l->in, z + r * 5 % l->out * l->in, l->in * sizeof *y);
}

static void table_back(const layer *l, nn *n, const float *z, float *g)
{
    int32_t *ids = malloc(l->rows * sizeof *ids);
    (void)z;
    for (size_t r = 0; r < l->rows; r++) ids[r] = (int32_t)(r * 5 % l->out);
    nn_embedding_grad(n, g, l->rf, ids, l->rows, l->in);
    free(ids);
}

static const layer_case cases[] = {
    {"linear", {.rows = 9, .in = 7, .out = 5}, linear_count, linear_results, linear_forward, linear_back},
    {"linear, larger", {.rows = 33, .in = 35, .out = 17}, linear_count, linear_results, linear_forward, linear_back},
    {"RMSNorm", {.rows = 70, .in = 19}, rms_count, rows_results, rms_forward, rms_back},
    {"LayerNorm", {.rows = 67, .in = 21}, ln_count, rows_results, ln_forward, ln_back},
    {"SiLU", {.rows = 5, .in = 23}, x_count, x_count, silu_forward, silu_back},
    {"GELU", {.rows = 5, .in = 23}, x_count, x_count, gelu_forward, gelu_back},
    {"Mish", {.rows = 5, .in = 23}, x_count, x_count, mish_forward, mish_back},
    {"SwiGLU", {.rows = 5, .in = 23}, swiglu_count, x_count, swiglu_forward, swiglu_back},
    {"attention and rotation",
     {.frames = 21, .heads = 2, .in = 6},
     attention_count,
     attention_results,
     attention_forward,
     attention_back},
    {"attention, one frame",
     {.frames = 1, .heads = 1, .in = 4},
     attention_count,
     attention_results,
     attention_forward,
     attention_back},
    {"depthwise convolution",
     {.songs = 2, .frames = 9, .in = 5, .taps = 7},
     depthwise_count,
     song_results,
     depthwise_forward,
     depthwise_back},
    {"grouped convolution",
     {.songs = 2, .frames = 11, .in = 6, .taps = 5, .groups = 2},
     grouped_count,
     song_results,
     grouped_forward,
     grouped_back},
    {"GRN", {.songs = 2, .frames = 9, .in = 7}, grn_count, song_results, grn_forward, grn_back},
    {"table", {.rows = 30, .out = 7, .in = 5}, table_count, rows_results, table_forward, table_back},
};

static double loss(const layer_case *c, const layer *l, const double *z, double *y)
{
    double sum = 0;
    c->forward(l, z, y);
    for (size_t i = 0; i < l->results; i++) sum += y[i] * l->r[i];
    return sum;
}

static void check_case(const layer_case *c, const kern_table *kern, pool *p, uint64_t *rng)
{
    layer l = c->shape;
    l.count = c->count(&l);
    l.results = c->results(&l);
    double *z = malloc(l.count * sizeof *z), *y = malloc(l.results * sizeof *y), *want = malloc(l.count * sizeof *want),
           top = 0;
    float *zf = malloc(l.count * sizeof *zf), *g = calloc(l.count, sizeof *g);
    l.r = malloc(l.results * sizeof *l.r);
    l.rf = malloc(l.results * sizeof *l.rf);
    for (size_t i = 0; i < l.count; i++) z[i] = (double)(zf[i] = 2 * rng_uniform(rng));
    for (size_t i = 0; i < l.results; i++) l.r[i] = (double)(l.rf[i] = rng_uniform(rng));
    for (size_t i = 0; i < l.count; i++) {
        double at = z[i], h = 1e-5;
        z[i] = at + h;
        double up = loss(c, &l, z, y);
        z[i] = at - h;
        want[i] = (up - loss(c, &l, z, y)) / (2 * h);
        z[i] = at;
        top = fmax(top, fabs(want[i]));
    }
    arena work;
    CHECK(arena_init(&work, (size_t)32 << 20, "test", NULL) == DRGEN_OK);
    nn n = {kern, p, &work};
    c->back(&l, &n, zf, g);
    for (size_t i = 0; i < l.count; i++)
        CHECKF(fabs((double)g[i] - want[i]) <= 1e-4 * top,
               "%s %s: element %zu of %zu: %.9g, difference %.9g, largest %.3g", kern->isa, c->name, i, l.count,
               (double)g[i], want[i], top);
    arena_free(&work);
    free(z), free(y), free(want), free(zf), free(g), free(l.r), free(l.rf);
}

TEST(layer_gradients_are_central_differences)
{
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    pool *p;
    uint64_t rng = t_seed;
    CHECK(pool_open(&p, 2, NULL) == DRGEN_OK);
    for (size_t t = 0; t < tables; t++)
        for (size_t c = 0; c < COUNT(cases); c++) check_case(&cases[c], table[t], c % 2 ? p : NULL, &rng);
    pool_close(p);
}

/* Long enough to meet every edge of the tiles: against the plain formula in double. */
TEST(attention_gradients_agree_with_the_formula)
{
    static const size_t sizes[][3] = {{130, 2, 8}, {97, 1, 64}, {300, 1, 32}, {29, 3, 30}};
    size_t tables;
    const kern_table *const *table = kern_available(&tables);
    uint64_t rng = t_seed;
    for (size_t k = 0; k < COUNT(sizes) * tables; k++) {
        size_t frames = sizes[k / tables][0], heads = sizes[k / tables][1], width = sizes[k / tables][2],
               dim = heads * width, part = frames * dim;
        float *x = malloc(5 * part * sizeof *x), *g = calloc(3 * part, sizeof *g),
              *lse = malloc(frames * heads * sizeof *lse);
        double *want = calloc(3 * part, sizeof *want), *p = malloc(frames * sizeof *p), scale = 1 / sqrt((double)width);
        for (size_t i = 0; i < 4 * part; i++) x[i] = 2 * rng_uniform(&rng);
        const float *q = x, *key = x + part, *v = x + 2 * part, *d = x + 3 * part;
        arena work;
        CHECK(arena_init(&work, (size_t)32 << 20, "test", NULL) == DRGEN_OK);
        nn n = {table[k % tables], NULL, &work};
        nn_attn a = {.o = x + 4 * part,
                     .q = q,
                     .k = key,
                     .v = v,
                     .ldo = dim,
                     .ldq = dim,
                     .ldk = dim,
                     .ldv = dim,
                     .rows_q = frames,
                     .rows_k = frames,
                     .heads = heads,
                     .width = width,
                     .scale = (float)scale,
                     .lse = lse};
        nn_attention(&n, &a);
        nn_attention_grad(&n, &a, d, g, g + part, g + 2 * part);
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < frames; i++) {
                double sum = 0, delta = 0;
                size_t qi = i * dim + h * width;
                for (size_t t = 0; t < frames; t++) {
                    double s = 0;
                    for (size_t c = 0; c < width; c++) s += (double)q[qi + c] * (double)key[t * dim + h * width + c];
                    sum += p[t] = exp(s * scale);
                }
                for (int round = 0; round < 2; round++)
                    for (size_t t = 0; t < frames; t++) {
                        double dp = 0, share = p[t] / sum;
                        size_t kt = t * dim + h * width;
                        for (size_t c = 0; c < width; c++) dp += (double)d[qi + c] * (double)v[kt + c];
                        if (round == 0) delta += share * dp;
                        for (size_t c = 0; c < width && round; c++) {
                            double ds = share * (dp - delta) * scale;
                            want[qi + c] += ds * (double)key[kt + c];
                            want[part + kt + c] += ds * (double)q[qi + c];
                            want[2 * part + kt + c] += share * (double)d[qi + c];
                        }
                    }
            }
        double worst = 0, top = 0;
        for (size_t i = 0; i < 3 * part; i++) {
            top = fmax(top, fabs(want[i]));
            worst = fmax(worst, fabs(want[i] - (double)g[i]));
        }
        CHECKF(worst <= 1e-5 * top, "%s %zu frames, %zu heads of %zu: off by %g of %g", table[k % tables]->isa, frames,
               heads, width, worst, top);
        arena_free(&work);
        free(x), free(g), free(lse), free(want), free(p);
    }
}
