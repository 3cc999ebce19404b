/* lora.c - see lora.h: adapters put on a transformer and taken off. */
#include "model/lora.h"

#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "model/dit_types.h"

const lora_module lora_modules[LORA_SITES] = {
    {"q_proj", "self_attn", 0, 0}, {"k_proj", "self_attn", 0, 0}, {"v_proj", "self_attn", 0, 0},
    {"o_proj", "self_attn", 0, 0}, {"gate_proj", "mlp", 1, 0},    {"up_proj", "mlp", 1, 0},
    {"down_proj", "mlp", 0, 1}};

size_t lora_in(const dit_cfg *c, size_t site)
{
    return (size_t)c->dim * (lora_modules[site].in_inner ? (size_t)c->ff_mult : 1);
}

size_t lora_out(const dit_cfg *c, size_t site)
{
    return (size_t)c->dim * (lora_modules[site].out_inner ? (size_t)c->ff_mult : 1);
}

typedef struct {
    lora_adapter *adapter;
    float strength;
} worn;

/* What a transformer with adapters keeps: how it was, and what stands in its places now. */
struct dit_lora {
    worn *worn;
    size_t count;
    wmat *base;      /* [depth * LORA_SITES] */
    void **made;     /* the same: a merged matrix, or a term's A and B; NULL where nothing is attached */
    dit_term *terms; /* the same */
    size_t bytes;    /* of all made */
};

static wmat *matrix_at(dit *d, size_t place)
{
    dit_block *b = &d->blocks[place / LORA_SITES];
    wmat *const all[LORA_SITES] = {&b->q, &b->k, &b->v, &b->o, &b->gate, &b->up, &b->down};
    return all[place % LORA_SITES];
}

static size_t places_of(const dit *d)
{
    return (size_t)d->cfg.depth * LORA_SITES;
}

static int is_term(const dit *d, size_t place)
{
    return d->blocks[place / LORA_SITES].int8;
}

static size_t rank_at(const struct dit_lora *l, size_t place)
{
    size_t rank = 0;
    for (size_t i = 0; i < l->count; i++) rank += l->worn[i].adapter->places[place].rank;
    return rank;
}

/* ---- merged copies */

static st_type merged_type(const wmat *base)
{
    return base->type == ST_F16 ? ST_F16 : ST_F32; /* bfloat16 has too few digits for small additions */
}

typedef struct {
    const struct dit_lora *l;
    const kern_table *kern;
    size_t place;
    const wmat *base;
    void *out;
    float *row; /* [threads, cols] */
} merge_job;

static void widen_row(const kern_table *kern, float *y, const wmat *w, size_t r)
{
    const char *at = (const char *)w->data + r * w->cols * st_type_size(w->type);
    if (w->type == ST_F32) memcpy(y, at, w->cols * sizeof *y);
    else if (w->type == ST_I8)
        for (size_t i = 0; i < w->cols; i++) y[i] = w->scale[r] * (float)((const int8_t *)at)[i];
    else kern->widen(y, at, w->type == ST_F16 ? KERN_F16 : KERN_BF16, w->cols);
}

/* One row of W + sum of strength * scale * B A. */
static void merge_task(void *arg, size_t r, int thread)
{
    const merge_job *j = arg;
    size_t cols = j->base->cols;
    int half = merged_type(j->base) == ST_F16;
    float *y = half ? j->row + (size_t)thread * cols : (float *)j->out + r * cols;
    widen_row(j->kern, y, j->base, r);
    for (size_t i = 0; i < j->l->count; i++) {
        const lora_place *p = &j->l->worn[i].adapter->places[j->place];
        for (size_t k = 0; k < p->rank; k++)
            j->kern->axpy(y, p->a + k * cols, j->l->worn[i].strength * p->scale * p->b[r * p->rank + k], cols);
    }
    if (!half) return;
    uint16_t *out = (uint16_t *)j->out + r * cols;
    for (size_t i = 0; i < cols; i++) out[i] = half_to_f16(y[i]);
}

/* ---- terms: the adapters of a place become one, with their ranks side by side */

static void stack(const struct dit_lora *l, size_t place, float *data, dit_term *t)
{
    size_t in = l->base[place].cols, out = l->base[place].rows, rank = rank_at(l, place), at = 0;
    float *a = data, *b = data + rank * in;
    for (size_t i = 0; i < l->count; i++) {
        const lora_place *p = &l->worn[i].adapter->places[place];
        if (!p->rank) continue;
        float by = l->worn[i].strength * p->scale;
        memcpy(a + at * in, p->a, p->rank * in * sizeof *a);
        for (size_t r = 0; r < out; r++)
            for (size_t k = 0; k < p->rank; k++) b[r * rank + at + k] = by * p->b[r * p->rank + k];
        at += p->rank;
    }
    *t = (dit_term){.a = {.data = a, .type = ST_F32, .rows = rank, .cols = in},
                    .b = {.data = b, .type = ST_F32, .rows = out, .cols = rank}};
}

/* ---- attaching */

