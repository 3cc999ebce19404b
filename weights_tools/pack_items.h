/* pack_items.h - a part being packed: which source tensor becomes which tensor of the model, and how it is turned.
 * Collected first (names and shapes checked), then written in one go. */
#ifndef WEIGHTS_TOOLS_PACK_ITEMS_H
#define WEIGHTS_TOOLS_PACK_ITEMS_H

#include "weights_tools/pack.h"

enum { PACK_NAME = 224 };

typedef enum {
    PACK_COPY,       /* as it is */
    PACK_CONV,       /* [out, in, taps] -> [out, taps, in] */
    PACK_TRANSPOSED, /* [in, out, 2s] -> [s, out, 2, in], see pack.h */
    PACK_DEPTHWISE,  /* [C, 1, taps] -> [taps, C] */
    PACK_FLAT,       /* [1, 1, C] -> [C] */
    PACK_SCALE       /* [rows, cols] -> [rows], what the bytes of a row are multiplied by */
} pack_turn;

typedef struct {
    char name[PACK_NAME];            /* in the model */
    pack_turn turn;
    const source_tensor *from, *gain; /* gain: weight norm's g, or NULL */
    const float *given;              /* instead of from: shape[0] values */
    float *scale;                    /* multiplies row r of the source (folded BatchNorm); owned; NULL: none */
    float *owned;                    /* the values of given, when they are ours */
    int quantise;                    /* 1: int8 where the folder's type is q8 */
    int dims;
    size_t shape[ST_MAX_DIMS];       /* in the model */
    size_t view[ST_MAX_DIMS];        /* the source's shape as `turn` sees it */
} pack_item;

typedef struct {
    const source *s;
    const char *prefix; /* in front of source names */
    const pack_how *how;
    pack_item *items;
    size_t count, room;
    drgen_err *err;
    drgen_status status; /* first failure; later calls do nothing */
} pack_list;

/* The source tensor prefix + name, of these shape; NULL (status set) when missing or of another shape. */
const source_tensor *pack_need(pack_list *l, const char *name, const size_t *shape, int dims);
/* A size as the configurations hold it; 0 when it is absurd, which no shape then fits. */
int pack_size(size_t v);
/* The source tensor prefix + name, or NULL without an error. */
const source_tensor *pack_look(const pack_list *l, const char *name);
/* Plans model tensor `name` from source tensor `name` of these shape. */
void pack_add(pack_list *l, const char *name, const char *source_name, pack_turn turn, const size_t *shape, int dims);
/* The same for a weight that may be plain or in either weight-norm form: base is the name without ".weight". */
void pack_add_weight(pack_list *l, const char *base, pack_turn turn, const size_t *shape, int dims);
/* The same seen as [rows, in, taps], and turned into [rows, taps, in]; scale [rows] (taken over) or NULL. */
void pack_add_turned(pack_list *l, const char *name, const char *source_name, pack_turn turn, const size_t *shape, int dims,
                     const size_t view[3], float *scale);
/* A matrix that becomes int8 with its scales where the folder's type is q8; otherwise as pack_add. */
void pack_add_matrix(pack_list *l, const char *name, const char *source_name, size_t rows, size_t cols);
/* values (malloc'd) are taken over. */
void pack_add_owned(pack_list *l, const char *name, float *values, size_t count);
void pack_add_given(pack_list *l, const char *name, const float *values, size_t count);
/* Writes everything planned. */
drgen_status pack_write(pack_list *l, const char *path, pack_sum *sum);
void pack_list_free(pack_list *l);

#endif
