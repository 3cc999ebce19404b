/* dit_grad_cond.c - time, text, input projection and position convolutions, forward with what the way back needs, and
 * back. The forward is dit_cond.c's and dit.c's. */
#include <math.h>
#include <string.h>

#include "train/dit_pass.h"

/* Gradients lie in const views of memory that is ours to write. */
static float *writable(const void *v)
{
    return (float *)(uintptr_t)v;
}

static void text_layout(dit_pass *p, nn *n)
{
    size_t r = p->rows, c = p->c, songs = p->b.songs;
    for (int i = 0; i < p->m.d->cfg.conv_layers; i++) {
        text_acts *t = &p->text[i];
        t->x = arena_floats(n->work, r * c);
        t->conv = arena_floats(n->work, r * c);
        t->normed = arena_floats(n->work, r * c);
        t->wide = arena_floats(n->work, r * 2 * c);
        t->act = arena_floats(n->work, r * 2 * c);
        t->grn = arena_floats(n->work, r * 2 * c);
        t->norm = arena_floats(n->work, songs * 2 * c);
    }
    p->text_out = arena_floats(n->work, r * c);
}

void cond_layout(dit_pass *p, nn *n)
{
    size_t r = p->rows, c = p->c, songs = p->b.songs;
    text_layout(p, n);
    for (int i = 0; i < 3; i++) {
        p->time[i].feature = arena_floats(n->work, songs * DIT_SINUS);
        p->time[i].hidden = arena_floats(n->work, songs * c);
    }
    p->time_out = arena_floats(n->work, songs * c);
    p->time_silu = arena_floats(n->work, songs * c);
    p->joined = arena_floats(n->work, r * (2 * p->mel + 3 * c));
    p->first = arena_floats(n->work, r * p->dim);
    p->conv[0] = arena_floats(n->work, r * p->dim);
    p->conv[1] = arena_floats(n->work, r * p->dim);
    p->mish = arena_floats(n->work, r * p->dim);
}

static const dit_time_mlp *time_mlp(const dit *d, int i)
{
    return i == 0 ? &d->time : i == 1 ? &d->start : &d->duration;
}

static int time_count(const dit_pass *p)
{
    return p->m.d->cfg.duration_embed ? 3 : 2;
}

static void time_forward(dit_pass *p, nn *n)
{
    size_t mark = arena_mark(n->work), songs = p->b.songs;
    float *act = arena_floats(n->work, songs * p->c);
    const float *const u[] = {p->b.t, p->b.start, p->b.duration};
    for (int i = 0; i < time_count(p); i++) {
        const dit_time_mlp *m = time_mlp(p->m.d, i);
        time_acts *a = &p->time[i];
        for (size_t s = 0; s < songs && !nn_dry(n); s++) nn_sinus(a->feature + s * DIT_SINUS, DIT_SINUS / 2, u[i][s]);
        nn_linear(n, a->hidden, p->c, a->feature, DIT_SINUS, &m->w0, m->b0, songs, 0);
        nn_activate(n, NN_SILU, act, a->hidden, songs * p->c);
        nn_linear(n, p->time_out, p->c, act, p->c, &m->w2, m->b2, songs, i > 0);
    }
    nn_activate(n, NN_SILU, p->time_silu, p->time_out, songs * p->c);
    arena_rewind(n->work, mark);
}

static void time_backward(dit_pass *p, nn *n)
{
    size_t mark = arena_mark(n->work), songs = p->b.songs, c = p->c;
    float *act = arena_floats(n->work, songs * c), *d = arena_floats(n->work, songs * c);
    for (int i = 0; i < time_count(p); i++) {
        const dit_time_mlp *m = time_mlp(p->m.d, i), *g = time_mlp(p->m.grad, i);
        time_acts *a = &p->time[i];
        nn_activate(n, NN_SILU, act, a->hidden, songs * c);
        nn_linear_dw(n, writable(g->w2.data), c, p->dtime, c, gemm_plain(act, c, c), c, c, songs);
        nn_bias_grad(n, writable(g->b2), p->dtime, c, songs, c);
        nn_linear_dx(n, d, c, p->dtime, c, &m->w2, songs, 0);
        nn_activate_grad(n, NN_SILU, d, d, a->hidden, songs * c);
        nn_linear_dw(n, writable(g->w0.data), DIT_SINUS, d, c, gemm_plain(a->feature, DIT_SINUS, DIT_SINUS), c,
                     DIT_SINUS, songs);
        nn_bias_grad(n, writable(g->b0), d, c, songs, c);
    }
    arena_rewind(n->work, mark);
}

typedef struct {
    const dit_pass *p;
    const kern_table *kern;
    float *out;
} look_job;

