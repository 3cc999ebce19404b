/* synth.c - see synth.h: the list of every tensor with its range, then the same packing as for real checkpoints. */
#include "weights_tools/synth.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/rng.h"
#include "weights_tools/source_types.h"

typedef struct {
    synth_tensor *t;
    size_t count, room;
    int failed;
} list;

/* One tensor: shape up to four axes (0 ends it), values mean +- half, name as printf. */
__attribute__((format(printf, 5, 6))) static void add(list *l, const size_t shape[4], double mean, double half,
                                                      const char *format, ...)
{
    char name[256];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 256;
        synth_tensor *grown = realloc(l->t, room * sizeof *grown);
        if (!grown) {
            l->failed = 1;
            return;
        }
        l->t = grown;
        l->room = room;
    }
    synth_tensor *t = &l->t[l->count++];
    *t = (synth_tensor){.name = strdup(name), .mean = mean, .half = half};
    for (; t->dims < 4 && shape[t->dims]; t->dims++) t->shape[t->dims] = shape[t->dims];
    if (!t->name) l->failed = 1;
}

#define D(...) (const size_t[4]){__VA_ARGS__}

/* Uniform values of this half-width keep the variance of a sum over fan inputs. */
static double wide(double fan)
{
    return sqrt(3.0 / fan);
}

static void dit_tensors(list *l, const dit_cfg *c)
{
    static const char *const embeds[] = {"time_embed", "start_time_embed", "duration_time_embed"};
    size_t w = (size_t)c->cond_dim, dim = (size_t)c->dim, m = (size_t)c->mel_dim, inner = dim * (size_t)c->ff_mult;
    size_t group = dim / (size_t)c->conv_groups, in = 2 * m + 3 * w;
    for (int e = 0; e < 2 + c->duration_embed; e++)
        for (int i = 0; i <= 2; i += 2) {
            add(l, D(w, i ? w : 256), 0, wide(i ? (double)w : 256), "transformer.%s.time_mlp.%d.weight", embeds[e], i);
            add(l, D(w), 0, 0.1, "transformer.%s.time_mlp.%d.bias", embeds[e], i);
        }
    add(l, D((size_t)c->text_num_embeds + 1, w), 0, wide(1), "transformer.text_embed.text_embed.weight");
    for (int i = 0; i < c->conv_layers; i++) {
        const char *p = "transformer.text_embed.text_blocks";
        add(l, D(w, 1, 7), 0, wide(7), "%s.%d.dwconv.weight", p, i);
        add(l, D(w), 0, 0.1, "%s.%d.dwconv.bias", p, i);
        add(l, D(w), 1, 0.2, "%s.%d.norm.weight", p, i);
        add(l, D(w), 0, 0.1, "%s.%d.norm.bias", p, i);
        add(l, D(2 * w, w), 0, wide((double)w), "%s.%d.pwconv1.weight", p, i);
        add(l, D(2 * w), 0, 0.1, "%s.%d.pwconv1.bias", p, i);
        add(l, D(1, 1, 2 * w), 0, 1, "%s.%d.grn.gamma", p, i);
        add(l, D(1, 1, 2 * w), 0, 0.1, "%s.%d.grn.beta", p, i);
        add(l, D(w, 2 * w), 0, wide(2 * (double)w), "%s.%d.pwconv2.weight", p, i);
        add(l, D(w), 0, 0.1, "%s.%d.pwconv2.bias", p, i);
    }
    add(l, D(dim, in), 0, 2 * wide((double)in), "transformer.input_embed.proj.weight");
    add(l, D(dim), 0, 0.1, "transformer.input_embed.proj.bias");
    for (int i = 0; i <= 2; i += 2) {
        add(l, D(dim, group, 31), 0, wide(31 * (double)group), "transformer.input_embed.conv_pos_embed.conv1d.%d.weight", i);
        add(l, D(dim), 0, 0.1, "transformer.input_embed.conv_pos_embed.conv1d.%d.bias", i);
    }
    for (int i = 0; i < c->depth; i++) {
        const char *p = "transformer.transformer_blocks";
        for (const char *q = "qkvo"; *q; q++) /* wider q and k, so that attention is not flat */
            add(l, D(dim, dim), 0, (strchr("qk", *q) ? 2 : 1) * wide((double)dim), "%s.%d.self_attn.%c_proj.weight", p, i, *q);
        add(l, D(inner, dim), 0, wide((double)dim), "%s.%d.mlp.gate_proj.weight", p, i);
        add(l, D(inner, dim), 0, wide((double)dim), "%s.%d.mlp.up_proj.weight", p, i);
        add(l, D(dim, inner), 0, wide((double)inner), "%s.%d.mlp.down_proj.weight", p, i);
        add(l, D(dim), 1, 0.2, "%s.%d.input_layernorm.weight", p, i);
        add(l, D(dim), 1, 0.2, "%s.%d.post_attention_layernorm.weight", p, i);
    }
    for (int i = 0; i < c->depth / 2; i++) {
        add(l, D(dim, w), 0, 0.5 * wide((double)w), "transformer.text_fusion_linears.%d.0.weight", i);
        add(l, D(dim), 0, 0.1, "transformer.text_fusion_linears.%d.0.bias", i);
    }
    add(l, D(2 * dim, w), 0, wide((double)w), "transformer.norm_out.linear.weight");
    add(l, D(2 * dim), 0, 0.1, "transformer.norm_out.linear.bias");
    add(l, D(m, dim), 0, wide((double)dim), "transformer.proj_out.weight");
    add(l, D(m), 0, 0.1, "transformer.proj_out.bias");
}

