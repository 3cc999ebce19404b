/* pack_dit.c - the transformer: sizes from shapes, names without "transformer.", layouts of pack.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights_tools/pack_items.h"

#define S(...) (const size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)

static void add(pack_list *l, const char *name, pack_turn turn, const size_t *shape, size_t dims)
{
    char from[PACK_NAME];
    snprintf(from, sizeof from, "transformer.%s", name);
    pack_add(l, name, from, turn, shape, (int)dims);
}

static void add_at(pack_list *l, const char *format, int i, const char *rest, pack_turn turn, const size_t *shape,
                   size_t dims)
{
    char name[PACK_NAME];
    int n = snprintf(name, sizeof name, format, i);
    snprintf(name + n, sizeof name - (size_t)n, "%s", rest);
    add(l, name, turn, shape, dims);
}

/* A matrix of block i: int8 in a q8 folder. */
static void add_matrix(pack_list *l, const char *format, int i, const char *rest, size_t rows, size_t cols)
{
    char name[PACK_NAME], from[PACK_NAME + 16];
    int n = snprintf(name, sizeof name, format, i);
    snprintf(name + n, sizeof name - (size_t)n, "%s", rest);
    snprintf(from, sizeof from, "transformer.%s", name);
    pack_add_matrix(l, name, from, rows, cols);
}

static const source_tensor *look(const pack_list *l, const char *name)
{
    char full[PACK_NAME];
    snprintf(full, sizeof full, "transformer.%s", name);
    return pack_look(l, full);
}

static int count_names(const pack_list *l, const char *format)
{
    char name[PACK_NAME];
    int i = 0;
    for (; i < CONFIG_MAX_DEPTH; i++) {
        snprintf(name, sizeof name, format, i);
        if (!look(l, name)) break;
    }
    return i;
}

/* Sizes that shapes show. A tensor that is absent leaves a zero, which the later plan then names as missing. */
static void infer(const pack_list *l, dit_cfg *c)
{
    const source_tensor *t;
    if ((t = look(l, "input_embed.proj.weight")) && t->dims == 2) c->dim = pack_size(t->shape[0]);
    if ((t = look(l, "proj_out.weight")) && t->dims == 2) c->mel_dim = pack_size(t->shape[0]);
    if ((t = look(l, "text_embed.text_embed.weight")) && t->dims == 2) {
        c->text_num_embeds = pack_size(t->shape[0]) - 1;
        c->cond_dim = pack_size(t->shape[1]);
    }
    if ((t = look(l, "transformer_blocks.0.mlp.gate_proj.weight")) && t->dims == 2 && c->dim)
        c->ff_mult = pack_size(t->shape[0] / (size_t)c->dim);
    t = look(l, "input_embed.conv_pos_embed.conv1d.0.weight");
    c->conv_groups = t && t->dims == 3 && t->shape[1] && t->shape[1] <= (size_t)c->dim ? (int)((size_t)c->dim / t->shape[1]) : 16;
    c->depth = count_names(l, "transformer_blocks.%d.input_layernorm.weight");
    c->conv_layers = count_names(l, "text_embed.text_blocks.%d.norm.weight");
    c->duration_embed = look(l, "duration_time_embed.time_mlp.0.weight") != NULL;
    if (c->heads <= 0) c->heads = 32;
    if (c->max_frames <= 0) c->max_frames = c->duration_embed ? 6144 : 2048;
}

