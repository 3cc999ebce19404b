/* safetensors_write.c - the writer: declared first, then written in order, in pieces of any size. */
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "io/safetensors.h"

struct st_writer {
    file_writer file;
    json_out header, metadata;
    size_t declared, written; /* bytes of data */
    int started, tensors;
};

drgen_status st_create(st_writer **out, const char *path, drgen_err *err)
{
    *out = NULL;
    st_writer *w = calloc(1, sizeof *w);
    if (!w) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    drgen_status status = file_begin(&w->file, path, err);
    if (status != DRGEN_OK) {
        free(w);
        return status;
    }
    json_out_raw(&w->header, "{");
    *out = w;
    return DRGEN_OK;
}

drgen_status st_declare(st_writer *w, const char *name, st_type type, const size_t *shape, int dims, drgen_err *err)
{
    size_t size = st_type_size(type), end;
    char text[128];
    for (int i = 0; i < dims; i++)
        if (__builtin_mul_overflow(size, shape[i], &size))
            return err_fail(err, DRGEN_ERR_ARG, "%s: %s: size overflows", w->file.path, name);
    if (__builtin_add_overflow(w->declared, size, &end))
        return err_fail(err, DRGEN_ERR_ARG, "%s: %s: size overflows", w->file.path, name);
    json_out *h = &w->header;
    json_out_raw(h, w->tensors++ ? "," : "");
    json_out_string(h, name);
    json_out_raw(h, ":{\"dtype\":\"");
    json_out_raw(h, st_type_name(type));
    json_out_raw(h, "\",\"shape\":");
    json_out_raw(h, st_shape_text(text, sizeof text, shape, dims));
    snprintf(text, sizeof text, ",\"data_offsets\":[%zu,%zu]}", w->declared, end);
    json_out_raw(h, text);
    w->declared = end;
    return DRGEN_OK;
}

drgen_status st_set_metadata(st_writer *w, const char *key, const char *value, drgen_err *err)
{
    (void)err;
    json_out_raw(&w->metadata, w->metadata.size ? "," : "\"__metadata__\":{");
    json_out_string(&w->metadata, key);
    json_out_raw(&w->metadata, ":");
    json_out_string(&w->metadata, value);
    return DRGEN_OK;
}

/* The header ends in spaces so that data begin on a 64-byte boundary. */
static drgen_status start(st_writer *w, drgen_err *err)
{
    json_out *h = &w->header;
    if (w->metadata.size) {
        json_out_raw(h, w->tensors ? "," : "");
        json_out_raw(h, w->metadata.text ? w->metadata.text : "");
        json_out_raw(h, "}");
    }
    json_out_raw(h, "}");
    while (!h->failed && (h->size + 8) % 64) json_out_raw(h, " ");
    if (h->failed || w->metadata.failed) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", w->file.path);
    uint8_t size[8];
    for (int i = 0; i < 8; i++) size[i] = (uint8_t)((uint64_t)h->size >> 8 * i);
    w->started = 1;
    ERR_TRY(file_put(&w->file, size, sizeof size, err));
    return file_put(&w->file, h->text, h->size, err);
}

drgen_status st_put(st_writer *w, const void *data, size_t bytes, drgen_err *err)
{
    if (!w->started) ERR_TRY(start(w, err));
    if (bytes > w->declared - w->written)
        return err_fail(err, DRGEN_ERR_ARG, "%s: more data than declared", w->file.path);
    w->written += bytes;
    return file_put(&w->file, data, bytes, err);
}

drgen_status st_finish(st_writer *w, drgen_err *err)
{
    drgen_status status = w->started ? DRGEN_OK : start(w, err);
    if (status == DRGEN_OK && w->written != w->declared)
        status = err_fail(err, DRGEN_ERR_ARG, "%s: %zu bytes declared, %zu written", w->file.path, w->declared, w->written);
    if (status == DRGEN_OK) status = file_commit(&w->file, err);
    st_cancel(w);
    return status;
}

void st_cancel(st_writer *w)
{
    if (!w) return;
    file_abort(&w->file);
    json_out_free(&w->header);
    json_out_free(&w->metadata);
    free(w);
}