/* Token rows plus the position table, a song's frame at a time. */
static void look_task(void *arg, size_t frame, int thread)
{
    (void)thread;
    const look_job *j = arg;
    const dit_pass *p = j->p;
    const wmat *w = &p->m.d->tokens;
    size_t c = p->c, half = c / 2, max = (size_t)p->m.d->cfg.max_frames, at = frame < max ? frame : max - 1;
    size_t size = w->type == ST_F32 ? 4 : 2;
    float table[4096], *first = j->out + frame * c;
    kern_type type = w->type == ST_F16 ? KERN_F16 : w->type == ST_BF16 ? KERN_BF16 : KERN_F32;
    nn_rope_freq(table, half, 10000.0, 0);
    for (size_t i = 0; i < half; i++) {
        float angle = (float)at * table[i];
        table[half + i] = (float)sin((double)angle);
        table[i] = (float)cos((double)angle);
    }
    for (size_t s = 0; s < p->b.songs; s++) {
        float *row = first + s * p->b.frames * c;
        size_t id = p->b.text ? (size_t)p->b.text[s * p->b.frames + frame] : 0;
        j->kern->widen(row, (const char *)w->data + id * c * size, type, c);
        j->kern->add(row, table, c);
    }
}

static void text_forward(dit_pass *p, nn *n)
{
    size_t c = p->c, r = p->rows, songs = p->b.songs, frames = p->b.frames;
    int layers = p->m.d->cfg.conv_layers;
    look_job look = {p, n->kern, layers ? p->text[0].x : p->text_out};
    if (!nn_dry(n)) pool_run(n->pool, look_task, &look, frames);
    for (int i = 0; i < layers; i++) {
        const dit_text_block *t = &p->m.d->text[i];
        text_acts *a = &p->text[i];
        float *out = i + 1 < layers ? p->text[i + 1].x : p->text_out;
        nn_depthwise(n, a->conv, a->x, t->dw, t->dw_bias, DIT_TEXT_TAPS, songs, frames, c);
        nn_layernorm(n, a->normed, a->conv, t->norm_w, t->norm_b, 1e-6f, r, c);
        nn_linear(n, a->wide, 2 * c, a->normed, c, &t->pw1, t->pw1_bias, r, 0);
        nn_activate(n, NN_GELU, a->act, a->wide, r * 2 * c);
        nn_grn(n, a->grn, a->norm, a->act, t->gamma, t->beta, songs, frames, 2 * c);
        if (!nn_dry(n)) memcpy(out, a->x, r * c * sizeof *out);
        nn_linear(n, out, c, a->grn, 2 * c, &t->pw2, t->pw2_bias, r, 1);
    }
}

static void text_backward(dit_pass *p, nn *n)
{
    size_t mark = arena_mark(n->work), c = p->c, r = p->rows, songs = p->b.songs, frames = p->b.frames;
    float *wide = arena_floats(n->work, r * 2 * c), *d = arena_floats(n->work, r * c),
          *more = arena_floats(n->work, r * c);
    for (int i = p->m.d->cfg.conv_layers; i-- > 0;) {
        const dit_text_block *t = &p->m.d->text[i], *g = &p->m.grad->text[i];
        text_acts *a = &p->text[i];
        nn_linear_dw(n, writable(g->pw2.data), 2 * c, p->dtext, c, gemm_plain(a->grn, 2 * c, 2 * c), c, 2 * c, r);
        nn_bias_grad(n, writable(g->pw2_bias), p->dtext, c, r, c);
        nn_linear_dx(n, wide, 2 * c, p->dtext, c, &t->pw2, r, 0);
        nn_grn_grad(n, wide, writable(g->gamma), writable(g->beta), wide, a->act, a->norm, t->gamma, songs, frames,
                    2 * c);
        nn_activate_grad(n, NN_GELU, wide, wide, a->wide, r * 2 * c);
        nn_linear_dw(n, writable(g->pw1.data), c, wide, 2 * c, gemm_plain(a->normed, c, c), 2 * c, c, r);
        nn_bias_grad(n, writable(g->pw1_bias), wide, 2 * c, r, 2 * c);
        nn_linear_dx(n, d, c, wide, 2 * c, &t->pw1, r, 0);
        nn_layernorm_grad(n, d, writable(g->norm_w), writable(g->norm_b), d, a->conv, t->norm_w, 1e-6f, r, c);
        nn_bias_grad(n, writable(g->dw_bias), d, c, r, c);
        nn_depthwise_grad(n, more, writable(g->dw), d, a->x, t->dw, DIT_TEXT_TAPS, songs, frames, c);
        nn_add(n, p->dtext, more, r * c);
    }
    nn_embedding_grad(n, writable(p->m.grad->tokens.data), p->dtext, p->b.text, r, c);
    arena_rewind(n->work, mark);
}

const float *dit_text_forward(dit_pass *p, nn *n, const dit_trained *m, const dit_batch *b)
{
    pass_begin(p, m, b);
    text_layout(p, n);
    p->dtext = arena_floats(n->work, p->rows * p->c);
    text_forward(p, n);
    return p->text_out;
}

