/* pack_json.c - model.json: what the files of a model folder are, their sizes and hashes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weights_tools/pack.h"

static const struct {
    const char *name, *license, *own; /* own: of a model whose autoencoder is made by formula, the built-in one's kind */
} known_files[] = {{"dit.safetensors", "Apache-2.0 (DiffRhythm) when converted from the released model",
                    "Apache-2.0 (drgen's own, trained on songs of drgen's composer)"},
                   {"vae.safetensors", "Apache-2.0 (DiffRhythm) when converted from the released model", NULL},
                   {"mulan.safetensors", "CC-BY-NC-4.0 (MuQ-MuLan) when converted from the released model",
                    "Apache-2.0 (drgen's own, made by formula)"},
                   {"mulan_audio.safetensors", "CC-BY-NC-4.0 (MuQ-MuLan) when converted from the released model", NULL},
                   {"tokenizer.model", "MIT (XLM-RoBERTa) when it is the released one",
                    "Apache-2.0 (drgen's own, made by formula)"},
                   {"tokenizer.json", "MIT (XLM-RoBERTa) when it is the released one", NULL}};

static void text_member(json_out *o, const char *key, const char *value)
{
    json_out_raw(o, ",\n ");
    json_out_string(o, key);
    json_out_raw(o, ": ");
    json_out_string(o, value);
}

static drgen_status list_files(json_out *o, const char *dir, int own, drgen_err *err)
{
    int first = 1;
    json_out_raw(o, ",\n \"files\": {");
    for (size_t i = 0; i < sizeof known_files / sizeof known_files[0]; i++) {
        char *path = file_join(dir, known_files[i].name);
        file_bytes bytes;
        if (!path) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
        drgen_status status = DRGEN_OK;
        if (access(path, F_OK) == 0 && (status = file_map(&bytes, path, SIZE_MAX, err)) == DRGEN_OK) {
            char hex[65];
            file_sha256(bytes.data, bytes.size, hex);
            json_out_raw(o, first ? "\n  " : ",\n  ");
            json_out_string(o, known_files[i].name);
            json_out_raw(o, ": {\"bytes\": ");
            json_out_number(o, (double)bytes.size);
            json_out_raw(o, ", \"sha256\": ");
            json_out_string(o, hex);
            json_out_raw(o, ", \"license\": ");
            json_out_string(o, own && known_files[i].own ? known_files[i].own : known_files[i].license);
            json_out_raw(o, "}");
            file_close(&bytes);
            first = 0;
        }
        free(path);
        if (status != DRGEN_OK) return status;
    }
    json_out_raw(o, "\n }\n}\n");
    return DRGEN_OK;
}

/* Sizes that the engine would refuse are better refused here. */
static drgen_status read_back(const char *dir, drgen_err *err)
{
    modeldir d;
    model_cfg cfg;
    ERR_TRY(modeldir_open(&d, dir, err));
    drgen_status status = config_read(&d, &cfg, err);
    modeldir_close(&d);
    return status;
}

drgen_status pack_model_json(const char *dir, const model_cfg *cfg, drgen_err *err)
{
    json_out o = {0};
    json_out_raw(&o, "{\n \"format\": \"drgen-model\",\n \"version\": 1");
    text_member(&o, "name", cfg->name);
    text_member(&o, "note", cfg->note);
    text_member(&o, "dtype", cfg->dtype);
    if (cfg->has_dit) {
        json_out_raw(&o, ",\n \"dit\": ");
        config_write_dit(&o, &cfg->dit);
    }
    if (cfg->has_vae) {
        json_out_raw(&o, ",\n \"vae\": ");
        config_write_vae(&o, &cfg->vae);
    }
    if (cfg->has_mulan_text) {
        json_out_raw(&o, ",\n \"mulan_text\": ");
        config_write_mulan_text(&o, &cfg->text);
    }
    if (cfg->has_mulan_audio) {
        json_out_raw(&o, ",\n \"mulan_audio\": ");
        config_write_mulan_audio(&o, &cfg->audio);
    }
    if (cfg->defaults.steps) {
        json_out_raw(&o, ",\n \"defaults\": ");
        config_write_defaults(&o, &cfg->defaults);
    }
    if (*cfg->tokenizer) text_member(&o, "tokenizer", cfg->tokenizer);
    drgen_status status = list_files(&o, dir, cfg->has_vae && cfg->vae.made, err);
    char *path = file_join(dir, "model.json");
    file_writer w;
    if (status == DRGEN_OK && (o.failed || !path)) status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status == DRGEN_OK && (status = file_begin(&w, path, err)) == DRGEN_OK) {
        status = file_put(&w, o.text, o.size, err);
        if (status == DRGEN_OK) status = file_commit(&w, err);
        else file_abort(&w);
    }
    free(path);
    json_out_free(&o);
    if (status == DRGEN_OK) status = read_back(dir, err);
    return status;
}
