/* source_pt.c - .pt files as sources: ZIP archives, TorchScript archives and the legacy stream. Names are the path of
 * dict keys and list places joined by '/', of module attributes joined by '.'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights_tools/inflate.h"
#include "weights_tools/pt_pickle.h"
#include "weights_tools/pt_zip.h"
#include "weights_tools/source_types.h"

enum { MAX_DEPTH = 64, MAX_NAME = 512, MAX_VISITS = 4 << 20, MAX_CODE = 8 << 20 };

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
        size_t bytes;
    } *stored;
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
    size_t size = st_type_size(t->type), at[ST_MAX_DIMS] = {0}, run = 1;
    int outer = t->dims; /* axes in front of those that lie densely, run elements */
    while (outer > 0 && (t->shape[outer - 1] == 1 || p->strides[outer - 1] == run)) run *= t->shape[--outer];
    size_t rest = first / run, inside = first % run;
    for (int d = outer - 1; d >= 0; d--) {
        at[d] = rest % t->shape[d];
        rest /= t->shape[d];
    }
    for (size_t done = 0; done < count; inside = 0) {
        size_t from = p->offset + inside, n = count - done < run - inside ? count - done : run - inside;
        for (int d = 0; d < outer; d++) from += at[d] * p->strides[d];
        memcpy((char *)out + done * size, p->data + from * size, n * size);
        done += n;
        for (int d = outer - 1; d >= 0 && ++at[d] == t->shape[d]; d--) at[d] = 0;
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
    *bytes = x->stored[i].bytes;
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

/* Tensors and numbers below a value. Recursion is bounded by depth, and the visits by a limit: shared values could otherwise make a
 * small file take forever. */
static drgen_status walk(walk_state *w, const pt_value *v, const char *name, int depth)
{
    char child[MAX_NAME];
    if (++w->visits > MAX_VISITS || depth > MAX_DEPTH)
        return err_fail(w->err, DRGEN_ERR_FORMAT, "%s: values nested too deep or too often shared", w->s->name);
    if (v->kind == PT_TENSOR) return add_tensor(w, v, *name ? name : "tensor");
    if (v->kind == PT_FLOAT || v->kind == PT_INT)
        return *name ? source_add_number(w->s, name, v->kind == PT_INT ? (double)v->number : v->real, w->err) : DRGEN_OK;
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

/* Program text of a TorchScript archive: every .py member in one piece, behind each other. */
static drgen_status read_code(source *s, const pt_zip *z, drgen_err *err)
{
    size_t size = 0;
    for (size_t i = 0; i < z->count; i++) {
        const pt_member *m = &z->members[i];
        if (m->name_size < 3 || memcmp(m->name + m->name_size - 3, ".py", 3) != 0) continue;
        if (m->size > MAX_CODE || size + m->size > MAX_CODE)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: an absurd amount of program text", s->name);
        char *grown = realloc(s->code, size + m->size + 1);
        if (!grown) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", s->name);
        s->code = grown;
        if (m->method == 0) memcpy(grown + size, m->data, m->size);
        else if (m->method != 8 || !inflate_exact(m->packed, m->packed_size, (uint8_t *)grown + size, m->size)) {
            grown[size] = '\0';
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %.*s is damaged; get the file again", s->name,
                            m->name_size > 200 ? 200 : (int)m->name_size, m->name);
        }
        for (size_t k = 0; k < m->size; k++)
            if (!grown[size + k]) grown[size + k] = ' '; /* so that the text ends where it ends */
        size += m->size;
        grown[size] = '\0';
    }
    return DRGEN_OK;
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
    if (status == DRGEN_OK && script) status = read_code(s, &z, err);
done:
    pt_pickle_free(p);
    pt_zip_free(&z);
    if (status != DRGEN_OK) source_close(s);
    else *out = s;
    return status;
}

/* Element size of every storage key. 0 when one key has two: torch writes no such file, and sizes would be in doubt. */
static drgen_status note_types(strmap *types, const pt_pickle *objects, const char *name, drgen_err *err)
{
    const pt_value *v;
    for (size_t i = 0; (v = pt_pickle_at(objects, i)); i++) {
        if (v->kind != PT_STORAGE) continue;
        int32_t size = (int32_t)st_type_size(v->type);
        if (!strmap_put(types, v->text, v->size, size, 0)) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
        if (strmap_get(types, v->text, v->size, 0) != size)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: a storage is used with two types", name);
    }
    return DRGEN_OK;
}

/* Storages of a legacy stream: per key, in the list's order, a count and the raw data. */
static drgen_status index_stored(storage_index *x, const pt_value *keys, const pt_pickle *objects, const uint8_t *at,
                                 const uint8_t *end, const char *name, drgen_err *err)
{
    strmap types = {0};
    if (keys->kind != PT_LIST) return err_fail(err, DRGEN_ERR_FORMAT, "%s: the list of storages is missing", name);
    drgen_status status = note_types(&types, objects, name, err);
    x->stored = calloc(keys->count + 1, sizeof *x->stored);
    if (!x->stored && status == DRGEN_OK) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
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
        x->stored[i].bytes = (size_t)(elements * (uint64_t)item);
        at += elements * (uint64_t)item;
        if (!strmap_put(&x->keys, k->text, k->size, (int32_t)i, 0)) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    strmap_free(&types);
    return status;
}

/* The preamble: protocol 1001, and a dict that says whether the machine was little-endian. */
static drgen_status check_preamble(const pt_value *protocol, const pt_value *system, const char *name, drgen_err *err)
{
    if (protocol->kind != PT_INT || protocol->number != 1001)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: saved by another version of torch's old format", name);
    for (size_t i = 0; system->kind == PT_DICT && i + 1 < system->count; i += 2) {
        const pt_value *key = system->items[i], *v = system->items[i + 1];
        if (key->kind == PT_STRING && key->size == 13 && memcmp(key->text, "little_endian", 13) == 0 && v->kind == PT_BOOL && !v->number)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: saved on a big-endian machine; not supported", name);
    }
    return DRGEN_OK;
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
    if (bytes.size < 14 || bytes.data[2] != 0x8a || bytes.data[3] != 10 || memcmp(bytes.data + 4, magic, sizeof magic) != 0)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: a pickle, but not one that torch saved", name);
    for (int i = 0; i < PARTS && status == DRGEN_OK; i++) {
        size_t used = 0;
        status = pt_pickle_read(&part[i], bytes.data + at, bytes.size - at, &used, name, 0, err);
        at += used;
    }
    if (status == DRGEN_OK) status = check_preamble(pt_pickle_root(part[PROTOCOL]), pt_pickle_root(part[SYSTEM]), name, err);
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
