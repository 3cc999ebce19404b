/* pack_muq.c - the audio tower of MuQ-MuLan: the convolution stem and conformer of MuQ, and its head. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights_tools/pack_items.h"

#define S(...) (const size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)
#define CORE "mulan.audio.model.model."

static void add(pack_list *l, const char *name, const size_t *shape, size_t dims)
{
    char from[PACK_NAME];
    snprintf(from, sizeof from, CORE "%s", name);
    pack_add(l, name, from, PACK_COPY, shape, (int)dims);
}

static void pair(pack_list *l, const char *base, const size_t *shape, size_t dims)
{
    char name[PACK_NAME];
    snprintf(name, sizeof name, "%s.weight", base);
    add(l, name, shape, dims);
    snprintf(name, sizeof name, "%s.bias", base);
    add(l, name, shape, 1);
}

/* One vector of the source into malloc'd floats; NULL (status set) when missing. */
static float *vector(pack_list *l, const char *base, const char *part, size_t count)
{
    char name[PACK_NAME];
    snprintf(name, sizeof name, CORE "%s.%s", base, part);
    const source_tensor *t = pack_need(l, name, &count, 1);
    float *v = t ? malloc((count + 1) * sizeof *v) : NULL;
    if (t && !v) l->status = err_fail(l->err, DRGEN_ERR_NOMEM, "%s: out of memory", source_name(l->s));
    if (v) l->status = source_floats(l->s, t, 0, count, v, l->err);
    return v;
}

/* BatchNorm (v - mean) / sqrt(var + 1e-5) * w + b after a convolution with this bias (NULL: none): *scale for its weights,
 * *bias instead of its own. */
static void fold(pack_list *l, const char *norm, const char *conv, size_t count, float **scale, float **bias)
{
    float *w = vector(l, norm, "weight", count), *b = vector(l, norm, "bias", count);
    float *mean = vector(l, norm, "running_mean", count), *var = vector(l, norm, "running_var", count);
    float *own = conv ? vector(l, conv, "bias", count) : NULL;
    *scale = *bias = NULL;
    if (l->status == DRGEN_OK) {
        for (size_t i = 0; i < count; i++) {
            double f = (double)w[i] / sqrt((double)var[i] + 1e-5);
            w[i] = (float)f;
            b[i] = (float)(((own ? (double)own[i] : 0) - (double)mean[i]) * f + (double)b[i]);
        }
        *scale = w, *bias = b;
        w = b = NULL;
    }
    free(w), free(b), free(mean), free(var), free(own);
}

static void stem_conv(pack_list *l, int block, int conv, size_t out, size_t in)
{
    char base[64], norm[64], name[PACK_NAME], from[PACK_NAME];
    float *scale, *bias;
    snprintf(base, sizeof base, "conv.conv.%d.conv%d", block, conv);
    snprintf(norm, sizeof norm, "conv.conv.%d.bn%d", block, conv);
    fold(l, norm, base, out, &scale, &bias);
    snprintf(name, sizeof name, "%s.weight", base);
    snprintf(from, sizeof from, CORE "%s", name);
    pack_add_turned(l, name, from, PACK_CONV, S(out, in, 3, 3), (const size_t[]){out, in, 9}, scale);
    snprintf(name, sizeof name, "%s.bias", base);
    pack_add_owned(l, name, bias, out);
}