static void snake(list *l, size_t width, const char *base)
{
    add(l, D(width), 0, 0.3, "%s.alpha", base);
    add(l, D(width), 0, 0.3, "%s.beta", base);
}

static void unit(list *l, size_t width, const char *base)
{
    char name[200];
    snprintf(name, sizeof name, "%s.layers.0", base);
    snake(l, width, name);
    add(l, D(width, width, 7), 0, 0.7 * wide(7 * (double)width), "%s.layers.1.weight", base);
    add(l, D(width), 0, 0.1, "%s.layers.1.bias", base);
    snprintf(name, sizeof name, "%s.layers.2", base);
    snake(l, width, name);
    add(l, D(width, width, 1), 0, 0.3 * wide((double)width), "%s.layers.3.weight", base);
    add(l, D(width), 0, 0.05, "%s.layers.3.bias", base);
}

static void vae_tensors(list *l, const vae_cfg *c)
{
    char name[128];
    int n = c->levels;
    size_t top = (size_t)c->widths[n], latent = (size_t)c->latent_dim, bottom = (size_t)c->widths[0];
    add(l, D(top, latent, 7), 0, wide(7 * (double)latent), "decoder.layers.0.weight");
    add(l, D(top), 0, 0.1, "decoder.layers.0.bias");
    for (int i = 1; i <= n; i++) {
        size_t a = (size_t)c->widths[n - i + 1], b = (size_t)c->widths[n - i], k = (size_t)c->kernels[n - i];
        snprintf(name, sizeof name, "decoder.layers.%d.layers.0", i);
        snake(l, a, name);
        add(l, D(a, b, k), 0, 0.6 * wide(2 * (double)a), "decoder.layers.%d.layers.1.weight", i);
        add(l, D(b), 0, 0.1, "decoder.layers.%d.layers.1.bias", i);
        for (int u = 2; u < 5; u++) {
            snprintf(name, sizeof name, "decoder.layers.%d.layers.%d", i, u);
            unit(l, b, name);
        }
    }
    snprintf(name, sizeof name, "decoder.layers.%d", n + 1);
    snake(l, bottom, name);
    add(l, D((size_t)c->io_channels, bottom, 7), 0, 0.2 * wide(7 * (double)bottom), "decoder.layers.%d.weight", n + 2);
}

