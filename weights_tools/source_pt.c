/* source_pt.c - .pt files as sources: ZIP archives, TorchScript archives and the legacy stream. Names are the path of
 * dict keys and list places joined by '/', of module attributes joined by '.'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights_tools/pt_pickle.h"
#include "weights_tools/pt_zip.h"
#include "weights_tools/source_types.h"

enum { MAX_DEPTH = 64, MAX_NAME = 512, MAX_VISITS = 4 << 20 };

typedef struct {
    const uint8_t *data; /* of the storage */
    size_t offset, strides[ST_MAX_DIMS];
} place;

typedef struct {
    place *places; /* per tensor */
    size_t room;
} pt_impl;

/* Finds a storage's bytes: in the archive, or in the stream. */
typedef struct {
    const pt_zip *zip;
    const char *top; /* folder in the archive */
    size_t top_size;
    strmap keys;     /* legacy: storage key to index */
    struct {
        const uint8_t *data;
        size_t elements;
    } *stored;
    size_t stored_count;
} storage_index;

typedef struct {
    source *s;
    const storage_index *storages;
    size_t visits;
    drgen_err *err;
} walk_state;

static drgen_status pt_raw(const source *s, size_t i, size_t first, size_t count, void *out, drgen_err *err)
{
    (void)err;
    const place *p = &((const pt_impl *)s->impl)->places[i];
    const source_tensor *t = &s->tensors[i];
    size_t size = st_type_size(t->type), at[ST_MAX_DIMS] = {0}, rest = first;
    for (int d = t->dims - 1; d >= 0; d--) {
        at[d] = rest % t->shape[d];
        rest /= t->shape[d];
    }
    for (size_t n = 0; n < count; n++) {
        size_t from = p->offset;
        for (int d = 0; d < t->dims; d++) from += at[d] * p->strides[d];
        memcpy((char *)out + n * size, p->data + from * size, size);
        for (int d = t->dims - 1; d >= 0 && ++at[d] == t->shape[d]; d--) at[d] = 0;
    }
    return DRGEN_OK;
}

static void pt_close(source *s)
{
    pt_impl *impl = s->impl;
    if (impl) free(impl->places);
    free(impl);
}

static const uint8_t *find_storage(const storage_index *x, const pt_value *storage, size_t *bytes)
{
    static const char folder[] = "/data/";
    if (x->zip) {
        char *path = malloc(x->top_size + sizeof folder + storage->size);
        if (!path) return NULL;
        memcpy(path, x->top, x->top_size);
        memcpy(path + x->top_size, folder, sizeof folder - 1);
        const pt_member *m = pt_zip_find(x->zip, path, x->top_size + sizeof folder - 1, storage->text, storage->size);
        free(path);
        *bytes = m ? m->size : 0;
        return m ? m->data : NULL;
    }
    int32_t i = strmap_get(&x->keys, storage->text, storage->size, -1);
    if (i < 0) return NULL;
    *bytes = x->stored[i].elements * st_type_size(storage->type);
    return x->stored[i].data;
}

static drgen_status add_tensor(walk_state *w, const pt_value *v, const char *name)
{
    const pt_value *storage = v->items[0], *sizes = v->items[1], *strides = v->items[2];
    size_t shape[ST_MAX_DIMS], bytes = 0, last = (size_t)v->number, item = st_type_size(storage->type);
    place p = {.offset = (size_t)v->number};
    int empty = 0;
    for (size_t d = 0; d < sizes->count; d++) {
        shape[d] = (size_t)sizes->items[d]->number;
        p.strides[d] = (size_t)strides->items[d]->number;
        empty |= shape[d] == 0;
    }
    for (size_t d = 0; d < sizes->count && !empty; d++) {
        size_t reach;
        if (__builtin_mul_overflow(shape[d] - 1, p.strides[d], &reach) || __builtin_add_overflow(last, reach, &last))
            return err_fail(w->err, DRGEN_ERR_FORMAT, "%s: %s: strides overflow", w->s->name, name);
    }
    p.data = find_storage(w->storages, storage, &bytes);
    if (!p.data && !empty) return err_fail(w->err, DRGEN_ERR_FORMAT, "%s: %s: its data are missing", w->s->name, name);
    if (!empty && ((size_t)storage->number > bytes / item || last >= (size_t)storage->number))
        return err_fail(w->err, DRGEN_ERR_FORMAT, "%s: %s: reaches outside its data (truncated? get the file again)", w->s->name, name);
    pt_impl *impl = w->s->impl;
    if (w->s->count == impl->room) {
        size_t room = impl->room ? 2 * impl->room : 256;
        place *grown = realloc(impl->places, room * sizeof *grown);
        if (!grown) return err_fail(w->err, DRGEN_ERR_NOMEM, "%s: out of memory", w->s->name);
        impl->places = grown;
        impl->room = room;
    }
    impl->places[w->s->count] = p;
    return source_add(w->s, name, storage->type, shape, (int)sizes->count, w->err);
}