static void conformer_layer(pack_list *l, int i, const mulan_audio_cfg *c)
{
    size_t d = (size_t)c->width, f = (size_t)c->inner, k = (size_t)c->kernel;
    const struct {
        const char *part;
        size_t rows, cols;
    } linears[] = {{"ffn1.intermediate_dense", f, d}, {"ffn1.output_dense", d, f}, {"ffn2.intermediate_dense", f, d},
                   {"ffn2.output_dense", d, f},       {"self_attn.linear_q", d, d}, {"self_attn.linear_k", d, d},
                   {"self_attn.linear_v", d, d},      {"self_attn.linear_out", d, d}};
    static const char *const norms[] = {"ffn1_layer_norm", "self_attn_layer_norm", "conv_module.layer_norm", "ffn2_layer_norm",
                                        "final_layer_norm"};
    char base[96], name[PACK_NAME], from[PACK_NAME];
    for (size_t n = 0; n < sizeof linears / sizeof linears[0]; n++) {
        snprintf(base, sizeof base, "conformer.layers.%d.%s", i, linears[n].part);
        pair(l, base, S(linears[n].rows, linears[n].cols));
    }
    for (size_t n = 0; n < sizeof norms / sizeof norms[0]; n++) {
        snprintf(base, sizeof base, "conformer.layers.%d.%s", i, norms[n]);
        pair(l, base, S(d));
    }
    snprintf(name, sizeof name, "conformer.layers.%d.conv_module.pointwise_conv1.weight", i);
    add(l, name, S(2 * d, d, 1));
    snprintf(name, sizeof name, "conformer.layers.%d.conv_module.pointwise_conv2.weight", i);
    add(l, name, S(d, d, 1));
    float *scale, *bias;
    snprintf(base, sizeof base, "conformer.layers.%d.conv_module.batch_norm", i);
    fold(l, base, NULL, d, &scale, &bias);
    snprintf(name, sizeof name, "conformer.layers.%d.conv_module.depthwise_conv.weight", i);
    snprintf(from, sizeof from, CORE "%s", name);
    pack_add_turned(l, name, from, PACK_DEPTHWISE, S(d, 1, k), (const size_t[]){d, 1, k}, scale);
    snprintf(name, sizeof name, "conformer.layers.%d.conv_module.depthwise_conv.bias", i);
    pack_add_owned(l, name, bias, d);
}

/* The head's names keep their own prefix. */
static void whole(pack_list *l, const char *name, const size_t *shape, size_t dims)
{
    pack_add(l, name, name, PACK_COPY, shape, (int)dims);
}

static void head(pack_list *l, const mulan_audio_cfg *c)
{
    size_t d = (size_t)c->tf_dim, q = (size_t)c->tf_heads * (size_t)c->tf_dim_head, inner = (size_t)c->tf_inner;
    const struct {
        const char *part;
        size_t rows, cols; /* cols 0: a vector */
    } parts[] = {{"0.norm.learned_gamma", d, 0}, {"0.to_q.weight", q, d}, {"0.to_kv.weight", 2 * q, d},
                 {"0.q_scale", (size_t)c->tf_dim_head, 0}, {"0.k_scale", (size_t)c->tf_dim_head, 0}, {"0.to_out.0.weight", d, q},
                 {"1.0.learned_gamma", d, 0}, {"1.1.weight", 2 * inner, d}, {"1.4.weight", d, inner}};
    char name[PACK_NAME];
    whole(l, "mulan.audio.proj.weight", S(d, (size_t)c->width));
    whole(l, "mulan.audio.proj.bias", S(d));
    for (int i = 0; i < c->tf_depth; i++)
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            snprintf(name, sizeof name, "mulan.audio.transformer.layers.%d.%s", i, parts[p].part);
            whole(l, name, (const size_t[]){parts[p].rows, parts[p].cols}, parts[p].cols ? 2 : 1);
        }
    whole(l, "mulan.audio_to_latents.weight", S((size_t)c->dim_latent, d));
    whole(l, "mulan.audio_to_latents.bias", S((size_t)c->dim_latent));
}

/* Layers of which one or the other tensor is there: with one missing the layer still counts, and its gap is named. */
static int count_layers(const pack_list *l, const char *layers, const char *one, const char *other)
{
    char a[PACK_NAME], b[PACK_NAME];
    int i = 0;
    for (; i < CONFIG_MAX_DEPTH; i++) {
        snprintf(a, sizeof a, "%s.%d.%s", layers, i, one);
        snprintf(b, sizeof b, "%s.%d.%s", layers, i, other);
        if (!pack_look(l, a) && !pack_look(l, b)) break;
    }
    return i;
}

/* Axis a of a tensor, 0 when it is not there. */
static int axis(const pack_list *l, const char *name, int a)
{
    const source_tensor *t = pack_look(l, name);
    return t && a < t->dims && t->shape[a] < 1u << 24 ? (int)t->shape[a] : 0;
}

