/* mulan_load.c - binds the text tower's tensors by name and exact shape. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mulan_types.h"

typedef struct {
    mulan_text *m;
    const st_file *f;
    drgen_err *err;
    drgen_status status; /* first failure; later calls do nothing */
} binder;

static float *floats(binder *b, const char *name, size_t count)
{
    mulan_text *m = b->m;
    if (b->status != DRGEN_OK) return NULL;
    if (m->owned_count == m->owned_room) {
        size_t room = m->owned_room ? 2 * m->owned_room : 64;
        float **grown = realloc(m->owned, room * sizeof *grown);
        if (grown) {
            m->owned = grown;
            m->owned_room = room;
        }
    }
    float *p = m->owned_count < m->owned_room ? malloc(count * sizeof *p) : NULL;
    if (!p) {
        b->status = err_fail(b->err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(b->f));
        return NULL;
    }
    m->owned[m->owned_count++] = p;
    b->status = weights_floats(b->f, name, &count, 1, p, b->err);
    return p;
}

static void matrix(binder *b, const char *name, size_t rows, size_t cols, wmat *out)
{
    if (b->status == DRGEN_OK) b->status = weights_matrix(b->f, name, (const size_t[]){rows, cols}, 2, out, b->err);
}

static void linear(binder *b, const char *base, size_t rows, size_t cols, mulan_linear *l)
{
    char name[160];
    snprintf(name, sizeof name, "%s.weight", base);
    matrix(b, name, rows, cols, &l->w);
    snprintf(name, sizeof name, "%s.bias", base);
    l->bias = floats(b, name, rows);
}

static void norm(binder *b, const char *base, size_t width, mulan_norm *n)
{
    char name[160];
    snprintf(name, sizeof name, "%s.weight", base);
    n->w = floats(b, name, width);
    snprintf(name, sizeof name, "%s.bias", base);
    n->b = floats(b, name, width);
}

static void xlmr_layer(binder *b, int i, mulan_xlmr_layer *l)
{
    const mulan_text_cfg *c = &b->m->cfg;
    size_t h = (size_t)c->hidden_size, f = (size_t)c->intermediate_size;
    const struct {
        const char *part;
        size_t rows, cols;
        mulan_linear *to;
    } parts[] = {{"attention.self.query", h, h, &l->q},   {"attention.self.key", h, h, &l->k},
                 {"attention.self.value", h, h, &l->v},   {"attention.output.dense", h, h, &l->o},
                 {"intermediate.dense", f, h, &l->up},    {"output.dense", h, f, &l->down}};
    char base[128];
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        snprintf(base, sizeof base, "mulan.text.model.encoder.layer.%d.%s", i, parts[p].part);
        linear(b, base, parts[p].rows, parts[p].cols, parts[p].to);
    }
    snprintf(base, sizeof base, "mulan.text.model.encoder.layer.%d.attention.output.LayerNorm", i);
    norm(b, base, h, &l->attn_norm);
    snprintf(base, sizeof base, "mulan.text.model.encoder.layer.%d.output.LayerNorm", i);
    norm(b, base, h, &l->out_norm);
}

static void tf_layer(binder *b, int i, mulan_tf_layer *l)
{
    const mulan_text_cfg *c = &b->m->cfg;
    size_t d = (size_t)c->tf_dim, q = (size_t)c->tf_heads * (size_t)c->tf_dim_head, inner = (size_t)c->tf_inner;
    const struct {
        const char *part;
        size_t rows, cols;
        wmat *to;
    } parts[] = {{"0.to_q.weight", q, d, &l->q},
                 {"0.to_kv.weight", 2 * q, d, &l->kv},
                 {"0.to_out.0.weight", d, q, &l->o},
                 {"1.1.weight", 2 * inner, d, &l->up},
                 {"1.4.weight", d, inner, &l->down}};
    const struct {
        const char *part;
        size_t count;
        const float **to;
    } vectors[] = {{"0.norm.learned_gamma", d, &l->attn_gamma},
                   {"0.q_scale", (size_t)c->tf_dim_head, &l->q_scale},
                   {"0.k_scale", (size_t)c->tf_dim_head, &l->k_scale},
                   {"1.0.learned_gamma", d, &l->ff_gamma}};
    char name[128];
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        snprintf(name, sizeof name, "mulan.text.transformer.layers.%d.%s", i, parts[p].part);
        matrix(b, name, parts[p].rows, parts[p].cols, parts[p].to);
    }
    for (size_t p = 0; p < sizeof vectors / sizeof vectors[0]; p++) {
        snprintf(name, sizeof name, "mulan.text.transformer.layers.%d.%s", i, vectors[p].part);
        *vectors[p].to = floats(b, name, vectors[p].count);
    }
}

