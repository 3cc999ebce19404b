/* dit_block.c - one Llama decoder layer with full attention, all branches in one pass over its weights. */
#include <math.h>

#include "model/dit_types.h"

enum {
    MLP_ROWS = 4200, /* rows per pass of the MLP: its inner activations are four times as wide */
    MLP_COLS = 1024  /* inner columns per pass in int8; a multiple of Q8_GROUP */
};

/* RoPE on q and k, then each branch's own attention; o may be q. */
static void attend(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *const qkv[3], float *o)
{
    float *q = qkv[0], *k = qkv[1], *v = qkv[2];
    size_t dim = (size_t)d->cfg.dim, heads = (size_t)d->cfg.heads, width = dim / heads, rows = w->branches * w->frames;
    nn_rope(n, q, dim, w->rope_cos, w->rope_sin, rows, w->frames, heads, width / 2);
    nn_rope(n, k, dim, w->rope_cos, w->rope_sin, rows, w->frames, heads, width / 2);
    for (size_t i = 0; i < w->branches; i++) {
        size_t at = nn_dry(n) ? 0 : i * w->frames * dim;
        nn_attn a = {.o = o + at, .q = q + at, .k = k + at, .v = v + at, .ldo = dim, .ldq = dim, .ldk = dim, .ldv = dim,
                     .rows_q = w->frames, .rows_k = w->frames, .heads = heads, .width = width,
                     .scale = 1.0f / sqrtf((float)width)};
        if (b->int8) nn_attention_q8(n, &a);
        else nn_attention(n, &a);
    }
}

