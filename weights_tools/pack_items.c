/* pack_items.c - see pack_items.h. */
#include "weights_tools/pack_items.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "kernels/gemm_q8.h"

static const char *const dtype_names[] = {[PACK_F32] = "f32", [PACK_F16] = "f16", [PACK_Q8] = "q8"};

const char *pack_dtype_name(pack_dtype t)
{
    return dtype_names[t];
}

int pack_dtype_from_name(const char *name, pack_dtype *out)
{
    for (pack_dtype t = PACK_F32; t <= PACK_Q8; t++)
        if (strcmp(name, dtype_names[t]) == 0) {
            *out = t;
            return 1;
        }
    return 0;
}

int pack_size(size_t v)
{
    return v <= 1u << 24 ? (int)v : 0;
}

const source_tensor *pack_look(const pack_list *l, const char *name)
{
    char full[2 * PACK_NAME];
    snprintf(full, sizeof full, "%s%s", l->prefix, name);
    return source_find(l->s, full);
}

const source_tensor *pack_need(pack_list *l, const char *name, const size_t *shape, int dims)
{
    char want[96], have[96];
    if (l->status != DRGEN_OK) return NULL;
    const source_tensor *t = pack_look(l, name);
    if (!t)
        l->status = err_fail(l->err, DRGEN_ERR_MODEL, "%s: tensor %s%s is missing", source_name(l->s), l->prefix, name);
    else if (t->dims != dims || memcmp(t->shape, shape, (size_t)dims * sizeof *shape) != 0)
        l->status = err_fail(l->err, DRGEN_ERR_MODEL, "%s: %s: shape %s wanted, %s found", source_name(l->s), t->name,
                             st_shape_text(want, sizeof want, shape, dims),
                             st_shape_text(have, sizeof have, t->shape, t->dims));
    else if (t->type > ST_F64)
        l->status = err_fail(l->err, DRGEN_ERR_MODEL, "%s: %s: a float type wanted, %s found", source_name(l->s), t->name,
                             st_type_name(t->type));
    return l->status == DRGEN_OK ? t : NULL;
}

static pack_item *next_item(pack_list *l, const char *name)
{
    if (l->status != DRGEN_OK) return NULL;
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        pack_item *grown = realloc(l->items, room * sizeof *grown);
        if (!grown) {
            l->status = err_fail(l->err, DRGEN_ERR_NOMEM, "%s: out of memory", source_name(l->s));
            return NULL;
        }
        l->items = grown;
        l->room = room;
    }
    pack_item *i = &l->items[l->count++];
    memset(i, 0, sizeof *i);
    snprintf(i->name, sizeof i->name, "%s", name);
    return i;
}

static void set_shape(pack_item *i, const size_t *shape, int dims)
{
    static const int turned[][4] = {[PACK_CONV] = {0, 2, 1, -1}, [PACK_DEPTHWISE] = {2, 0, -1, -1}, [PACK_FLAT] = {2, -1, -1, -1}};
    if (i->turn == PACK_COPY) {
        i->dims = dims;
        memcpy(i->shape, shape, (size_t)dims * sizeof *shape);
    } else if (i->turn == PACK_TRANSPOSED) {
        i->dims = 4;
        i->shape[0] = shape[2] / 2;
        i->shape[1] = shape[1];
        i->shape[2] = 2;
        i->shape[3] = shape[0];
    } else if (i->turn == PACK_SCALE) {
        i->dims = 1;
        i->shape[0] = shape[0];
    } else {
        for (const int *axis = turned[i->turn]; *axis >= 0; axis++) i->shape[i->dims++] = shape[*axis];
    }
}

void pack_add(pack_list *l, const char *name, const char *source_name_, pack_turn turn, const size_t *shape, int dims)
{
    const source_tensor *t = pack_need(l, source_name_, shape, dims);
    pack_item *i = t ? next_item(l, name) : NULL;
    if (!i) return;
    i->turn = turn;
    i->from = t;
    memcpy(i->view, shape, (size_t)dims * sizeof *shape);
    set_shape(i, shape, dims);
}

