/* dit_grad.c - the whole transformer there and back. */
#include "train/dit_grad.h"

#include <string.h>

#include "train/dit_pass.h"

size_t dit_pass_size(void)
{
    return sizeof(dit_pass);
}

static void lay_acts(dit_pass *p, nn *n, block_acts *a, int fused)
{
    size_t count = p->rows * p->dim, wide = p->rows * p->inner;
    a->q = arena_floats(n->work, count);
    a->k = arena_floats(n->work, count);
    a->v = arena_floats(n->work, count);
    a->o = arena_floats(n->work, count);
    a->mid = arena_floats(n->work, count);
    a->lse = arena_floats(n->work, p->rows * p->heads);
    a->gate = arena_floats(n->work, wide);
    a->up = arena_floats(n->work, wide);
    a->fused = fused ? arena_floats(n->work, count) : NULL;
}

static void lay_out(dit_pass *p, nn *n)
{
    size_t half = p->dim / p->heads / 2, depth = (size_t)p->m.d->cfg.depth, frames = p->b.frames;
    p->rope_cos = arena_floats(n->work, frames * half);
    p->rope_sin = arena_floats(n->work, frames * half);
    p->rope_back = arena_floats(n->work, frames * half);
    if (!nn_dry(n)) {
        nn_rope_tables(p->rope_cos, p->rope_sin, frames, half, 10000.0, 0);
        for (size_t i = 0; i < frames * half; i++) p->rope_back[i] = -p->rope_sin[i];
    }
    p->h = arena_floats(n->work, (depth + 1) * p->rows * p->dim);
    block_acts one, *acts = arena_alloc(n->work, depth, sizeof *acts);
    p->acts = acts;
    if (!p->m.keep) lay_acts(p, n, &one, 1);
    for (size_t i = 0; i < depth; i++) {
        if (p->m.keep) lay_acts(p, n, &one, i < depth / 2);
        if (!nn_dry(n)) acts[i] = one;
    }
    cond_layout(p, n);
    p->scale = arena_floats(n->work, p->b.songs * 2 * p->dim);
    p->dh = arena_floats(n->work, p->rows * p->dim);
    p->dtext = arena_floats(n->work, p->rows * p->c);
    p->dtime = arena_floats(n->work, p->b.songs * p->c);
}

/* The last norm, with each song's own scale and shift. */
static void last_norm(const dit_pass *p, nn *n, float *y, const float *h)
{
    size_t song = p->b.frames * p->dim;
    for (size_t s = 0; s < p->b.songs && !nn_dry(n); s++)
        nn_layernorm(n, y + s * song, h + s * song, p->scale + s * 2 * p->dim, p->scale + (2 * s + 1) * p->dim, 1e-6f,
                     p->b.frames, p->dim);
}

static void output_forward(dit_pass *p, nn *n, const float *h, float *v)
{
    const dit *d = p->m.d;
    size_t mark = arena_mark(n->work), dim = p->dim;
    float *y = arena_floats(n->work, p->rows * dim);
    nn_linear(n, p->scale, 2 * dim, p->time_silu, p->c, &d->norm_out.w, d->norm_out.bias, p->b.songs, 0);
    for (size_t s = 0; s < p->b.songs && !nn_dry(n); s++)
        for (size_t i = 0; i < dim; i++) p->scale[s * 2 * dim + i] += 1.0f;
    last_norm(p, n, y, h);
    nn_linear(n, v, p->mel, y, dim, &d->out.w, d->out.bias, p->rows, 0);
    arena_rewind(n->work, mark);
}

/* From dv to dh before the last norm, and the time vector's share. */
static void output_backward(dit_pass *p, nn *n, const float *h, const float *dv)
{
    const dit *d = p->m.d, *g = p->m.grad;
    size_t mark = arena_mark(n->work), dim = p->dim, songs = p->b.songs, song = p->b.frames * dim;
    float *y = arena_floats(n->work, p->rows * dim), *ds = arena_floats(n->work, songs * 2 * dim);
    if (g) {
        last_norm(p, n, y, h);
        nn_linear_dw(n, (float *)(uintptr_t)g->out.w.data, dim, dv, p->mel, gemm_plain(y, dim, dim), p->mel, dim,
                     p->rows);
        nn_bias_grad(n, (float *)(uintptr_t)g->out.bias, dv, p->mel, p->rows, p->mel);
    }
    nn_linear_dx(n, p->dh, dim, dv, p->mel, &d->out.w, p->rows, 0);
    if (!nn_dry(n)) memset(ds, 0, songs * 2 * dim * sizeof *ds);
    for (size_t s = 0; s < songs; s++) {
        float *scale = part(ds, s * 2 * dim), *shift = part(ds, (2 * s + 1) * dim), *dh = part(p->dh, s * song);
        nn_layernorm_grad(n, dh, g ? scale : NULL, g ? shift : NULL, dh, cpart(h, s * song),
                          cpart(p->scale, s * 2 * dim), 1e-6f, p->b.frames, dim);
        if (nn_dry(n)) break;
    }
    if (g) {
        nn_linear_dw(n, (float *)(uintptr_t)g->norm_out.w.data, p->c, ds, 2 * dim, gemm_plain(p->time_silu, p->c, p->c),
                     2 * dim, p->c, songs);
        nn_bias_grad(n, (float *)(uintptr_t)g->norm_out.bias, ds, 2 * dim, songs, 2 * dim);
        nn_linear_dx(n, p->dtime, p->c, ds, 2 * dim, &d->norm_out.w, songs, 0);
        nn_activate_grad(n, NN_SILU, p->dtime, p->dtime, p->time_out, songs * p->c);
    }
    arena_rewind(n->work, mark);
}

