/* muq_load.c - binds the audio tower's tensors by name and exact shape. */
#include <stdlib.h>

#include "io/bind.h"
#include "model/muq_types.h"

static void linear(binder *b, mulan_linear *l, size_t rows, size_t cols, const char *base, int i, const char *part)
{
    char name[160];
    snprintf(name, sizeof name, base, i);
    bind_matrix(b, &l->w, (const size_t[]){rows, cols}, 2, "%s%s.weight", name, part);
    l->bias = bind_vector(b, rows, "%s%s.bias", name, part);
}

static void norm(binder *b, mulan_norm *n, size_t width, const char *base, int i, const char *part)
{
    char name[160];
    snprintf(name, sizeof name, base, i);
    n->w = bind_vector(b, width, "%s%s.weight", name, part);
    n->b = bind_vector(b, width, "%s%s.bias", name, part);
}

static void conformer_layer(binder *b, muq_layer *l, int i, const mulan_audio_cfg *c)
{
    size_t d = (size_t)c->width, f = (size_t)c->inner, k = (size_t)c->kernel;
    const char *p = "conformer.layers.%d.";
    norm(b, &l->ffn1_norm, d, p, i, "ffn1_layer_norm");
    linear(b, &l->ffn1_in, f, d, p, i, "ffn1.intermediate_dense");
    linear(b, &l->ffn1_out, d, f, p, i, "ffn1.output_dense");
    norm(b, &l->attn_norm, d, p, i, "self_attn_layer_norm");
    linear(b, &l->q, d, d, p, i, "self_attn.linear_q");
    linear(b, &l->k, d, d, p, i, "self_attn.linear_k");
    linear(b, &l->v, d, d, p, i, "self_attn.linear_v");
    linear(b, &l->o, d, d, p, i, "self_attn.linear_out");
    norm(b, &l->conv_norm, d, p, i, "conv_module.layer_norm");
    bind_matrix(b, &l->point1, (const size_t[]){2 * d, d, 1}, 3, "conformer.layers.%d.conv_module.pointwise_conv1.weight", i);
    bind_matrix(b, &l->point2, (const size_t[]){d, d, 1}, 3, "conformer.layers.%d.conv_module.pointwise_conv2.weight", i);
    wmat depth = {0};
    bind_matrix(b, &depth, (const size_t[]){k, d}, 2, "conformer.layers.%d.conv_module.depthwise_conv.weight", i);
    /* Small, and used as floats: widened into a vector of the model. */
    float *copy = NULL;
    if (b->status == DRGEN_OK) {
        const st_tensor t = {.data = depth.data, .type = depth.type, .count = k * d};
        copy = bind_own(b, k * d);
        if (copy) weights_widen(&t, 0, k * d, copy);
    }
    l->depth = copy;
    l->depth_bias = bind_vector(b, d, "conformer.layers.%d.conv_module.depthwise_conv.bias", i);
    norm(b, &l->ffn2_norm, d, p, i, "ffn2_layer_norm");
    linear(b, &l->ffn2_in, f, d, p, i, "ffn2.intermediate_dense");
    linear(b, &l->ffn2_out, d, f, p, i, "ffn2.output_dense");
    norm(b, &l->final_norm, d, p, i, "final_layer_norm");
}

static void tf_layer(binder *b, mulan_tf_layer *l, int i, const mulan_audio_cfg *c)
{
    size_t d = (size_t)c->tf_dim, w = (size_t)c->tf_dim_head, q = (size_t)c->tf_heads * w, inner = (size_t)c->tf_inner;
    const char *p = "mulan.audio.transformer.layers";
    l->attn_gamma = bind_vector(b, d, "%s.%d.0.norm.learned_gamma", p, i);
    bind_matrix(b, &l->q, (const size_t[]){q, d}, 2, "%s.%d.0.to_q.weight", p, i);
    bind_matrix(b, &l->kv, (const size_t[]){2 * q, d}, 2, "%s.%d.0.to_kv.weight", p, i);
    l->q_scale = bind_vector(b, w, "%s.%d.0.q_scale", p, i);
    l->k_scale = bind_vector(b, w, "%s.%d.0.k_scale", p, i);
    bind_matrix(b, &l->o, (const size_t[]){d, q}, 2, "%s.%d.0.to_out.0.weight", p, i);
    l->ff_gamma = bind_vector(b, d, "%s.%d.1.0.learned_gamma", p, i);
    bind_matrix(b, &l->up, (const size_t[]){2 * inner, d}, 2, "%s.%d.1.1.weight", p, i);
    bind_matrix(b, &l->down, (const size_t[]){d, inner}, 2, "%s.%d.1.4.weight", p, i);
}