static void encoder_tensors(list *l, const vae_cfg *c)
{
    char name[128];
    int n = c->levels;
    size_t bottom = (size_t)c->widths[0], top = (size_t)c->widths[n], twice = 2 * (size_t)c->latent_dim;
    add(l, D(bottom, (size_t)c->io_channels, 7), 0, wide(7 * (double)c->io_channels), "encoder.layers.0.weight");
    add(l, D(bottom), 0, 0.1, "encoder.layers.0.bias");
    for (int i = 1; i <= n; i++) {
        size_t a = (size_t)c->widths[i - 1], b = (size_t)c->widths[i], k = (size_t)c->kernels[i - 1];
        for (int u = 0; u < 3; u++) {
            snprintf(name, sizeof name, "encoder.layers.%d.layers.%d", i, u);
            unit(l, a, name);
        }
        snprintf(name, sizeof name, "encoder.layers.%d.layers.3", i);
        snake(l, a, name);
        add(l, D(b, a, k), 0, 0.6 * wide((double)(k * a)), "encoder.layers.%d.layers.4.weight", i);
        add(l, D(b), 0, 0.1, "encoder.layers.%d.layers.4.bias", i);
    }
    snprintf(name, sizeof name, "encoder.layers.%d", n + 1);
    snake(l, top, name);
    add(l, D(twice, top, 3), 0, 0.6 * wide(3 * (double)top), "encoder.layers.%d.weight", n + 2);
    add(l, D(twice), 0, 0.1, "encoder.layers.%d.bias", n + 2);
}

static void linear(list *l, size_t rows, size_t cols, double half, const char *base)
{
    add(l, D(rows, cols), 0, half, "%s.weight", base);
    add(l, D(rows), 0, 0.125, "%s.bias", base);
}

static void norm(list *l, size_t width, const char *base)
{
    add(l, D(width), 1, 0.25, "%s.weight", base);
    add(l, D(width), 0, 0.125, "%s.bias", base);
}

static void text_tensors(list *l, const mulan_text_cfg *c)
{
    size_t h = (size_t)c->hidden_size, f = (size_t)c->intermediate_size, d = (size_t)c->tf_dim;
    size_t q = (size_t)c->tf_heads * (size_t)c->tf_dim_head, inner = (size_t)c->tf_inner;
    const char *e = "mulan.text.model.embeddings";
    char name[200];
    add(l, D((size_t)c->vocab_size, h), 0, 1, "%s.word_embeddings.weight", e);
    add(l, D((size_t)c->positions, h), 0, 0.5, "%s.position_embeddings.weight", e);
    add(l, D(1, h), 0, 0.5, "%s.token_type_embeddings.weight", e);
    norm(l, h, "mulan.text.model.embeddings.LayerNorm");
    for (int i = 0; i < c->layers; i++) {
        static const char *const parts[] = {"attention.self.query", "attention.self.key", "attention.self.value",
                                            "attention.output.dense"};
        for (int k = 0; k < 4; k++) {
            snprintf(name, sizeof name, "mulan.text.model.encoder.layer.%d.%s", i, parts[k]);
            linear(l, h, h, (k < 2 ? 1.5 : 1) * wide((double)h), name);
        }
        snprintf(name, sizeof name, "mulan.text.model.encoder.layer.%d.attention.output.LayerNorm", i);
        norm(l, h, name);
        snprintf(name, sizeof name, "mulan.text.model.encoder.layer.%d.intermediate.dense", i);
        linear(l, f, h, 1.5 * wide((double)h), name);
        snprintf(name, sizeof name, "mulan.text.model.encoder.layer.%d.output.dense", i);
        linear(l, h, f, wide((double)f), name);
        snprintf(name, sizeof name, "mulan.text.model.encoder.layer.%d.output.LayerNorm", i);
        norm(l, h, name);
    }
    for (int i = 0; i < c->tf_depth; i++) {
        const char *p = "mulan.text.transformer.layers";
        add(l, D((size_t)c->tf_dim_head), 1.5, 0.5, "%s.%d.0.q_scale", p, i);
        add(l, D((size_t)c->tf_dim_head), 1.5, 0.5, "%s.%d.0.k_scale", p, i);
        add(l, D(d), 1, 0.25, "%s.%d.0.norm.learned_gamma", p, i);
        add(l, D(q, d), 0, wide((double)d), "%s.%d.0.to_q.weight", p, i);
        add(l, D(2 * q, d), 0, wide((double)d), "%s.%d.0.to_kv.weight", p, i);
        add(l, D(d, q), 0, wide((double)q), "%s.%d.0.to_out.0.weight", p, i);
        add(l, D(d), 1, 0.25, "%s.%d.1.0.learned_gamma", p, i);
        add(l, D(2 * inner, d), 0, 1.5 * wide((double)d), "%s.%d.1.1.weight", p, i);
        add(l, D(d, inner), 0, wide((double)inner), "%s.%d.1.4.weight", p, i);
    }
    linear(l, (size_t)c->dim_latent, d, wide((double)d), "mulan.text_to_latents");
}

