/* grains.c - see grains.h: the tensors of the decoder. */
#include "model/grains.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/grains_tensors.h"

static const double pi = 3.14159265358979323846;
static const double limit = 1; /* of the sum of grains; half of it comes out */

vae_cfg grains_config(void)
{
    return (vae_cfg){.latent_dim = GRAINS_CHANNELS, .io_channels = 2, .levels = 1, .ratio = GRAINS_HOP, .has_encoder = 1,
                     .strides = {GRAINS_HOP}, .widths = {GRAINS_WIDTH, GRAINS_DRIVES}, .kernels = {GRAINS_SPAN},
                     .made = CONFIG_GRAINS};
}

/* ---- names and shapes */

enum { NAME = 64 };

typedef struct {
    st_shape shapes[96];
    char names[96][NAME];
    size_t count;
} shape_list;

static void add(shape_list *l, const char *base, const char *name, int dims, const size_t *shape)
{
    st_shape *s = &l->shapes[l->count];
    snprintf(l->names[l->count], sizeof l->names[0], "%s.%s", base, name);
    *s = (st_shape){.name = l->names[l->count++], .dims = dims};
    memcpy(s->shape, shape, (size_t)dims * sizeof *shape);
}

#define ADD(l, base, name, ...) \
    add(l, base, name, (int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), (const size_t[]){__VA_ARGS__})

static void add_snake(shape_list *l, const char *base, size_t width)
{
    ADD(l, base, "alpha", width);
    ADD(l, base, "beta", width);
}

static void add_units(shape_list *l, const char *level, int first)
{
    char base[NAME];
    for (int u = first; u < first + 3; u++)
        for (int part = 0; part < 4; part++) {
            snprintf(base, sizeof base, "%s.layers.%d.layers.%d", level, u, part);
            if (part % 2 == 0) {
                add_snake(l, base, GRAINS_WIDTH);
                continue;
            }
            ADD(l, base, "weight", GRAINS_WIDTH, part == 1 ? 7 : 1, GRAINS_WIDTH);
            ADD(l, base, "bias", GRAINS_WIDTH);
        }
}

static void list_decoder(shape_list *l)
{
    ADD(l, "decoder.layers.0", "weight", GRAINS_DRIVES, 7, GRAINS_CHANNELS);
    ADD(l, "decoder.layers.0", "bias", GRAINS_DRIVES);
    add_snake(l, "decoder.layers.1.layers.0", GRAINS_DRIVES);
    ADD(l, "decoder.layers.1.layers.1", "weight", GRAINS_HOP, GRAINS_WIDTH, 2, GRAINS_DRIVES);
    ADD(l, "decoder.layers.1.layers.1", "bias", GRAINS_WIDTH);
    add_units(l, "decoder.layers.1", 2);
    add_snake(l, "decoder.layers.2", GRAINS_WIDTH);
    ADD(l, "decoder.layers.3", "weight", 2, 7, GRAINS_WIDTH);
}

static void list_encoder(shape_list *l)
{
    ADD(l, "encoder.layers.0", "weight", GRAINS_WIDTH, 7, 2);
    ADD(l, "encoder.layers.0", "bias", GRAINS_WIDTH);
    add_units(l, "encoder.layers.1", 0);
    add_snake(l, "encoder.layers.1.layers.3", GRAINS_WIDTH);
    ADD(l, "encoder.layers.1.layers.4", "weight", GRAINS_DRIVES, GRAINS_SPAN, GRAINS_WIDTH);
    ADD(l, "encoder.layers.1.layers.4", "bias", GRAINS_DRIVES);
    add_snake(l, "encoder.layers.2", GRAINS_DRIVES);
    ADD(l, "encoder.layers.3", "weight", 2 * GRAINS_CHANNELS, 3, GRAINS_DRIVES);
    ADD(l, "encoder.layers.3", "bias", 2 * GRAINS_CHANNELS);
}

/* ---- values */

void grains_snake(st_file *f, const char *base, size_t first, size_t count, double alpha, double beta)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s.alpha", base);
    float *a = st_values(f, name);
    snprintf(name, sizeof name, "%s.beta", base);
    float *b = st_values(f, name);
    for (size_t i = first; i < first + count; i++) {
        a[i] = (float)alpha;
        b[i] = (float)beta;
    }
}

void grains_still(st_file *f, const char *base, size_t first, size_t count)
{
    grains_snake(f, base, first, count, -20, 20);
}

/* Residual units: all zeros, their snakes still. */
void grains_still_units(st_file *f, const char *level, int first)
{
    char base[NAME];
    for (int u = first; u < first + 3; u++)
        for (int part = 0; part < 4; part += 2) {
            snprintf(base, sizeof base, "%s.layers.%d.layers.%d", level, u, part);
            grains_still(f, base, 0, GRAINS_WIDTH);
        }
}

/* Drive i is its channel's roll of `tap` frames ago, minus a quarter: where the snake x + sin^2(pi x) / pi becomes a
 * staircase, flat at every whole roll. The last drive is a constant 1. */