void pack_add_matrix(pack_list *l, const char *name, const char *from, size_t rows, size_t cols)
{
    const size_t shape[] = {rows, cols};
    char scale[PACK_NAME];
    pack_add(l, name, from, PACK_COPY, shape, 2);
    if (l->status != DRGEN_OK || l->how->dtype != PACK_Q8) return;
    l->items[l->count - 1].quantise = 1;
    snprintf(scale, sizeof scale, "%s_scale", name);
    pack_add(l, scale, from, PACK_SCALE, shape, 2);
}

void pack_add_turned(pack_list *l, const char *name, const char *from, pack_turn turn, const size_t *shape, int dims,
                     const size_t view[3], float *scale)
{
    pack_add(l, name, from, PACK_COPY, shape, dims);
    if (l->status != DRGEN_OK) {
        free(scale);
        return;
    }
    pack_item *i = &l->items[l->count - 1];
    i->turn = turn;
    i->scale = scale;
    i->dims = 0;
    memcpy(i->view, view, 3 * sizeof *view);
    set_shape(i, view, 3);
}

void pack_add_owned(pack_list *l, const char *name, float *values, size_t count)
{
    pack_item *i = next_item(l, name);
    if (!i) {
        free(values);
        return;
    }
    i->given = i->owned = values;
    i->dims = 1;
    i->shape[0] = count;
}

void pack_add_weight(pack_list *l, const char *base, pack_turn turn, const size_t *shape, int dims)
{
    static const char *const forms[][2] = {{".weight_v", ".weight_g"},
                                           {".parametrizations.weight.original1", ".parametrizations.weight.original0"}};
    char plain[PACK_NAME], v[PACK_NAME], g[PACK_NAME];
    snprintf(plain, sizeof plain, "%s.weight", base);
    size_t gain[ST_MAX_DIMS] = {shape[0], 1, 1, 1, 1, 1, 1, 1};
    for (size_t f = 0; f < 2 && l->status == DRGEN_OK; f++) {
        snprintf(v, sizeof v, "%s%s", base, forms[f][0]);
        snprintf(g, sizeof g, "%s%s", base, forms[f][1]);
        if (!pack_look(l, v)) continue;
        const source_tensor *t = pack_need(l, g, gain, dims);
        pack_add(l, plain, v, turn, shape, dims);
        if (l->status == DRGEN_OK) l->items[l->count - 1].gain = t;
        return;
    }
    pack_add(l, plain, plain, turn, shape, dims);
}

void pack_add_given(pack_list *l, const char *name, const float *values, size_t count)
{
    pack_item *i = next_item(l, name);
    if (!i) return;
    i->given = values;
    i->dims = 1;
    i->shape[0] = count;
}

/* A model with one infinite weight plays noise or silence: better to stop here, with the tensor's name. */
static drgen_status not_finite(const pack_list *l, const pack_item *i, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_MODEL, "%s: %s holds a value that is not finite%s", source_name(l->s), i->name,
                    l->how->dtype != PACK_F32 ? " or too large for half precision (try --type f32)" : "");
}

static int finite_f32(const float *v, size_t count)
{
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t magnitude = half_float_bits(v[i]) & 0x7fffffffu;
        most = magnitude > most ? magnitude : most;
    }
    return most < 0x7f800000u;
}

static int finite_f16(const uint16_t *v, size_t count)
{
    uint16_t most = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t magnitude = v[i] & 0x7fffu;
        most = magnitude > most ? magnitude : most;
    }
    return most < 0x7c00u;
}

static drgen_status put(const pack_list *l, const pack_item *item, st_writer *w, const float *v, size_t count, st_type type)
{
    enum { PIECE = 2048 };
    if (!finite_f32(v, count)) return not_finite(l, item, l->err);
    if (type == ST_F32) return st_put(w, v, count * sizeof *v, l->err);
    uint16_t half[PIECE];
    for (size_t at = 0; at < count; at += PIECE) {
        size_t n = count - at < PIECE ? count - at : PIECE;
        for (size_t i = 0; i < n; i++) half[i] = half_to_f16(v[at + i]);
        if (!finite_f16(half, n)) return not_finite(l, item, l->err);
        ERR_TRY(st_put(w, half, n * sizeof *half, l->err));
    }
    return DRGEN_OK;
}

