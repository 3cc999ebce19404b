/* pt_pickle.c - see pt_pickle.h. Format: Python's pickletools; the opcodes torch uses (vae.md section 5). */
#include "weights_tools/pt_pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 1 << 24 }; /* the largest checkpoints hold some 100 000 */

struct pt_pickle {
    const uint8_t *p, *end;
    const char *name;
    int module_code, done;
    drgen_err *err;
    drgen_status status;    /* first failure */
    pt_value **all;         /* every value, for freeing */
    size_t all_count, all_room;
    pt_value **stack;
    size_t stack_count, stack_room;
    size_t *marks;
    size_t mark_count, mark_room;
    pt_value **memo;
    size_t memo_room, memo_next;
    pt_value *root;
};

static void fail(pt_pickle *p, const char *what)
{
    if (p->status == DRGEN_OK) p->status = err_fail(p->err, DRGEN_ERR_FORMAT, "%s: damaged or unsupported pickle: %s", p->name, what);
}

/* Room for one more element; 0 when out of memory. */
static int grow(void *array, size_t size, size_t count, size_t *room)
{
    void **a = array;
    if (count < *room) return 1;
    size_t more = *room ? 2 * *room : 16;
    void *grown = realloc(*a, more * size);
    if (!grown) return 0;
    *a = grown;
    *room = more;
    return 1;
}

static pt_value *make(pt_pickle *p, pt_kind kind)
{
    if (p->all_count >= MAX_VALUES) fail(p, "it holds an absurd number of values");
    pt_value *v = p->status == DRGEN_OK ? calloc(1, sizeof *v) : NULL;
    if (!v || !grow(&p->all, sizeof *p->all, p->all_count, &p->all_room)) {
        free(v);
        if (p->status == DRGEN_OK) p->status = err_fail(p->err, DRGEN_ERR_NOMEM, "%s: out of memory", p->name);
        return NULL;
    }
    v->kind = kind;
    return p->all[p->all_count++] = v;
}

static void push(pt_pickle *p, pt_value *v)
{
    if (!v) return;
    if (!grow(&p->stack, sizeof *p->stack, p->stack_count, &p->stack_room)) fail(p, "out of memory");
    else p->stack[p->stack_count++] = v;
}

/* Values above the last mark. */
static size_t floor_of(const pt_pickle *p)
{
    return p->mark_count ? p->marks[p->mark_count - 1] : 0;
}

static pt_value *pop(pt_pickle *p)
{
    if (p->stack_count <= floor_of(p)) {
        fail(p, "the stack is empty");
        return NULL;
    }
    return p->stack[--p->stack_count];
}

static pt_value *top(pt_pickle *p)
{
    if (p->stack_count > floor_of(p)) return p->stack[p->stack_count - 1];
    fail(p, "the stack is empty");
    return NULL;
}

static void append(pt_pickle *p, pt_value *to, pt_value *v)
{
    if (!to || !v) return;
    if (!grow(&to->items, sizeof *to->items, to->count, &to->room)) fail(p, "out of memory");
    else to->items[to->count++] = v;
}

static uint64_t number(pt_pickle *p, size_t bytes)
{
    uint64_t v = 0;
    if ((size_t)(p->end - p->p) < bytes) {
        fail(p, "it is cut off");
        p->p = p->end;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) v |= (uint64_t)p->p[i] << 8 * i;
    p->p += bytes;
    return v;
}

static void push_text(pt_pickle *p, uint64_t size)
{
    pt_value *v;
    if (size > (uint64_t)(p->end - p->p)) fail(p, "a text is cut off");
    else if ((v = make(p, PT_STRING))) {
        v->text = (const char *)p->p;
        v->size = (size_t)size;
        p->p += size;
        push(p, v);
    }
}

static void push_number(pt_pickle *p, pt_kind kind, int64_t n)
{
    pt_value *v = make(p, kind);
    if (v) v->number = n;
    push(p, v);
}

/* An IEEE double, most significant byte first. */
static void push_real(pt_pickle *p)
{
    uint64_t bits = __builtin_bswap64(number(p, 8));
    pt_value *v = make(p, PT_FLOAT);
    if (v) memcpy(&v->real, &bits, sizeof bits);
    push(p, v);
}

/* Little-endian two's complement of any length; beyond 64 bits only the sign matters to us. */
static void push_long(pt_pickle *p, uint64_t size)
{
    if (size > (uint64_t)(p->end - p->p)) {
        fail(p, "a number is cut off");
        return;
    }
    uint64_t v = size && p->p[size - 1] & 0x80 ? UINT64_MAX : 0;
    if (size > 8) v = v ? (uint64_t)INT64_MIN : (uint64_t)INT64_MAX;
    else
        for (size_t i = (size_t)size; i-- > 0;) v = v << 8 | p->p[i];
    p->p += size;
    push_number(p, PT_INT, (int64_t)v);
}