static void conv(list *l, const char *core, int block, int i, size_t out, size_t in)
{
    add(l, D(out, in, 3, 3), 0, wide(9 * (double)in), "%s.conv.conv.%d.conv%d.weight", core, block, i);
    add(l, D(out), 0, 0.125, "%s.conv.conv.%d.conv%d.bias", core, block, i);
    add(l, D(out), 1, 0.25, "%s.conv.conv.%d.bn%d.weight", core, block, i);
    add(l, D(out), 0, 0.25, "%s.conv.conv.%d.bn%d.bias", core, block, i);
    add(l, D(out), 0, 0.25, "%s.conv.conv.%d.bn%d.running_mean", core, block, i);
    add(l, D(out), 1, 0.5, "%s.conv.conv.%d.bn%d.running_var", core, block, i);
}

static void conformer(list *l, const mulan_audio_cfg *c, const char *p)
{
    static const char *const norms[] = {"ffn1_layer_norm", "self_attn_layer_norm", "conv_module.layer_norm", "ffn2_layer_norm",
                                        "final_layer_norm"};
    static const char *const square[] = {"self_attn.linear_q", "self_attn.linear_k", "self_attn.linear_v", "self_attn.linear_out"};
    size_t d = (size_t)c->width, f = (size_t)c->inner;
    char name[200];
    for (size_t i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "%s.%s", p, norms[i]);
        norm(l, d, name);
    }
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.%s", p, square[i]);
        linear(l, d, d, (i < 2 ? 1.5 : 1) * wide((double)d), name);
    }
    for (int i = 1; i <= 2; i++) {
        snprintf(name, sizeof name, "%s.ffn%d.intermediate_dense", p, i);
        linear(l, f, d, 1.5 * wide((double)d), name);
        snprintf(name, sizeof name, "%s.ffn%d.output_dense", p, i);
        linear(l, d, f, wide((double)f), name);
    }
    add(l, D(2 * d, d, 1), 0, wide((double)d), "%s.conv_module.pointwise_conv1.weight", p);
    add(l, D(d, 1, (size_t)c->kernel), 0, wide((double)c->kernel), "%s.conv_module.depthwise_conv.weight", p);
    add(l, D(d), 1, 0.25, "%s.conv_module.batch_norm.weight", p);
    add(l, D(d), 0, 0.25, "%s.conv_module.batch_norm.bias", p);
    add(l, D(d), 0, 0.25, "%s.conv_module.batch_norm.running_mean", p);
    add(l, D(d), 1, 0.5, "%s.conv_module.batch_norm.running_var", p);
    add(l, D(d, d, 1), 0, wide((double)d), "%s.conv_module.pointwise_conv2.weight", p);
}

static void audio_tensors(list *l, const mulan_audio_cfg *c)
{
    const char *core = "mulan.audio.model.model";
    size_t ch = (size_t)c->conv_dim, d = (size_t)c->width;
    char name[200];
    for (int block = 0; block < 2; block++)
        for (int i = 1; i <= 3; i++) conv(l, core, block, i, ch, block || i == 2 ? ch : 1);
    linear(l, d, 32 * ch, wide(32 * (double)ch), "mulan.audio.model.model.conv.linear");
    for (int i = 0; i < c->depth; i++) {
        snprintf(name, sizeof name, "%s.conformer.layers.%d", core, i);
        conformer(l, c, name);
    }
    norm(l, d, "mulan.audio.model.model.conformer.layer_norm");
    linear(l, (size_t)c->tf_dim, d, wide((double)d), "mulan.audio.proj");
    linear(l, (size_t)c->dim_latent, (size_t)c->tf_dim, wide((double)c->tf_dim), "mulan.audio_to_latents");
}

