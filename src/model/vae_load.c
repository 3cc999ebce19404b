/* vae_load.c - binds the autoencoder's tensors by name and exact shape. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/vae_types.h"

typedef struct {
    vae *v;
    const st_file *f;
    drgen_err *err;
    drgen_status status; /* first failure; later calls do nothing */
} binder;

static float *own(binder *b, size_t count)
{
    vae *v = b->v;
    float *p = NULL;
    if (b->status != DRGEN_OK) return NULL;
    if (v->owned_count == v->owned_room) {
        size_t room = v->owned_room ? 2 * v->owned_room : 64;
        float **grown = realloc(v->owned, room * sizeof *grown);
        if (grown) {
            v->owned = grown;
            v->owned_room = room;
        }
    }
    if (v->owned_count < v->owned_room && (p = malloc(count * sizeof *p))) v->owned[v->owned_count++] = p;
    else b->status = err_fail(b->err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(b->f));
    return p;
}

static float *floats(binder *b, const char *base, const char *name, const size_t *shape, int dims)
{
    char full[128];
    size_t count = 1;
    for (int i = 0; i < dims; i++) count *= shape[i];
    float *p = own(b, count);
    snprintf(full, sizeof full, "%s.%s", base, name);
    if (b->status == DRGEN_OK) b->status = weights_floats(b->f, full, shape, dims, p, b->err);
    return p;
}

static void matrix(binder *b, const char *base, const size_t *shape, int dims, wmat *out)
{
    char full[128];
    snprintf(full, sizeof full, "%s.weight", base);
    if (b->status == DRGEN_OK) b->status = weights_matrix(b->f, full, shape, dims, out, b->err);
}

/* Stored in log scale; without beta it is the plain Snake (b = a). */
static void snake(binder *b, const char *base, size_t width, vae_snake *s)
{
    char full[128];
    snprintf(full, sizeof full, "%s.beta", base);
    s->a = floats(b, base, "alpha", &width, 1);
    s->s = st_find(b->f, full) ? floats(b, base, "beta", &width, 1) : floats(b, base, "alpha", &width, 1);
    for (size_t i = 0; i < width && b->status == DRGEN_OK; i++) {
        s->a[i] = expf(s->a[i]);
        s->s[i] = 1.0f / (expf(s->s[i]) + 1e-9f);
    }
}

static void unit(binder *b, const char *base, size_t width, size_t dilation, vae_unit *u)
{
    char name[96];
    u->dilation = dilation;
    snprintf(name, sizeof name, "%s.layers.0", base);
    snake(b, name, width, &u->first);
    snprintf(name, sizeof name, "%s.layers.1", base);
    matrix(b, name, (const size_t[]){width, VAE_TAPS, width}, 3, &u->wide);
    u->wide_bias = floats(b, name, "bias", &width, 1);
    snprintf(name, sizeof name, "%s.layers.2", base);
    snake(b, name, width, &u->second);
    snprintf(name, sizeof name, "%s.layers.3", base);
    matrix(b, name, (const size_t[]){width, 1, width}, 3, &u->point);
    u->point_bias = floats(b, name, "bias", &width, 1);
}

static const size_t dilations[VAE_UNITS] = {1, 3, 9};

static void level(binder *b, int i, vae_level *l)
{
    const vae_cfg *c = &b->v->cfg;
    char name[96];
    l->in = (size_t)c->widths[c->levels - i];
    l->out = (size_t)c->widths[c->levels - i - 1];
    l->stride = (size_t)c->strides[c->levels - i - 1];
    l->pad = (l->stride + 1) / 2;
    snprintf(name, sizeof name, "decoder.layers.%d.layers.0", i + 1);
    snake(b, name, l->in, &l->snake);
    snprintf(name, sizeof name, "decoder.layers.%d.layers.1", i + 1);
    matrix(b, name, (const size_t[]){l->stride, l->out, 2, l->in}, 4, &l->up);
    l->up.rows = l->stride * l->out;
    l->up.cols = 2 * l->in;
    const float *bias = floats(b, name, "bias", &l->out, 1);
    l->up_bias = own(b, l->stride * l->out);
    for (size_t r = 0; r < l->stride && b->status == DRGEN_OK; r++) memcpy(l->up_bias + r * l->out, bias, l->out * sizeof *bias);
    for (int u = 0; u < VAE_UNITS; u++) {
        snprintf(name, sizeof name, "decoder.layers.%d.layers.%d", i + 1, u + 2);
        unit(b, name, l->out, dilations[u], &l->unit[u]);
    }
}

