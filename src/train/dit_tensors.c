/* dit_tensors.c - see dit_tensors.h. The list follows dit_load.c. */
#include "train/dit_tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"

typedef struct {
    dit_tensor *out;
    size_t count, floats;
    char prefix[64];
} lister;

static dit_tensor *add(lister *l, const char *name, size_t a, size_t b, size_t c)
{
    size_t count = a * (b ? b : 1) * (c ? c : 1);
    dit_tensor *t = l->out ? &l->out[l->count] : NULL;
    if (t) {
        *t = (dit_tensor){.shape = {a, b, c}, .count = count, .dims = c ? 3 : b ? 2 : 1, .at = l->floats};
        snprintf(t->name, sizeof t->name, "%s%s", l->prefix, name);
    }
    l->count++;
    l->floats += (count + 15) / 16 * 16;
    return t;
}

static void matrix(lister *l, wmat *m, const char *name, int rows, int cols)
{
    dit_tensor *t = add(l, name, (size_t)rows, (size_t)cols, 0);
    if (t) t->matrix = m;
}

static void vector(lister *l, const float **v, const char *name, int count)
{
    dit_tensor *t = add(l, name, (size_t)count, 0, 0);
    if (t) t->vector = v;
}

static void linear(lister *l, dit_linear *k, int rows, int cols)
{
    matrix(l, &k->w, "weight", rows, cols);
    vector(l, &k->bias, "bias", rows);
}

static void time_mlp(lister *l, dit_time_mlp *m, const char *name, int width)
{
    snprintf(l->prefix, sizeof l->prefix, "%s.time_mlp.", name);
    matrix(l, &m->w0, "0.weight", width, DIT_SINUS);
    vector(l, &m->b0, "0.bias", width);
    matrix(l, &m->w2, "2.weight", width, width);
    vector(l, &m->b2, "2.bias", width);
}

static void text_block(lister *l, dit_text_block *t, int i, int c)
{
    snprintf(l->prefix, sizeof l->prefix, "text_embed.text_blocks.%d.", i);
    dit_tensor *dw = add(l, "dwconv.weight", DIT_TEXT_TAPS, (size_t)c, 0);
    if (dw) dw->vector = &t->dw;
    vector(l, &t->dw_bias, "dwconv.bias", c);
    vector(l, &t->norm_w, "norm.weight", c);
    vector(l, &t->norm_b, "norm.bias", c);
    matrix(l, &t->pw1, "pwconv1.weight", 2 * c, c);
    vector(l, &t->pw1_bias, "pwconv1.bias", 2 * c);
    vector(l, &t->gamma, "grn.gamma", 2 * c);
    vector(l, &t->beta, "grn.beta", 2 * c);
    matrix(l, &t->pw2, "pwconv2.weight", c, 2 * c);
    vector(l, &t->pw2_bias, "pwconv2.bias", c);
}

static void block(lister *l, dit_block *b, int i, int dim, int inner)
{
    snprintf(l->prefix, sizeof l->prefix, "transformer_blocks.%d.", i);
    matrix(l, &b->q, "self_attn.q_proj.weight", dim, dim);
    matrix(l, &b->k, "self_attn.k_proj.weight", dim, dim);
    matrix(l, &b->v, "self_attn.v_proj.weight", dim, dim);
    matrix(l, &b->o, "self_attn.o_proj.weight", dim, dim);
    matrix(l, &b->gate, "mlp.gate_proj.weight", inner, dim);
    matrix(l, &b->up, "mlp.up_proj.weight", inner, dim);
    matrix(l, &b->down, "mlp.down_proj.weight", dim, inner);
    vector(l, &b->attn_norm, "input_layernorm.weight", dim);
    vector(l, &b->mlp_norm, "post_attention_layernorm.weight", dim);
}

