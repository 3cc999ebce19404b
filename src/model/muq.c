/* muq.c - MuQ's conformer and the head of the audio tower. Source: spec mulan.md section 5. */
#include "model/muq.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/muq_types.h"

static const float layer_eps = 1e-5f; /* inside the layers; the encoder's last norm has its own */

typedef struct {
    const muq *m;
    nn *n;
    size_t rows;
    float *cos, *sin; /* rotary tables */
    mulan_tap tap;
    void *user;
} run;

static void look(const run *r, int layer, const char *tail, const float *x)
{
    mulan_look(r->tap, r->user, "conf", layer, tail, x, r->rows, (size_t)r->m->cfg.width);
}

/* x += f * branch */
static void add_part(const run *r, float *x, const float *branch, float f)
{
    if (!nn_dry(r->n)) r->n->kern->axpy(x, branch, f, r->rows * (size_t)r->m->cfg.width);
}

static void ffn(const run *r, const mulan_norm *norm, const mulan_linear *in, const mulan_linear *out, const float *x, float *y)
{
    nn *n = r->n;
    size_t mark = arena_mark(n->work), d = (size_t)r->m->cfg.width, f = (size_t)r->m->cfg.inner;
    float *hidden = arena_floats(n->work, r->rows * f);
    nn_layernorm(n, y, x, norm->w, norm->b, layer_eps, r->rows, d);
    nn_linear(n, hidden, f, y, d, &in->w, in->bias, r->rows, 0);
    nn_activate(n, NN_SILU, hidden, hidden, r->rows * f);
    nn_linear(n, y, d, hidden, f, &out->w, out->bias, r->rows, 0);
    arena_rewind(n->work, mark);
}

/* The rotation comes before the projections of q and k; v sees the row as it is. */
static void attention(const run *r, const muq_layer *l, const float *x, float *y)
{
    nn *n = r->n;
    size_t mark = arena_mark(n->work), d = (size_t)r->m->cfg.width, heads = (size_t)r->m->cfg.heads, w = d / heads;
    float *q = arena_floats(n->work, r->rows * d), *k = arena_floats(n->work, r->rows * d);
    float *v = arena_floats(n->work, r->rows * d);
    nn_layernorm(n, y, x, l->attn_norm.w, l->attn_norm.b, layer_eps, r->rows, d);
    nn_linear(n, v, d, y, d, &l->v.w, l->v.bias, r->rows, 0);
    nn_rope(n, y, d, r->cos, r->sin, r->rows, r->rows, heads, w / 2);
    nn_linear(n, q, d, y, d, &l->q.w, l->q.bias, r->rows, 0);
    nn_linear(n, k, d, y, d, &l->k.w, l->k.bias, r->rows, 0);
    nn_attn a = {.o = q, .q = q, .k = k, .v = v, .ldo = d, .ldq = d, .ldk = d, .ldv = d, .rows_q = r->rows,
                 .rows_k = r->rows, .heads = heads, .width = w, .scale = 1.0f / sqrtf((float)w)};
    nn_attention(n, &a);
    nn_linear(n, y, d, q, d, &l->o.w, l->o.bias, r->rows, 0);
    arena_rewind(n->work, mark);
}

typedef struct {
    const run *r;
    const muq_layer *l;
    const float *halves, *padded;
    float *gated, *out;
} conv_job;

/* u sigmoid(g): the halves of a row. */
static void glu_task(void *arg, size_t row, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t d = (size_t)j->r->m->cfg.width;
    const float *u = j->halves + row * 2 * d, *g = u + d;
    for (size_t c = 0; c < d; c++) j->gated[row * d + c] = u[c] / (1.0f + expf(-g[c]));
}

static void depthwise_task(void *arg, size_t row, int thread)
{
    (void)thread;
    const conv_job *j = arg;
    size_t d = (size_t)j->r->m->cfg.width;
    j->r->n->kern->depthwise(j->out + row * d, j->padded + row * d, d, j->l->depth, j->l->depth_bias, (size_t)j->r->m->cfg.kernel, d);
}

