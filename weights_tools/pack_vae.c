/* pack_vae.c - the autoencoder: everything inferred from tensor names and shapes (vae.md section 2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights_tools/pack_items.h"

#define S(...) (const size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)

static const char *const suffixes[] = {".weight", ".weight_v", ".parametrizations.weight.original1"};

/* The tensor that holds a convolution's weight, whatever its form. */
static const source_tensor *weight_of(const pack_list *l, const char *base)
{
    char name[PACK_NAME];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", base, suffixes[i]);
        const source_tensor *t = pack_look(l, name);
        if (t) return t->dims == 3 ? t : NULL;
    }
    return NULL;
}

static char *find_prefix(const source *s, int ema)
{
    char probe[PACK_NAME];
    for (size_t i = 0; i < 3; i++) {
        snprintf(probe, sizeof probe, "decoder.layers.0%s", suffixes[i]);
        char *prefix = source_prefix(s, probe, ema);
        if (prefix) return prefix;
    }
    return NULL;
}

static void infer(pack_list *l, vae_cfg *c)
{
    char base[PACK_NAME];
    const source_tensor *first = weight_of(l, "decoder.layers.0"), *up[CONFIG_MAX_LEVELS] = {0};
    for (; c->levels < CONFIG_MAX_LEVELS; c->levels++) {
        snprintf(base, sizeof base, "decoder.layers.%d.layers.1", c->levels + 1);
        if (!(up[c->levels] = weight_of(l, base))) break;
    }
    snprintf(base, sizeof base, "decoder.layers.%d", c->levels + 2);
    const source_tensor *last = weight_of(l, base);
    if (!first || !last || !c->levels) {
        l->status = err_fail(l->err, DRGEN_ERR_MODEL, "%s: the decoder's layers are not those of an Oobleck autoencoder",
                             source_name(l->s));
        return;
    }
    int n = c->levels;
    c->latent_dim = pack_size(first->shape[1]);
    c->io_channels = pack_size(last->shape[0]);
    c->widths[n] = pack_size(first->shape[0]);
    c->ratio = 1;
    for (int i = 0; i < n; i++) { /* the decoder runs from the top level down */
        c->kernels[n - 1 - i] = pack_size(up[i]->shape[2]);
        c->strides[n - 1 - i] = pack_size(up[i]->shape[2] / 2);
        c->widths[n - 1 - i] = pack_size(up[i]->shape[1]);
        if (up[i]->shape[2] < 4 || up[i]->shape[2] % 4 || up[i]->shape[2] > 131072 || __builtin_mul_overflow(c->ratio, c->strides[n - 1 - i], &c->ratio))
            l->status = err_fail(l->err, DRGEN_ERR_MODEL, "%s: %s: a kernel of %zu taps is not twice an even stride",
                                 source_name(l->s), up[i]->name, up[i]->shape[2]);
    }
    c->has_encoder = weight_of(l, "encoder.layers.0") != NULL;
}

/* What shapes do not show stands in the program of a TorchScript file: whether the output goes through tanh, and whether
 * the snakes' parameters are logarithms, the only form the decoder knows. */
static void read_code(pack_list *l, vae_cfg *c)
{
    const char *code = source_code(l->s);
    if (!code) return;
    if (strstr(code, "tanh(")) c->final_tanh = 1;
    if (!strstr(code, "exp("))
        l->status = err_fail(l->err, DRGEN_ERR_MODEL, "%s: its program takes no exponential of the snakes' alpha: another kind of "
                             "autoencoder, not supported", source_name(l->s));
}

static void snake(pack_list *l, const char *base, size_t width)
{
    char name[PACK_NAME];
    snprintf(name, sizeof name, "%s.alpha", base);
    pack_add(l, name, name, PACK_COPY, S(width));
    snprintf(name, sizeof name, "%s.beta", base);
    if (l->status == DRGEN_OK && pack_look(l, name)) pack_add(l, name, name, PACK_COPY, S(width));
}

static void conv(pack_list *l, const char *base, pack_turn turn, size_t a, size_t b, size_t taps, int bias)
{
    char name[PACK_NAME];
    pack_add_weight(l, base, turn, S(a, b, taps));
    snprintf(name, sizeof name, "%s.bias", base);
    if (bias) pack_add(l, name, name, PACK_COPY, S(turn == PACK_TRANSPOSED ? b : a));
}

