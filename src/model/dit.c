/* dit.c - the DiffRhythm transformer's forward pass. Source: spec dit.md; ASLP-lab/DiffRhythm model/dit.py. */
#include <stdio.h>
#include <string.h>

#include "model/dit_types.h"

/* Columns of the input projection that meet one part of its input: x, cond, text, style, time. */
enum part { PART_X, PART_COND, PART_TEXT, PART_STYLE, PART_TIME };

static wmat proj_part(const dit *d, enum part p)
{
    size_t m = (size_t)d->cfg.mel_dim, c = (size_t)d->cfg.cond_dim;
    const size_t from[] = {0, m, 2 * m, 2 * m + c, 2 * m + 2 * c}, width[] = {m, m, c, c, c};
    wmat w = d->proj.w;
    w.ld = w.cols;
    w.cols = width[p];
    w.data = (const char *)w.data + from[p] * (w.type == ST_F32 ? 4 : 2);
    return w;
}

static void tap(const dit_work *w, const char *name, size_t branch, const float *data, size_t rows, size_t width)
{
    if (w->tap && data) w->tap(w->tap_user, name, (int)branch, data, rows, width);
}

/* The input projection of everything but x and t, and the text's additions after the first half of the blocks. */
static void prepare_branch(dit_work *w, nn *n, const dit_input *in, size_t i, int half_tables)
{
    const dit *d = w->d;
    size_t c = (size_t)d->cfg.cond_dim, dim = (size_t)d->cfg.dim, frames = w->frames, fused = (size_t)d->cfg.depth / 2;
    w->text[i] = arena_floats(n->work, frames * c);
    w->base[i] = arena_floats(n->work, frames * dim);
    w->row_base[i] = arena_floats(n->work, dim);
    w->time_base[i] = arena_floats(n->work, c);
    w->fusion[i] = arena_floats(n->work, fused * frames * dim);
    dit_time(d, n, &d->start, in->start, w->time_base[i], 0);
    if (d->cfg.duration_embed) dit_time(d, n, &d->duration, in->duration, w->time_base[i], 1);
    dit_text(d, n, in->null ? NULL : in->text, frames, half_tables, w->text[i]);
    tap(w, "text_embed", i, w->text[i], frames, c);

    wmat text = proj_part(d, PART_TEXT), cond = proj_part(d, PART_COND), style = proj_part(d, PART_STYLE);
    nn_linear(n, w->base[i], dim, w->text[i], c, &text, NULL, frames, 0);
    if (in->cond && !in->null)
        nn_linear(n, w->base[i], dim, in->cond, (size_t)d->cfg.mel_dim, &cond, NULL, frames, 1);
    nn_linear(n, w->row_base[i], dim, in->style, c, &style, d->proj.bias, 1, 0);
    for (size_t k = 0; k < fused; k++) {
        float *out = nn_dry(n) ? NULL : w->fusion[i] + k * frames * dim;
        nn_linear(n, out, dim, w->text[i], c, &d->fusion[k].w, d->fusion[k].bias, frames, 0);
    }
    nn_activate(n, NN_SILU, w->fusion[i], w->fusion[i], fused * frames * dim);
}

void dit_prepare(dit_work *w, const dit *d, nn *n, const dit_input *in, int branches, size_t frames, int half_tables,
                 dit_tap look, void *user)
{
    size_t half = (size_t)(d->cfg.dim / d->cfg.heads) / 2;
    *w = (dit_work){.d = d, .frames = frames, .branches = (size_t)branches, .tap = look, .tap_user = user};
    w->rope_cos = arena_floats(n->work, frames * half);
    w->rope_sin = arena_floats(n->work, frames * half);
    w->h = arena_floats(n->work, w->branches * frames * (size_t)d->cfg.dim);
    if (!nn_dry(n)) nn_rope_tables(w->rope_cos, w->rope_sin, frames, half, 10000.0, half_tables);
    for (size_t i = 0; i < w->branches; i++) prepare_branch(w, n, &in[i], i, half_tables);
}

