/* training_files.c - what a training leaves behind: its records, their picture, a model directory. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dsp/curve.h"
#include "io/json.h"
#include "pipeline/training.h"
#include "train/dit_tensors.h"

static drgen_status write_whole(const char *dir, const char *name, const void *data, size_t size, drgen_err *err)
{
    file_writer w;
    char *path = file_join(dir, name);
    drgen_status status = path ? file_begin(&w, path, err) : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status == DRGEN_OK) {
        status = file_put(&w, data, size, err);
        if (status == DRGEN_OK) status = file_commit(&w, err);
        else file_abort(&w);
    }
    free(path);
    return status;
}

static void cell(json_out *o, const char *before, float v)
{
    char text[32] = "";
    if (isfinite(v)) snprintf(text, sizeof text, "%.9g", (double)v);
    json_out_raw(o, before);
    json_out_raw(o, text);
}

static drgen_status write_csv(const char *dir, const trainer *t, drgen_err *err)
{
    json_out o = {0};
    const train_record *r = trainer_records(t);
    json_out_raw(&o, "update,loss,rate,norm,validation\n");
    for (long i = 0; i < trainer_done(t); i++) {
        json_out_number(&o, (double)(i + 1));
        cell(&o, ",", r[i].loss);
        cell(&o, ",", r[i].rate);
        cell(&o, ",", r[i].norm);
        cell(&o, ",", r[i].validation);
        json_out_raw(&o, "\n");
    }
    drgen_status status = o.failed ? err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir)
                                   : write_whole(dir, "loss.csv", o.text, o.size, err);
    json_out_free(&o);
    return status;
}

drgen_status training_write_records(const char *dir, const trainer *t, drgen_err *err)
{
    unsigned char *png = NULL;
    size_t size = 0;
    const train_record *r = trainer_records(t);
    curve_source s = {.loss = &r->loss,
                      .validation = &r->validation,
                      .count = (size_t)trainer_done(t),
                      .stride = sizeof *r / sizeof(float),
                      .title = "training loss"};
    ERR_TRY(write_csv(dir, t, err));
    if (s.count == 0) return DRGEN_OK;
    drgen_status status = curve_make(&s, &png, &size, err);
    if (status == DRGEN_OK) status = write_whole(dir, "loss.png", png, size, err);
    free(png);
    return status;
}

/* ---- a model directory */

static drgen_status copy_file(const drgen *g, const char *dir, const char *name, drgen_err *err)
{
    file_bytes bytes;
    ERR_TRY(modeldir_file(&g->dir, name, SIZE_MAX, &bytes, NULL, err));
    drgen_status status = write_whole(dir, name, bytes.data, bytes.size, err);
    file_close(&bytes);
    return status;
}

static void raw_member(json_out *o, const char *key, const json_node *value)
{
    char *text = json_text(value);
    json_out_raw(o, ",\n ");
    json_out_string(o, key);
    json_out_raw(o, ": ");
    if (text) json_out_raw(o, text);
    else o->failed = 1;
    free(text);
}

/* The entry of the transformer's new file. */
static drgen_status file_entry(json_out *o, const char *dir, drgen_err *err)
{
    char *path = file_join(dir, "dit.safetensors"), hex[65];
    file_bytes bytes;
    drgen_status status = path ? file_map(&bytes, path, SIZE_MAX, err)
                               : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    free(path);
    if (status != DRGEN_OK) return status;
    file_sha256(bytes.data, bytes.size, hex);
    json_out_raw(o, "{\"bytes\": ");
    json_out_number(o, (double)bytes.size);
    json_out_raw(o, ", \"sha256\": ");
    json_out_string(o, hex);
    json_out_raw(o, ", \"license\": ");
    json_out_string(o, "trained here; that of the songs and of the model it began from");
    json_out_raw(o, "}");
    file_close(&bytes);
    return DRGEN_OK;
}

/* g's model.json with the transformer's sizes and file replaced; copies the other files it lists. */
static drgen_status rewrite(const drgen *g, const char *dir, const json_node *root, const dit_cfg *cfg, int half,
                            json_out *o, drgen_err *err)
{
    json_out_raw(o, "{\n \"format\": \"drgen-model\",\n \"version\": 1");
    for (const json_node *m = json_first(root); m; m = json_next(m)) {
        const char *key = json_key(m);
        if (strcmp(key, "format") == 0 || strcmp(key, "version") == 0 || strcmp(key, "files") == 0 ||
            strcmp(key, "dit") == 0 || strcmp(key, "note") == 0 || strcmp(key, "dtype") == 0 ||
            strcmp(key, "name") == 0)
            continue;
        raw_member(o, key, m);
    }
    json_out_raw(o, ",\n \"name\": ");
    json_out_string(o, strrchr(dir, '/') && strrchr(dir, '/')[1] ? strrchr(dir, '/') + 1 : dir);
    json_out_raw(o, ",\n \"note\": \"\",\n \"dtype\": ");
    json_out_string(o, half ? "f16" : "f32");
    json_out_raw(o, ",\n \"dit\": ");
    config_write_dit(o, cfg);
    json_out_raw(o, ",\n \"files\": {\n  \"dit.safetensors\": ");
    ERR_TRY(file_entry(o, dir, err));
    for (const json_node *f = json_first(json_get(root, "files")); f; f = json_next(f)) {
        const char *name = json_key(f);
        if (strcmp(name, "dit.safetensors") == 0) continue;
        ERR_TRY(copy_file(g, dir, name, err));
        char *text = json_text(f);
        json_out_raw(o, ",\n  ");
        json_out_string(o, name);
        json_out_raw(o, ": ");
        json_out_raw(o, text ? text : "null");
        free(text);
    }
    json_out_raw(o, "\n }\n}\n");
    return DRGEN_OK;
}

drgen_status training_write_model(const drgen *g, const char *dir, const dit_cfg *cfg, const float *weights,
                                  const float *negative, int half, drgen_err *err)
{
    file_bytes bytes = {0};
    json_doc *doc = NULL;
    json_out o = {0};
    char *path = file_join(dir, "dit.safetensors");
    if (!negative && cfg->cond_dim == g->cfg.dit.cond_dim) negative = dit_negative_style(g->dit);
    drgen_status status = path ? dit_write(path, cfg, weights, negative, half, err)
                               : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    free(path);
    if (status == DRGEN_OK) status = modeldir_file(&g->dir, "model.json", 1 << 20, &bytes, NULL, err);
    if (status == DRGEN_OK) status = json_parse(&doc, bytes.data, bytes.size, "model.json", err);
    if (status == DRGEN_OK) status = rewrite(g, dir, json_root(doc), cfg, half, &o, err);
    if (status == DRGEN_OK && o.failed) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status == DRGEN_OK) status = write_whole(dir, "model.json", o.text, o.size, err);
    json_out_free(&o);
    json_free(doc);
    file_close(&bytes);
    return status;
}