synth_model synth_model_1b(int full)
{
    return (synth_model){
        .dit = {.dim = 2048, .depth = 16, .heads = 32, .ff_mult = 4, .cond_dim = 512, .conv_layers = 4, .mel_dim = 64,
                .text_num_embeds = 363, .max_frames = full ? 6144 : 2048, .duration_embed = full, .conv_groups = 16},
        .vae = {.latent_dim = 64, .io_channels = 2, .levels = 5, .strides = {2, 4, 4, 8, 8}, .kernels = {4, 8, 8, 16, 16},
                .widths = {128, 128, 256, 512, 1024, 2048}, .ratio = 2048},
        .text = {.vocab_size = 250002, .hidden_size = 768, .layers = 12, .heads = 12, .intermediate_size = 3072,
                 .positions = 514, .layer_norm_eps = 1e-5, .tf_dim = 768, .tf_depth = 8, .tf_heads = 8, .tf_dim_head = 64,
                 .tf_inner = 2048, .dim_latent = 512},
        .audio = {.conv_dim = 512, .width = 1024, .depth = 12, .heads = 16, .inner = 4096, .kernel = 31, .use_layer = -1,
                  .clip_seconds = 10, .tf_dim = 768, .dim_latent = 512},
        .dtype = PACK_F16,
        .seed = 1,
        .name = full ? "made-up 1.1 B, full" : "made-up 1.1 B, base",
        .note = "made-up weights of the real size: for tests and timing, not music"};
}

synth_model synth_model_tiny(void)
{
    return (synth_model){
        .dit = {.dim = 128, .depth = 4, .heads = 4, .ff_mult = 4, .cond_dim = 64, .conv_layers = 2, .mel_dim = 64,
                .text_num_embeds = 363, .max_frames = 2048, .duration_embed = 0, .conv_groups = 16},
        .vae = {.latent_dim = 64, .io_channels = 2, .levels = 5, .strides = {2, 4, 4, 8, 8}, .kernels = {4, 8, 8, 16, 16},
                .widths = {16, 16, 24, 32, 48, 64}, .ratio = 2048},
        .text = {.vocab_size = 1602, .hidden_size = 64, .layers = 1, .heads = 2, .intermediate_size = 128, .positions = 514,
                 .layer_norm_eps = 1e-5, .tf_dim = 64, .tf_depth = 1, .tf_heads = 2, .tf_dim_head = 32, .tf_inner = 128,
                 .dim_latent = 64},
        .audio = {.conv_dim = 8, .width = 64, .depth = 1, .heads = 2, .inner = 128, .kernel = 7, .use_layer = -1, .clip_seconds = 10,
                  .tf_dim = 64, .dim_latent = 64},
        .dtype = PACK_F16,
        .seed = 1,
        .name = "made-up tiny",
        .note = "made-up weights: for tests, not music"};
}

static drgen_status open_list(source **out, void (*fill)(list *, const void *), const void *cfg, uint64_t seed, drgen_err *err)
{
    list l = {0};
    fill(&l, cfg);
    drgen_status status = l.failed ? err_fail(err, DRGEN_ERR_NOMEM, "synth: out of memory")
                                   : source_open_synth(out, "synth", l.t, l.count, seed, err);
    for (size_t i = 0; i < l.count; i++) free((char *)(uintptr_t)l.t[i].name);
    free(l.t);
    return status;
}

static void fill_dit(list *l, const void *c) { dit_tensors(l, c); }
static void fill_vae(list *l, const void *c)
{
    vae_tensors(l, c);
    encoder_tensors(l, c);
}

static void fill_text(list *l, const void *c) { text_tensors(l, c); }
static void fill_audio(list *l, const void *c) { audio_tensors(l, c); }

