/* weights.c - see weights.h. */
#include "io/weights.h"

#include <stdio.h>
#include <string.h>

#include "base/half.h"

float weights_value(const st_tensor *t, size_t i)
{
    union {
        float f32;
        uint16_t u16;
        double f64;
        int64_t i64;
        int32_t i32;
        int16_t i16;
        int8_t i8;
        uint8_t u8;
    } v;
    memcpy(&v, (const char *)t->data + i * st_type_size(t->type), st_type_size(t->type));
    switch (t->type) {
    case ST_F32: return v.f32;
    case ST_F16: return half_from_f16(v.u16);
    case ST_BF16: return half_from_bf16(v.u16);
    case ST_F64: return (float)v.f64;
    case ST_I64: return (float)v.i64;
    case ST_I32: return (float)v.i32;
    case ST_I16: return (float)v.i16;
    case ST_I8: return (float)v.i8;
    case ST_U8:
    case ST_BOOL: return (float)v.u8;
    case ST_TYPES: break;
    }
    return 0;
}

void weights_widen(const st_tensor *t, size_t first, size_t count, float *out)
{
    const char *p = (const char *)t->data + first * st_type_size(t->type);
    if (t->type == ST_F32) {
        if (count) memcpy(out, p, count * sizeof *out);
    } else if (t->type == ST_F16 || t->type == ST_BF16)
        for (size_t i = 0; i < count; i++) {
            uint16_t h;
            memcpy(&h, p + i * sizeof h, sizeof h);
            out[i] = t->type == ST_F16 ? half_from_f16(h) : half_from_bf16(h);
        }
    else
        for (size_t i = 0; i < count; i++) out[i] = weights_value(t, first + i);
}

/* The tensor of this name with exactly this shape, or NULL with the reason. */
static const st_tensor *find(const st_file *f, const char *name, const size_t *shape, int dims, drgen_err *err)
{
    const st_tensor *t = st_find(f, name);
    char want[96], have[96];
    if (!t) {
        err_fail(err, DRGEN_ERR_MODEL, "%s: tensor %s is missing; convert the model again", st_name(f), name);
        return NULL;
    }
    if (t->dims == dims && memcmp(t->shape, shape, (size_t)dims * sizeof *shape) == 0) return t;
    err_fail(err, DRGEN_ERR_MODEL, "%s: %s: shape %s wanted, %s found", st_name(f), name,
             st_shape_text(want, sizeof want, shape, dims), st_shape_text(have, sizeof have, t->shape, t->dims));
    return NULL;
}

drgen_status weights_matrix(const st_file *f, const char *name, const size_t *shape, int dims, wmat *out, drgen_err *err)
{
    const st_tensor *t = find(f, name, shape, dims, err);
    if (!t) return DRGEN_ERR_MODEL;
    if (t->type != ST_F32 && t->type != ST_F16 && t->type != ST_BF16)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: type F32, F16 or BF16 wanted, %s found", st_name(f), name,
                        st_type_name(t->type));
    if ((uintptr_t)t->data % st_type_size(t->type))
        return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: data are not aligned; convert the model again", st_name(f), name);
    size_t rows = dims ? shape[0] : 1;
    *out = (wmat){.data = t->data, .type = t->type, .rows = rows, .cols = rows ? t->count / rows : 0};
    return DRGEN_OK;
}

drgen_status weights_matrix_q8(const st_file *f, const char *name, size_t rows, size_t cols, wmat *out, drgen_err *err)
{
    const size_t shape[] = {rows, cols};
    const st_tensor *t = find(f, name, shape, 2, err);
    if (!t) return DRGEN_ERR_MODEL;
    if (t->type != ST_I8) return weights_matrix(f, name, shape, 2, out, err);
    char scale_name[256];
    snprintf(scale_name, sizeof scale_name, "%s_scale", name);
    const st_tensor *scale = find(f, scale_name, shape, 1, err);
    if (!scale) return DRGEN_ERR_MODEL;
    if (scale->type != ST_F32)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: type F32 wanted, %s found", st_name(f), scale_name,
                        st_type_name(scale->type));
    if ((uintptr_t)scale->data % sizeof(float))
        return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: data are not aligned; convert the model again", st_name(f), scale_name);
    *out = (wmat){.data = t->data, .type = ST_I8, .rows = rows, .cols = cols, .scale = scale->data};
    return DRGEN_OK;
}

drgen_status weights_floats(const st_file *f, const char *name, const size_t *shape, int dims, float *out, drgen_err *err)
{
    const st_tensor *t = find(f, name, shape, dims, err);
    if (!t) return DRGEN_ERR_MODEL;
    if (t->type > ST_F64)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: a float type wanted, %s found", st_name(f), name,
                        st_type_name(t->type));
    weights_widen(t, 0, t->count, out);
    return DRGEN_OK;
}
