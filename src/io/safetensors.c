/* safetensors.c - the reader: everything is checked when the file is opened. */
#include "io/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strmap.h"
#include "io/json.h"

static const struct {
    const char *name;
    size_t size;
} types[ST_TYPES] = {[ST_F32] = {"F32", 4}, [ST_F16] = {"F16", 2}, [ST_BF16] = {"BF16", 2}, [ST_F64] = {"F64", 8},
                     [ST_I64] = {"I64", 8}, [ST_I32] = {"I32", 4}, [ST_I16] = {"I16", 2},   [ST_I8] = {"I8", 1},
                     [ST_U8] = {"U8", 1},   [ST_BOOL] = {"BOOL", 1}};

enum { MAX_HEADER = 100 << 20, MADE_ALIGN = 64 };

struct st_file {
    file_bytes bytes;
    char *name;
    json_doc *doc;
    st_tensor *tensors;
    size_t count;
    strmap index;
    float *made; /* st_make: the tensors' values, ours */
    int own_names;
};

size_t st_type_size(st_type t)
{
    return types[t].size;
}

const char *st_type_name(st_type t)
{
    return types[t].name;
}

int st_type_from_name(const char *name)
{
    for (int i = 0; i < ST_TYPES; i++)
        if (strcmp(types[i].name, name) == 0) return i;
    return -1;
}

char *st_shape_text(char *out, size_t room, const size_t *shape, int dims)
{
    size_t used = (size_t)snprintf(out, room, "[");
    for (int i = 0; i < dims && used < room; i++)
        used += (size_t)snprintf(out + used, room - used, i ? ",%zu" : "%zu", shape[i]);
    if (used < room) snprintf(out + used, room - used, "]");
    return out;
}

static drgen_status bad(const st_file *f, const char *tensor, const char *what, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s%s%s", f->name, tensor ? tensor : "", tensor ? ": " : "", what);
}

/* Whole numbers up to 2^53 come through cJSON's doubles exactly; more is absurd. */
static int whole(const json_node *n, size_t *out)
{
    double v = json_number(n, -1);
    if (!(v >= 0 && v <= 9007199254740992.0) || v != (double)(uint64_t)v) return 0;
    *out = (size_t)v;
    return 1;
}

static drgen_status read_tensor(st_file *f, const json_node *n, st_tensor *t, size_t data_size, const uint8_t *data,
                                size_t span[2], drgen_err *err)
{
    t->name = json_key(n);
    int type = st_type_from_name(json_string(json_get(n, "dtype"), ""));
    if (type < 0) return bad(f, t->name, "unknown dtype", err);
    t->type = (st_type)type;
    t->count = 1;
    const json_node *shape = json_get(n, "shape");
    if (!json_is_array(shape)) return bad(f, t->name, "no shape", err);
    for (const json_node *s = json_first(shape); s; s = json_next(s)) {
        if (t->dims == ST_MAX_DIMS) return bad(f, t->name, "more than 8 axes", err);
        if (!whole(s, &t->shape[t->dims])) return bad(f, t->name, "an axis is not a whole number", err);
        if (__builtin_mul_overflow(t->count, t->shape[t->dims++], &t->count)) return bad(f, t->name, "size overflows", err);
    }
    const json_node *from = json_first(json_get(n, "data_offsets"));
    size_t size;
    if (!whole(from, &span[0]) || !whole(json_next(from), &span[1]) || json_next(json_next(from)))
        return bad(f, t->name, "data_offsets are not two whole numbers", err);
    if (span[0] > span[1] || span[1] > data_size)
        return bad(f, t->name, "data lie outside the file (truncated? get the file again)", err);
    if (__builtin_mul_overflow(t->count, types[t->type].size, &size) || size != span[1] - span[0])
        return bad(f, t->name, "shape and dtype do not fit the data's size", err);
    t->data = data + span[0];
    return DRGEN_OK;
}

typedef struct {
    size_t from, to;
    const char *name;
} extent;

static int by_start(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to < y->to ? -1 : x->to > y->to;
}

static drgen_status read_header(st_file *f, drgen_err *err)
{
    const uint8_t *p = f->bytes.data;
    const char *mistake = file_mistake(f->bytes);
    if (mistake) return err_fail(err, DRGEN_ERR_FORMAT, "%s: this %s", f->name, mistake);
    if (f->bytes.size < 8) return bad(f, NULL, "too short for a safetensors file", err);
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--) header = header << 8 | p[i];
    if (header < 2 || header > MAX_HEADER) return bad(f, NULL, "not a safetensors file", err);
    if (header > f->bytes.size - 8) return bad(f, NULL, "the header is cut off; get the file again", err);
    ERR_TRY(json_parse(&f->doc, p + 8, (size_t)header, f->name, err));
    const json_node *root = json_root(f->doc);
    if (!json_is_object(root)) return bad(f, NULL, "the header is not an object", err);
    size_t room = json_count(root), data_size = f->bytes.size - 8 - (size_t)header;
    f->tensors = calloc(room + 1, sizeof *f->tensors);
    extent *extents = calloc(room + 1, sizeof *extents);
    drgen_status status = f->tensors && extents ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", f->name);
    for (const json_node *n = json_first(root); n && status == DRGEN_OK; n = json_next(n)) {
        if (strcmp(json_key(n), "__metadata__") == 0) continue;
        st_tensor *t = &f->tensors[f->count];
        size_t span[2] = {0, 0};
        status = read_tensor(f, n, t, data_size, p + 8 + header, span, err);
        if (status != DRGEN_OK) break;
        size_t length = strlen(t->name);
        if (strmap_get(&f->index, t->name, length, -1) >= 0) status = bad(f, t->name, "is there twice", err);
        else if (!strmap_put(&f->index, t->name, length, (int32_t)f->count, 0))
            status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", f->name);
        extents[f->count++] = (extent){span[0], span[1], t->name};
    }
    if (status == DRGEN_OK) {
        qsort(extents, f->count, sizeof *extents, by_start);
        for (size_t i = 1; i < f->count && status == DRGEN_OK; i++)
            if (extents[i].from < extents[i - 1].to) status = bad(f, extents[i].name, "overlaps another tensor", err);
    }
    free(extents);
    return status;
}