static drgen_status copy_file(const char *from, const char *to, drgen_err *err)
{
    file_bytes bytes;
    file_writer w;
    ERR_TRY(file_map(&bytes, from, 64u << 20, err));
    drgen_status status = file_begin(&w, to, err);
    if (status == DRGEN_OK) {
        status = file_put(&w, bytes.data, bytes.size, err);
        if (status == DRGEN_OK) status = file_commit(&w, err);
        else file_abort(&w);
    }
    file_close(&bytes);
    return status;
}

static drgen_status write_parts(const char *dir, synth_model *m, model_cfg *cfg, drgen_err *err)
{
    size_t width = (size_t)m->dit.cond_dim;
    float *negative = malloc(width * sizeof *negative);
    char *dit = file_join(dir, "dit.safetensors"), *vae = file_join(dir, "vae.safetensors");
    char *text = file_join(dir, "mulan.safetensors"), *tokenizer = file_join(dir, "tokenizer.model");
    char *audio = file_join(dir, "mulan_audio.safetensors");
    source *s = NULL;
    drgen_status status = negative && dit && vae && text && audio && tokenizer ? DRGEN_OK
                                                                      : err_fail(err, DRGEN_ERR_NOMEM, "synth: out of memory");
    if (status != DRGEN_OK) goto done;
    double sum = 0;
    rng_synth(negative, 0, width, "negative_style", 0, 1, m->seed);
    for (size_t i = 0; i < width; i++) sum += (double)negative[i] * (double)negative[i];
    for (size_t i = 0; i < width; i++) negative[i] = (float)((double)negative[i] / sqrt(sum));
    pack_how how = {.dtype = m->dtype, .negative = negative, .stop = m->stop};
    status = open_list(&s, fill_dit, &m->dit, m->seed, err);
    if (status == DRGEN_OK) status = pack_dit(s, dit, &how, &m->dit, NULL, err);
    source_close(s), s = NULL;
    if (status == DRGEN_OK && m->vae.made == CONFIG_STORED) {
        status = open_list(&s, fill_vae, &m->vae, m->seed, err);
        if (status == DRGEN_OK) status = pack_vae(s, vae, &how, &m->vae, NULL, err);
    }
    source_close(s), s = NULL;
    if (status == DRGEN_OK && m->tokenizer) {
        status = open_list(&s, fill_text, &m->text, m->seed, err);
        if (status == DRGEN_OK) status = pack_mulan_text(s, text, &how, &m->text, NULL, err);
        if (status == DRGEN_OK) status = copy_file(m->tokenizer, tokenizer, err);
        cfg->has_mulan_text = 1;
        snprintf(cfg->tokenizer, sizeof cfg->tokenizer, "tokenizer.model");
    }
    source_close(s), s = NULL;
    if (status == DRGEN_OK && m->audio.conv_dim) {
        status = open_list(&s, fill_audio, &m->audio, m->seed, err);
        if (status == DRGEN_OK) status = pack_mulan_audio(s, audio, &how, &m->audio, NULL, err);
        cfg->has_mulan_audio = 1;
    }
done:
    source_close(s);
    free(audio), free(negative), free(dit), free(vae), free(text), free(tokenizer);
    return status;
}

drgen_status synth_write(const char *dir, const synth_model *model, drgen_err *err)
{
    synth_model m = *model;
    model_cfg cfg = {.has_dit = 1, .has_vae = 1};
    if (mkdir(dir, 0777) != 0 && errno != EEXIST) return err_fail(err, DRGEN_ERR_IO, "%s: %s", dir, strerror(errno));
    ERR_TRY(write_parts(dir, &m, &cfg, err));
    snprintf(cfg.name, sizeof cfg.name, "%s", m.name);
    snprintf(cfg.note, sizeof cfg.note, "%s", m.note);
    snprintf(cfg.dtype, sizeof cfg.dtype, "%s", pack_dtype_name(m.dtype));
    cfg.dit = m.dit;
    cfg.vae = m.vae;
    cfg.text = m.text;
    cfg.audio = m.audio;
    return pack_model_json(dir, &cfg, err);
}
