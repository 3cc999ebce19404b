/* source.c - see source.h: what all sources share, and the safetensors one. */
#include "weights_tools/source_types.h"

#include <stdlib.h>
#include <string.h>

#include "io/weights.h"

source *source_new(const char *name, file_bytes bytes)
{
    source *s = calloc(1, sizeof *s);
    if (!s || !(s->name = strdup(name))) {
        free(s);
        file_close(&bytes);
        return NULL;
    }
    s->bytes = bytes;
    return s;
}

drgen_status source_add(source *s, const char *name, st_type type, const size_t *shape, int dims, drgen_err *err)
{
    source_tensor t = {.type = type, .dims = dims, .count = 1};
    if (dims > ST_MAX_DIMS) return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: more than 8 axes", s->name, name);
    for (int i = 0; i < dims; i++) {
        t.shape[i] = shape[i];
        if (__builtin_mul_overflow(t.count, shape[i], &t.count) || t.count > SIZE_MAX / 8)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: size overflows", s->name, name);
    }
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        source_tensor *grown = realloc(s->tensors, room * sizeof *grown);
        if (!grown) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", s->name);
        s->tensors = grown;
        s->room = room;
    }
    if (strmap_get(&s->index, name, strlen(name), -1) >= 0)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: is there twice", s->name, name);
    t.name = strdup(name);
    if (!t.name || !strmap_put(&s->index, t.name, strlen(t.name), (int32_t)s->count, 0)) {
        free((char *)(uintptr_t)t.name);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", s->name);
    }
    s->tensors[s->count++] = t;
    return DRGEN_OK;
}

drgen_status source_add_number(source *s, const char *name, double value, drgen_err *err)
{
    if (strmap_get(&s->number_index, name, strlen(name), -1) >= 0) return DRGEN_OK;
    if (s->number_count == s->number_room) {
        size_t room = s->number_room ? 2 * s->number_room : 64;
        struct source_value *grown = realloc(s->numbers, room * sizeof *grown);
        if (!grown) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", s->name);
        s->numbers = grown;
        s->number_room = room;
    }
    struct source_value *n = &s->numbers[s->number_count];
    *n = (struct source_value){strdup(name), value};
    if (n->name && strmap_put(&s->number_index, n->name, strlen(n->name), (int32_t)s->number_count, 0)) {
        s->number_count++;
        return DRGEN_OK;
    }
    free(n->name);
    return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", s->name);
}

int source_number(const source *s, const char *name, double *out)
{
    int32_t i = strmap_get(&s->number_index, name, strlen(name), -1);
    if (i < 0) return 0;
    *out = s->numbers[i].value;
    return 1;
}

void source_close(source *s)
{
    if (!s) return;
    if (s->close) s->close(s);
    for (size_t i = 0; i < s->count; i++) free((char *)(uintptr_t)s->tensors[i].name);
    free(s->tensors);
    strmap_free(&s->index);
    for (size_t i = 0; i < s->number_count; i++) free(s->numbers[i].name);
    free(s->numbers);
    strmap_free(&s->number_index);
    file_close(&s->bytes);
    free(s->code);
    free(s->name);
    free(s);
}

const char *source_name(const source *s)
{
    return s->name;
}

const char *source_code(const source *s)
{
    return s->code;
}

size_t source_count(const source *s)
{
    return s->count;
}

const source_tensor *source_at(const source *s, size_t i)
{
    return &s->tensors[i];
}

const source_tensor *source_find(const source *s, const char *name)
{
    int32_t i = strmap_get(&s->index, name, strlen(name), -1);
    return i < 0 ? NULL : &s->tensors[i];
}

drgen_status source_raw(const source *s, const source_tensor *t, size_t first, size_t count, void *out, drgen_err *err)
{
    if (first > t->count || count > t->count - first)
        return err_fail(err, DRGEN_ERR_ARG, "%s: %s: elements %zu+%zu of %zu", s->name, t->name, first, count, t->count);
    return count ? s->raw(s, (size_t)(t - s->tensors), first, count, out, err) : DRGEN_OK;
}