drgen_status st_open_bytes(st_file **out, file_bytes bytes, const char *name, drgen_err *err)
{
    *out = NULL;
    st_file *f = calloc(1, sizeof *f);
    if (f) {
        f->bytes = bytes;
        f->name = strdup(name);
    }
    if (!f || !f->name) {
        file_close(&bytes);
        free(f);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    drgen_status status = read_header(f, err);
    if (status != DRGEN_OK) st_close(f);
    else *out = f;
    return status;
}

drgen_status st_open(st_file **out, const char *path, drgen_err *err)
{
    file_bytes bytes;
    *out = NULL;
    ERR_TRY(file_map(&bytes, path, SIZE_MAX, err));
    return st_open_bytes(out, bytes, path, err);
}

drgen_status st_make(st_file **out, const char *name, const st_shape *shapes, size_t count, drgen_err *err)
{
    size_t total = 0, *at = calloc(count + 1, sizeof *at);
    *out = NULL;
    st_file *f = calloc(1, sizeof *f);
    if (f) f->own_names = 1;
    int ok = f && at && (f->name = strdup(name)) && (f->tensors = calloc(count + 1, sizeof *f->tensors));
    for (size_t i = 0; i < count && ok; i++) {
        st_tensor *t = &f->tensors[f->count++];
        char *own = strdup(shapes[i].name);
        *t = (st_tensor){.name = own, .type = ST_F32, .dims = shapes[i].dims, .count = 1};
        ok = own != NULL;
        for (int d = 0; d < t->dims && ok; d++) {
            t->shape[d] = shapes[i].shape[d];
            ok = !__builtin_mul_overflow(t->count, t->shape[d], &t->count);
        }
        at[i] = total;
        ok = ok && t->count < (SIZE_MAX / 2 - total) / sizeof(float);
        if (ok) total += (t->count * sizeof(float) + MADE_ALIGN - 1) / MADE_ALIGN * MADE_ALIGN;
        ok = ok && strmap_put(&f->index, own, strlen(own), (int32_t)i, 0);
    }
    if (ok && (f->made = aligned_alloc(MADE_ALIGN, total ? total : MADE_ALIGN))) {
        memset(f->made, 0, total);
        f->bytes = file_borrow(f->made, total);
        for (size_t i = 0; i < count; i++) f->tensors[i].data = (uint8_t *)f->made + at[i];
        *out = f;
    } else {
        st_close(f);
    }
    free(at);
    return *out ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
}

float *st_values(st_file *f, const char *name)
{
    const st_tensor *t = f->made ? st_find(f, name) : NULL;
    return t ? (float *)f->made + ((const float *)t->data - (const float *)f->made) : NULL;
}

int st_is_made(const st_file *f)
{
    return f->made != NULL;
}

void st_close(st_file *f)
{
    if (!f) return;
    for (size_t i = 0; f->own_names && i < f->count; i++) free((char *)(uintptr_t)f->tensors[i].name);
    free(f->made);
    file_close(&f->bytes);
    strmap_free(&f->index);
    json_free(f->doc);
    free(f->tensors);
    free(f->name);
    free(f);
}

size_t st_count(const st_file *f)
{
    return f->count;
}

const st_tensor *st_at(const st_file *f, size_t i)
{
    return &f->tensors[i];
}

const st_tensor *st_find(const st_file *f, const char *name)
{
    int32_t i = strmap_get(&f->index, name, strlen(name), -1);
    return i < 0 ? NULL : &f->tensors[i];
}

const char *st_metadata(const st_file *f, const char *key)
{
    return f->doc ? json_string(json_get(json_get(json_root(f->doc), "__metadata__"), key), NULL) : NULL;
}

const char *st_metadata_key(const st_file *f, size_t i)
{
    const json_node *n = f->doc ? json_first(json_get(json_root(f->doc), "__metadata__")) : NULL;
    while (n && i--) n = json_next(n);
    return json_key(n);
}

const char *st_name(const st_file *f)
{
    return f->name;
}

size_t st_bytes(const st_file *f)
{
    return f->bytes.size;
}

const void *st_data(const st_file *f)
{
    return f->bytes.data;
}
