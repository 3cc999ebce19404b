/* config.c - see config.h. One table per model: JSON key, place, range. */
#include "model/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *key;
    size_t at; /* of an int member */
    int min, max;
} int_field;

static const int_field dit_fields[] = {
    {"dim", offsetof(dit_cfg, dim), 16, 16384},
    {"depth", offsetof(dit_cfg, depth), 1, CONFIG_MAX_DEPTH},
    {"heads", offsetof(dit_cfg, heads), 1, 256},
    {"ff_mult", offsetof(dit_cfg, ff_mult), 1, 16},
    {"cond_dim", offsetof(dit_cfg, cond_dim), 2, 4096},
    {"conv_layers", offsetof(dit_cfg, conv_layers), 0, 64},
    {"mel_dim", offsetof(dit_cfg, mel_dim), 1, 1024},
    {"text_num_embeds", offsetof(dit_cfg, text_num_embeds), 1, 1 << 20},
    {"max_frames", offsetof(dit_cfg, max_frames), 1, 1 << 20},
    {"duration_embed", offsetof(dit_cfg, duration_embed), 0, 1},
    {"conv_groups", offsetof(dit_cfg, conv_groups), 1, 256},
};

static const int_field vae_fields[] = {
    {"latent_dim", offsetof(vae_cfg, latent_dim), 1, 1024},
    {"io_channels", offsetof(vae_cfg, io_channels), 1, 8},
    {"levels", offsetof(vae_cfg, levels), 1, CONFIG_MAX_LEVELS},
    {"final_tanh", offsetof(vae_cfg, final_tanh), 0, 1},
    {"has_encoder", offsetof(vae_cfg, has_encoder), 0, 1},
};

static const int_field text_fields[] = {
    {"vocab_size", offsetof(mulan_text_cfg, vocab_size), 4, 1 << 24},
    {"hidden_size", offsetof(mulan_text_cfg, hidden_size), 1, 16384},
    {"layers", offsetof(mulan_text_cfg, layers), 0, CONFIG_MAX_DEPTH},
    {"heads", offsetof(mulan_text_cfg, heads), 1, 256},
    {"intermediate_size", offsetof(mulan_text_cfg, intermediate_size), 1, 65536},
    {"positions", offsetof(mulan_text_cfg, positions), 4, 65536},
    {"tf_dim", offsetof(mulan_text_cfg, tf_dim), 1, 16384},
    {"tf_depth", offsetof(mulan_text_cfg, tf_depth), 0, CONFIG_MAX_DEPTH},
    {"tf_heads", offsetof(mulan_text_cfg, tf_heads), 1, 256},
    {"tf_dim_head", offsetof(mulan_text_cfg, tf_dim_head), 1, 1024},
    {"tf_inner", offsetof(mulan_text_cfg, tf_inner), 1, 65536},
    {"has_proj", offsetof(mulan_text_cfg, has_proj), 0, 1},
    {"dim_latent", offsetof(mulan_text_cfg, dim_latent), 1, 16384},
};

static const int_field audio_fields[] = {
    {"conv_dim", offsetof(mulan_audio_cfg, conv_dim), 1, 4096},
    {"width", offsetof(mulan_audio_cfg, width), 2, 16384},
    {"depth", offsetof(mulan_audio_cfg, depth), 0, CONFIG_MAX_DEPTH},
    {"heads", offsetof(mulan_audio_cfg, heads), 1, 256},
    {"inner", offsetof(mulan_audio_cfg, inner), 1, 65536},
    {"kernel", offsetof(mulan_audio_cfg, kernel), 1, 255},
    {"use_layer", offsetof(mulan_audio_cfg, use_layer), -CONFIG_MAX_DEPTH - 1, -1},
    {"clip_seconds", offsetof(mulan_audio_cfg, clip_seconds), 1, 60},
    {"tf_dim", offsetof(mulan_audio_cfg, tf_dim), 1, 16384},
    {"tf_depth", offsetof(mulan_audio_cfg, tf_depth), 0, CONFIG_MAX_DEPTH},
    {"tf_heads", offsetof(mulan_audio_cfg, tf_heads), 1, 256},
    {"tf_dim_head", offsetof(mulan_audio_cfg, tf_dim_head), 1, 1024},
    {"tf_inner", offsetof(mulan_audio_cfg, tf_inner), 1, 65536},
    {"dim_latent", offsetof(mulan_audio_cfg, dim_latent), 1, 16384},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static drgen_status read_fields(const json_doc *doc, const json_node *node, const int_field *fields, size_t count,
                                void *out, drgen_err *err)
{
    for (size_t i = 0; i < count; i++) {
        int64_t v = 0;
        ERR_TRY(json_need_int(doc, node, fields[i].key, fields[i].min, fields[i].max, &v, err));
        *(int *)((char *)out + fields[i].at) = (int)v;
    }
    return DRGEN_OK;
}

static void write_fields(json_out *o, const int_field *fields, size_t count, const void *from)
{
    for (size_t i = 0; i < count; i++) {
        json_out_raw(o, i ? ", " : "{");
        json_out_string(o, fields[i].key);
        json_out_raw(o, ": ");
        json_out_number(o, *(const int *)((const char *)from + fields[i].at));
    }
}

static drgen_status read_ints(const json_doc *doc, const json_node *node, const char *key, int *out, int count, int max,
                              drgen_err *err)
{
    const json_node *a = json_get(node, key), *v = json_first(a);
    int i = 0;
    for (; json_is_array(a) && v && i < count; v = json_next(v), i++) {
        double d = json_number(v, -1);
        if (!(d >= 1 && d <= max) || d != (double)(int)d) break;
        out[i] = (int)d;
    }
    if (i != count || v)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: %d whole numbers in 1..%d are wanted", json_name(doc), key, count, max);
    return DRGEN_OK;
}

static void write_ints(json_out *o, const char *key, const int *v, int count)
{
    json_out_raw(o, ", ");
    json_out_string(o, key);
    json_out_raw(o, ": [");
    for (int i = 0; i < count; i++) {
        json_out_raw(o, i ? ", " : "");
        json_out_number(o, v[i]);
    }
    json_out_raw(o, "]");
}

drgen_status config_read_dit(const json_doc *doc, const json_node *node, dit_cfg *out, drgen_err *err)
{
    ERR_TRY(read_fields(doc, node, dit_fields, COUNT(dit_fields), out, err));
    if (out->dim % out->heads || out->dim / out->heads % 2 || out->dim % out->conv_groups || out->cond_dim % 2)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: dit: dim %d does not divide into %d heads of even width and %d groups",
                        json_name(doc), out->dim, out->heads, out->conv_groups);
    return DRGEN_OK;
}

