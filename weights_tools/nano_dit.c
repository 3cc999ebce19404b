/* nano_dit.c - the trained transformer as the program carries it: the matrices of its blocks in int8 (pack.h), everything
 * else as it was stored, the composer's own negative style. */
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "kernels/gemm_q8.h"
#include "weights_tools/nano.h"

static const char own[] = "negative_style";

/* What is written of a tensor: itself, or bytes and their scales. */
typedef enum { WHOLE, BYTES, SCALES } form;

typedef struct {
    const st_file *f;
    st_writer *w;
    int bytes;
    float *row, *scale; /* [the longest row], [the most rows] */
    int8_t *out;
} copy;

static int in_block(const copy *c, const st_tensor *t)
{
    return c->bytes && t->dims == 2 && strncmp(t->name, "transformer_blocks.", 19) == 0;
}

static float value(const st_tensor *t, size_t i)
{
    if (t->type == ST_F32) {
        float v;
        memcpy(&v, (const char *)t->data + i * sizeof v, sizeof v);
        return v;
    }
    uint16_t h;
    memcpy(&h, (const char *)t->data + i * sizeof h, sizeof h);
    return t->type == ST_F16 ? half_from_f16(h) : half_from_bf16(h);
}

static drgen_status declare(const copy *c, const st_tensor *t, form as, drgen_err *err)
{
    char name[160];
    if (as == WHOLE) return st_declare(c->w, t->name, t->type, t->shape, t->dims, err);
    if (as == BYTES) return st_declare(c->w, t->name, ST_I8, t->shape, 2, err);
    snprintf(name, sizeof name, "%s_scale", t->name);
    return st_declare(c->w, name, ST_F32, t->shape, 1, err);
}

static drgen_status put(const copy *c, const st_tensor *t, form as, drgen_err *err)
{
    size_t rows = t->shape[0], cols = t->count / rows;
    if (as == WHOLE) return st_put(c->w, t->data, t->count * st_type_size(t->type), err);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < cols; i++) c->row[i] = value(t, r * cols + i);
        q8_quantise_weights(c->out, &c->scale[r], c->row, cols);
        if (as == BYTES) ERR_TRY(st_put(c->w, c->out, cols, err));
    }
    return as == SCALES ? st_put(c->w, c->scale, rows * sizeof *c->scale, err) : DRGEN_OK;
}

/* Wide elements come first: float32 and scales, then half precision, then bytes. */
static drgen_status each(const copy *c, drgen_status (*act)(const copy *, const st_tensor *, form, drgen_err *), drgen_err *err)
{
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < st_count(c->f); i++) {
            const st_tensor *t = st_at(c->f, i);
            int block = in_block(c, t), wide = st_type_size(t->type) >= 4;
            if (strcmp(t->name, own) == 0) continue;
            if (pass == 0 && block) ERR_TRY(act(c, t, SCALES, err));
            if (pass == 0 && !block && wide) ERR_TRY(act(c, t, WHOLE, err));
            if (pass == 1 && !block && !wide) ERR_TRY(act(c, t, WHOLE, err));
            if (pass == 2 && block) ERR_TRY(act(c, t, BYTES, err));
        }
    return DRGEN_OK;
}

static drgen_status check(const st_file *f, size_t *rows, size_t *cols, drgen_err *err)
{
    *rows = *cols = 1;
    for (size_t i = 0; i < st_count(f); i++) {
        const st_tensor *t = st_at(f, i);
        if ((t->type != ST_F32 && t->type != ST_F16 && t->type != ST_BF16) || t->dims < 1 || t->count == 0)
            return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: float32 or half precision is wanted, %s found", st_name(f), t->name,
                            st_type_name(t->type));
        if (t->shape[0] > *rows) *rows = t->shape[0];
        if (t->count / t->shape[0] > *cols) *cols = t->count / t->shape[0];
    }
    return DRGEN_OK;
}

static drgen_status write_all(const copy *c, drgen_err *err)
{
    float table[(WORDS_COUNT + 1) * WORDS_STYLE];
    const size_t width = WORDS_STYLE;
    words_table(table);
    ERR_TRY(st_declare(c->w, own, ST_F32, &width, 1, err));
    ERR_TRY(each(c, declare, err));
    ERR_TRY(st_put(c->w, table + WORDS_COUNT * WORDS_STYLE, width * sizeof *table, err));
    return each(c, put, err);
}

drgen_status nano_copy_transformer(const char *from, const char *to, int bytes, drgen_err *err)
{
    st_file *f = NULL;
    size_t rows = 0, cols = 0;
    ERR_TRY(st_open(&f, from, err));
    copy c = {.f = f, .bytes = bytes};
    drgen_status status = check(f, &rows, &cols, err);
    if (status == DRGEN_OK) {
        c.row = malloc(cols * sizeof *c.row);
        c.scale = malloc(rows * sizeof *c.scale);
        c.out = malloc(cols);
        if (!c.row || !c.scale || !c.out) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", from);
    }
    if (status == DRGEN_OK) status = st_create(&c.w, to, err);
    if (status == DRGEN_OK) {
        status = write_all(&c, err);
        if (status == DRGEN_OK) status = st_finish(c.w, err);
        else st_cancel(c.w);
    }
    free(c.row), free(c.scale), free(c.out);
    st_close(f);
    return status;
}