static int is(const pt_value *v, const char *text)
{
    return v && v->size == strlen(text) && memcmp(v->text, text, v->size) == 0;
}

static int starts(const pt_value *v, const char *text)
{
    size_t n = strlen(text);
    return v->size >= n && memcmp(v->text, text, n) == 0;
}

static const struct {
    const char *name;
    st_type type;
} storages[] = {{"torch FloatStorage", ST_F32},   {"torch HalfStorage", ST_F16},  {"torch BFloat16Storage", ST_BF16},
                {"torch DoubleStorage", ST_F64},  {"torch LongStorage", ST_I64},  {"torch IntStorage", ST_I32},
                {"torch ShortStorage", ST_I16},   {"torch CharStorage", ST_I8},   {"torch ByteStorage", ST_U8},
                {"torch BoolStorage", ST_BOOL}};

static const char *const allowed[] = {
    "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "torch Size",
    "torch.jit._pickle build_intlist", "torch.jit._pickle build_boollist", "torch.jit._pickle build_doublelist",
    "torch.jit._pickle build_tensorlist", "torch.jit._pickle restore_type_tag",
    "torch float32", "torch float16", "torch bfloat16", "torch float64", "torch int64", "torch int32", "torch int16",
    "torch int8", "torch uint8", "torch bool"};

static void push_global(pt_pickle *p, const char *text, size_t size)
{
    pt_value *v = make(p, PT_GLOBAL);
    if (!v) return;
    v->text = text;
    v->size = size;
    int known = p->module_code && (starts(v, "__torch__.") || starts(v, "__torch__ "));
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) known |= is(v, allowed[i]);
    for (size_t i = 0; i < sizeof storages / sizeof storages[0]; i++) known |= is(v, storages[i].name);
    if (!known)
        p->status = err_fail(p->err, DRGEN_ERR_FORMAT, "%s: the pickle refers to %.*s, which weights have no need of; refused",
                             p->name, size > 200 ? 200 : (int)size, text);
    push(p, v);
}

/* GLOBAL: two lines. They become "module name" in a copy, since values are not terminated. */
static void op_global(pt_pickle *p)
{
    const uint8_t *a = memchr(p->p, '\n', (size_t)(p->end - p->p));
    const uint8_t *b = a ? memchr(a + 1, '\n', (size_t)(p->end - a - 1)) : NULL;
    if (!b) {
        fail(p, "a name is cut off");
        return;
    }
    size_t size = (size_t)(b - p->p);
    pt_value *v = make(p, PT_OTHER); /* owns the joined text */
    char *text = malloc(size + 1);
    if (!v || !text) {
        free(text);
        fail(p, "out of memory");
        return;
    }
    memcpy(text, p->p, size);
    text[a - p->p] = ' ';
    v->items = (pt_value **)(void *)text; /* freed with the value */
    p->p = b + 1;
    push_global(p, text, size);
}

static void op_stack_global(pt_pickle *p)
{
    pt_value *name = pop(p), *module = pop(p), *v;
    char *text;
    if (!name || !module) return;
    if (name->kind != PT_STRING || module->kind != PT_STRING) fail(p, "a name is not a text");
    else if ((v = make(p, PT_OTHER)) && (text = malloc(module->size + name->size + 2))) {
        memcpy(text, module->text, module->size);
        text[module->size] = ' ';
        memcpy(text + module->size + 1, name->text, name->size);
        v->items = (pt_value **)(void *)text;
        push_global(p, text, module->size + name->size + 1);
    } else fail(p, "out of memory");
}

/* Everything above the last mark moves into `to`; the mark goes. */
static void take_marked(pt_pickle *p, pt_value *to)
{
    if (!p->mark_count) {
        fail(p, "no mark");
        return;
    }
    size_t from = p->marks[--p->mark_count];
    for (size_t i = from; i < p->stack_count; i++) append(p, to, p->stack[i]);
    p->stack_count = from;
}

static void op_tuple(pt_pickle *p, size_t count)
{
    pt_value *v = make(p, PT_TUPLE);
    if (!v || p->stack_count - floor_of(p) < count) {
        fail(p, "the stack is empty");
        return;
    }
    for (size_t i = 0; i < count; i++) append(p, v, p->stack[p->stack_count - count + i]);
    p->stack_count -= count;
    push(p, v);
}