/* Weight norm: W = v g / |v|, the norm over all axes but the first. */
static drgen_status fold(const pack_list *l, const pack_item *i, float *v)
{
    size_t rows = i->from->shape[0], width = rows ? i->from->count / rows : 0;
    for (size_t r = 0; r < rows; r++) {
        float g;
        ERR_TRY(source_floats(l->s, i->gain, r, 1, &g, l->err));
        double sum = 0;
        for (size_t k = 0; k < width; k++) sum += (double)v[r * width + k] * (double)v[r * width + k];
        if (!(sum > 0))
            return err_fail(l->err, DRGEN_ERR_MODEL, "%s: %s: row %zu has no length", source_name(l->s), i->from->name, r);
        double f = (double)g / sqrt(sum);
        for (size_t k = 0; k < width; k++) v[r * width + k] = (float)((double)v[r * width + k] * f);
    }
    return DRGEN_OK;
}

static void turn(const pack_item *i, const float *v, float *out)
{
    const size_t *s = i->view;
    size_t at = 0;
    if (i->turn == PACK_CONV)
        for (size_t o = 0; o < s[0]; o++)
            for (size_t k = 0; k < s[2]; k++)
                for (size_t c = 0; c < s[1]; c++) out[at++] = v[(o * s[1] + c) * s[2] + k];
    else if (i->turn == PACK_TRANSPOSED)
        for (size_t r = 0; r < s[2] / 2; r++)
            for (size_t o = 0; o < s[1]; o++)
                for (size_t half = 0; half < 2; half++) /* first the taps that meet x[n-1] */
                    for (size_t c = 0; c < s[0]; c++)
                        out[at++] = v[(c * s[1] + o) * s[2] + r + (half ? 0 : s[2] / 2)];
    else if (i->turn == PACK_DEPTHWISE)
        for (size_t k = 0; k < s[2]; k++)
            for (size_t c = 0; c < s[0]; c++) out[at++] = v[c * s[2] + k];
    else memcpy(out, v, i->from->count * sizeof *v);
}

static drgen_status stopped(const pack_list *l)
{
    return l->how->stop && l->how->stop() ? err_fail(l->err, DRGEN_ERR_CANCELLED, "stopped") : DRGEN_OK;
}

/* A tensor that is already of the right type and in the right order: its bytes, in pieces. */
static drgen_status write_raw(const pack_list *l, const pack_item *i, st_writer *w, void *piece, size_t room)
{
    const source_tensor *t = i->from;
    for (size_t at = 0; at < t->count; at += room) {
        size_t n = t->count - at < room ? t->count - at : room;
        ERR_TRY(stopped(l));
        ERR_TRY(source_raw(l->s, t, at, n, piece, l->err));
        if (!(t->type == ST_F16 ? finite_f16(piece, n) : finite_f32(piece, n))) return not_finite(l, i, l->err);
        ERR_TRY(st_put(w, piece, n * st_type_size(t->type), l->err));
    }
    return DRGEN_OK;
}

static void scale_rows(const pack_item *i, float *v)
{
    size_t rows = i->from->shape[0], width = rows ? i->from->count / rows : 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < width; k++) v[r * width + k] *= i->scale[r];
}

static drgen_status write_floats(const pack_list *l, const pack_item *i, st_writer *w, st_type type, float *v, float *turned,
                                 size_t room)
{
    for (size_t at = 0; at < i->from->count; at += room) {
        size_t n = i->from->count - at < room ? i->from->count - at : room;
        ERR_TRY(stopped(l));
        ERR_TRY(source_floats(l->s, i->from, at, n, v, l->err));
        if (i->gain) ERR_TRY(fold(l, i, v));
        if (i->scale) scale_rows(i, v);
        if (turned) turn(i, v, turned);
        ERR_TRY(put(l, i, w, turned ? turned : v, n, type));
    }
    return DRGEN_OK;
}

