/* lora_site.c - a linear layer with a low-rank addition, forward and back. Source: Hu et al., "LoRA" (2021). */
#include <string.h>

#include "base/rng.h"
#include "train/dit_pass.h"

static const wmat *weight_of(const dit_block *b, lora_site s)
{
    const wmat *const w[LORA_SITES] = {&b->q, &b->k, &b->v, &b->o, &b->gate, &b->up, &b->down};
    return w[s];
}

site dit_site(const dit_pass *p, int block, lora_site s)
{
    const dit_trained *m = &p->m;
    size_t at = (size_t)block * LORA_SITES + s;
    site out = {.w = weight_of(&m->d->blocks[block], s)};
    if (m->grad) out.dw = (float *)(uintptr_t)weight_of(&m->grad->blocks[block], s)->data;
    if (m->lora && m->lora[at].rank) {
        out.lora = &m->lora[at];
        out.dlora = m->lora_grad ? &m->lora_grad[at] : NULL;
        uint64_t key = p->b.key ^ (at + 1) * 0x9E3779B97F4A7C15u;
        out.key = rng_split(&key);
    }
    return out;
}

static wmat small(const float *data, size_t rows, size_t cols)
{
    return (wmat){.data = data, .type = ST_F32, .rows = rows, .cols = cols};
}

typedef struct {
    float *y;
    const float *x;
    float keep_scale;
    uint32_t threshold; /* of 2^24 */
    uint64_t key;
    size_t count;
    int add;
} drop_job;

enum { PIECE = 8192 };

/* Element i is kept when its own 24 random bits say so: the same on the way back, for any number of threads. */
static void drop_task(void *arg, size_t task, int thread)
{
    (void)thread;
    const drop_job *j = arg;
    size_t end = (task + 1) * PIECE < j->count ? (task + 1) * PIECE : j->count;
    uint64_t state = j->key + task * 0xD1342543DE82EF95u;
    for (size_t i = task * PIECE; i < end; i += 2) {
        uint64_t bits = rng_split(&state);
        for (size_t k = i; k < i + 2 && k < end; k++, bits >>= 32) {
            float v = (uint32_t)(bits & 0xFFFFFF) >= j->threshold ? j->x[k] * j->keep_scale : 0.0f;
            j->y[k] = j->add ? j->y[k] + v : v;
        }
    }
}

/* y (+)= x with a share of its elements zero and the rest made larger by as much. */
static void drop(nn *n, float *y, const float *x, const site *s, size_t count, int add)
{
    if (nn_dry(n)) return;
    drop_job j = {.y = y,
                  .x = x,
                  .keep_scale = 1.0f / (1.0f - s->lora->dropout),
                  .threshold = (uint32_t)((double)s->lora->dropout * 16777216.0),
                  .key = s->key,
                  .count = count,
                  .add = add};
    pool_run(n->pool, drop_task, &j, (count + PIECE - 1) / PIECE);
}

/* scale * A x [rows, rank]; seen gets what A sees of x: x itself, or a copy with elements dropped. */
static float *project(nn *n, const float *x, const float **seen, const site *s, size_t rows)
{
    const lora_pair *l = s->lora;
    size_t in = s->w->cols;
    *seen = x;
    if (l->dropout > 0) {
        float *copy = arena_floats(n->work, rows * in);
        drop(n, copy, x, s, rows * in, 0);
        *seen = copy;
    }
    float *u = arena_floats(n->work, rows * l->rank);
    wmat a = small(l->a, l->rank, in);
    nn_linear(n, u, l->rank, *seen, in, &a, NULL, rows, 0);
    if (!nn_dry(n)) n->kern->scale(u, u, l->scale, rows * l->rank);
    return u;
}

void site_forward(nn *n, float *y, const float *x, const site *s, size_t rows, int add)
{
    size_t mark = arena_mark(n->work), out = s->w->rows;
    nn_linear(n, y, out, x, s->w->cols, s->w, NULL, rows, add);
    if (s->lora) {
        const float *seen;
        float *u = project(n, x, &seen, s, rows);
        wmat b = small(s->lora->b, out, s->lora->rank);
        nn_linear(n, y, out, u, s->lora->rank, &b, NULL, rows, 1);
    }
    arena_rewind(n->work, mark);
}

void site_backward(nn *n, float *dx, const float *dy, const float *x, const site *s, size_t rows, int add)
{
    size_t mark = arena_mark(n->work), out = s->w->rows, in = s->w->cols, rank = s->lora ? s->lora->rank : 0;
    float *du = NULL;
    if (s->dw) nn_linear_dw(n, s->dw, in, dy, out, gemm_plain(x, in, in), out, in, rows);
    if (s->lora) {
        const float *seen;
        float *u = project(n, x, &seen, s, rows);
        wmat b = small(s->lora->b, out, rank);
        if (s->dlora) nn_linear_dw(n, s->dlora->b, rank, dy, out, gemm_plain(u, rank, rank), out, rank, rows);
        du = u;
        nn_linear_dx(n, du, rank, dy, out, &b, rows, 0);
        if (!nn_dry(n)) n->kern->scale(du, du, s->lora->scale, rows * rank);
        if (s->dlora) nn_linear_dw(n, s->dlora->a, in, du, rank, gemm_plain(seen, in, in), rank, in, rows);
    }
    if (dx || nn_dry(n)) {
        nn_linear_dx(n, dx, in, dy, out, s->w, rows, add);
        if (s->lora) {
            wmat a = small(s->lora->a, rank, in);
            if (s->lora->dropout > 0) {
                float *through = arena_floats(n->work, rows * in);
                nn_linear_dx(n, through, in, du, rank, &a, rows, 0);
                drop(n, dx, through, s, rows * in, 1);
            } else nn_linear_dx(n, dx, in, du, rank, &a, rows, 1);
        }
    }
    arena_rewind(n->work, mark);
}