static void convolution(const run *r, const muq_layer *l, const float *x, float *y)
{
    nn *n = r->n;
    size_t mark = arena_mark(n->work), d = (size_t)r->m->cfg.width, pad = (size_t)r->m->cfg.kernel / 2;
    float *halves = arena_floats(n->work, r->rows * 2 * d), *padded = arena_floats(n->work, (r->rows + 2 * pad) * d);
    float *out = arena_floats(n->work, r->rows * d);
    nn_layernorm(n, y, x, l->conv_norm.w, l->conv_norm.b, layer_eps, r->rows, d);
    nn_linear(n, halves, 2 * d, y, d, &l->point1, NULL, r->rows, 0);
    if (!nn_dry(n)) {
        conv_job j = {r, l, halves, padded, padded + pad * d, out};
        memset(padded, 0, pad * d * sizeof *padded);
        memset(padded + (pad + r->rows) * d, 0, pad * d * sizeof *padded);
        pool_run(n->pool, glu_task, &j, r->rows);
        pool_run(n->pool, depthwise_task, &j, r->rows);
    }
    nn_activate(n, NN_SILU, out, out, r->rows * d);
    nn_linear(n, y, d, out, d, &l->point2, NULL, r->rows, 0);
    arena_rewind(n->work, mark);
}

static void layer(const run *r, int i, float *x)
{
    const muq_layer *l = &r->m->layers[i];
    nn *n = r->n;
    size_t mark = arena_mark(n->work), d = (size_t)r->m->cfg.width;
    float *y = arena_floats(n->work, r->rows * d);
    ffn(r, &l->ffn1_norm, &l->ffn1_in, &l->ffn1_out, x, y);
    look(r, i, ".ffn1", y);
    add_part(r, x, y, 0.5f);
    attention(r, l, x, y);
    look(r, i, ".attn", y);
    add_part(r, x, y, 1.0f);
    convolution(r, l, x, y);
    look(r, i, ".conv", y);
    add_part(r, x, y, 1.0f);
    ffn(r, &l->ffn2_norm, &l->ffn2_in, &l->ffn2_out, x, y);
    add_part(r, x, y, 0.5f);
    nn_layernorm(n, x, x, l->final_norm.w, l->final_norm.b, layer_eps, r->rows, d);
    look(r, i, "", x);
    arena_rewind(n->work, mark);
}

static void last_norm(const run *r, float *x)
{
    const muq *m = r->m;
    nn_layernorm(r->n, x, x, m->norm.w, m->norm.b, (float)m->cfg.layer_norm_eps, r->rows, (size_t)m->cfg.width);
    mulan_look(r->tap, r->user, "conf.final", -1, "", x, r->rows, (size_t)m->cfg.width);
}

void muq_encode(const muq *m, nn *n, const float *mel, size_t frames, float *style, mulan_tap tap, void *user)
{
    const mulan_audio_cfg *c = &m->cfg;
    size_t mark = arena_mark(n->work), d = (size_t)c->width, rows = muq_rows(frames), half = d / (size_t)c->heads / 2;
    run r = {m, n, rows, arena_floats(n->work, rows * half), arena_floats(n->work, rows * half), tap, user};
    float *x = arena_floats(n->work, rows * d), *p = arena_floats(n->work, rows * (size_t)c->tf_dim);
    if (!nn_dry(n)) nn_rope_tables(r.cos, r.sin, rows, half, 10000.0, 0);
    muq_stem(m, n, mel, frames, x, tap, user);
    mulan_look(tap, user, "hidden0", -1, "", x, rows, d);
    /* States, from the end: -1 the normalised last one, -2 the last but one layer's, ... the stem's. */
    int used = c->use_layer == -1 ? c->depth : c->depth + 1 + c->use_layer;
    for (int i = 0; i < used; i++) layer(&r, i, x);
    if (c->use_layer == -1) last_norm(&r, x);
    nn_linear(n, p, (size_t)c->tf_dim, x, d, &m->proj.w, m->proj.bias, rows, 0);
    mulan_look(tap, user, "proj", -1, "", p, rows, (size_t)c->tf_dim);
    if (tap && c->use_layer != -1) { /* only to be looked at */
        for (int i = used; i < c->depth; i++) layer(&r, i, x);
        last_norm(&r, x);
    }
    mulan_tf_size size = {(size_t)c->tf_dim, (size_t)c->tf_heads, (size_t)c->tf_dim_head, (size_t)c->tf_inner};
    mulan_tf_run(n, m->tf, c->tf_depth, size, p, rows, tap, user);
    mulan_head(n, &m->latent, p, rows, (size_t)c->tf_dim, style, tap, user);
    arena_rewind(n->work, mark);
}

size_t muq_clips(const float *samples, size_t count, size_t clip, float *out, size_t *last)
{
    size_t whole = count / clip, rest = count % clip, fill = rest ? clip - rest : 0;
    if (fill > count) fill = count;
    if (last) *last = rest ? rest + fill : clip;
    if (out) {
        memcpy(out, samples, count * sizeof *out);
        memcpy(out + count, samples, fill * sizeof *out);
    }
    return whole + (rest != 0);
}