drgen_status source_floats(const source *s, const source_tensor *t, size_t first, size_t count, float *out,
                           drgen_err *err)
{
    enum { PIECE = 4096 };
    if (t->type == ST_F32) return source_raw(s, t, first, count, out, err);
    double buffer[PIECE / 8]; /* any type, 4 KiB */
    size_t step = PIECE / st_type_size(t->type);
    for (size_t at = 0; at < count; at += step) {
        size_t n = count - at < step ? count - at : step;
        ERR_TRY(source_raw(s, t, first + at, n, buffer, err));
        st_tensor view = {.type = t->type, .data = buffer, .count = n};
        weights_widen(&view, 0, n, out + at);
    }
    return DRGEN_OK;
}

static drgen_status st_raw(const source *s, size_t i, size_t first, size_t count, void *out, drgen_err *err)
{
    (void)err;
    const st_tensor *t = st_at(s->impl, i);
    size_t size = st_type_size(t->type);
    memcpy(out, (const char *)t->data + first * size, count * size);
    return DRGEN_OK;
}

static void st_source_close(source *s)
{
    st_close(s->impl);
}

const st_file *source_safetensors(const source *s)
{
    return s->raw == st_raw ? s->impl : NULL;
}

static drgen_status open_safetensors(source **out, file_bytes bytes, const char *name, drgen_err *err)
{
    st_file *f;
    ERR_TRY(st_open_bytes(&f, bytes, name, err));
    source *s = source_new(name, file_borrow("", 0));
    drgen_status status = DRGEN_OK;
    if (!s) {
        st_close(f);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    s->impl = f;
    s->raw = st_raw;
    s->close = st_source_close;
    for (size_t i = 0; i < st_count(f) && status == DRGEN_OK; i++) {
        const st_tensor *t = st_at(f, i);
        status = source_add(s, t->name, t->type, t->shape, t->dims, err);
    }
    if (status != DRGEN_OK) source_close(s);
    else *out = s;
    return status;
}

drgen_status source_open_bytes(source **out, file_bytes bytes, const char *name, drgen_err *err)
{
    *out = NULL;
    const uint8_t *p = bytes.data;
    if (bytes.size >= 4 && memcmp(p, "PK\3\4", 4) == 0) return source_open_zip(out, bytes, name, err);
    /* A pickle stream begins with PROTO. So may the header size of a safetensors file, but then a '{' follows. */
    if (bytes.size >= 9 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5 && p[8] != '{')
        return source_open_legacy(out, bytes, name, err);
    if (bytes.size && p[0] == '{') {
        int shards = memmem(p, bytes.size, "\"weight_map\"", 12) != NULL;
        file_close(&bytes);
        return err_fail(err, DRGEN_ERR_FORMAT, shards ? "%s: a list of shards, not weights; save them as one file first"
                                                      : "%s: a JSON text, not weights", name);
    }
    return open_safetensors(out, bytes, name, err);
}

drgen_status source_open(source **out, const char *path, drgen_err *err)
{
    *out = NULL;
    file_bytes bytes;
    ERR_TRY(file_map(&bytes, path, SIZE_MAX, err));
    return source_open_bytes(out, bytes, path, err);
}

char *source_prefix(const source *s, const char *probe, int ema)
{
    size_t tail = strlen(probe), best_size = 0;
    const char *best = NULL;
    int best_fits = 0;
    for (size_t i = 0; i < s->count; i++) {
        const char *name = s->tensors[i].name;
        size_t n = strlen(name);
        if (n < tail || strcmp(name + n - tail, probe) != 0) continue;
        if (n > tail && name[n - tail - 1] != '.' && name[n - tail - 1] != '/') continue;
        int fits = (strncmp(name, "ema", 3) == 0) == ema;
        if (best && (best_fits > fits || (best_fits == fits && best_size <= n - tail))) continue;
        best = name;
        best_size = n - tail;
        best_fits = fits;
    }
    return best ? strndup(best, best_size) : NULL;
}
