/* pack_mulan.c - the text tower of MuQ-MuLan: XLM-R and the MuLan transformer on top (mulan.md section 2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights_tools/pack_items.h"

#define S(...) (const size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)

static void add(pack_list *l, const char *name, const size_t *shape, size_t dims)
{
    pack_add(l, name, name, PACK_COPY, shape, (int)dims);
}

static void add_at(pack_list *l, const char *format, int i, const char *rest, const size_t *shape, size_t dims)
{
    char name[PACK_NAME];
    int n = snprintf(name, sizeof name, format, i);
    snprintf(name + n, sizeof name - (size_t)n, "%s", rest);
    add(l, name, shape, dims);
}

/* A Linear or LayerNorm with bias: weight of these shape, bias of its first axis. */
static void pair(pack_list *l, const char *format, int i, const char *base, const size_t *shape, size_t dims)
{
    char rest[PACK_NAME];
    snprintf(rest, sizeof rest, "%s.weight", base);
    add_at(l, format, i, rest, shape, dims);
    snprintf(rest, sizeof rest, "%s.bias", base);
    add_at(l, format, i, rest, shape, 1);
}

static int count_names(const pack_list *l, const char *format)
{
    char name[PACK_NAME];
    int i = 0;
    for (; i < CONFIG_MAX_DEPTH; i++) {
        snprintf(name, sizeof name, format, i);
        if (!pack_look(l, name)) break;
    }
    return i;
}

static void infer(const pack_list *l, mulan_text_cfg *c)
{
    const source_tensor *t;
    if ((t = pack_look(l, "mulan.text.model.embeddings.word_embeddings.weight")) && t->dims == 2) {
        c->vocab_size = pack_size(t->shape[0]);
        c->hidden_size = pack_size(t->shape[1]);
    }
    if ((t = pack_look(l, "mulan.text.model.embeddings.position_embeddings.weight")) && t->dims == 2)
        c->positions = pack_size(t->shape[0]);
    c->layers = count_names(l, "mulan.text.model.encoder.layer.%d.output.dense.weight");
    if ((t = pack_look(l, "mulan.text.model.encoder.layer.0.intermediate.dense.weight")) && t->dims == 2)
        c->intermediate_size = pack_size(t->shape[0]);
    if ((t = pack_look(l, "mulan.text_to_latents.weight")) && t->dims == 2) {
        c->dim_latent = pack_size(t->shape[0]);
        c->tf_dim = pack_size(t->shape[1]);
    }
    c->has_proj = pack_look(l, "mulan.text.proj.weight") != NULL;
    c->tf_depth = count_names(l, "mulan.text.transformer.layers.%d.0.norm.learned_gamma");
    if ((t = pack_look(l, "mulan.text.transformer.layers.0.0.q_scale")) && t->dims == 1) c->tf_dim_head = pack_size(t->shape[0]);
    if ((t = pack_look(l, "mulan.text.transformer.layers.0.0.to_q.weight")) && t->dims == 2 && c->tf_dim_head)
        c->tf_heads = pack_size(t->shape[0]) / c->tf_dim_head;
    if ((t = pack_look(l, "mulan.text.transformer.layers.0.1.4.weight")) && t->dims == 2) c->tf_inner = pack_size(t->shape[1]);
    if (!c->tf_depth) c->tf_heads = c->tf_dim_head = c->tf_inner = 1; /* nothing runs with them */
    if (!c->layers) c->intermediate_size = 1;
    if (c->heads <= 0) c->heads = c->hidden_size / 64 ? c->hidden_size / 64 : 1;
    if (!(c->layer_norm_eps > 0)) c->layer_norm_eps = 1e-5;
}

static void plan(pack_list *l, const mulan_text_cfg *c)
{
    size_t h = (size_t)c->hidden_size, f = (size_t)c->intermediate_size, d = (size_t)c->tf_dim;
    size_t q = (size_t)c->tf_heads * (size_t)c->tf_dim_head, inner = (size_t)c->tf_inner;
    add(l, "mulan.text.model.embeddings.word_embeddings.weight", S((size_t)c->vocab_size, h));
    add(l, "mulan.text.model.embeddings.position_embeddings.weight", S((size_t)c->positions, h));
    add(l, "mulan.text.model.embeddings.token_type_embeddings.weight", S(1, h));
    pair(l, "mulan.text.model.", 0, "embeddings.LayerNorm", S(h));
    for (int i = 0; i < c->layers; i++) {
        const char *p = "mulan.text.model.encoder.layer.%d.";
        pair(l, p, i, "attention.self.query", S(h, h));
        pair(l, p, i, "attention.self.key", S(h, h));
        pair(l, p, i, "attention.self.value", S(h, h));
        pair(l, p, i, "attention.output.dense", S(h, h));
        pair(l, p, i, "attention.output.LayerNorm", S(h));
        pair(l, p, i, "intermediate.dense", S(f, h));
        pair(l, p, i, "output.dense", S(h, f));
        pair(l, p, i, "output.LayerNorm", S(h));
    }
    if (c->has_proj) pair(l, "mulan.text.", 0, "proj", S(d, h));
    for (int i = 0; i < c->tf_depth; i++) {
        const char *p = "mulan.text.transformer.layers.%d.";
        add_at(l, p, i, "0.norm.learned_gamma", S(d));
        add_at(l, p, i, "0.to_q.weight", S(q, d));
        add_at(l, p, i, "0.to_kv.weight", S(2 * q, d));
        add_at(l, p, i, "0.q_scale", S((size_t)c->tf_dim_head));
        add_at(l, p, i, "0.k_scale", S((size_t)c->tf_dim_head));
        add_at(l, p, i, "0.to_out.0.weight", S(d, q));
        add_at(l, p, i, "1.0.learned_gamma", S(d));
        add_at(l, p, i, "1.1.weight", S(2 * inner, d));
        add_at(l, p, i, "1.4.weight", S(d, inner));
    }
    pair(l, "mulan.", 0, "text_to_latents", S((size_t)c->dim_latent, d));
}

drgen_status pack_mulan_text(const source *s, const char *path, const pack_how *how, mulan_text_cfg *cfg, pack_sum *sum,
                             drgen_err *err)
{
    char *prefix = source_prefix(s, "mulan.text_to_latents.weight", how->ema);
    if (!prefix)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: no tensor ends with mulan.text_to_latents.weight: not MuQ-MuLan",
                        source_name(s));
    pack_list l = {.s = s, .prefix = prefix, .how = how, .err = err};
    infer(&l, cfg);
    plan(&l, cfg);
    drgen_status status = pack_write(&l, path, sum);
    pack_list_free(&l);
    free(prefix);
    return status;
}
