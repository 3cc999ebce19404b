/* dit_load.c - binds every tensor of the transformer by name and exact shape. Loading is: map, check, point; vectors
 * are widened to float32. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/dit_types.h"

typedef struct {
    dit *d;
    const st_file *f;
    drgen_err *err;
    drgen_status status; /* first failure; later calls do nothing */
} binder;

static void bind_matrix(binder *b, wmat *out, const char *name, const size_t *shape, int dims)
{
    if (b->status == DRGEN_OK) b->status = weights_matrix(b->f, name, shape, dims, out, b->err);
}

static void bind2(binder *b, wmat *out, const char *prefix, const char *name, int rows, int cols)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    bind_matrix(b, out, full, (const size_t[]){(size_t)rows, (size_t)cols}, 2);
}

/* A block's matrix: any float type, or int8. */
static void bind_block_matrix(binder *b, wmat *out, const char *prefix, const char *name, int rows, int cols)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    if (b->status == DRGEN_OK) b->status = weights_matrix_q8(b->f, full, (size_t)rows, (size_t)cols, out, b->err);
}

static const float *bind_floats(binder *b, const char *prefix, const char *name, const size_t *shape, int dims)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    if (b->status != DRGEN_OK) return NULL;
    dit *d = b->d;
    size_t count = 1;
    for (int i = 0; i < dims; i++) count *= shape[i];
    if (d->owned_count == d->owned_room) {
        size_t room = d->owned_room ? 2 * d->owned_room : 64;
        float **grown = realloc(d->owned, room * sizeof *grown);
        if (!grown) goto memory;
        d->owned = grown;
        d->owned_room = room;
    }
    float *v = malloc(count * sizeof *v);
    if (!v) goto memory;
    d->owned[d->owned_count++] = v;
    b->status = weights_floats(b->f, full, shape, dims, v, b->err);
    return v;
memory:
    b->status = err_fail(b->err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(b->f));
    return NULL;
}

static const float *bind1(binder *b, const char *prefix, const char *name, int count)
{
    return bind_floats(b, prefix, name, (const size_t[]){(size_t)count}, 1);
}

static void bind_linear(binder *b, dit_linear *l, const char *prefix, int rows, int cols)
{
    bind2(b, &l->w, prefix, "weight", rows, cols);
    l->bias = bind1(b, prefix, "bias", rows);
}

static void bind_time(binder *b, dit_time_mlp *m, const char *name)
{
    int c = b->d->cfg.cond_dim;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.time_mlp.", name);
    bind2(b, &m->w0, prefix, "0.weight", c, DIT_SINUS);
    m->b0 = bind1(b, prefix, "0.bias", c);
    bind2(b, &m->w2, prefix, "2.weight", c, c);
    m->b2 = bind1(b, prefix, "2.bias", c);
}

static void bind_text(binder *b, dit_text_block *t, int i)
{
    int c = b->d->cfg.cond_dim;
    char p[64];
    snprintf(p, sizeof p, "text_embed.text_blocks.%d.", i);
    t->dw = bind_floats(b, p, "dwconv.weight", (const size_t[]){DIT_TEXT_TAPS, (size_t)c}, 2);
    t->dw_bias = bind1(b, p, "dwconv.bias", c);
    t->norm_w = bind1(b, p, "norm.weight", c);
    t->norm_b = bind1(b, p, "norm.bias", c);
    bind2(b, &t->pw1, p, "pwconv1.weight", 2 * c, c);
    t->pw1_bias = bind1(b, p, "pwconv1.bias", 2 * c);
    t->gamma = bind1(b, p, "grn.gamma", 2 * c);
    t->beta = bind1(b, p, "grn.beta", 2 * c);
    bind2(b, &t->pw2, p, "pwconv2.weight", c, 2 * c);
    t->pw2_bias = bind1(b, p, "pwconv2.bias", c);
}

