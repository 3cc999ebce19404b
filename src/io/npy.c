/* npy.c - see npy.h. Format: numpy.lib.format, versions 1 to 3. */
#include "io/npy.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "io/weights.h"

/* The value behind 'key': in the header, a Python dict literal; NULL when absent. */
static const char *header_value(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at) return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':') at++;
    return at;
}

/* Elements of a shape tuple such as (1, 512); 0 when malformed or absurd. */
static size_t shape_count(const char *at)
{
    size_t count = 1;
    if (!at || *at++ != '(') return 0;
    while (*at && *at != ')') {
        if (*at == ' ' || *at == ',') {
            at++;
            continue;
        }
        if (!isdigit((unsigned char)*at)) return 0;
        size_t n = 0;
        for (; isdigit((unsigned char)*at); at++)
            if (n > 1u << 24) return 0;
            else n = 10 * n + (size_t)(*at - '0');
        if (__builtin_mul_overflow(count, n, &count)) return 0;
    }
    return *at == ')' ? count : 0;
}

static drgen_status check_finite(const float *v, size_t count, const char *name, drgen_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(v[i])) return err_fail(err, DRGEN_ERR_FORMAT, "%s: number %zu is not finite", name, i);
    return DRGEN_OK;
}

static drgen_status read_npy(file_bytes b, const char *name, float *out, size_t count, drgen_err *err)
{
    static const struct {
        const char *descr;
        st_type type;
    } kinds[] = {{"'<f4'", ST_F32}, {"'<f2'", ST_F16}, {"'<f8'", ST_F64}};
    enum { HEADER = 4096 };
    char header[HEADER + 1];
    size_t start = b.data[6] == 1 ? 10 : 12, size = 0;
    if (b.size < start) return err_fail(err, DRGEN_ERR_FORMAT, "%s: cut off", name);
    for (size_t i = start; i-- > 8;) size = size << 8 | b.data[i];
    if (size > b.size - start) return err_fail(err, DRGEN_ERR_FORMAT, "%s: the header is cut off", name);
    size_t kept = size < HEADER ? size : HEADER, found = 0;
    memcpy(header, b.data + start, kept);
    header[kept] = '\0';
    const char *descr = header_value(header, "'descr'"), *order = header_value(header, "'fortran_order'");
    st_type type = ST_TYPES;
    for (size_t i = 0; descr && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(descr, kinds[i].descr, 5) == 0) type = kinds[i].type;
    if (type == ST_TYPES || !order || strncmp(order, "False", 5) != 0)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: float16, float32 or float64 in C order is wanted", name);
    found = shape_count(header_value(header, "'shape'"));
    if (found != count)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %zu numbers wanted, %zu found", name, count, found);
    if (b.size - start - size < count * st_type_size(type))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: the data are cut off", name);
    double item; /* data may lie at any address */
    for (size_t i = 0; i < count; i++) {
        memcpy(&item, b.data + start + size + i * st_type_size(type), st_type_size(type));
        st_tensor t = {.type = type, .data = &item, .count = 1};
        out[i] = weights_value(&t, 0);
    }
    return check_finite(out, count, name, err);
}

static drgen_status read_safetensors(file_bytes b, const char *name, float *out, size_t count, drgen_err *err)
{
    st_file *f;
    ERR_TRY(st_open_bytes(&f, file_borrow(b.data, b.size), name, err));
    const st_tensor *t = st_find(f, "style");
    if (!t && st_count(f) == 1) t = st_at(f, 0);
    drgen_status status = DRGEN_OK;
    if (!t) status = err_fail(err, DRGEN_ERR_FORMAT, "%s: no tensor called \"style\" among its %zu", name, st_count(f));
    else if (t->count != count || t->type > ST_F64)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: %zu floats wanted, %zu of type %s found", name, t->name, count, t->count,
                          st_type_name(t->type));
    else {
        weights_widen(t, 0, count, out);
        status = check_finite(out, count, name, err);
    }
    st_close(f);
    return status;
}

drgen_status npy_read_bytes(file_bytes bytes, const char *name, float *out, size_t count, drgen_err *err)
{
    if (bytes.size >= 10 && memcmp(bytes.data, "\x93NUMPY", 6) == 0) return read_npy(bytes, name, out, count, err);
    return read_safetensors(bytes, name, out, count, err);
}

drgen_status npy_read_vector(const char *path, float *out, size_t count, drgen_err *err)
{
    file_bytes bytes;
    ERR_TRY(file_map(&bytes, path, 64u << 20, err));
    drgen_status status = npy_read_bytes(bytes, path, out, count, err);
    file_close(&bytes);
    return status;
}

drgen_status npy_write_vector(const char *path, const float *v, size_t count, drgen_err *err)
{
    char head[128];
    file_writer w;
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\1\0\x76\0", 10); /* 118 bytes of header: 128 in all */
    int n = snprintf(head + 10, 110, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, %zu), }", count);
    head[10 + n] = ' ';
    head[127] = '\n';
    ERR_TRY(file_begin(&w, path, err));
    drgen_status status = file_put(&w, head, sizeof head, err);
    if (status == DRGEN_OK) status = file_put(&w, v, count * sizeof *v, err);
    if (status == DRGEN_OK) return file_commit(&w, err);
    file_abort(&w);
    return status;
}