static void op_append(pt_pickle *p, int many, pt_kind kind)
{
    pt_value temp = {.kind = PT_TUPLE};
    if (many) take_marked(p, &temp);
    else {
        pt_value *v = pop(p);
        if (kind == PT_DICT) {
            append(p, &temp, pop(p));
            append(p, &temp, v);
        } else append(p, &temp, v);
    }
    pt_value *to = top(p);
    if (to && to->kind != kind) fail(p, kind == PT_DICT ? "items for something that is no dict" : "items for something that is no list");
    if (kind == PT_DICT && temp.count % 2) fail(p, "a key without a value");
    for (size_t i = 0; i < temp.count && p->status == DRGEN_OK; i++) append(p, to, temp.items[i]);
    free(temp.items);
}

static void memo_put(pt_pickle *p, uint64_t index)
{
    pt_value *v = top(p);
    if (!v) return;
    /* An index cannot exceed the number of opcodes, so neither can the table. */
    if (index >= (uint64_t)p->all_count + 1) {
        fail(p, "a memo index is absurd");
        return;
    }
    while (index >= p->memo_room) {
        size_t old = p->memo_room;
        if (!grow(&p->memo, sizeof *p->memo, p->memo_room, &p->memo_room)) {
            fail(p, "out of memory");
            return;
        }
        memset(p->memo + old, 0, (p->memo_room - old) * sizeof *p->memo);
    }
    p->memo[index] = v;
    if (index >= p->memo_next) p->memo_next = (size_t)index + 1;
}

static void memo_get(pt_pickle *p, uint64_t index)
{
    if (index < p->memo_room && p->memo[index]) push(p, p->memo[index]);
    else fail(p, "a memo entry is missing");
}

/* ("storage", type, key, device, elements[, view]) */
static void op_persid(pt_pickle *p)
{
    pt_value *t = pop(p), *v;
    if (!t) return;
    if (t->kind != PT_TUPLE || t->count < 5 || t->count > 6 || !is(t->items[0], "storage") || t->items[1]->kind != PT_GLOBAL ||
        t->items[2]->kind != PT_STRING || t->items[4]->kind != PT_INT || t->items[4]->number < 0 ||
        (t->count == 6 && t->items[5]->kind != PT_NONE)) {
        fail(p, "a storage is not described as torch does");
        return;
    }
    int type = -1;
    for (size_t i = 0; i < sizeof storages / sizeof storages[0]; i++)
        if (is(t->items[1], storages[i].name)) type = (int)storages[i].type;
    if (type < 0) fail(p, "a storage of unknown type");
    else if ((v = make(p, PT_STORAGE))) {
        v->type = (st_type)type;
        v->text = t->items[2]->text;
        v->size = t->items[2]->size;
        v->number = t->items[4]->number;
        push(p, v);
    }
}

static int all_ints(const pt_value *t)
{
    if (t->kind != PT_TUPLE || t->count > ST_MAX_DIMS) return 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i]->kind != PT_INT || t->items[i]->number < 0) return 0;
    return 1;
}

/* (storage, offset, sizes, strides, ...): offset is kept in number. */
static void rebuild_tensor(pt_pickle *p, const pt_value *args)
{
    if (args->count < 4 || args->items[0]->kind != PT_STORAGE || args->items[1]->kind != PT_INT || args->items[1]->number < 0 ||
        !all_ints(args->items[2]) || !all_ints(args->items[3]) || args->items[2]->count != args->items[3]->count) {
        fail(p, "a tensor is not described as torch does");
        return;
    }
    pt_value *v = make(p, PT_TENSOR);
    if (v) v->number = args->items[1]->number;
    append(p, v, args->items[0]);
    append(p, v, args->items[2]);
    append(p, v, args->items[3]);
    push(p, v);
}

static void op_reduce(pt_pickle *p)
{
    pt_value *args = pop(p), *f = pop(p);
    if (!args || !f) return;
    if (f->kind != PT_GLOBAL || args->kind != PT_TUPLE) fail(p, "a call of something that is no name");
    else if (is(f, "torch._utils _rebuild_tensor_v2")) rebuild_tensor(p, args);
    else if (is(f, "collections OrderedDict")) push(p, make(p, PT_DICT));
    else if (starts(f, "torch._utils") || starts(f, "torch Size") || starts(f, "torch.jit._pickle")) {
        if (args->count) push(p, args->items[0]); /* a wrapper around its first argument */
        else fail(p, "a wrapper around nothing");
    } else push(p, make(p, PT_OTHER));
}

static void op_newobj(pt_pickle *p)
{
    pt_value *args = pop(p), *class = pop(p);
    if (!args || !class) return;
    if (class->kind == PT_GLOBAL && starts(class, "__torch__")) push(p, make(p, PT_MODULE));
    else if (class->kind == PT_GLOBAL && is(class, "collections OrderedDict")) push(p, make(p, PT_DICT));
    else fail(p, "an object of a class that is no module");
}