/* Rows as bytes, or their scales: both see every row whole. */
static drgen_status write_rows(const pack_list *l, const pack_item *i, st_writer *w)
{
    size_t rows = i->view[0], cols = i->view[1];
    float *v = malloc((cols + 1) * sizeof *v), *scale = malloc((rows + 1) * sizeof *scale);
    int8_t *bytes = malloc(cols + 1);
    drgen_status status = v && scale && bytes ? DRGEN_OK : err_fail(l->err, DRGEN_ERR_NOMEM, "%s: out of memory", i->name);
    for (size_t r = 0; r < rows && status == DRGEN_OK; r++) {
        status = r % 64 ? DRGEN_OK : stopped(l);
        if (status == DRGEN_OK) status = source_floats(l->s, i->from, r * cols, cols, v, l->err);
        if (status == DRGEN_OK && !finite_f32(v, cols)) status = not_finite(l, i, l->err);
        if (status != DRGEN_OK) break;
        q8_quantise_weights(bytes, &scale[r], v, cols);
        if (i->quantise) status = st_put(w, bytes, cols, l->err);
    }
    if (status == DRGEN_OK && !i->quantise) status = st_put(w, scale, rows * sizeof *scale, l->err);
    free(v), free(scale), free(bytes);
    return status;
}

/* Copies go through in pieces, what is folded or turned as a whole tensor. */
static drgen_status write_item(const pack_list *l, const pack_item *i, st_writer *w, st_type type)
{
    enum { PIECE = 1 << 20 };
    if (i->given) return put(l, i, w, i->given, i->shape[0], type);
    if (i->quantise || i->turn == PACK_SCALE) return write_rows(l, i, w);
    int whole = i->turn != PACK_COPY || i->gain || i->scale;
    size_t count = i->from->count, room = whole || count < PIECE ? count : PIECE;
    float *v = malloc((room + 1) * sizeof *v), *turned = whole ? malloc((count + 1) * sizeof *turned) : NULL;
    drgen_status status;
    if (!v || (whole && !turned)) status = err_fail(l->err, DRGEN_ERR_NOMEM, "%s: out of memory", i->name);
    else if (!whole && i->from->type == type) status = write_raw(l, i, w, v, room);
    else status = write_floats(l, i, w, type, v, turned, room);
    free(v);
    free(turned);
    return status;
}

static st_type type_of(const pack_item *i, pack_dtype dtype)
{
    return i->quantise ? ST_I8 : i->dims > 1 && dtype != PACK_F32 ? ST_F16 : ST_F32;
}

/* Larger elements first, so that every tensor is aligned; otherwise in the order planned. */
static void sort_items(pack_list *l, pack_dtype dtype)
{
    pack_item *sorted = l->count ? malloc(l->count * sizeof *sorted) : NULL;
    size_t n = 0;
    if (!sorted) return; /* alignment is checked when a model is loaded */
    for (size_t size = 4; size; size /= 2)
        for (size_t i = 0; i < l->count; i++)
            if (st_type_size(type_of(&l->items[i], dtype)) == size) sorted[n++] = l->items[i];
    free(l->items);
    l->items = sorted;
    l->room = l->count;
}

drgen_status pack_write(pack_list *l, const char *path, pack_sum *sum)
{
    st_writer *w = NULL;
    pack_dtype dtype = l->how->dtype;
    pack_sum total = {0};
    const char *from = strrchr(source_name(l->s), '/');
    if (l->status == DRGEN_OK) l->status = st_create(&w, path, l->err);
    if (l->status == DRGEN_OK) l->status = st_set_metadata(w, "source", from ? from + 1 : source_name(l->s), l->err);
    sort_items(l, dtype);
    for (int pass = 0; pass < 2; pass++) /* declare, then write */
        for (size_t i = 0; i < l->count && l->status == DRGEN_OK; i++) {
            const pack_item *item = &l->items[i];
            st_type type = type_of(item, dtype);
            if (pass) {
                l->status = write_item(l, item, w, type);
                continue;
            }
            size_t count = 1;
            for (int d = 0; d < item->dims; d++) count *= item->shape[d];
            total.tensors++;
            total.parameters += count;
            total.bytes += count * st_type_size(type);
            l->status = st_declare(w, item->name, type, item->shape, item->dims, l->err);
        }
    if (l->status == DRGEN_OK) l->status = st_finish(w, l->err);
    else st_cancel(w);
    if (sum) *sum = total;
    return l->status;
}

void pack_list_free(pack_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].scale);
        free(l->items[i].owned);
    }
    free(l->items);
    *l = (pack_list){0};
}
