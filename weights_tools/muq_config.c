/* muq_config.c - see muq_config.h. Source: spec mulan.md section 1. */
#include "weights_tools/muq_config.h"

#include <string.h>

#include "io/file.h"

/* A key that, where it is given, must be this number or this text. */
typedef struct {
    const char *section, *key; /* section NULL: at the top */
    double number;
    const char *text;
} fixed;

static const fixed muq_fixed[] = {{NULL, "label_rate", 25, NULL},
                                  {NULL, "n_mels", 128, NULL},
                                  {NULL, "hop_length", 240, NULL},
                                  {NULL, "n_fft", 2048, NULL},
                                  {"w2v2_config", "position_embeddings_type", 0, "rotary"},
                                  {"w2v2_config", "hidden_act", 0, "swish"},
                                  {"w2v2_config", "rotary_embedding_base", 10000, NULL}};
static const fixed mulan_fixed[] = {{"mulan", "sr", 24000, NULL}};

static drgen_status check_fixed(const json_doc *doc, const fixed *f, size_t count, drgen_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const json_node *root = json_root(doc), *v = json_get(f[i].section ? json_get(root, f[i].section) : root, f[i].key);
        if (!v) continue;
        if (f[i].text && strcmp(json_string(v, ""), f[i].text) != 0)
            return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: only \"%s\" is known, \"%s\" found", json_name(doc), f[i].key, f[i].text,
                            json_string(v, "something else"));
        if (!f[i].text && json_number(v, -1) != f[i].number)
            return err_fail(err, DRGEN_ERR_MODEL, "%s: %s: only %g is known, %g found", json_name(doc), f[i].key, f[i].number,
                            json_number(v, -1));
    }
    return DRGEN_OK;
}

static drgen_status read_muq(const json_doc *doc, mulan_audio_cfg *c, drgen_err *err)
{
    const json_node *root = json_root(doc), *stat = json_get(root, "stat"), *w2v2 = json_get(root, "w2v2_config");
    int64_t heads = 0;
    ERR_TRY(check_fixed(doc, muq_fixed, sizeof muq_fixed / sizeof muq_fixed[0], err));
    ERR_TRY(json_need_int(doc, w2v2, "num_attention_heads", 1, 256, &heads, err));
    ERR_TRY(json_need_number(doc, stat, "melspec_2048_mean", -1000, 1000, &c->mel_mean, err));
    ERR_TRY(json_need_number(doc, stat, "melspec_2048_std", 1e-6, 1000, &c->mel_std, err));
    c->heads = (int)heads;
    if (json_get(w2v2, "layer_norm_eps"))
        ERR_TRY(json_need_number(doc, w2v2, "layer_norm_eps", 1e-12, 1e-2, &c->layer_norm_eps, err));
    return DRGEN_OK;
}

static drgen_status read_mulan(const json_doc *doc, mulan_audio_cfg *c, drgen_err *err)
{
    const json_node *root = json_root(doc), *audio = json_get(root, "audio_model"), *mulan = json_get(root, "mulan");
    const json_node *layer = json_get(audio, "use_layer_idx");
    int64_t v = 0;
    ERR_TRY(check_fixed(doc, mulan_fixed, sizeof mulan_fixed / sizeof mulan_fixed[0], err));
    if (layer && !json_is_null(layer)) {
        ERR_TRY(json_need_int(doc, audio, "use_layer_idx", -CONFIG_MAX_DEPTH - 1, CONFIG_MAX_DEPTH, &v, err));
        c->use_layer = v < 0 ? (int)v : (int)v + 1; /* 0 is "not said" */
    }
    if (json_get(mulan, "clip_secs")) {
        ERR_TRY(json_need_int(doc, mulan, "clip_secs", 1, 60, &v, err));
        c->clip_seconds = (int)v;
    }
    return DRGEN_OK;
}

typedef drgen_status (*reader)(const json_doc *doc, mulan_audio_cfg *c, drgen_err *err);

static drgen_status read_file(const char *path, mulan_audio_cfg *c, reader read, drgen_err *err)
{
    file_bytes bytes;
    json_doc *doc = NULL;
    if (!path) return DRGEN_OK;
    ERR_TRY(file_map(&bytes, path, 16 << 20, err));
    drgen_status status = json_parse(&doc, bytes.data, bytes.size, path, err);
    if (status == DRGEN_OK) status = read(doc, c, err);
    json_free(doc);
    file_close(&bytes);
    return status;
}

drgen_status muq_config_read(const char *muq, const char *mulan, mulan_audio_cfg *c, drgen_err *err)
{
    ERR_TRY(read_file(muq, c, read_muq, err));
    return read_file(mulan, c, read_mulan, err);
}