/* name + separator + the key's text, into out; 0 when it cannot be a name. */
static int join(char *out, const char *name, char separator, const pt_value *key, size_t index)
{
    char number[24];
    const char *text = number;
    size_t size, base = strlen(name);
    if (key && key->kind == PT_STRING) {
        text = key->text;
        size = key->size;
    } else if (!key || key->kind == PT_INT)
        size = (size_t)snprintf(number, sizeof number, "%lld", key ? (long long)key->number : (long long)index);
    else return 0;
    if (base + size + 2 > MAX_NAME || memchr(text, '\0', size)) return 0;
    memcpy(out, name, base);
    if (base) out[base++] = separator;
    memcpy(out + base, text, size);
    out[base + size] = '\0';
    return 1;
}

/* Tensors below a value. Recursion is bounded by depth, and the visits by a limit: shared values could otherwise make a
 * small file take forever. */
static drgen_status walk(walk_state *w, const pt_value *v, const char *name, int depth)
{
    char child[MAX_NAME];
    if (++w->visits > MAX_VISITS || depth > MAX_DEPTH)
        return err_fail(w->err, DRGEN_ERR_FORMAT, "%s: values nested too deep or too often shared", w->s->name);
    if (v->kind == PT_TENSOR) return add_tensor(w, v, *name ? name : "tensor");
    if (v->kind == PT_TUPLE || v->kind == PT_LIST) {
        for (size_t i = 0; i < v->count; i++)
            if (join(child, name, '/', NULL, i)) ERR_TRY(walk(w, v->items[i], child, depth + 1));
        return DRGEN_OK;
    }
    const pt_value *dict = v->kind == PT_MODULE && v->count ? v->items[0] : v;
    if (dict->kind != PT_DICT) return DRGEN_OK;
    char separator = v->kind == PT_MODULE ? '.' : '/';
    for (size_t i = 0; i + 1 < dict->count; i += 2)
        if (join(child, name, separator, dict->items[i], 0)) ERR_TRY(walk(w, dict->items[i + 1], child, depth + 1));
    return DRGEN_OK;
}

static drgen_status collect(source *s, const pt_pickle *p, const storage_index *x, drgen_err *err)
{
    walk_state w = {s, x, 0, err};
    s->impl = calloc(1, sizeof(pt_impl));
    if (!s->impl) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", s->name);
    s->raw = pt_raw;
    s->close = pt_close;
    return walk(&w, pt_pickle_root(p), "", 0);
}

/* The archive's top folder: of the member X/data.pkl with the shortest X. */
static const pt_member *find_pickle(const pt_zip *z, storage_index *x)
{
    static const char tail[] = "/data.pkl";
    const pt_member *best = NULL;
    for (size_t i = 0; i < z->count; i++) {
        const pt_member *m = &z->members[i];
        size_t n = sizeof tail - 1;
        if (m->name_size > n && memcmp(m->name + m->name_size - n, tail, n) == 0 && (!best || m->name_size < best->name_size)) best = m;
    }
    if (best) {
        x->top = best->name;
        x->top_size = best->name_size - (sizeof tail - 1);
    }
    return best;
}