static void bind_all(binder *b, muq *m)
{
    const mulan_audio_cfg *c = &m->cfg;
    size_t d = (size_t)c->width, ch = (size_t)c->conv_dim;
    for (int block = 0; block < 2; block++)
        for (int conv = 0; conv < 3; conv++) {
            size_t in = block || conv == 1 ? ch : 1;
            bind_matrix(b, &m->stem[block][conv].w, (const size_t[]){ch, 9, in}, 3, "conv.conv.%d.conv%d.weight", block, conv + 1);
            m->stem[block][conv].bias = bind_vector(b, ch, "conv.conv.%d.conv%d.bias", block, conv + 1);
        }
    bind_matrix(b, &m->linear.w, (const size_t[]){d, MUQ_BANDS / 4, ch}, 3, "conv.linear.weight");
    m->linear.bias = bind_vector(b, d, "conv.linear.bias");
    for (int i = 0; i < c->depth; i++) conformer_layer(b, &m->layers[i], i, c);
    norm(b, &m->norm, d, "conformer.", 0, "layer_norm");
    linear(b, &m->proj, (size_t)c->tf_dim, d, "mulan.audio.", 0, "proj");
    for (int i = 0; i < c->tf_depth; i++) tf_layer(b, &m->tf[i], i, c);
    linear(b, &m->latent, (size_t)c->dim_latent, (size_t)c->tf_dim, "mulan.", 0, "audio_to_latents");
}

/* Sizes that shapes do not show. */
static drgen_status check_sizes(const mulan_audio_cfg *c, const char *name, drgen_err *err)
{
    const int counts[] = {c->conv_dim, c->width, c->heads, c->inner, c->kernel, c->tf_dim, c->tf_heads, c->tf_dim_head,
                          c->tf_inner, c->dim_latent, c->depth + 1, c->tf_depth + 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (counts[i] < 1) return err_fail(err, DRGEN_ERR_MODEL, "%s: a size of the audio tower is not positive", name);
    if (c->width % c->heads || c->width / c->heads % 2)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: %d heads of even width do not divide the audio tower's width %d", name,
                        c->heads, c->width);
    if (c->kernel % 2 == 0 || c->use_layer > -1 || c->use_layer < -c->depth - 1)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: audio tower: kernel %d or state %d of %d layers cannot be", name, c->kernel,
                        c->use_layer, c->depth);
    if (!(c->mel_std > 0) || !(c->layer_norm_eps > 0 && c->layer_norm_eps < 1))
        return err_fail(err, DRGEN_ERR_MODEL, "%s: audio tower: mel_std %g or layer_norm_eps %g cannot be", name, c->mel_std,
                        c->layer_norm_eps);
    return DRGEN_OK;
}

/* Layers that belong to the tower but that these sizes would leave out. */
static drgen_status check_unused(const mulan_audio_cfg *c, const st_file *f, drgen_err *err)
{
    const struct {
        const char *format;
        int from;
    } list[] = {{"conformer.layers.%d.final_layer_norm.weight", c->depth},
                {"mulan.audio.transformer.layers.%d.0.to_q.weight", c->tf_depth}};
    char name[128];
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        snprintf(name, sizeof name, list[i].format, list[i].from);
        if (st_find(f, name))
            return err_fail(err, DRGEN_ERR_MODEL, "%s: has %s, which model.json does not know of; convert the model again",
                            st_name(f), name);
    }
    return DRGEN_OK;
}

drgen_status muq_load(muq **out, const mulan_audio_cfg *cfg, const st_file *weights, drgen_err *err)
{
    *out = NULL;
    ERR_TRY(check_sizes(cfg, st_name(weights), err));
    ERR_TRY(check_unused(cfg, weights, err));
    muq *m = calloc(1, sizeof *m);
    if (!m) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(weights));
    m->cfg = *cfg;
    m->layers = calloc((size_t)cfg->depth + 1, sizeof *m->layers);
    m->tf = calloc((size_t)cfg->tf_depth + 1, sizeof *m->tf);
    binder b = {.f = weights, .err = err};
    if (!m->layers || !m->tf) b.status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(weights));
    else bind_all(&b, m);
    m->owned = b.owned;
    m->owned_count = b.count;
    if (b.status != DRGEN_OK) muq_free(m);
    else *out = m;
    return b.status;
}

void muq_free(muq *m)
{
    if (!m) return;
    bind_free(m->owned, m->owned_count);
    free(m->layers);
    free(m->tf);
    free(m);
}
