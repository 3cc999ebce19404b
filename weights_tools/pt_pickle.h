/* pt_pickle.h - the small pickle language that torch writes, read into a tree. Nothing is ever run: a reference to any
 * code outside a fixed list is refused by name. */
#ifndef WEIGHTS_TOOLS_PT_PICKLE_H
#define WEIGHTS_TOOLS_PT_PICKLE_H

#include "io/safetensors.h"

typedef enum {
    PT_NONE, PT_BOOL, PT_INT, PT_FLOAT, PT_STRING, PT_TUPLE, PT_LIST, PT_DICT, PT_GLOBAL, PT_MODULE, PT_STORAGE, PT_TENSOR,
    PT_OTHER /* allowed, but of no interest here (torch.float32, ...) */
} pt_kind;

typedef struct pt_value pt_value;
struct pt_value {
    pt_kind kind;
    int64_t number;        /* BOOL, INT (clipped when longer than 64 bits); STORAGE: elements */
    double real;           /* FLOAT */
    const char *text;      /* STRING, GLOBAL ("module name"), STORAGE key: not terminated */
    size_t size;           /* of text */
    pt_value **items;      /* TUPLE, LIST; DICT: key, value, key, value...; MODULE: items[0] its dict; TENSOR: items[0]
                            * its storage, items[1] sizes, items[2] strides */
    size_t count, room;
    st_type type;          /* STORAGE */
};

typedef struct pt_pickle pt_pickle;

/* Reads one pickle at bytes; *used gets its length. text of values points into bytes, which must outlive the result.
 * module_code: allow __torch__.* classes (TorchScript). FORMAT error with the reason otherwise. */
drgen_status pt_pickle_read(pt_pickle **out, const uint8_t *bytes, size_t size, size_t *used, const char *name,
                            int module_code, drgen_err *err);
void pt_pickle_free(pt_pickle *p); /* NULL is fine */
const pt_value *pt_pickle_root(const pt_pickle *p);
/* Every value the pickle made, also those the root does not reach; NULL past the last. */
const pt_value *pt_pickle_at(const pt_pickle *p, size_t i);

#endif