static void infer(const pack_list *l, mulan_audio_cfg *c)
{
    c->conv_dim = axis(l, CORE "conv.conv.0.conv2.weight", 0);
    c->width = axis(l, CORE "conv.linear.weight", 0);
    c->depth = count_layers(l, CORE "conformer.layers", "final_layer_norm.weight", "ffn1_layer_norm.weight");
    c->inner = axis(l, CORE "conformer.layers.0.ffn1.intermediate_dense.weight", 0);
    c->kernel = axis(l, CORE "conformer.layers.0.conv_module.depthwise_conv.weight", 2);
    c->tf_dim = axis(l, "mulan.audio_to_latents.weight", 1);
    c->dim_latent = axis(l, "mulan.audio_to_latents.weight", 0);
    c->tf_depth = count_layers(l, "mulan.audio.transformer.layers", "0.norm.learned_gamma", "0.to_q.weight");
    c->tf_dim_head = axis(l, "mulan.audio.transformer.layers.0.0.q_scale", 0);
    c->tf_heads = c->tf_dim_head ? axis(l, "mulan.audio.transformer.layers.0.0.to_q.weight", 0) / c->tf_dim_head : 0;
    c->tf_inner = axis(l, "mulan.audio.transformer.layers.0.1.4.weight", 1);
    if (!c->tf_depth) c->tf_heads = c->tf_dim_head = c->tf_inner = 1; /* nothing runs with them */
    /* The rotary table, where it is stored, holds half a head's width. */
    int half = axis(l, CORE "conformer.embed_positions.inv_freq", 0);
    if (c->heads <= 0) c->heads = half && c->width % (2 * half) == 0 ? c->width / (2 * half) : 16;
    c->use_layer = c->use_layer > 0 ? c->use_layer - c->depth - 2 : c->use_layer ? c->use_layer : -1;
    if (c->clip_seconds <= 0) c->clip_seconds = 10;
    if (!(c->layer_norm_eps > 0)) c->layer_norm_eps = 1e-5;
    if (!(c->mel_std > 0)) c->mel_mean = 6.768444971712967, c->mel_std = 18.417922652295623;
}

drgen_status pack_mulan_audio(const source *s, const char *path, const pack_how *how, mulan_audio_cfg *cfg, pack_sum *sum,
                              drgen_err *err)
{
    char *prefix = source_prefix(s, "mulan.audio_to_latents.weight", how->ema);
    if (!prefix)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: no tensor ends with mulan.audio_to_latents.weight: not MuQ-MuLan", source_name(s));
    pack_list l = {.s = s, .prefix = prefix, .how = how, .err = err};
    infer(&l, cfg);
    size_t c = (size_t)cfg->conv_dim, d = (size_t)cfg->width;
    if (!c || !d || !cfg->depth || d % (size_t)cfg->heads)
        l.status = err_fail(err, DRGEN_ERR_MODEL, "%s: the audio tower is not complete, or its %d heads do not fit its width %d",
                            source_name(s), cfg->heads, cfg->width);
    else if (cfg->use_layer > -1 || cfg->use_layer < -cfg->depth - 1)
        l.status = err_fail(err, DRGEN_ERR_MODEL, "%s: state %d is asked for, the audio tower has %d layers", source_name(s),
                            cfg->use_layer, cfg->depth);
    for (int block = 0; block < 2; block++) {
        stem_conv(&l, block, 1, c, block ? c : 1);
        stem_conv(&l, block, 2, c, c);
        stem_conv(&l, block, 3, c, block ? c : 1);
    }
    pack_add_turned(&l, "conv.linear.weight", CORE "conv.linear.weight", PACK_CONV, S(d, 32 * c), (const size_t[]){d, c, 32}, NULL);
    add(&l, "conv.linear.bias", S(d));
    for (int i = 0; i < cfg->depth; i++) conformer_layer(&l, i, cfg);
    pair(&l, "conformer.layer_norm", S(d));
    head(&l, cfg);
    drgen_status status = pack_write(&l, path, sum);
    pack_list_free(&l);
    free(prefix);
    return status;
}