size_t dit_tensors(dit *d, dit_tensor *out, size_t *floats)
{
    const dit_cfg *c = &d->cfg;
    lister l = {.out = out};
    time_mlp(&l, &d->time, "time_embed", c->cond_dim);
    time_mlp(&l, &d->start, "start_time_embed", c->cond_dim);
    if (c->duration_embed) time_mlp(&l, &d->duration, "duration_time_embed", c->cond_dim);
    l.prefix[0] = '\0';
    matrix(&l, &d->tokens, "text_embed.text_embed.weight", c->text_num_embeds + 1, c->cond_dim);
    for (int i = 0; i < c->conv_layers; i++) text_block(&l, &d->text[i], i, c->cond_dim);
    snprintf(l.prefix, sizeof l.prefix, "input_embed.proj.");
    linear(&l, &d->proj, c->dim, 2 * c->mel_dim + 3 * c->cond_dim);
    for (int i = 0; i < 2; i++) {
        snprintf(l.prefix, sizeof l.prefix, "input_embed.conv_pos_embed.conv1d.%d.", 2 * i);
        dit_tensor *t = add(&l, "weight", (size_t)c->dim, DIT_POS_TAPS, (size_t)(c->dim / c->conv_groups));
        if (t) t->matrix = &d->pos[i].w;
        vector(&l, &d->pos[i].bias, "bias", c->dim);
    }
    for (int i = 0; i < c->depth; i++) block(&l, &d->blocks[i], i, c->dim, c->dim * c->ff_mult);
    for (int i = 0; i < c->depth / 2; i++) {
        snprintf(l.prefix, sizeof l.prefix, "text_fusion_linears.%d.0.", i);
        linear(&l, &d->fusion[i], c->dim, c->cond_dim);
    }
    snprintf(l.prefix, sizeof l.prefix, "norm_out.linear.");
    linear(&l, &d->norm_out, 2 * c->dim, c->cond_dim);
    snprintf(l.prefix, sizeof l.prefix, "proj_out.");
    linear(&l, &d->out, c->mel_dim, c->dim);
    if (floats) *floats = l.floats;
    return l.count;
}

static drgen_status list(dit *d, dit_tensor **out, size_t *count, drgen_err *err)
{
    *count = dit_tensors(d, NULL, NULL);
    *out = calloc(*count, sizeof **out);
    if (!*out) return err_fail(err, DRGEN_ERR_NOMEM, "list of tensors: out of memory");
    dit_tensors(d, *out, NULL);
    return DRGEN_OK;
}

static drgen_status shell(dit **out, const dit_cfg *cfg, drgen_err *err)
{
    dit *d = *out = calloc(1, sizeof *d);
    if (d) {
        d->cfg = *cfg;
        d->text = calloc((size_t)cfg->conv_layers + 1, sizeof *d->text);
        d->blocks = calloc((size_t)cfg->depth + 1, sizeof *d->blocks);
        d->fusion = calloc((size_t)cfg->depth / 2 + 1, sizeof *d->fusion);
        if (d->text && d->blocks && d->fusion) return DRGEN_OK;
    }
    dit_free(d);
    *out = NULL;
    return err_fail(err, DRGEN_ERR_NOMEM, "transformer: out of memory");
}

drgen_status dit_over(dit **out, const dit_cfg *cfg, float *data, drgen_err *err)
{
    dit_tensor *t;
    size_t count;
    ERR_TRY(shell(out, cfg, err));
    drgen_status status = list(*out, &t, &count, err);
    if (status != DRGEN_OK) {
        dit_free(*out);
        *out = NULL;
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (t[i].vector) *t[i].vector = data + t[i].at;
        else
            *t[i].matrix = (wmat){
                .data = data + t[i].at, .type = ST_F32, .rows = t[i].shape[0], .cols = t[i].count / t[i].shape[0]};
    }
    free(t);
    return DRGEN_OK;
}

drgen_status dit_list(const dit_cfg *cfg, dit_tensor **out, size_t *count, drgen_err *err)
{
    dit *d;
    *out = NULL;
    ERR_TRY(shell(&d, cfg, err));
    drgen_status status = list(d, out, count, err);
    for (size_t i = 0; i < *count && status == DRGEN_OK; i++) {
        (*out)[i].matrix = NULL;
        (*out)[i].vector = NULL;
    }
    dit_free(d);
    return status;
}

drgen_status dit_floats(const dit_cfg *cfg, size_t *floats, drgen_err *err)
{
    dit *d;
    ERR_TRY(shell(&d, cfg, err));
    dit_tensors(d, NULL, floats);
    dit_free(d);
    return DRGEN_OK;
}

static void widen_bytes(const wmat *m, float *out)
{
    const int8_t *w = m->data;
    for (size_t r = 0; r < m->rows; r++)
        for (size_t c = 0; c < m->cols; c++) out[r * m->cols + c] = m->scale[r] * (float)w[r * m->cols + c];
}

drgen_status dit_flatten(const dit *from, const kern_table *kern, float *data, drgen_err *err)
{
    dit_tensor *t;
    size_t count;
    dit whole =
        *from; /* the list wants places it could write to; only those in the arrays of layers are the model's own */
    ERR_TRY(list(&whole, &t, &count, err));
    for (size_t i = 0; i < count; i++) {
        float *dst = data + t[i].at;
        if (t[i].vector) memcpy(dst, *t[i].vector, t[i].count * sizeof *dst);
        else if (t[i].matrix->type == ST_I8) widen_bytes(t[i].matrix, dst);
        else {
            st_type type = t[i].matrix->type;
            kern->widen(dst, t[i].matrix->data,
                        type == ST_F16    ? KERN_F16
                        : type == ST_BF16 ? KERN_BF16
                                          : KERN_F32,
                        t[i].count);
        }
        size_t gap = (t[i].count + 15) / 16 * 16 - t[i].count;
        memset(dst + t[i].count, 0, gap * sizeof *dst);
    }
    free(t);
    return DRGEN_OK;
}

