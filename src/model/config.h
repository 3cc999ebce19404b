/* config.h - sizes of the models from model.json, range-checked. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "io/json.h"
#include "io/modeldir.h"

enum { CONFIG_MAX_LEVELS = 8, CONFIG_MAX_DEPTH = 64 };

typedef struct {
    int dim, depth, heads, ff_mult;
    int cond_dim;        /* width of text features, style and time vector: one number */
    int conv_layers, mel_dim, text_num_embeds, max_frames;
    int duration_embed;  /* 1: full variant */
    int conv_groups;     /* 16 */
} dit_cfg;

typedef struct {
    int latent_dim, io_channels, levels;
    int strides[CONFIG_MAX_LEVELS];    /* encoder order, as in the original's config: 2,4,4,8,8 */
    int widths[CONFIG_MAX_LEVELS + 1]; /* ch[0..levels] of vae.md section 2 */
    int kernels[CONFIG_MAX_LEVELS];    /* taps of the strided convolutions: 2 * stride */
    int ratio;                         /* product of strides */
    int final_tanh, has_encoder;
    int made; /* CONFIG_STORED or CONFIG_GRAINS: where its tensors come from */
} vae_cfg;

/* "made" in model.json: without it tensors are read from vae.safetensors; "grains": made at load (grains.h). */
enum { CONFIG_STORED, CONFIG_GRAINS };

typedef struct {
    int vocab_size, hidden_size, layers, heads, intermediate_size, positions;
    double layer_norm_eps;
    int tf_dim, tf_depth, tf_heads, tf_dim_head, tf_inner; /* MuLan transformer on top */
    int has_proj;                                          /* mulan.text.proj */
    int dim_latent;
} mulan_text_cfg;

typedef struct {
    int conv_dim, width, depth, heads, inner, kernel; /* MuQ's stem and conformer */
    int use_layer;                                    /* which state goes on, counted from the end: -1 the last */
    int clip_seconds;
    double mel_mean, mel_std, layer_norm_eps;
    int tf_dim, tf_depth, tf_heads, tf_dim_head, tf_inner;
    int dim_latent;
} mulan_audio_cfg;

/* What a song gets when nobody says. 0 steps: none of these stand in model.json. */
typedef struct {
    int steps;              /* as in drgen_song */
    double guidance, sway;
    double seconds;         /* 0: what the transformer was made for */
} model_defaults;

typedef struct {
    char name[128], note[256], dtype[16];
    char tokenizer[64]; /* file name, "" without */
    int has_dit, has_vae, has_mulan_text, has_mulan_audio;
    dit_cfg dit;
    vae_cfg vae;
    mulan_text_cfg text;
    mulan_audio_cfg audio;
    model_defaults defaults;
} model_cfg;

/* Reads model.json of an open model directory. FORMAT / MODEL errors name the key. */
drgen_status config_read(const modeldir *dir, model_cfg *out, drgen_err *err);

/* Parts, for the tools that write them: read from a JSON object with the keys of struct members (strides, widths,
 * kernels are arrays). */
drgen_status config_read_dit(const json_doc *doc, const json_node *node, dit_cfg *out, drgen_err *err);
drgen_status config_read_vae(const json_doc *doc, const json_node *node, vae_cfg *out, drgen_err *err);
drgen_status config_read_mulan_text(const json_doc *doc, const json_node *node, mulan_text_cfg *out, drgen_err *err);
drgen_status config_read_mulan_audio(const json_doc *doc, const json_node *node, mulan_audio_cfg *out, drgen_err *err);
void config_write_mulan_audio(json_out *o, const mulan_audio_cfg *c);
void config_write_dit(json_out *o, const dit_cfg *c);
void config_write_vae(json_out *o, const vae_cfg *c);
void config_write_mulan_text(json_out *o, const mulan_text_cfg *c);
void config_write_defaults(json_out *o, const model_defaults *d);

#endif
