/* source_types.h - how a kind of source plugs into source.c. */
#ifndef WEIGHTS_TOOLS_SOURCE_TYPES_H
#define WEIGHTS_TOOLS_SOURCE_TYPES_H

#include "base/strmap.h"
#include "weights_tools/source.h"

struct source {
    char *name;
    source_tensor *tensors; /* names are owned */
    size_t count, room;
    strmap index;
    struct source_value {
        char *name;
        double value;
    } *numbers; /* names are owned */
    size_t number_count, number_room;
    strmap number_index;
    file_bytes bytes; /* closed by the source */
    char *code;       /* of source_code, or NULL */
    void *impl;
    /* Elements first.. of tensor i, in its own type. */
    drgen_status (*raw)(const source *s, size_t i, size_t first, size_t count, void *out, drgen_err *err);
    void (*close)(source *s);
};

/* An empty source; name is copied. */
source *source_new(const char *name, file_bytes bytes);
/* Adds a tensor (name copied, count computed). Duplicate names and overflow are errors. */
drgen_status source_add(source *s, const char *name, st_type type, const size_t *shape, int dims, drgen_err *err);

/* Adds a number; the first of a name counts. */
drgen_status source_add_number(source *s, const char *name, double value, drgen_err *err);

/* The readers, by content. Each takes over bytes. */
drgen_status source_open_zip(source **out, file_bytes bytes, const char *name, drgen_err *err);
drgen_status source_open_legacy(source **out, file_bytes bytes, const char *name, drgen_err *err);

/* A list of made-up tensors (rule synth-1), the same from a manifest and from drgen synth. */
typedef struct {
    const char *name; /* copied */
    int dims;
    size_t shape[4];
    double mean, half;
} synth_tensor;
drgen_status source_open_synth(source **out, const char *name, const synth_tensor *list, size_t count, uint64_t seed,
                               drgen_err *err);

#endif