static void plan_conditions(pack_list *l, const dit_cfg *c)
{
    static const char *const embeds[] = {"time_embed", "start_time_embed", "duration_time_embed"};
    size_t w = (size_t)c->cond_dim, dim = (size_t)c->dim, m = (size_t)c->mel_dim;
    char name[PACK_NAME];
    for (int e = 0; e < 2 + c->duration_embed; e++)
        for (int i = 0; i <= 2; i += 2) {
            snprintf(name, sizeof name, "%s.time_mlp.%d.weight", embeds[e], i);
            add(l, name, PACK_COPY, S(w, i ? w : 256));
            snprintf(name, sizeof name, "%s.time_mlp.%d.bias", embeds[e], i);
            add(l, name, PACK_COPY, S(w));
        }
    add(l, "text_embed.text_embed.weight", PACK_COPY, S((size_t)c->text_num_embeds + 1, w));
    for (int i = 0; i < c->conv_layers; i++) {
        const char *p = "text_embed.text_blocks.%d.";
        add_at(l, p, i, "dwconv.weight", PACK_DEPTHWISE, S(w, 1, 7));
        add_at(l, p, i, "dwconv.bias", PACK_COPY, S(w));
        add_at(l, p, i, "norm.weight", PACK_COPY, S(w));
        add_at(l, p, i, "norm.bias", PACK_COPY, S(w));
        add_at(l, p, i, "pwconv1.weight", PACK_COPY, S(2 * w, w));
        add_at(l, p, i, "pwconv1.bias", PACK_COPY, S(2 * w));
        add_at(l, p, i, "grn.gamma", PACK_FLAT, S(1, 1, 2 * w));
        add_at(l, p, i, "grn.beta", PACK_FLAT, S(1, 1, 2 * w));
        add_at(l, p, i, "pwconv2.weight", PACK_COPY, S(w, 2 * w));
        add_at(l, p, i, "pwconv2.bias", PACK_COPY, S(w));
    }
    add(l, "input_embed.proj.weight", PACK_COPY, S(dim, 2 * m + 3 * w));
    add(l, "input_embed.proj.bias", PACK_COPY, S(dim));
    for (int i = 0; i <= 2; i += 2) {
        add_at(l, "input_embed.conv_pos_embed.conv1d.%d.", i, "weight", PACK_CONV, S(dim, dim / (size_t)c->conv_groups, 31));
        add_at(l, "input_embed.conv_pos_embed.conv1d.%d.", i, "bias", PACK_COPY, S(dim));
    }
}

static void plan_blocks(pack_list *l, const dit_cfg *c)
{
    size_t dim = (size_t)c->dim, inner = dim * (size_t)c->ff_mult, w = (size_t)c->cond_dim;
    const char *p = "transformer_blocks.%d.";
    for (int i = 0; i < c->depth; i++) {
        add_matrix(l, p, i, "self_attn.q_proj.weight", dim, dim);
        add_matrix(l, p, i, "self_attn.k_proj.weight", dim, dim);
        add_matrix(l, p, i, "self_attn.v_proj.weight", dim, dim);
        add_matrix(l, p, i, "self_attn.o_proj.weight", dim, dim);
        add_matrix(l, p, i, "mlp.gate_proj.weight", inner, dim);
        add_matrix(l, p, i, "mlp.up_proj.weight", inner, dim);
        add_matrix(l, p, i, "mlp.down_proj.weight", dim, inner);
        add_at(l, p, i, "input_layernorm.weight", PACK_COPY, S(dim));
        add_at(l, p, i, "post_attention_layernorm.weight", PACK_COPY, S(dim));
    }
    for (int i = 0; i < c->depth / 2; i++) {
        add_at(l, "text_fusion_linears.%d.0.", i, "weight", PACK_COPY, S(dim, w));
        add_at(l, "text_fusion_linears.%d.0.", i, "bias", PACK_COPY, S(dim));
    }
    add(l, "norm_out.linear.weight", PACK_COPY, S(2 * dim, w));
    add(l, "norm_out.linear.bias", PACK_COPY, S(2 * dim));
    add(l, "proj_out.weight", PACK_COPY, S((size_t)c->mel_dim, dim));
    add(l, "proj_out.bias", PACK_COPY, S((size_t)c->mel_dim));
}

drgen_status pack_dit(const source *s, const char *path, const pack_how *how, dit_cfg *cfg, pack_sum *sum,
                      drgen_err *err)
{
    char *prefix = source_prefix(s, "transformer.proj_out.weight", how->ema);
    if (!prefix)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: no tensor ends with transformer.proj_out.weight: not a DiffRhythm transformer",
                        source_name(s));
    pack_list l = {.s = s, .prefix = prefix, .how = how, .err = err};
    infer(&l, cfg);
    if (look(&l, "long_skip_connection.weight"))
        l.status = err_fail(err, DRGEN_ERR_MODEL, "%s: long_skip_connection is not supported (no released model has it)",
                            source_name(s));
    plan_conditions(&l, cfg);
    plan_blocks(&l, cfg);
    if (l.status == DRGEN_OK && (cfg->depth < 1 || cfg->dim % cfg->heads || cfg->dim / cfg->heads % 2))
        l.status = err_fail(err, DRGEN_ERR_MODEL, "%s: width %d does not divide into %d heads; give the right number of heads",
                            source_name(s), cfg->dim, cfg->heads);
    if (how->negative) pack_add_given(&l, "negative_style", how->negative, (size_t)cfg->cond_dim);
    drgen_status status = pack_write(&l, path, sum);
    pack_list_free(&l);
    free(prefix);
    return status;
}