/* State for an object: a module's attributes; for an OrderedDict only _metadata, which is of no interest. */
static void op_build(pt_pickle *p)
{
    pt_value *state = pop(p), *object = top(p);
    if (!state || !object || object->kind != PT_MODULE) return;
    if (state->kind == PT_DICT && !object->count) append(p, object, state);
    else fail(p, "a module's state is not a dict");
}

static void op_mark(pt_pickle *p)
{
    if (!grow(&p->marks, sizeof *p->marks, p->mark_count, &p->mark_room)) fail(p, "out of memory");
    else p->marks[p->mark_count++] = p->stack_count;
}

static void step(pt_pickle *p)
{
    uint8_t op = *p->p++;
    pt_value *v;
    switch (op) {
    case 0x80: number(p, 1); break;
    case 0x95: number(p, 8); break;
    case '.': p->root = pop(p), p->done = 1; break;
    case '(': op_mark(p); break;
    case 'c': op_global(p); break;
    case 0x93: op_stack_global(p); break;
    case '}': push(p, make(p, PT_DICT)); break;
    case ']': push(p, make(p, PT_LIST)); break;
    case ')': push(p, make(p, PT_TUPLE)); break;
    case 't':
        v = make(p, PT_TUPLE);
        if (v) take_marked(p, v);
        push(p, v);
        break;
    case 0x85: case 0x86: case 0x87: op_tuple(p, (size_t)(op - 0x84)); break;
    case 'X': case 'T': case 'B': push_text(p, number(p, 4)); break;
    case 0x8c: case 'U': case 'C': push_text(p, number(p, 1)); break;
    case 0x8d: case 0x8e: push_text(p, number(p, 8)); break;
    case 'J': push_number(p, PT_INT, (int32_t)(uint32_t)number(p, 4)); break;
    case 'K': push_number(p, PT_INT, (int64_t)number(p, 1)); break;
    case 'M': push_number(p, PT_INT, (int64_t)number(p, 2)); break;
    case 0x8a: push_long(p, number(p, 1)); break;
    case 0x8b: push_long(p, number(p, 4)); break;
    case 'G': push_real(p); break;
    case 'N': push(p, make(p, PT_NONE)); break;
    case 0x88: push_number(p, PT_BOOL, 1); break;
    case 0x89: push_number(p, PT_BOOL, 0); break;
    case 'q': memo_put(p, number(p, 1)); break;
    case 'r': memo_put(p, number(p, 4)); break;
    case 0x94: memo_put(p, p->memo_next); break;
    case 'h': memo_get(p, number(p, 1)); break;
    case 'j': memo_get(p, number(p, 4)); break;
    case 'Q': op_persid(p); break;
    case 'R': op_reduce(p); break;
    case 0x81: op_newobj(p); break;
    case 'b': op_build(p); break;
    case 'a': op_append(p, 0, PT_LIST); break;
    case 'e': op_append(p, 1, PT_LIST); break;
    case 's': op_append(p, 0, PT_DICT); break;
    case 'u': op_append(p, 1, PT_DICT); break;
    case '0': pop(p); break;
    case '2': push(p, top(p)); break;
    default: fail(p, "an unknown operation");
    }
}

drgen_status pt_pickle_read(pt_pickle **out, const uint8_t *bytes, size_t size, size_t *used, const char *name,
                            int module_code, drgen_err *err)
{
    *out = NULL;
    pt_pickle *p = calloc(1, sizeof *p);
    if (!p) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    p->p = bytes;
    p->end = bytes + size;
    p->name = name;
    p->module_code = module_code;
    p->err = err;
    while (!p->done && p->status == DRGEN_OK) {
        if (p->p == p->end) fail(p, "it is cut off");
        else step(p);
    }
    if (p->status == DRGEN_OK && !p->root) fail(p, "it is empty");
    drgen_status status = p->status;
    if (used) *used = (size_t)(p->p - bytes);
    if (status != DRGEN_OK) pt_pickle_free(p);
    else *out = p;
    return status;
}

void pt_pickle_free(pt_pickle *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->all_count; i++) {
        free(p->all[i]->items);
        free(p->all[i]);
    }
    free(p->all);
    free(p->stack);
    free(p->marks);
    free(p->memo);
    free(p);
}

const pt_value *pt_pickle_root(const pt_pickle *p)
{
    return p->root;
}

const pt_value *pt_pickle_at(const pt_pickle *p, size_t i)
{
    return i < p->all_count ? p->all[i] : NULL;
}