static size_t size_at(const dit *d, size_t place)
{
    const wmat *w = &d->lora->base[place];
    if (is_term(d, place)) return rank_at(d->lora, place) * (w->rows + w->cols) * sizeof(float);
    return w->rows * w->cols * st_type_size(merged_type(w));
}

static void *room(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static drgen_status begin(dit *d)
{
    struct dit_lora *l = calloc(1, sizeof *l);
    if (!l) return DRGEN_ERR_NOMEM;
    d->lora = l;
    l->base = calloc(places_of(d) + 1, sizeof *l->base);
    l->made = calloc(places_of(d) + 1, sizeof *l->made);
    l->terms = calloc(places_of(d) + 1, sizeof *l->terms);
    if (!l->base || !l->made || !l->terms) return DRGEN_ERR_NOMEM;
    for (size_t i = 0; i < places_of(d); i++) l->base[i] = *matrix_at(d, i);
    return DRGEN_OK;
}

/* Fills the place's memory from all adapters and lets the block use it. */
static void put(dit *d, size_t place, void *data, float *row, const kern_table *kern, pool *p)
{
    struct dit_lora *l = d->lora;
    const wmat *base = &l->base[place];
    if (is_term(d, place)) {
        stack(l, place, data, &l->terms[place]);
        d->blocks[place / LORA_SITES].terms = &l->terms[place / LORA_SITES * LORA_SITES];
        if (rank_at(l, place) > d->term_rank) d->term_rank = rank_at(l, place);
    } else {
        merge_job j = {.l = l, .kern = kern, .place = place, .base = base, .out = data, .row = row};
        pool_run(p, merge_task, &j, base->rows);
        *matrix_at(d, place) = (wmat){.data = data, .type = merged_type(base), .rows = base->rows, .cols = base->cols};
    }
    if (l->made[place] != data) free(l->made[place]);
    l->made[place] = data;
}

/* Memory for every place the newest adapter touches: fresh[place]. A merged copy that is there is used again. */
static drgen_status allocate(dit *d, void **fresh)
{
    struct dit_lora *l = d->lora;
    const lora_adapter *a = l->worn[l->count - 1].adapter;
    for (size_t i = 0; i < places_of(d); i++) {
        if (!a->places[i].rank) continue;
        fresh[i] = l->made[i] && !is_term(d, i) ? l->made[i] : room(size_at(d, i));
        if (!fresh[i]) return DRGEN_ERR_NOMEM;
    }
    return DRGEN_OK;
}

static drgen_status wear(dit *d, lora_adapter *a, float strength, const kern_table *kern, pool *p)
{
    struct dit_lora *l = d->lora;
    worn *grown = realloc(l->worn, (l->count + 1) * sizeof *grown);
    if (!grown) return DRGEN_ERR_NOMEM;
    l->worn = grown;
    void **fresh = calloc(places_of(d) + 1, sizeof *fresh);
    float *row = room((size_t)pool_threads(p) * lora_in(&d->cfg, LORA_DOWN) * sizeof *row);
    if (!fresh || !row) goto memory;
    l->worn[l->count++] = (worn){a, strength};
    if (allocate(d, fresh) != DRGEN_OK) {
        l->count--;
        for (size_t i = 0; i < places_of(d); i++)
            if (fresh[i] != l->made[i]) free(fresh[i]);
        goto memory;
    }
    l->bytes = 0;
    for (size_t i = 0; i < places_of(d); i++) {
        if (fresh[i]) put(d, i, fresh[i], row, kern, p);
        if (l->made[i]) l->bytes += size_at(d, i);
    }
    free(fresh);
    free(row);
    return DRGEN_OK;
memory:
    free(fresh);
    free(row);
    return DRGEN_ERR_NOMEM;
}

drgen_status lora_attach(dit *d, lora_adapter *a, float strength, const kern_table *kern, pool *p, drgen_err *err)
{
    drgen_status status = d->lora ? DRGEN_OK : begin(d);
    if (status == DRGEN_OK) status = wear(d, a, strength, kern, p);
    if (status == DRGEN_OK) return DRGEN_OK;
    lora_free(a);
    if (d->lora && d->lora->count == 0) lora_detach(d);
    return err_fail(err, DRGEN_ERR_NOMEM, "adapter: out of memory");
}

void lora_detach(dit *d)
{
    struct dit_lora *l = d->lora;
    if (!l) return;
    for (size_t i = 0; l->made && i < places_of(d); i++) {
        if (l->made[i]) *matrix_at(d, i) = l->base[i];
        free(l->made[i]);
    }
    for (int i = 0; i < d->cfg.depth; i++) d->blocks[i].terms = NULL;
    for (size_t i = 0; i < l->count; i++) lora_free(l->worn[i].adapter);
    free(l->worn);
    free(l->base);
    free(l->made);
    free(l->terms);
    free(l);
    d->lora = NULL;
    d->term_rank = 0;
}

size_t lora_bytes(const dit *d)
{
    size_t bytes = d->lora ? d->lora->bytes : 0;
    for (size_t i = 0; d->lora && i < d->lora->count; i++) bytes += d->lora->worn[i].adapter->bytes;
    return bytes;
}
