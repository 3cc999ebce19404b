/* trainer_state.c - a training's state as a file: weights, moments, average and records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "train/trainer_types.h"

/* What two runs must share for one to go on from the other. */
static void fingerprint(const trainer *t, char out[256])
{
    const dit_cfg *c = dit_config(t->how.base);
    const lora_shape *l = &t->how.lora;
    int n = snprintf(out, 256, "%s, dim %d, depth %d, width %d, seed %llu, batch %zu x %zu, frames %zu",
                     t->how.full ? "full" : "adapter", c->dim, c->depth, c->cond_dim, (unsigned long long)t->how.seed,
                     t->how.batch, t->how.accumulate, t->how.frames);
    for (size_t i = 0; i < t->how.shape_count && n > 0 && n < 256; i++)
        n += snprintf(out + n, 256 - (size_t)n, ", %g of %zu x %zu", t->how.shapes[i].share, t->how.shapes[i].songs,
                      t->how.shapes[i].frames);
    if (t->muon && n > 0 && n < 256) n += snprintf(out + n, 256 - (size_t)n, ", Muon");
    if (!t->how.full && n > 0 && n < 256)
        snprintf(out + n, 256 - (size_t)n, ", rank %zu, modules %u", l->rank, l->sites);
}

enum { PARTS = 5 };
typedef struct {
    const char *name;
    float *data;
    size_t count;
} state_part;

static size_t list_parts(const trainer *t, long done, state_part out[PARTS])
{
    const adamw_arrays *a = &t->arrays;
    const state_part all[PARTS] = {{"weights", a->p, a->count},
                                   {"m", a->m, a->count},
                                   {"v", a->v, a->count},
                                   {"records", (float *)t->records, (size_t)done * sizeof *t->records / sizeof(float)},
                                   {"average", a->ema, a->count}};
    memcpy(out, all, sizeof all);
    return a->ema ? PARTS : PARTS - 1;
}

drgen_status trainer_save(const trainer *t, const char *path, drgen_err *err)
{
    state_part part[PARTS];
    size_t count = list_parts(t, t->done, part);
    char print[256], done[32];
    st_writer *w;
    fingerprint(t, print);
    snprintf(done, sizeof done, "%ld", t->done);
    ERR_TRY(st_create(&w, path, err));
    drgen_status status = st_set_metadata(w, "training", print, err);
    if (status == DRGEN_OK) status = st_set_metadata(w, "updates", done, err);
    for (size_t i = 0; i < count && status == DRGEN_OK; i++)
        status = st_declare(w, part[i].name, ST_F32, &part[i].count, 1, err);
    for (size_t i = 0; i < count && status == DRGEN_OK; i++)
        status = st_put(w, part[i].data, part[i].count * sizeof(float), err);
    if (status == DRGEN_OK) return st_finish(w, err);
    st_cancel(w);
    return status;
}

static drgen_status read_state(trainer *t, const st_file *f, drgen_err *err)
{
    char print[256];
    const char *found = st_metadata(f, "training"), *updates = st_metadata(f, "updates");
    fingerprint(t, print);
    if (!found || !updates) return err_fail(err, DRGEN_ERR_FORMAT, "%s: not the state of a training", st_name(f));
    if (strcmp(found, print) != 0)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: of another training (%s); this one is %s", st_name(f), found,
                        print);
    long done = strtol(updates, NULL, 10);
    if (done < 0 || done > t->how.updates)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %ld updates are done already, more than the %ld asked for",
                        st_name(f), done, t->how.updates);
    state_part part[PARTS];
    size_t count = list_parts(t, done, part);
    for (size_t i = 0; i < count; i++) {
        const st_tensor *s = st_find(f, part[i].name);
        if (!s || s->type != ST_F32 || s->count != part[i].count)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: %zu values wanted%s", st_name(f), part[i].name,
                            part[i].count, s ? ", others found" : ", none found");
    }
    for (size_t i = 0; i < count; i++)
        memcpy(part[i].data, st_find(f, part[i].name)->data, part[i].count * sizeof(float));
    t->done = done;
    return DRGEN_OK;
}

drgen_status trainer_load(trainer *t, const char *path, drgen_err *err)
{
    st_file *f = NULL;
    ERR_TRY(st_open(&f, path, err));
    drgen_status status = read_state(t, f, err);
    st_close(f);
    return status;
}