static void fill_drives(st_file *f, const grains_atom *atoms)
{
    float *w = st_values(f, "decoder.layers.0.weight"), *b = st_values(f, "decoder.layers.0.bias");
    for (size_t i = 0; i < GRAINS_COUNT; i++) {
        w[(i * 7 + (size_t)(3 - atoms[i].tap)) * GRAINS_CHANNELS + (size_t)atoms[i].channel] = (float)(1 / GRAINS_SCALE);
        b[i] = (float)(GRAINS_OFFSET - 0.25);
    }
    b[GRAINS_COUNT] = 1;
    grains_snake(f, "decoder.layers.1.layers.0", 0, GRAINS_COUNT, log(pi), log(pi));
    grains_still(f, "decoder.layers.1.layers.0", GRAINS_COUNT, 1);
}

/* Grains as a transposed convolution [hop, out, 2, drives] (pack.h): its second tap is a grain's first half. Drives are put
 * in place a few at a time, so that the lines written stay near. */
static void fill_grains(st_file *f, const float *grains)
{
    enum { DRIVES = 16 };
    float *w = st_values(f, "decoder.layers.1.layers.1.weight");
    for (size_t half = 0; half < 2; half++)
        for (size_t side = 0; side < 2; side++)
            for (size_t i0 = 0; i0 < GRAINS_COUNT; i0 += DRIVES)
                for (size_t r = 0; r < GRAINS_HOP; r++) {
                    float *to = w + ((r * GRAINS_WIDTH + side) * 2 + 1 - half) * GRAINS_DRIVES;
                    const float *from = grains + side * GRAINS_SPAN + half * GRAINS_HOP + r;
                    for (size_t i = i0; i < i0 + DRIVES && i < GRAINS_COUNT; i++) to[i] = from[i * GRAINS_SAMPLES];
                }
    /* The staircase puts a drive of nothing at 1 / (2 pi) - 1/4; the constant drive takes that away. */
    const double nothing = 1 / (2 * pi) - 0.25;
    for (size_t row = 0; row < GRAINS_HOP * GRAINS_WIDTH * 2; row++) {
        double sum = 0;
        for (size_t i = 0; i < GRAINS_COUNT; i++) sum += (double)w[row * GRAINS_DRIVES + i];
        w[row * GRAINS_DRIVES + GRAINS_COUNT] = (float)(-nothing * sum);
    }
}

/* The last snake limits: around an offset of half the limit it is x + sin(2 a x) / (2 a), of slope 2 at 0 and flat at the
 * limit. The third output carries the offset alone, and is taken away. */
static void fill_limiter(st_file *f)
{
    float *bias = st_values(f, "decoder.layers.1.layers.1.bias"), *w = st_values(f, "decoder.layers.3.weight");
    for (size_t i = 0; i < GRAINS_WIDTH; i++) bias[i] = (float)(limit / 2);
    grains_snake(f, "decoder.layers.2", 0, GRAINS_WIDTH, log(pi / (2 * limit)), log(pi / (2 * limit)));
    for (size_t side = 0; side < 2; side++) {
        w[(side * 7 + 3) * GRAINS_WIDTH + side] = 0.5f;
        w[(side * 7 + 3) * GRAINS_WIDTH + 2] = -0.5f;
    }
}

static int same_sizes(const vae_cfg *a, const vae_cfg *b)
{
    return a->latent_dim == b->latent_dim && a->io_channels == b->io_channels && a->levels == b->levels && !a->final_tanh &&
           a->strides[0] == b->strides[0] && a->kernels[0] == b->kernels[0] && a->widths[0] == b->widths[0] &&
           a->widths[1] == b->widths[1];
}

drgen_status grains_make(st_file **out, const vae_cfg *cfg, const char *name, drgen_err *err)
{
    const vae_cfg want = grains_config();
    grains_atom atoms[GRAINS_COUNT];
    *out = NULL;
    if (!same_sizes(cfg, &want))
        return err_fail(err, DRGEN_ERR_MODEL,
                        "%s: vae: \"made\": \"grains\" goes with 1 level of stride %d, widths %d and %d, latents %d wide",
                        name, GRAINS_HOP, GRAINS_WIDTH, GRAINS_DRIVES, GRAINS_CHANNELS);
    st_file *f = NULL;
    shape_list *l = calloc(1, sizeof *l);
    float *grains = malloc((size_t)GRAINS_COUNT * GRAINS_SAMPLES * sizeof *grains);
    drgen_status status = l && grains ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    if (status != DRGEN_OK) goto done;
    list_decoder(l);
    if (cfg->has_encoder) list_encoder(l);
    status = st_make(&f, name, l->shapes, l->count, err);
    if (status == DRGEN_OK) status = grains_render(grains, err);
    if (status != DRGEN_OK) goto done;
    grains_list(atoms);
    fill_drives(f, atoms);
    fill_grains(f, grains);
    grains_still_units(f, "decoder.layers.1", 2);
    fill_limiter(f);
    if (cfg->has_encoder) status = grains_encoder(f, atoms, grains, err);
done:
    free(l);
    free(grains);
    if (status == DRGEN_OK) *out = f;
    else st_close(f);
    return status;
}