static void attention(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *h)
{
    size_t mark = arena_mark(n->work), dim = (size_t)d->cfg.dim, rows = w->branches * w->frames;
    float *y = arena_floats(n->work, rows * dim), *q = arena_floats(n->work, rows * dim);
    float *k = arena_floats(n->work, rows * dim), *v = arena_floats(n->work, rows * dim);
    nn_rmsnorm(n, y, h, b->attn_norm, 1e-6f, rows, dim);
    nn_linear(n, q, dim, y, dim, &b->q, NULL, rows, 0);
    nn_linear(n, k, dim, y, dim, &b->k, NULL, rows, 0);
    nn_linear(n, v, dim, y, dim, &b->v, NULL, rows, 0);
    attend(d, b, n, w, (float *const[]){q, k, v}, y);
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

/* ---- adapters beside int8 matrices: y += B (A x) in float32 */

typedef struct {
    const dit_term *t; /* NULL when measuring: then it is as wide as the widest */
    size_t rank, in, rows;
    float *u;          /* [rows, rank] A x */
} low_rank;

static low_rank low_rank_at(const dit_work *w, const dit_block *b, nn *n, lora_site s)
{
    low_rank l = {.rank = w->d->term_rank, .in = lora_in(&w->d->cfg, s), .rows = w->branches * w->frames};
    if (!nn_dry(n)) {
        l.t = b->terms ? &b->terms[s] : NULL;
        l.rank = l.t ? l.t->a.rows : 0;
    }
    l.u = l.rank ? arena_floats(n->work, l.rows * l.rank) : NULL;
    return l;
}

/* x [rows, cols] are columns [from, from + cols) of what A sees; they come in order. */
static void low_rank_in(nn *n, const low_rank *l, const float *x, size_t from, size_t cols)
{
    if (!l->rank) return;
    wmat a = {.data = l->t ? (const float *)l->t->a.data + from : NULL, .rows = l->rank, .cols = cols, .ld = l->in};
    nn_linear(n, l->u, l->rank, x, cols, &a, NULL, l->rows, from > 0);
}

/* y [rows, cols] are columns [from, from + cols) of the result. */
static void low_rank_out(nn *n, const low_rank *l, float *y, size_t from, size_t cols)
{
    if (!l->rank) return;
    wmat b = {.data = l->t ? (const float *)l->t->b.data + from * l->rank : NULL, .rows = cols, .cols = l->rank};
    nn_linear(n, y, cols, l->u, l->rank, &b, NULL, l->rows, 1);
}

/* Both for a whole matrix of [dim, dim]. */
static void low_rank_add(const dit_work *w, const dit_block *b, nn *n, lora_site s, float *y, const float *x)
{
    size_t mark = arena_mark(n->work), dim = (size_t)w->d->cfg.dim;
    low_rank l = low_rank_at(w, b, n, s);
    low_rank_in(n, &l, x, 0, dim);
    low_rank_out(n, &l, y, 0, dim);
    arena_rewind(n->work, mark);
}

/* RMSNorm(h) as adapters want it, not quantised; NULL where there are none. */
static const float *rows_for_terms(const dit_work *w, const dit_block *b, nn *n, const float *h, const float *norm)
{
    size_t dim = (size_t)w->d->cfg.dim, rows = w->branches * w->frames;
    if (!w->d->term_rank) return NULL;
    float *y = arena_floats(n->work, rows * dim);
    if (b->terms) nn_rmsnorm(n, y, h, norm, 1e-6f, rows, dim);
    return y;
}

/* ---- the same in int8: norm and quantising in one pass, shared by three products */

static void attention_q8(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *h)
{
    size_t mark = arena_mark(n->work), dim = (size_t)d->cfg.dim, rows = w->branches * w->frames;
    q8_rows x = nn_q8_rows(n, rows, dim);
    float *q = arena_floats(n->work, rows * dim), *k = arena_floats(n->work, rows * dim), *v = arena_floats(n->work, rows * dim);
    const float *y = rows_for_terms(w, b, n, h, b->attn_norm);
    nn_q8_rmsnorm(n, &x, h, b->attn_norm, 1e-6f);
    nn_q8_linear(n, q, dim, &x, &b->q, NULL, 0);
    nn_q8_linear(n, k, dim, &x, &b->k, NULL, 0);
    nn_q8_linear(n, v, dim, &x, &b->v, NULL, 0);
    low_rank_add(w, b, n, LORA_Q, q, y);
    low_rank_add(w, b, n, LORA_K, k, y);
    low_rank_add(w, b, n, LORA_V, v, y);
    attend(d, b, n, w, (float *const[]){q, k, v}, q);
    nn_q8_quantise(n, &x, q, dim);
    nn_q8_linear(n, h, dim, &x, &b->o, NULL, 1);
    low_rank_add(w, b, n, LORA_O, h, q);
    arena_rewind(n->work, mark);
}

static wmat some_rows(const wmat *w, size_t from, size_t count)
{
    wmat s = *w;
    s.rows = count;
    s.data = (const int8_t *)w->data + from * w->cols;
    s.scale = w->scale + from;
    return s;
}

/* Gate and up are made a few columns at a time, and become the bytes that the down projection wants: the wide
 * activations never exist in float32. */
static void mlp_q8(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *h)
{
    size_t mark = arena_mark(n->work), dim = (size_t)d->cfg.dim, inner = dim * (size_t)d->cfg.ff_mult;
    size_t most = inner < MLP_COLS ? inner : MLP_COLS, rows = w->branches * w->frames;
    q8_rows x = nn_q8_rows(n, rows, dim), y = nn_q8_rows(n, rows, inner);
    float *gate = arena_floats(n->work, rows * most), *up = arena_floats(n->work, rows * most);
    low_rank of_gate = low_rank_at(w, b, n, LORA_GATE), of_up = low_rank_at(w, b, n, LORA_UP);
    low_rank of_down = low_rank_at(w, b, n, LORA_DOWN);
    const float *normed = rows_for_terms(w, b, n, h, b->mlp_norm);
    nn_q8_rmsnorm(n, &x, h, b->mlp_norm, 1e-6f);
    low_rank_in(n, &of_gate, normed, 0, dim);
    low_rank_in(n, &of_up, normed, 0, dim);
    for (size_t c = 0; c < inner; c += most) {
        size_t cols = inner - c < most ? inner - c : most;
        wmat g = some_rows(&b->gate, c, cols), u = some_rows(&b->up, c, cols);
        nn_q8_linear(n, gate, cols, &x, &g, NULL, 0);
        nn_q8_linear(n, up, cols, &x, &u, NULL, 0);
        low_rank_out(n, &of_gate, gate, c, cols);
        low_rank_out(n, &of_up, up, c, cols);
        nn_q8_swiglu(n, &y, c, cols, gate, up);
        low_rank_in(n, &of_down, gate, c, cols);
    }
    nn_q8_linear(n, h, dim, &y, &b->down, NULL, 1);
    low_rank_out(n, &of_down, h, 0, dim);
    arena_rewind(n->work, mark);
}

void dit_block_run(const dit *d, const dit_block *b, nn *n, const dit_work *w, float *h)
{
    if (b->int8) {
        attention_q8(d, b, n, w, h);
        mlp_q8(d, b, n, w, h);
        return;
    }
    attention(d, b, n, w, h);
    mlp(d, b, n, w->branches * w->frames, h);
}
