/* dit_block.c - one Llama decoder layer with full attention, all branches in one pass over its weights. */
#include <math.h>

#include "model/dit_types.h"

enum { MLP_ROWS = 4200 }; /* rows per pass of the MLP: its inner activations are four times as wide */

static void attention(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *h)
{
    size_t mark = arena_mark(n->work), dim = (size_t)d->cfg.dim, heads = (size_t)d->cfg.heads, width = dim / heads;
    size_t rows = w->branches * w->frames;
    float *y = arena_floats(n->work, rows * dim), *q = arena_floats(n->work, rows * dim);
    float *k = arena_floats(n->work, rows * dim), *v = arena_floats(n->work, rows * dim);
    nn_rmsnorm(n, y, h, b->attn_norm, 1e-6f, rows, dim);
    nn_linear(n, q, dim, y, dim, &b->q, NULL, rows, 0);
    nn_linear(n, k, dim, y, dim, &b->k, NULL, rows, 0);
    nn_linear(n, v, dim, y, dim, &b->v, NULL, rows, 0);
    nn_rope(n, q, dim, w->rope_cos, w->rope_sin, rows, w->frames, heads, width / 2);
    nn_rope(n, k, dim, w->rope_cos, w->rope_sin, rows, w->frames, heads, width / 2);
    for (size_t i = 0; i < w->branches; i++) {
        size_t at = nn_dry(n) ? 0 : i * w->frames * dim;
        nn_attn a = {.o = y + at, .q = q + at, .k = k + at, .v = v + at, .ldo = dim, .ldq = dim, .ldk = dim, .ldv = dim,
                     .rows_q = w->frames, .rows_k = w->frames, .heads = heads, .width = width,
                     .scale = 1.0f / sqrtf((float)width)};
        nn_attention(n, &a);
    }
    nn_linear(n, h, dim, y, dim, &b->o, NULL, rows, 1);
    arena_rewind(n->work, mark);
}

static void mlp(const dit *d, const dit_block *b, nn *n, size_t total, float *h)
{
    size_t mark = arena_mark(n->work), dim = (size_t)d->cfg.dim, inner = dim * (size_t)d->cfg.ff_mult;
    size_t passes = (total + MLP_ROWS - 1) / MLP_ROWS, most = (total + passes - 1) / passes;
    float *y = arena_floats(n->work, most * dim);
    float *gate = arena_floats(n->work, most * inner), *up = arena_floats(n->work, most * inner);
    for (size_t r = 0; r < total; r += most) {
        size_t rows = total - r < most ? total - r : most;
        float *part = nn_dry(n) ? NULL : h + r * dim;
        nn_rmsnorm(n, y, part, b->mlp_norm, 1e-6f, rows, dim);
        nn_linear(n, gate, inner, y, dim, &b->gate, NULL, rows, 0);
        nn_linear(n, up, inner, y, dim, &b->up, NULL, rows, 0);
        nn_swiglu(n, gate, gate, up, rows * inner);
        nn_linear(n, part, dim, gate, inner, &b->down, NULL, rows, 1);
    }
    arena_rewind(n->work, mark);
}

void dit_block_run(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *h)
{
    attention(d, b, n, w, h);
    mlp(d, b, n, w->branches * w->frames, h);
}