static void down(binder *b, int i, vae_down *l)
{
    const vae_cfg *c = &b->v->cfg;
    char name[96];
    l->in = (size_t)c->widths[i];
    l->out = (size_t)c->widths[i + 1];
    l->stride = (size_t)c->strides[i];
    l->pad = (l->stride + 1) / 2;
    for (int u = 0; u < VAE_UNITS; u++) {
        snprintf(name, sizeof name, "encoder.layers.%d.layers.%d", i + 1, u);
        unit(b, name, l->in, dilations[u], &l->unit[u]);
    }
    snprintf(name, sizeof name, "encoder.layers.%d.layers.3", i + 1);
    snake(b, name, l->in, &l->snake);
    snprintf(name, sizeof name, "encoder.layers.%d.layers.4", i + 1);
    matrix(b, name, (const size_t[]){l->out, 2 * l->stride, l->in}, 3, &l->down);
    l->down_bias = floats(b, name, "bias", &l->out, 1);
}

static void load_encoder(binder *b, vae_encoder *e)
{
    const vae_cfg *c = &b->v->cfg;
    size_t bottom = (size_t)c->widths[0], top = (size_t)c->widths[c->levels], twice = 2 * (size_t)c->latent_dim;
    char name[96];
    matrix(b, "encoder.layers.0", (const size_t[]){bottom, VAE_TAPS, (size_t)c->io_channels}, 3, &e->first);
    e->first_bias = floats(b, "encoder.layers.0", "bias", &bottom, 1);
    for (int i = 0; i < c->levels; i++) down(b, i, &e->level[i]);
    snprintf(name, sizeof name, "encoder.layers.%d", c->levels + 1);
    snake(b, name, top, &e->snake);
    snprintf(name, sizeof name, "encoder.layers.%d", c->levels + 2);
    matrix(b, name, (const size_t[]){twice, VAE_LAST_TAPS, top}, 3, &e->last);
    e->last_bias = floats(b, name, "bias", &twice, 1);
}

drgen_status vae_load(vae **out, const vae_cfg *cfg, const st_file *weights, drgen_err *err)
{
    *out = NULL;
    vae *v = calloc(1, sizeof *v);
    if (!v) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(weights));
    v->cfg = *cfg;
    binder b = {v, weights, err, DRGEN_OK};
    int n = cfg->levels;
    size_t top = (size_t)cfg->widths[n], bottom = (size_t)cfg->widths[0];
    char name[96];
    matrix(&b, "decoder.layers.0", (const size_t[]){top, VAE_TAPS, (size_t)cfg->latent_dim}, 3, &v->first);
    v->first_bias = floats(&b, "decoder.layers.0", "bias", &top, 1);
    for (int i = 0; i < n; i++) level(&b, i, &v->level[i]);
    snprintf(name, sizeof name, "decoder.layers.%d", n + 1);
    snake(&b, name, bottom, &v->snake);
    snprintf(name, sizeof name, "decoder.layers.%d", n + 2);
    v->last = floats(&b, name, "weight", (const size_t[]){(size_t)cfg->io_channels, VAE_TAPS, bottom}, 3);
    if (cfg->has_encoder) load_encoder(&b, &v->encoder);
    if (b.status != DRGEN_OK) vae_free(v);
    else *out = v;
    return b.status;
}

void vae_free(vae *v)
{
    if (!v) return;
    for (size_t i = 0; i < v->owned_count; i++) free(v->owned[i]);
    free(v->owned);
    free(v);
}

const vae_cfg *vae_config(const vae *v)
{
    return &v->cfg;
}