drgen_status config_read_vae(const json_doc *doc, const json_node *node, vae_cfg *out, drgen_err *err)
{
    ERR_TRY(read_fields(doc, node, vae_fields, COUNT(vae_fields), out, err));
    ERR_TRY(read_ints(doc, node, "strides", out->strides, out->levels, 65536, err));
    ERR_TRY(read_ints(doc, node, "widths", out->widths, out->levels + 1, 65536, err));
    ERR_TRY(read_ints(doc, node, "kernels", out->kernels, out->levels, 131072, err));
    const json_node *made = json_get(node, "made");
    if (made && strcmp(json_string(made, ""), "grains") != 0)
        return err_fail(err, DRGEN_ERR_FORMAT,
                        "%s: vae: made: \"grains\" is the only kind known; this model needs a newer drgen", json_name(doc));
    out->made = made ? CONFIG_GRAINS : CONFIG_STORED;
    out->ratio = 1;
    for (int i = 0; i < out->levels; i++) {
        if (out->kernels[i] != 2 * out->strides[i] || out->strides[i] % 2)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: vae: strides must be even and kernels twice as long", json_name(doc));
        if (__builtin_mul_overflow(out->ratio, out->strides[i], &out->ratio) || out->ratio > 1 << 20)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: vae: the product of the strides is too large", json_name(doc));
    }
    return DRGEN_OK;
}

drgen_status config_read_mulan_text(const json_doc *doc, const json_node *node, mulan_text_cfg *out, drgen_err *err)
{
    ERR_TRY(read_fields(doc, node, text_fields, COUNT(text_fields), out, err));
    ERR_TRY(json_need_number(doc, node, "layer_norm_eps", 1e-12, 1e-2, &out->layer_norm_eps, err));
    if (out->hidden_size % out->heads || (!out->has_proj && out->tf_dim != out->hidden_size))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: mulan_text: hidden size %d does not fit %d heads and width %d",
                        json_name(doc), out->hidden_size, out->heads, out->tf_dim);
    return DRGEN_OK;
}

drgen_status config_read_mulan_audio(const json_doc *doc, const json_node *node, mulan_audio_cfg *out, drgen_err *err)
{
    ERR_TRY(read_fields(doc, node, audio_fields, COUNT(audio_fields), out, err));
    ERR_TRY(json_need_number(doc, node, "layer_norm_eps", 1e-12, 1e-2, &out->layer_norm_eps, err));
    ERR_TRY(json_need_number(doc, node, "mel_mean", -1000, 1000, &out->mel_mean, err));
    ERR_TRY(json_need_number(doc, node, "mel_std", 1e-6, 1000, &out->mel_std, err));
    if (out->width % out->heads || out->width / out->heads % 2 || out->kernel % 2 == 0 || -out->use_layer > out->depth + 1)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: mulan_audio: width %d does not fit %d heads, or kernel or use_layer is wrong",
                        json_name(doc), out->width, out->heads);
    return DRGEN_OK;
}

void config_write_mulan_audio(json_out *o, const mulan_audio_cfg *c)
{
    const struct {
        const char *key;
        double value;
    } reals[] = {{"layer_norm_eps", c->layer_norm_eps}, {"mel_mean", c->mel_mean}, {"mel_std", c->mel_std}};
    write_fields(o, audio_fields, COUNT(audio_fields), c);
    for (size_t i = 0; i < COUNT(reals); i++) {
        json_out_raw(o, ", ");
        json_out_string(o, reals[i].key);
        json_out_raw(o, ": ");
        json_out_number(o, reals[i].value);
    }
    json_out_raw(o, "}");
}