/* h of one branch: input projection and position convolutions; c gets the time vector. */
static void embed(dit_work *w, nn *n, const float *x, float t, size_t i, float *h, float *c)
{
    const dit *d = w->d;
    size_t mark = arena_mark(n->work), cond = (size_t)d->cfg.cond_dim, dim = (size_t)d->cfg.dim;
    float *row = arena_floats(n->work, dim);
    wmat wx = proj_part(d, PART_X), wt = proj_part(d, PART_TIME);
    if (!nn_dry(n)) memcpy(c, w->time_base[i], cond * sizeof *c);
    dit_time(d, n, &d->time, t, c, 1);
    tap(w, "time_embed", i, c, 1, cond);
    if (!nn_dry(n)) {
        memcpy(row, w->row_base[i], dim * sizeof *row);
        memcpy(h, w->base[i], w->frames * dim * sizeof *h);
    }
    nn_linear(n, row, dim, c, cond, &wt, NULL, 1, 1);
    nn_linear(n, h, dim, x, (size_t)d->cfg.mel_dim, &wx, row, w->frames, 1);
    dit_position(d, n, h, w->frames);
    tap(w, "input_embed", i, h, w->frames, dim);
    arena_rewind(n->work, mark);
}

/* v = proj_out(LayerNorm(h) * (1 + scale) + shift); scale is the first half of norm_out's output. */
static void output(dit_work *w, nn *n, size_t i, float *h, float *c, float *v)
{
    const dit *d = w->d;
    size_t mark = arena_mark(n->work), cond = (size_t)d->cfg.cond_dim, dim = (size_t)d->cfg.dim;
    float *scale = arena_floats(n->work, 2 * dim);
    nn_activate(n, NN_SILU, c, c, cond);
    nn_linear(n, scale, 2 * dim, c, cond, &d->norm_out.w, d->norm_out.bias, 1, 0);
    if (!nn_dry(n))
        for (size_t k = 0; k < dim; k++) scale[k] += 1.0f;
    nn_layernorm(n, h, h, scale, nn_dry(n) ? NULL : scale + dim, 1e-6f, w->frames, dim);
    nn_linear(n, v, (size_t)d->cfg.mel_dim, h, dim, &d->out.w, d->out.bias, w->frames, 0);
    tap(w, "out", i, v, w->frames, (size_t)d->cfg.mel_dim);
    arena_rewind(n->work, mark);
}

int dit_forward(dit_work *w, nn *n, const float *x, float t, float *const *v, int (*tick)(void *user), void *tick_user)
{
    const dit *d = w->d;
    size_t mark = arena_mark(n->work), dim = (size_t)d->cfg.dim, part = w->frames * dim, cond = (size_t)d->cfg.cond_dim;
    int go = 1;
    float *h = w->h, *c = arena_floats(n->work, w->branches * cond);
    for (size_t i = 0; i < w->branches; i++)
        embed(w, n, x, t, i, nn_dry(n) ? NULL : h + i * part, nn_dry(n) ? NULL : c + i * cond);
    for (int b = 0; b < d->cfg.depth && go; b++) {
        dit_block_run(d, &d->blocks[b], n, w, h);
        char name[32];
        snprintf(name, sizeof name, "block%d", b);
        for (size_t i = 0; i < w->branches && !nn_dry(n); i++) {
            tap(w, name, i, h + i * part, w->frames, dim);
            if (b < d->cfg.depth / 2) nn_add(n, h + i * part, w->fusion[i] + (size_t)b * part, part);
        }
        if (nn_dry(n)) break; /* every block is the same size */
        if (tick && tick(tick_user)) go = 0;
    }
    for (size_t i = 0; i < w->branches && go; i++)
        output(w, n, i, nn_dry(n) ? NULL : h + i * part, nn_dry(n) ? NULL : c + i * cond, nn_dry(n) ? NULL : v[i]);
    arena_rewind(n->work, mark);
    return go;
}

int dit_forward_first(const dit_work *w, nn *n, const float *x, float t, float *v, int (*tick)(void *user), void *tick_user)
{
    dit_work first = *w; /* branches lie behind each other, the first one in front */
    first.branches = 1;
    return dit_forward(&first, n, x, t, &v, tick, tick_user);
}
