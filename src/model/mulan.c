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

static void tf_layer(nn *n, const mulan_tf_layer *l, mulan_tf_size s, int i, float *x, size_t rows, mulan_tap tap, void *user)
{
    size_t mark = arena_mark(n->work), d = s.dim, heads = s.heads, width = s.head_width, q = heads * width, inner = s.inner;
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

void mulan_tf_run(nn *n, const mulan_tf_layer *layers, int depth, mulan_tf_size size, float *x, size_t rows, mulan_tap tap,
                  void *user)
{
    for (int i = 0; i < depth; i++) tf_layer(n, &layers[i], size, i, x, rows, tap, user);
}

void mulan_head(nn *n, const mulan_linear *latent, const float *x, size_t rows, size_t dim, float *style, mulan_tap tap,
                void *user)
{
    size_t mark = arena_mark(n->work), width = latent->w.rows;
    float *mean = arena_floats(n->work, dim);
    if (!nn_dry(n)) {
        memset(mean, 0, dim * sizeof *mean);
        for (size_t r = 0; r < rows; r++) n->kern->axpy(mean, x + r * dim, 1.0f / (float)rows, dim);
    }
    nn_linear(n, style, width, mean, dim, &latent->w, latent->bias, 1, 0);
    if (!nn_dry(n)) {
        mulan_look(tap, user, "latent_raw", -1, "", style, 1, width);
        float length = sqrtf(n->kern->dot(style, style, width));
        n->kern->scale(style, style, 1.0f / fmaxf(length, 1e-12f), width);
    }
    arena_rewind(n->work, mark);
}

static const char *word_row(const mulan_text *m, int32_t id, size_t *bytes)
{
    *bytes = m->words.cols * st_type_size(m->words.type);
    return (const char *)m->words.data + (size_t)id * *bytes;
}

int mulan_text_hears(const mulan_text *m, int32_t id)
{
    size_t bytes;
    const char *row = word_row(m, id, &bytes);
    for (size_t i = 0; i < bytes; i++)
        if (row[i]) return 1;
    return 0;
}

int32_t mulan_text_twin(const mulan_text *m, int32_t id, int32_t first)
{
    size_t bytes;
    const char *row = word_row(m, id, &bytes);
    while (first < id && memcmp(word_row(m, first, &bytes), row, bytes) != 0) first++;
    return first;
}

void mulan_text_encode(const mulan_text *m, nn *n, const int32_t *ids, size_t count, float *style, mulan_tap tap,
                       void *user)
{
    size_t mark = arena_mark(n->work), h = (size_t)m->cfg.hidden_size, d = (size_t)m->cfg.tf_dim;
    float *hidden = arena_floats(n->work, count * h), *x = hidden;
    xlmr_encode(m, n, ids, count, hidden, tap, user);
    if (m->cfg.has_proj) {
        x = arena_floats(n->work, count * d);
        nn_linear(n, x, d, hidden, h, &m->proj.w, m->proj.bias, count, 0);
        mulan_look(tap, user, "proj", -1, "", x, count, d);
    }
    mulan_tf_size size = {d, (size_t)m->cfg.tf_heads, (size_t)m->cfg.tf_dim_head, (size_t)m->cfg.tf_inner};
    mulan_tf_run(n, m->tf, m->cfg.tf_depth, size, x, count, tap, user);
    mulan_head(n, &m->latent, x, count, d, style, tap, user);
    arena_rewind(n->work, mark);
}