static void bind_block(binder *b, dit_block *k, int i)
{
    int dim = b->d->cfg.dim, inner = dim * b->d->cfg.ff_mult;
    char p[64];
    snprintf(p, sizeof p, "transformer_blocks.%d.", i);
    bind_block_matrix(b, &k->q, p, "self_attn.q_proj.weight", dim, dim);
    bind_block_matrix(b, &k->k, p, "self_attn.k_proj.weight", dim, dim);
    bind_block_matrix(b, &k->v, p, "self_attn.v_proj.weight", dim, dim);
    bind_block_matrix(b, &k->o, p, "self_attn.o_proj.weight", dim, dim);
    bind_block_matrix(b, &k->gate, p, "mlp.gate_proj.weight", inner, dim);
    bind_block_matrix(b, &k->up, p, "mlp.up_proj.weight", inner, dim);
    bind_block_matrix(b, &k->down, p, "mlp.down_proj.weight", dim, inner);
    k->attn_norm = bind1(b, p, "input_layernorm.weight", dim);
    k->mlp_norm = bind1(b, p, "post_attention_layernorm.weight", dim);
    const wmat *all[] = {&k->q, &k->k, &k->v, &k->o, &k->gate, &k->up, &k->down};
    k->int8 = 1;
    for (size_t m = 0; m < sizeof all / sizeof all[0]; m++) k->int8 &= all[m]->type == ST_I8;
}

static void bind_all(binder *b)
{
    dit *d = b->d;
    const dit_cfg *c = &d->cfg;
    bind_time(b, &d->time, "time_embed");
    bind_time(b, &d->start, "start_time_embed");
    if (c->duration_embed) bind_time(b, &d->duration, "duration_time_embed");
    bind2(b, &d->tokens, "", "text_embed.text_embed.weight", c->text_num_embeds + 1, c->cond_dim);
    for (int i = 0; i < c->conv_layers; i++) bind_text(b, &d->text[i], i);
    bind_linear(b, &d->proj, "input_embed.proj.", c->dim, 2 * c->mel_dim + 3 * c->cond_dim);
    for (int i = 0; i < 2; i++) {
        char p[64];
        snprintf(p, sizeof p, "input_embed.conv_pos_embed.conv1d.%d.", 2 * i);
        char name[96];
        snprintf(name, sizeof name, "%sweight", p);
        bind_matrix(b, &d->pos[i].w, name,
                    (const size_t[]){(size_t)c->dim, DIT_POS_TAPS, (size_t)(c->dim / c->conv_groups)}, 3);
        d->pos[i].bias = bind1(b, p, "bias", c->dim);
    }
    for (int i = 0; i < c->depth; i++) bind_block(b, &d->blocks[i], i);
    for (int i = 0; i < c->depth / 2; i++) {
        char p[64];
        snprintf(p, sizeof p, "text_fusion_linears.%d.0.", i);
        bind_linear(b, &d->fusion[i], p, c->dim, c->cond_dim);
    }
    bind_linear(b, &d->norm_out, "norm_out.linear.", 2 * c->dim, c->cond_dim);
    bind_linear(b, &d->out, "proj_out.", c->mel_dim, c->dim);
    if (st_find(b->f, "negative_style")) d->negative = bind1(b, "", "negative_style", c->cond_dim);
}

drgen_status dit_load(dit **out, const dit_cfg *cfg, const st_file *weights, drgen_err *err)
{
    *out = NULL;
    dit *d = calloc(1, sizeof *d);
    if (!d) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(weights));
    d->cfg = *cfg;
    d->text = calloc((size_t)cfg->conv_layers + 1, sizeof *d->text);
    d->blocks = calloc((size_t)cfg->depth + 1, sizeof *d->blocks);
    d->fusion = calloc((size_t)cfg->depth / 2 + 1, sizeof *d->fusion);
    binder b = {d, weights, err, DRGEN_OK};
    if (!d->text || !d->blocks || !d->fusion)
        b.status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(weights));
    else if (!cfg->duration_embed && st_find(weights, "duration_time_embed.time_mlp.0.weight"))
        b.status = err_fail(err, DRGEN_ERR_MODEL, "%s: has duration_time_embed, but model.json says it is the 95 s variant",
                            st_name(weights));
    else bind_all(&b);
    if (b.status != DRGEN_OK) {
        dit_free(d);
        return b.status;
    }
    *out = d;
    return DRGEN_OK;
}

void dit_free(dit *d)
{
    if (!d) return;
    lora_detach(d);
    for (size_t i = 0; i < d->owned_count; i++) free(d->owned[i]);
    free(d->owned);
    free(d->text);
    free(d->blocks);
    free(d->fusion);
    free(d);
}

const dit_cfg *dit_config(const dit *d)
{
    return &d->cfg;
}

const float *dit_negative_style(const dit *d)
{
    return d->negative;
}
