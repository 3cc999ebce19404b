/* dit_grad_block.c - one Llama block and its text's addition, forward with its activations kept, and back. The forward is
 * dit_block.c's. */
#include <math.h>
#include <string.h>

#include "train/dit_pass.h"

static void norm(nn *n, float *y, const float *x, const float *w, const dit_pass *p)
{
    nn_rmsnorm(n, y, x, w, 1e-6f, p->rows, p->dim);
}

/* Song s of the block's attention. */
static nn_attn attention(const dit_pass *p, const block_acts *a, size_t s)
{
    size_t width = p->dim / p->heads, at = s * p->b.frames * p->dim;
    return (nn_attn){.o = part(a->o, at),
                     .q = cpart(a->q, at),
                     .k = cpart(a->k, at),
                     .v = cpart(a->v, at),
                     .ldo = p->dim,
                     .ldq = p->dim,
                     .ldk = p->dim,
                     .ldv = p->dim,
                     .rows_q = p->b.frames,
                     .rows_k = p->b.frames,
                     .heads = p->heads,
                     .width = width,
                     .scale = 1.0f / sqrtf((float)width),
                     .lse = part(a->lse, s * p->heads * p->b.frames)};
}

static void rope(const dit_pass *p, nn *n, float *x, const float *sines)
{
    nn_rope(n, x, p->dim, p->rope_cos, sines, p->rows, p->b.frames, p->heads, p->dim / p->heads / 2);
}

void block_forward(dit_pass *p, nn *n, int i, const float *h, float *out)
{
    const dit_block *b = &p->m.d->blocks[i];
    block_acts *a = &p->acts[i];
    size_t mark = arena_mark(n->work), bytes = p->rows * p->dim * sizeof(float);
    float *y = arena_floats(n->work, p->rows * p->dim);
    site s[LORA_SITES];
    for (lora_site k = 0; k < LORA_SITES; k++) s[k] = dit_site(p, i, k);
    norm(n, y, h, b->attn_norm, p);
    site_forward(n, a->q, y, &s[LORA_Q], p->rows, 0);
    site_forward(n, a->k, y, &s[LORA_K], p->rows, 0);
    site_forward(n, a->v, y, &s[LORA_V], p->rows, 0);
    rope(p, n, a->q, p->rope_sin);
    rope(p, n, a->k, p->rope_sin);
    for (size_t k = 0; k < p->b.songs; k++) {
        nn_attn at = attention(p, a, k);
        nn_attention(n, &at);
    }
    if (!nn_dry(n)) memcpy(a->mid, h, bytes);
    site_forward(n, a->mid, a->o, &s[LORA_O], p->rows, 1);
    norm(n, y, a->mid, b->mlp_norm, p);
    site_forward(n, a->gate, y, &s[LORA_GATE], p->rows, 0);
    site_forward(n, a->up, y, &s[LORA_UP], p->rows, 0);
    if (out || nn_dry(n)) {
        float *act = arena_floats(n->work, p->rows * p->inner);
        nn_swiglu(n, act, a->gate, a->up, p->rows * p->inner);
        if (!nn_dry(n)) memcpy(out, a->mid, bytes);
        site_forward(n, out, act, &s[LORA_DOWN], p->rows, 1);
    }
    if (i < p->m.d->cfg.depth / 2) {
        const dit_linear *f = &p->m.d->fusion[i];
        nn_linear(n, a->fused, p->dim, p->text_out, p->c, &f->w, f->bias, p->rows, 0);
        if (out) {
            nn_activate(n, NN_SILU, y, a->fused, p->rows * p->dim);
            nn_add(n, out, y, p->rows * p->dim);
        }
    }
    arena_rewind(n->work, mark);
}

