/* nano.c - the folder of the model inside the program: see nano.h. */
#include "weights_tools/nano.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/grains.h"

/* Everything but the tower and the transformer's sizes; its weights are made up until trained ones take their place. */
static synth_model made_up(void)
{
    synth_model m = synth_model_tiny();
    m.audio = (mulan_audio_cfg){0}; /* none */
    m.vae = grains_config();
    m.name = "drgen nano";
    m.note = "the built-in model is untrained: it makes sound, not music; -m DIR uses a converted model";
    return m;
}

static const char note[] = "the built-in model makes plain pieces from words it knows; -m DIR uses a converted model";

/* ---- a trained transformer */

static drgen_status read_sizes(const char *path, dit_cfg *out, drgen_err *err)
{
    file_bytes bytes;
    json_doc *doc = NULL;
    ERR_TRY(file_map(&bytes, path, 1 << 20, err));
    drgen_status status = json_parse(&doc, bytes.data, bytes.size, path, err);
    if (status == DRGEN_OK) {
        const json_node *dit = json_get(json_root(doc), "dit");
        status = config_read_dit(doc, dit ? dit : json_root(doc), out, err);
    }
    if (status == DRGEN_OK && out->cond_dim != WORDS_STYLE)
        status = err_fail(err, DRGEN_ERR_MODEL, "%s: dit: cond_dim %d found, %d wanted", path, out->cond_dim, WORDS_STYLE);
    json_free(doc);
    file_close(&bytes);
    return status;
}

/* Of the transformer in folder trained: what its model.json says, else sizes.json, which a training from nothing takes. */
static drgen_status find_sizes(const char *trained, dit_cfg *out, drgen_err *err)
{
    char *model = file_join(trained, "model.json"), *sizes = file_join(trained, "sizes.json");
    drgen_status status = DRGEN_OK;
    if (!model || !sizes) status = err_fail(err, DRGEN_ERR_NOMEM, "nano: out of memory");
    else status = read_sizes(access(model, F_OK) == 0 ? model : sizes, out, err);
    free(model), free(sizes);
    return status;
}

/* ---- the folder */

static drgen_status write_text(const char *tokenizer, const char *tower, model_cfg *cfg, drgen_err *err)
{
    nano_vocab v;
    ERR_TRY(nano_vocab_make(&v, err));
    drgen_status status = nano_write_tokenizer(tokenizer, &v, err);
    if (status == DRGEN_OK) status = nano_write_tower(tower, &v, &cfg->text, err);
    nano_vocab_free(&v);
    return status;
}

drgen_status nano_write(const char *dir, const char *trained, int bytes, drgen_err *err)
{
    synth_model m = made_up();
    model_cfg cfg = {0};
    modeldir made;
    char *from = file_join(trained, "dit.safetensors"), *dit = file_join(dir, "dit.safetensors");
    char *tower = file_join(dir, "mulan.safetensors"), *tokenizer = file_join(dir, "tokenizer.model");
    drgen_status status = from && dit && tower && tokenizer ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "nano: out of memory");
    if (status == DRGEN_OK) status = find_sizes(trained, &m.dit, err);
    if (status == DRGEN_OK) status = synth_write(dir, &m, err);
    if (status == DRGEN_OK && (status = modeldir_open(&made, dir, err)) == DRGEN_OK) {
        status = config_read(&made, &cfg, err);
        modeldir_close(&made);
    }
    int is_trained = status == DRGEN_OK && access(from, F_OK) == 0;
    if (is_trained) status = nano_copy_transformer(from, dit, bytes, err);
    if (status == DRGEN_OK) status = write_text(tokenizer, tower, &cfg, err);
    cfg.has_mulan_text = 1;
    cfg.defaults = (model_defaults){.steps = 16, .guidance = 1, .sway = -1, .seconds = 30};
    if (is_trained) snprintf(cfg.dtype, sizeof cfg.dtype, "%s", bytes ? "q8" : "f16");
    if (is_trained) snprintf(cfg.note, sizeof cfg.note, "%s", note);
    snprintf(cfg.tokenizer, sizeof cfg.tokenizer, "tokenizer.model");
    if (status == DRGEN_OK) status = pack_model_json(dir, &cfg, err);
    free(from), free(dit), free(tower), free(tokenizer);
    return status;
}