void dit_text_backward(dit_pass *p, nn *n, const float *d)
{
    if (!nn_dry(n)) memcpy(p->dtext, d, p->rows * p->c * sizeof *d);
    text_backward(p, n);
}

static void join_task(void *arg, size_t row, int thread)
{
    (void)thread;
    const dit_pass *p = arg;
    size_t m = p->mel, c = p->c, song = row / p->b.frames;
    float *out = p->joined + row * (2 * m + 3 * c);
    memcpy(out, p->b.x + row * m, m * sizeof *out);
    if (p->b.cond) memcpy(out + m, p->b.cond + row * m, m * sizeof *out);
    else memset(out + m, 0, m * sizeof *out);
    memcpy(out + 2 * m, p->text_out + row * c, c * sizeof *out);
    memcpy(out + 2 * m + c, p->b.style + song * c, c * sizeof *out);
    memcpy(out + 2 * m + 2 * c, p->time_out + song * c, c * sizeof *out);
}

static nn_grouped position(const dit_pass *p, int i)
{
    return (nn_grouped){.w = &p->m.d->pos[i].w,
                        .taps = DIT_POS_TAPS,
                        .groups = (size_t)p->m.d->cfg.conv_groups,
                        .songs = p->b.songs,
                        .frames = p->b.frames,
                        .width = p->dim};
}

void cond_forward(dit_pass *p, nn *n, float *h)
{
    const dit *d = p->m.d;
    size_t r = p->rows, count = r * p->dim, width = 2 * p->mel + 3 * p->c;
    time_forward(p, n);
    text_forward(p, n);
    if (!nn_dry(n)) pool_run(n->pool, join_task, p, r);
    nn_linear(n, p->first, p->dim, p->joined, width, &d->proj.w, d->proj.bias, r, 0);
    nn_grouped a = position(p, 0), b = position(p, 1);
    nn_grouped_conv(n, p->conv[0], p->first, d->pos[0].bias, &a);
    nn_activate(n, NN_MISH, p->mish, p->conv[0], count);
    nn_grouped_conv(n, p->conv[1], p->mish, d->pos[1].bias, &b);
    nn_activate(n, NN_MISH, h, p->conv[1], count);
    nn_add(n, h, p->first, count);
}

static void position_backward(dit_pass *p, nn *n)
{
    size_t mark = arena_mark(n->work), count = p->rows * p->dim;
    const dit *g = p->m.grad;
    float *d = arena_floats(n->work, count), *e = arena_floats(n->work, count);
    nn_grouped a = position(p, 0), b = position(p, 1);
    nn_activate_grad(n, NN_MISH, d, p->dh, p->conv[1], count);
    nn_bias_grad(n, writable(g->pos[1].bias), d, p->dim, p->rows, p->dim);
    nn_grouped_conv_grad(n, e, writable(g->pos[1].w.data), d, p->mish, &b);
    nn_activate_grad(n, NN_MISH, e, e, p->conv[0], count);
    nn_bias_grad(n, writable(g->pos[0].bias), e, p->dim, p->rows, p->dim);
    nn_grouped_conv_grad(n, d, writable(g->pos[0].w.data), e, p->first, &a);
    nn_add(n, p->dh, d, count);
    arena_rewind(n->work, mark);
}

void cond_backward(dit_pass *p, nn *n)
{
    size_t mark = arena_mark(n->work), width = 2 * p->mel + 3 * p->c, c = p->c, songs = p->b.songs,
           frames = p->b.frames;
    const dit *d = p->m.d, *g = p->m.grad;
    float *sums = arena_floats(n->work, songs * p->dim);
    position_backward(p, n);
    nn_linear_dw(n, writable(g->proj.w.data), width, p->dh, p->dim, gemm_plain(p->joined, width, width), p->dim, width,
                 p->rows);
    nn_bias_grad(n, writable(g->proj.bias), p->dh, p->dim, p->rows, p->dim);
    wmat text = d->proj.w, time = d->proj.w;
    text.ld = time.ld = width;
    text.cols = time.cols = c;
    text.data = cpart(d->proj.w.data, 2 * p->mel);
    time.data = cpart(d->proj.w.data, 2 * p->mel + 2 * c);
    nn_linear_dx(n, p->dtext, c, p->dh, p->dim, &text, p->rows, 1);
    if (!nn_dry(n)) memset(sums, 0, songs * p->dim * sizeof *sums);
    for (size_t s = 0; s < songs && !nn_dry(n); s++)
        nn_bias_grad(n, sums + s * p->dim, p->dh + s * frames * p->dim, p->dim, frames, p->dim);
    nn_linear_dx(n, p->dtime, c, sums, p->dim, &time, songs, 1);
    time_backward(p, n);
    text_backward(p, n);
    arena_rewind(n->work, mark);
}