/* Sizes that shapes do not show. */
static drgen_status check_sizes(const mulan_text_cfg *c, const char *name, drgen_err *err)
{
    const int counts[] = {c->vocab_size, c->hidden_size, c->heads, c->intermediate_size, c->tf_dim, c->tf_heads,
                          c->tf_dim_head, c->tf_inner, c->dim_latent, c->positions - 2, c->layers + 1, c->tf_depth + 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (counts[i] < 1) return err_fail(err, DRGEN_ERR_MODEL, "%s: a size of the text tower is not positive", name);
    if (c->hidden_size % c->heads)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: %d heads do not divide the text tower's width %d", name, c->heads,
                        c->hidden_size);
    if (!c->has_proj && c->tf_dim != c->hidden_size)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: width %d to %d needs mulan.text.proj", name, c->hidden_size, c->tf_dim);
    if (!(c->layer_norm_eps > 0 && c->layer_norm_eps < 1))
        return err_fail(err, DRGEN_ERR_MODEL, "%s: layer_norm_eps %g is outside 0..1", name, c->layer_norm_eps);
    return DRGEN_OK;
}

/* Tensors that belong to the tower but that these sizes would leave out. */
static drgen_status check_unused(const mulan_text_cfg *c, const st_file *f, drgen_err *err)
{
    const struct {
        const char *format;
        int from;
    } list[] = {{"mulan.text.model.encoder.layer.%d.output.dense.weight", c->layers},
                {"mulan.text.transformer.layers.%d.0.to_q.weight", c->tf_depth},
                {"mulan.text.proj.weight", 0}};
    char name[128];
    for (size_t i = 0; i < sizeof list / sizeof list[0] - (c->has_proj ? 1 : 0); i++) {
        snprintf(name, sizeof name, list[i].format, list[i].from);
        if (st_find(f, name))
            return err_fail(err, DRGEN_ERR_MODEL, "%s: has %s, which model.json does not know of; convert the model again",
                            st_name(f), name);
    }
    return DRGEN_OK;
}

drgen_status mulan_text_load(mulan_text **out, const mulan_text_cfg *cfg, const st_file *weights, drgen_err *err)
{
    *out = NULL;
    ERR_TRY(check_sizes(cfg, st_name(weights), err));
    ERR_TRY(check_unused(cfg, weights, err));
    mulan_text *m = calloc(1, sizeof *m);
    if (!m) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(weights));
    m->cfg = *cfg;
    binder b = {m, weights, err, DRGEN_OK};
    size_t h = (size_t)cfg->hidden_size, d = (size_t)cfg->tf_dim;
    m->layers = calloc((size_t)cfg->layers + 1, sizeof *m->layers);
    m->tf = calloc((size_t)cfg->tf_depth + 1, sizeof *m->tf);
    if (!m->layers || !m->tf) b.status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(weights));
    matrix(&b, "mulan.text.model.embeddings.word_embeddings.weight", (size_t)cfg->vocab_size, h, &m->words);
    matrix(&b, "mulan.text.model.embeddings.position_embeddings.weight", (size_t)cfg->positions, h, &m->positions);
    matrix(&b, "mulan.text.model.embeddings.token_type_embeddings.weight", 1, h, &m->token_type);
    norm(&b, "mulan.text.model.embeddings.LayerNorm", h, &m->embed_norm);
    for (int i = 0; i < cfg->layers; i++) xlmr_layer(&b, i, &m->layers[i]);
    if (cfg->has_proj) linear(&b, "mulan.text.proj", d, h, &m->proj);
    for (int i = 0; i < cfg->tf_depth; i++) tf_layer(&b, i, &m->tf[i]);
    linear(&b, "mulan.text_to_latents", (size_t)cfg->dim_latent, d, &m->latent);
    if (b.status != DRGEN_OK) mulan_text_free(m);
    else *out = m;
    return b.status;
}

void mulan_text_free(mulan_text *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->owned_count; i++) free(m->owned[i]);
    free(m->owned);
    free(m->layers);
    free(m->tf);
    free(m);
}