static void unit(pack_list *l, const char *base, size_t width)
{
    char name[PACK_NAME];
    static const char *const parts[] = {".layers.0", ".layers.1", ".layers.2", ".layers.3"};
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", base, parts[i]);
        if (i % 2 == 0) snake(l, name, width);
        else conv(l, name, PACK_CONV, width, width, i == 1 ? 7 : 1, 1);
    }
}

static void at(char *out, const char *side, int level, int part)
{
    if (part < 0) snprintf(out, PACK_NAME, "%s.layers.%d", side, level);
    else snprintf(out, PACK_NAME, "%s.layers.%d.layers.%d", side, level, part);
}

static void plan_decoder(pack_list *l, const vae_cfg *c)
{
    char name[PACK_NAME];
    int n = c->levels;
    at(name, "decoder", 0, -1);
    conv(l, name, PACK_CONV, (size_t)c->widths[n], (size_t)c->latent_dim, 7, 1);
    for (int i = 1; i <= n; i++) {
        size_t a = (size_t)c->widths[n - i + 1], b = (size_t)c->widths[n - i];
        at(name, "decoder", i, 0);
        snake(l, name, a);
        at(name, "decoder", i, 1);
        conv(l, name, PACK_TRANSPOSED, a, b, (size_t)c->kernels[n - i], 1);
        for (int u = 2; u < 5; u++) {
            at(name, "decoder", i, u);
            unit(l, name, b);
        }
    }
    at(name, "decoder", n + 1, -1);
    snake(l, name, (size_t)c->widths[0]);
    at(name, "decoder", n + 2, -1);
    conv(l, name, PACK_CONV, (size_t)c->io_channels, (size_t)c->widths[0], 7, 0);
    strcat(name, ".bias");
    if (l->status == DRGEN_OK && pack_look(l, name))
        l->status = err_fail(l->err, DRGEN_ERR_MODEL, "%s: %s%s: the last convolution of an Oobleck decoder has no bias",
                             source_name(l->s), l->prefix, name);
}

static void plan_encoder(pack_list *l, const vae_cfg *c)
{
    char name[PACK_NAME];
    int n = c->levels;
    at(name, "encoder", 0, -1);
    conv(l, name, PACK_CONV, (size_t)c->widths[0], (size_t)c->io_channels, 7, 1);
    for (int i = 1; i <= n; i++) {
        size_t a = (size_t)c->widths[i - 1], b = (size_t)c->widths[i];
        for (int u = 0; u < 3; u++) {
            at(name, "encoder", i, u);
            unit(l, name, a);
        }
        at(name, "encoder", i, 3);
        snake(l, name, a);
        at(name, "encoder", i, 4);
        conv(l, name, PACK_CONV, b, a, (size_t)c->kernels[i - 1], 1);
    }
    at(name, "encoder", n + 1, -1);
    snake(l, name, (size_t)c->widths[n]);
    at(name, "encoder", n + 2, -1);
    conv(l, name, PACK_CONV, 2 * (size_t)c->latent_dim, (size_t)c->widths[n], 3, 1);
}

drgen_status pack_vae(const source *s, const char *path, const pack_how *how, vae_cfg *cfg, pack_sum *sum, drgen_err *err)
{
    char *prefix = find_prefix(s, how->ema);
    if (!prefix)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: no tensor ends with decoder.layers.0.weight: not the autoencoder",
                        source_name(s));
    pack_list l = {.s = s, .prefix = prefix, .how = how, .err = err};
    *cfg = (vae_cfg){.final_tanh = cfg->final_tanh};
    infer(&l, cfg);
    if (l.status == DRGEN_OK) read_code(&l, cfg);
    if (l.status == DRGEN_OK) plan_decoder(&l, cfg);
    if (l.status == DRGEN_OK && cfg->has_encoder) plan_encoder(&l, cfg);
    drgen_status status = pack_write(&l, path, sum);
    pack_list_free(&l);
    free(prefix);
    return status;
}