void pass_begin(dit_pass *p, const dit_trained *m, const dit_batch *b)
{
    const dit_cfg *c = &m->d->cfg;
    *p = (dit_pass){.m = *m,
                    .b = *b,
                    .rows = b->songs * b->frames,
                    .dim = (size_t)c->dim,
                    .inner = (size_t)c->dim * (size_t)c->ff_mult,
                    .c = (size_t)c->cond_dim,
                    .mel = (size_t)c->mel_dim,
                    .heads = (size_t)c->heads};
}

void dit_pass_forward(dit_pass *p, nn *n, const dit_trained *m, const dit_batch *b, float *v)
{
    const dit_cfg *c = &m->d->cfg;
    pass_begin(p, m, b);
    block_acts none = {0};
    lay_out(p, n);
    size_t step = p->rows * p->dim;
    if (nn_dry(n)) p->acts = &none;
    cond_forward(p, n, p->h);
    for (int i = 0; i < c->depth; i++) {
        block_forward(p, n, i, cpart(p->h, (size_t)i * step), part(p->h, ((size_t)i + 1) * step));
        if (nn_dry(n)) break; /* every block is the same size */
    }
    output_forward(p, n, cpart(p->h, (size_t)c->depth * step), v);
    if (nn_dry(n)) p->acts = NULL;
}

void dit_pass_backward(dit_pass *p, nn *n, const float *dv)
{
    size_t step = p->rows * p->dim;
    int depth = p->m.d->cfg.depth;
    block_acts none = {0};
    if (nn_dry(n)) p->acts = &none;
    else memset(p->dtext, 0, p->rows * p->c * sizeof *p->dtext);
    output_backward(p, n, cpart(p->h, (size_t)depth * step), dv);
    for (int i = nn_dry(n) ? 1 : depth; i-- > 0;)
        block_backward(p, n, i, cpart(p->h, (size_t)i * step), i == 0 && !p->m.grad);
    if (p->m.grad) cond_backward(p, n);
}

double dit_pass_flop(const dit_trained *m, size_t frames)
{
    const dit_cfg *k = &m->d->cfg;
    double t = (double)frames, d = k->dim, c = k->cond_dim, l = k->depth, inner = d * k->ff_mult;
    double front = 2 * t *
                   ((2 * k->mel_dim + 3 * c) * d + 2 * DIT_POS_TAPS * d * d / k->conv_groups +
                    k->conv_layers * (DIT_TEXT_TAPS * c + 4 * c * c));
    double fusion = 2 * t * (double)(k->depth / 2) * c * d, out = 2 * t * d * k->mel_dim;
    double mlp = 2 * t * 3 * d * inner, proj = 2 * t * 4 * d * d, attention = 4 * t * t * d;
    double block = mlp + proj + attention, again = m->keep ? 0 : (l - 1) * (block - 2 * t * d * inner) + fusion;
    double back = l * (mlp + proj + 2.5 * attention) + out; /* scores and their gradients, then three products */
    double weights = m->grad ? l * (mlp + proj) + 2 * (front + fusion) + out : 0;
    if (!m->grad) back -= 2 * t * 3 * d * d; /* nobody asks for the first block's input */
    double rank = 0;                         /* adapters: there twice, back three times */
    for (size_t i = 0; m->lora && i < (size_t)k->depth * LORA_SITES; i++) {
        size_t s = i % LORA_SITES;
        rank += (double)m->lora[i].rank * (s < LORA_GATE ? 2 * d : d + inner);
    }
    return front + fusion + l * block + out + again + back + weights + 2 * t * rank * (m->keep ? 4 : 5);
}