drgen_status source_open_zip(source **out, file_bytes bytes, const char *name, drgen_err *err)
{
    pt_zip z = {0};
    pt_pickle *p = NULL;
    storage_index x = {.zip = &z};
    source *s = source_new(name, bytes);
    if (!s) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    drgen_status status = pt_zip_read(&z, bytes, name, err);
    if (status != DRGEN_OK) goto done;
    const pt_member *pickle = find_pickle(&z, &x), *order;
    if (!pickle || !pickle->data) {
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: an archive without a plain data.pkl: not saved by torch", name);
        goto done;
    }
    order = pt_zip_find(&z, x.top, x.top_size, "/byteorder", 10);
    if (order && (!order->data || order->size < 6 || memcmp(order->data, "little", 6) != 0)) {
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: saved on a big-endian machine; not supported", name);
        goto done;
    }
    int script = pt_zip_find(&z, x.top, x.top_size, "/constants.pkl", 14) != NULL;
    status = pt_pickle_read(&p, pickle->data, pickle->size, NULL, name, script, err);
    if (status == DRGEN_OK) status = collect(s, p, &x, err);
done:
    pt_pickle_free(p);
    pt_zip_free(&z);
    if (status != DRGEN_OK) source_close(s);
    else *out = s;
    return status;
}

/* Element size of every storage key, from the storages that tensors below v use. */
static void note_types(strmap *types, const pt_value *v, int depth, size_t *visits)
{
    if (++*visits > MAX_VISITS || depth > MAX_DEPTH) return;
    if (v->kind == PT_TENSOR) strmap_put(types, v->items[0]->text, v->items[0]->size, (int32_t)st_type_size(v->items[0]->type), 0);
    else
        for (size_t i = 0; i < v->count && v->kind != PT_OTHER; i++) note_types(types, v->items[i], depth + 1, visits);
}

/* Storages of a legacy stream: per key, in the list's order, a count and the raw data. */
static drgen_status index_stored(storage_index *x, const pt_value *keys, const pt_pickle *objects, const uint8_t *at,
                                 const uint8_t *end, const char *name, drgen_err *err)
{
    strmap types = {0};
    size_t visits = 0;
    drgen_status status = DRGEN_OK;
    if (keys->kind != PT_LIST) return err_fail(err, DRGEN_ERR_FORMAT, "%s: the list of storages is missing", name);
    note_types(&types, pt_pickle_root(objects), 0, &visits);
    x->stored = calloc(keys->count + 1, sizeof *x->stored);
    if (!x->stored) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    for (size_t i = 0; i < keys->count && status == DRGEN_OK; i++) {
        const pt_value *k = keys->items[i];
        int32_t item = k->kind == PT_STRING ? strmap_get(&types, k->text, k->size, 0) : 0;
        uint64_t elements = 0;
        if (!item || end - at < 8) {
            status = err_fail(err, DRGEN_ERR_FORMAT, "%s: storage %zu is unknown or cut off", name, i);
            break;
        }
        for (int b = 7; b >= 0; b--) elements = elements << 8 | at[b];
        at += 8;
        if (elements > (uint64_t)(end - at) / (uint64_t)item) {
            status = err_fail(err, DRGEN_ERR_FORMAT, "%s: storage %zu is cut off; get the file again", name, i);
            break;
        }
        x->stored[i].data = at;
        x->stored[i].elements = (size_t)elements;
        at += elements * (uint64_t)item;
        if (!strmap_put(&x->keys, k->text, k->size, (int32_t)i, 0)) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    strmap_free(&types);
    return status;
}

drgen_status source_open_legacy(source **out, file_bytes bytes, const char *name, drgen_err *err)
{
    static const uint8_t magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    enum { MAGIC, PROTOCOL, SYSTEM, OBJECT, KEYS, PARTS };
    pt_pickle *part[PARTS] = {0};
    storage_index x = {0};
    source *s = source_new(name, bytes);
    if (!s) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    drgen_status status = DRGEN_OK;
    size_t at = 0;
    if (bytes.size < 14 || memcmp(bytes.data + 4, magic, sizeof magic) != 0)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: a pickle, but not one that torch saved", name);
    for (int i = 0; i < PARTS && status == DRGEN_OK; i++) {
        size_t used = 0;
        status = pt_pickle_read(&part[i], bytes.data + at, bytes.size - at, &used, name, 0, err);
        at += used;
    }
    if (status == DRGEN_OK)
        status = index_stored(&x, pt_pickle_root(part[KEYS]), part[OBJECT], bytes.data + at, bytes.data + bytes.size, name, err);
    if (status == DRGEN_OK) status = collect(s, part[OBJECT], &x, err);
    for (int i = 0; i < PARTS; i++) pt_pickle_free(part[i]);
    strmap_free(&x.keys);
    free(x.stored);
    if (status != DRGEN_OK) source_close(s);
    else *out = s;
    return status;
}
