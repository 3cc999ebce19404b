/* mulan.c - the MuLan transformer and head of the text tower. Source: spec mulan.md sections 6 and 7. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/mulan_types.h"

void mulan_look(mulan_tap tap, void *user, const char *stem, int layer, const char *tail, const float *x, size_t rows,
                size_t width)
{
    char name[64];
    if (!tap || !x) return;
    if (layer < 0) snprintf(name, sizeof name, "%s%s", stem, tail);
    else snprintf(name, sizeof name, "%s%d%s", stem, layer, tail);
    tap(user, name, x, rows, width);
}

/* Each head of each row to length 1, then the learned scale (one per place in the head, the same for all heads). */
static void scale_heads(nn *n, float *x, size_t ld, size_t rows, size_t heads, size_t width, const float *scale)
{
    for (size_t r = 0; r < rows && !nn_dry(n); r++)
        for (size_t h = 0; h < heads; h++) {
            float *v = x + r * ld + h * width;
            float length = sqrtf(n->kern->dot(v, v, width));
            float f = 1.0f / fmaxf(length, 1e-12f);
            for (size_t i = 0; i < width; i++) v[i] = v[i] * f * scale[i];
        }
}

/* gate * value with an erf gelu on the gate: the second half of each row gates the first. */
static void gated(nn *n, const float *x, size_t rows, size_t inner, float *out)
{
    for (size_t r = 0; r < rows && !nn_dry(n); r++) {
        const float *value = x + r * 2 * inner, *gate = value + inner;
        n->kern->gelu(out + r * inner, gate, inner);
        for (size_t i = 0; i < inner; i++) out[r * inner + i] *= value[i];
    }
}

static void tf_layer(const mulan_text *m, nn *n, int i, float *x, size_t rows, mulan_tap tap, void *user)
{
    const mulan_tf_layer *l = &m->tf[i];
    size_t mark = arena_mark(n->work), d = (size_t)m->cfg.tf_dim, heads = (size_t)m->cfg.tf_heads;
    size_t width = (size_t)m->cfg.tf_dim_head, q = heads * width, inner = (size_t)m->cfg.tf_inner;
    float *y = arena_floats(n->work, rows * d), *query = arena_floats(n->work, rows * q);
    float *kv = arena_floats(n->work, rows * 2 * q), *up = arena_floats(n->work, rows * 2 * inner);
    float *act = arena_floats(n->work, rows * inner);
    nn_layernorm(n, y, x, l->attn_gamma, NULL, 1e-5f, rows, d);
    nn_linear(n, query, q, y, d, &l->q, NULL, rows, 0);
    nn_linear(n, kv, 2 * q, y, d, &l->kv, NULL, rows, 0);
    scale_heads(n, query, q, rows, heads, width, l->q_scale);
    scale_heads(n, kv, 2 * q, rows, heads, width, l->k_scale);
    nn_attn a = {.o = query, .q = query, .k = kv, .v = nn_dry(n) ? NULL : kv + q, .ldo = q, .ldq = q, .ldk = 2 * q,
                 .ldv = 2 * q, .rows_q = rows, .rows_k = rows, .heads = heads, .width = width, .scale = 8.0f};
    nn_attention(n, &a);
    nn_linear(n, y, d, query, q, &l->o, NULL, rows, 0);
    mulan_look(tap, user, "tf", i, ".attn", y, rows, d);
    nn_add(n, x, y, rows * d);
    nn_layernorm(n, y, x, l->ff_gamma, NULL, 1e-5f, rows, d);
    nn_linear(n, up, 2 * inner, y, d, &l->up, NULL, rows, 0);
    gated(n, up, rows, inner, act);
    nn_linear(n, y, d, act, inner, &l->down, NULL, rows, 0);
    mulan_look(tap, user, "tf", i, ".ff", y, rows, d);
    nn_add(n, x, y, rows * d);
    arena_rewind(n->work, mark);
}

void mulan_text_encode(const mulan_text *m, nn *n, const int32_t *ids, size_t count, float *style, mulan_tap tap,
                       void *user)
{
    size_t mark = arena_mark(n->work), h = (size_t)m->cfg.hidden_size, d = (size_t)m->cfg.tf_dim;
    size_t latent = (size_t)m->cfg.dim_latent;
    float *hidden = arena_floats(n->work, count * h), *x = hidden, *mean = arena_floats(n->work, d);
    xlmr_encode(m, n, ids, count, hidden, tap, user);
    if (m->cfg.has_proj) {
        x = arena_floats(n->work, count * d);
        nn_linear(n, x, d, hidden, h, &m->proj.w, m->proj.bias, count, 0);
        mulan_look(tap, user, "proj", -1, "", x, count, d);
    }
    for (int i = 0; i < m->cfg.tf_depth; i++) tf_layer(m, n, i, x, count, tap, user);
    if (!nn_dry(n)) {
        memset(mean, 0, d * sizeof *mean);
        for (size_t r = 0; r < count; r++) n->kern->axpy(mean, x + r * d, 1.0f / (float)count, d);
    }
    nn_linear(n, style, latent, mean, d, &m->latent.w, m->latent.bias, 1, 0);
    if (!nn_dry(n)) {
        mulan_look(tap, user, "latent_raw", -1, "", style, 1, latent);
        float length = sqrtf(n->kern->dot(style, style, latent));
        n->kern->scale(style, style, 1.0f / fmaxf(length, 1e-12f), latent);
    }
    arena_rewind(n->work, mark);
}