int dit_tensor_ends(const dit_tensor *t, const char *end)
{
    size_t n = strlen(t->name), e = strlen(end);
    return n >= e && strcmp(t->name + n - e, end) == 0;
}

/* Inputs that reach one output: a bias has those of the weight before it. */
static size_t fan_in(const dit_tensor *t)
{
    if (strstr(t->name, "dwconv.weight")) return DIT_TEXT_TAPS;
    return t->count / t->shape[0];
}

static void init_tensor(const dit_tensor *t, size_t fan, uint64_t seed, float *out)
{
    float value = strstr(t->name, "layernorm") || dit_tensor_ends(t, ".norm.weight") ? 1.0f : 0.0f;
    int fixed = value != 0 || strstr(t->name, ".grn.") || dit_tensor_ends(t, ".norm.bias");
    if (fixed) {
        for (size_t i = 0; i < t->count; i++) out[i] = value;
        return;
    }
    if (strcmp(t->name, "text_embed.text_embed.weight") != 0) {
        rng_synth(out, 0, t->count, t->name, 0, 1 / sqrt((double)fan), seed);
        return;
    }
    rng_torch rng;
    rng_torch_seed(&rng, seed);
    rng_torch_normal(&rng, out, t->count);
}

drgen_status dit_init(const dit_cfg *cfg, uint64_t seed, float *data, drgen_err *err)
{
    dit *d;
    dit_tensor *t = NULL;
    size_t count = 0, floats, fan = 1;
    ERR_TRY(shell(&d, cfg, err));
    drgen_status status = list(d, &t, &count, err);
    if (status == DRGEN_OK) {
        dit_tensors(d, NULL, &floats);
        memset(data, 0, floats * sizeof *data);
    }
    for (size_t i = 0; i < count && status == DRGEN_OK; i++) {
        if (t[i].dims > 1) fan = fan_in(&t[i]);
        init_tensor(&t[i], fan, seed, data + t[i].at);
    }
    free(t);
    dit_free(d);
    return status;
}

static drgen_status put_tensor(st_writer *w, const float *data, size_t count, int half, drgen_err *err)
{
    uint16_t part[2048];
    if (!half) return st_put(w, data, count * sizeof *data, err);
    for (size_t i = 0; i < count; i += 2048) {
        size_t n = count - i < 2048 ? count - i : 2048;
        for (size_t k = 0; k < n; k++) part[k] = half_to_f16(data[i + k]);
        ERR_TRY(st_put(w, part, n * sizeof *part, err));
    }
    return DRGEN_OK;
}

/* Vectors in float32 first, then matrices: each tensor is aligned to its elements. */
static drgen_status write_list(st_writer *w, const dit_tensor *t, size_t count, const float *data,
                               const float *negative, const dit_cfg *cfg, int half, drgen_err *err)
{
    size_t width = (size_t)cfg->cond_dim;
    if (negative) ERR_TRY(st_declare(w, "negative_style", ST_F32, &width, 1, err));
    for (int matrices = 0; matrices < 2; matrices++)
        for (size_t i = 0; i < count; i++)
            if ((t[i].matrix != NULL) == matrices)
                ERR_TRY(st_declare(w, t[i].name, half && matrices ? ST_F16 : ST_F32, t[i].shape, t[i].dims, err));
    if (negative) ERR_TRY(st_put(w, negative, width * sizeof *negative, err));
    for (int matrices = 0; matrices < 2; matrices++)
        for (size_t i = 0; i < count; i++)
            if ((t[i].matrix != NULL) == matrices)
                ERR_TRY(put_tensor(w, data + t[i].at, t[i].count, half && matrices, err));
    return DRGEN_OK;
}

drgen_status dit_write(const char *path, const dit_cfg *cfg, const float *data, const float *negative, int half,
                       drgen_err *err)
{
    dit *d = NULL;
    dit_tensor *t = NULL;
    st_writer *w = NULL;
    size_t count = 0;
    drgen_status status = shell(&d, cfg, err);
    if (status == DRGEN_OK) status = list(d, &t, &count, err);
    if (status == DRGEN_OK) status = st_create(&w, path, err);
    if (status == DRGEN_OK) status = write_list(w, t, count, data, negative, cfg, half, err);
    if (status == DRGEN_OK) status = st_finish(w, err);
    else st_cancel(w);
    free(t);
    dit_free(d);
    return status;
}
