/* xlmr.c - the XLM-RoBERTa encoder of the text tower (post-norm). Source: spec mulan.md section 6. */
#include <math.h>

#include "model/mulan_types.h"

static kern_type kern_of(st_type t)
{
    return t == ST_F16 ? KERN_F16 : t == ST_BF16 ? KERN_BF16 : KERN_F32;
}

static void widen_row(const nn *n, const wmat *w, size_t row, float *out)
{
    size_t size = w->type == ST_F32 ? 4 : 2;
    n->kern->widen(out, (const char *)w->data + row * w->cols * size, kern_of(w->type), w->cols);
}

/* Word + position + token type. Positions count from 2: XLM-R keeps 0 and 1 for padding. */
static void embed(const mulan_text *m, nn *n, const int32_t *ids, size_t count, float *x)
{
    size_t mark = arena_mark(n->work), h = (size_t)m->cfg.hidden_size;
    float *row = arena_floats(n->work, h);
    for (size_t i = 0; i < count && !nn_dry(n); i++) {
        widen_row(n, &m->words, (size_t)ids[i], x + i * h);
        widen_row(n, &m->token_type, 0, row);
        n->kern->add(x + i * h, row, h);
        widen_row(n, &m->positions, i + 2, row);
        n->kern->add(x + i * h, row, h);
    }
    nn_layernorm(n, x, x, m->embed_norm.w, m->embed_norm.b, (float)m->cfg.layer_norm_eps, count, h);
    arena_rewind(n->work, mark);
}

static void layer(const mulan_text *m, nn *n, int i, float *x, size_t count, mulan_tap tap, void *user)
{
    const mulan_xlmr_layer *l = &m->layers[i];
    size_t mark = arena_mark(n->work), h = (size_t)m->cfg.hidden_size, f = (size_t)m->cfg.intermediate_size;
    size_t heads = (size_t)m->cfg.heads;
    float *q = arena_floats(n->work, count * h), *k = arena_floats(n->work, count * h);
    float *v = arena_floats(n->work, count * h), *up = arena_floats(n->work, count * f);
    float eps = (float)m->cfg.layer_norm_eps;
    nn_linear(n, q, h, x, h, &l->q.w, l->q.bias, count, 0);
    nn_linear(n, k, h, x, h, &l->k.w, l->k.bias, count, 0);
    nn_linear(n, v, h, x, h, &l->v.w, l->v.bias, count, 0);
    nn_attn a = {.o = q, .q = q, .k = k, .v = v, .ldo = h, .ldq = h, .ldk = h, .ldv = h, .rows_q = count, .rows_k = count,
                 .heads = heads, .width = h / heads, .scale = 1.0f / sqrtf((float)(h / heads))};
    nn_attention(n, &a);
    mulan_look(tap, user, "layer", i, ".attn", q, count, h);
    nn_linear(n, x, h, q, h, &l->o.w, l->o.bias, count, 1);
    nn_layernorm(n, x, x, l->attn_norm.w, l->attn_norm.b, eps, count, h);
    nn_linear(n, up, f, x, h, &l->up.w, l->up.bias, count, 0);
    nn_activate(n, NN_GELU, up, up, count * f);
    nn_linear(n, x, h, up, f, &l->down.w, l->down.bias, count, 1);
    nn_layernorm(n, x, x, l->out_norm.w, l->out_norm.b, eps, count, h);
    mulan_look(tap, user, "layer", i, "", x, count, h);
    arena_rewind(n->work, mark);
}

void xlmr_encode(const mulan_text *m, nn *n, const int32_t *ids, size_t count, float *x, mulan_tap tap, void *user)
{
    embed(m, n, ids, count, x);
    mulan_look(tap, user, "emb", -1, "", x, count, (size_t)m->cfg.hidden_size);
    for (int i = 0; i < m->cfg.layers; i++) layer(m, n, i, x, count, tap, user);
}
