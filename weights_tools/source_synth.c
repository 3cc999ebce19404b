/* source_synth.c - made-up tensors: every value a pure function of tensor name, index and seed (rule synth-1). */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "io/json.h"
#include "weights_tools/source_types.h"

typedef struct {
    uint64_t seed;
    double (*range)[2]; /* mean and half per tensor */
} synth;

static drgen_status synth_raw(const source *s, size_t i, size_t first, size_t count, void *out, drgen_err *err)
{
    (void)err;
    const synth *y = s->impl;
    rng_synth(out, first, count, s->tensors[i].name, y->range[i][0], y->range[i][1], y->seed);
    return DRGEN_OK;
}

static void synth_close(source *s)
{
    synth *y = s->impl;
    if (y) free(y->range);
    free(y);
}

drgen_status source_open_synth(source **out, const char *name, const synth_tensor *list, size_t count, uint64_t seed,
                               drgen_err *err)
{
    *out = NULL;
    source *s = source_new(name, file_borrow("", 0));
    synth *y = calloc(1, sizeof *y);
    if (s && y) y->range = calloc(count + 1, sizeof *y->range);
    if (!s || !y || !y->range) {
        free(y);
        source_close(s);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    y->seed = seed;
    s->impl = y;
    s->raw = synth_raw;
    s->close = synth_close;
    drgen_status status = DRGEN_OK;
    for (size_t i = 0; i < count && status == DRGEN_OK; i++) {
        y->range[i][0] = list[i].mean;
        y->range[i][1] = list[i].half;
        status = source_add(s, list[i].name, ST_F32, list[i].shape, list[i].dims, err);
    }
    if (status != DRGEN_OK) source_close(s);
    else *out = s;
    return status;
}

static drgen_status read_entry(const json_doc *doc, const json_node *n, synth_tensor *t, drgen_err *err)
{
    ERR_TRY(json_need_string(doc, n, "name", &t->name, err));
    ERR_TRY(json_need_number(doc, n, "mean", -1e30, 1e30, &t->mean, err));
    ERR_TRY(json_need_number(doc, n, "half", -1e30, 1e30, &t->half, err));
    const json_node *shape = json_get(n, "shape");
    if (!json_is_array(shape) || json_count(shape) > 4)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: a shape of at most 4 axes is wanted", json_name(doc), t->name);
    for (const json_node *v = json_first(shape); v; v = json_next(v)) {
        double d = json_number(v, -1);
        if (!(d >= 0 && d <= 1e12) || d != (double)(size_t)d)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: an axis is not a whole number", json_name(doc), t->name);
        t->shape[t->dims++] = (size_t)d;
    }
    return DRGEN_OK;
}

drgen_status source_open_manifest(source **out, const char *path, drgen_err *err)
{
    *out = NULL;
    file_bytes bytes;
    json_doc *doc = NULL;
    synth_tensor *list = NULL;
    ERR_TRY(file_map(&bytes, path, 64u << 20, err));
    drgen_status status = json_parse(&doc, bytes.data, bytes.size, path, err);
    if (status != DRGEN_OK) goto done;
    const json_node *root = json_root(doc), *tensors = json_get(root, "tensors");
    size_t count = json_count(tensors), i = 0;
    if (strcmp(json_string(json_get(root, "rule"), ""), "synth-1") != 0 || !count) {
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: not a synth-1 manifest", path);
        goto done;
    }
    list = calloc(count, sizeof *list);
    if (!list) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    for (const json_node *n = json_first(tensors); n && status == DRGEN_OK; n = json_next(n))
        status = read_entry(doc, n, &list[i++], err);
    double seed = 0;
    if (status == DRGEN_OK) status = json_need_number(doc, root, "seed", 0, 9007199254740992.0, &seed, err);
    if (status == DRGEN_OK) status = source_open_synth(out, path, list, count, (uint64_t)seed, err);
done:
    free(list);
    json_free(doc);
    file_close(&bytes);
    return status;
}