static void fusion_backward(dit_pass *p, nn *n, int i)
{
    if (i >= p->m.d->cfg.depth / 2 || !p->m.grad) return;
    const dit_linear *f = &p->m.d->fusion[i], *g = &p->m.grad->fusion[i];
    float *dz = p->acts[i].fused;
    nn_activate_grad(n, NN_SILU, dz, p->dh, dz, p->rows * p->dim);
    nn_linear_dw(n, (float *)(uintptr_t)g->w.data, p->c, dz, p->dim, gemm_plain(p->text_out, p->c, p->c), p->dim, p->c,
                 p->rows);
    nn_bias_grad(n, (float *)(uintptr_t)g->bias, dz, p->dim, p->rows, p->dim);
    nn_linear_dx(n, p->dtext, p->c, dz, p->dim, &f->w, p->rows, 1);
}

static float *norm_grad(const dit_pass *p, int i, int second)
{
    if (!p->m.grad) return NULL;
    const dit_block *g = &p->m.grad->blocks[i];
    return (float *)(uintptr_t)(second ? g->mlp_norm : g->attn_norm);
}

static void mlp_backward(dit_pass *p, nn *n, int i, float *y, float *dy)
{
    const dit_block *b = &p->m.d->blocks[i];
    block_acts *a = &p->acts[i];
    size_t mark = arena_mark(n->work), count = p->rows * p->inner;
    float *act = arena_floats(n->work, count);
    site gate = dit_site(p, i, LORA_GATE), up = dit_site(p, i, LORA_UP), down = dit_site(p, i, LORA_DOWN);
    if (down.dw || down.lora) nn_swiglu(n, act, a->gate, a->up, count);
    site_backward(n, act, p->dh, act, &down, p->rows, 0);
    nn_swiglu_grad(n, a->gate, a->up, act, a->gate, a->up, count);
    if (gate.dw || gate.lora || up.dw || up.lora) norm(n, y, a->mid, b->mlp_norm, p);
    site_backward(n, dy, a->gate, y, &gate, p->rows, 0);
    site_backward(n, dy, a->up, y, &up, p->rows, 1);
    nn_rmsnorm_grad(n, p->dh, norm_grad(p, i, 1), dy, a->mid, b->mlp_norm, 1e-6f, p->rows, p->dim);
    arena_rewind(n->work, mark);
}

static void attention_backward(dit_pass *p, nn *n, int i, const float *h, float *y, float *dy, int last)
{
    const dit_block *b = &p->m.d->blocks[i];
    block_acts *a = &p->acts[i];
    site q = dit_site(p, i, LORA_Q), k = dit_site(p, i, LORA_K), v = dit_site(p, i, LORA_V), o = dit_site(p, i, LORA_O);
    site_backward(n, dy, p->dh, a->o, &o, p->rows, 0);
    for (size_t s = 0; s < p->b.songs; s++) {
        nn_attn at = attention(p, a, s);
        size_t song = s * p->b.frames * p->dim;
        nn_attention_grad(n, &at, cpart(dy, song), part(a->q, song), part(a->k, song), part(a->v, song));
    }
    rope(p, n, a->q, p->rope_back);
    rope(p, n, a->k, p->rope_back);
    norm(n, y, h, b->attn_norm, p);
    site_backward(n, last ? NULL : dy, a->q, y, &q, p->rows, 0);
    site_backward(n, last ? NULL : dy, a->k, y, &k, p->rows, 1);
    site_backward(n, last ? NULL : dy, a->v, y, &v, p->rows, 1);
    if (!last) nn_rmsnorm_grad(n, p->dh, norm_grad(p, i, 0), dy, h, b->attn_norm, 1e-6f, p->rows, p->dim);
}

void block_backward(dit_pass *p, nn *n, int i, const float *h, int last)
{
    size_t mark = arena_mark(n->work);
    float *y = arena_floats(n->work, p->rows * p->dim), *dy = arena_floats(n->work, p->rows * p->dim);
    if (!p->m.keep && (nn_dry(n) || i + 1 < p->m.d->cfg.depth))
        block_forward(p, n, i, h, NULL); /* the last is still there */
    fusion_backward(p, n, i);
    mlp_backward(p, n, i, y, dy);
    attention_backward(p, n, i, h, y, dy, last);
    arena_rewind(n->work, mark);
}