void config_write_dit(json_out *o, const dit_cfg *c)
{
    write_fields(o, dit_fields, COUNT(dit_fields), c);
    json_out_raw(o, "}");
}

void config_write_vae(json_out *o, const vae_cfg *c)
{
    write_fields(o, vae_fields, COUNT(vae_fields), c);
    write_ints(o, "strides", c->strides, c->levels);
    write_ints(o, "widths", c->widths, c->levels + 1);
    write_ints(o, "kernels", c->kernels, c->levels);
    json_out_raw(o, c->made == CONFIG_GRAINS ? ", \"made\": \"grains\"}" : "}");
}

void config_write_mulan_text(json_out *o, const mulan_text_cfg *c)
{
    write_fields(o, text_fields, COUNT(text_fields), c);
    json_out_raw(o, ", \"layer_norm_eps\": ");
    json_out_number(o, c->layer_norm_eps);
    json_out_raw(o, "}");
}

/* "defaults" of model.json: each of its numbers may be left out, and is then what converted models have. */
static drgen_status read_defaults(const json_doc *doc, const json_node *node, model_defaults *out, drgen_err *err)
{
    int64_t steps = 32;
    *out = (model_defaults){.guidance = 4};
    if (!json_is_object(node)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: defaults: an object is wanted", json_name(doc));
    if (json_get(node, "steps")) ERR_TRY(json_need_int(doc, node, "steps", 2, 1000, &steps, err));
    if (json_get(node, "guidance")) ERR_TRY(json_need_number(doc, node, "guidance", 0, 100, &out->guidance, err));
    if (json_get(node, "sway")) ERR_TRY(json_need_number(doc, node, "sway", -1, 1, &out->sway, err));
    if (json_get(node, "seconds")) ERR_TRY(json_need_number(doc, node, "seconds", 1, 3600, &out->seconds, err));
    out->steps = (int)steps;
    return DRGEN_OK;
}

void config_write_defaults(json_out *o, const model_defaults *d)
{
    json_out_raw(o, "{\"steps\": ");
    json_out_number(o, d->steps);
    json_out_raw(o, ", \"guidance\": ");
    json_out_number(o, d->guidance);
    json_out_raw(o, ", \"sway\": ");
    json_out_number(o, d->sway);
    if (d->seconds > 0) {
        json_out_raw(o, ", \"seconds\": ");
        json_out_number(o, d->seconds);
    }
    json_out_raw(o, "}");
}

static drgen_status read_parts(const json_doc *doc, model_cfg *out, drgen_err *err)
{
    const json_node *root = json_root(doc), *part;
    int64_t version = 0;
    if (strcmp(json_string(json_get(root, "format"), ""), "drgen-model") != 0)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: not a drgen model; make one with `drgen convert`", json_name(doc));
    ERR_TRY(json_need_int(doc, root, "version", 1, 1, &version, err));
    snprintf(out->name, sizeof out->name, "%s", json_string(json_get(root, "name"), "unnamed"));
    snprintf(out->note, sizeof out->note, "%s", json_string(json_get(root, "note"), ""));
    snprintf(out->dtype, sizeof out->dtype, "%s", json_string(json_get(root, "dtype"), ""));
    snprintf(out->tokenizer, sizeof out->tokenizer, "%s", json_string(json_get(root, "tokenizer"), ""));
    if ((part = json_get(root, "dit"))) {
        out->has_dit = 1;
        ERR_TRY(config_read_dit(doc, part, &out->dit, err));
    }
    if ((part = json_get(root, "vae"))) {
        out->has_vae = 1;
        ERR_TRY(config_read_vae(doc, part, &out->vae, err));
    }
    if ((part = json_get(root, "mulan_text"))) {
        out->has_mulan_text = 1;
        ERR_TRY(config_read_mulan_text(doc, part, &out->text, err));
    }
    if ((part = json_get(root, "mulan_audio"))) {
        out->has_mulan_audio = 1;
        ERR_TRY(config_read_mulan_audio(doc, part, &out->audio, err));
    }
    if ((part = json_get(root, "defaults"))) ERR_TRY(read_defaults(doc, part, &out->defaults, err));
    return DRGEN_OK;
}

drgen_status config_read(const modeldir *dir, model_cfg *out, drgen_err *err)
{
    memset(out, 0, sizeof *out);
    file_bytes bytes;
    char *label = NULL;
    json_doc *doc = NULL;
    ERR_TRY(modeldir_file(dir, "model.json", 1 << 20, &bytes, &label, err));
    drgen_status status = json_parse(&doc, bytes.data, bytes.size, label, err);
    if (status == DRGEN_OK) status = read_parts(doc, out, err);
    json_free(doc);
    file_close(&bytes);
    free(label);
    return status;
}
