/* engine.c - opening and closing a handle: model folder, weights, threads. */
#include "pipeline/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gemm.h"
#include "model/grains.h"
#include "pipeline/lyrics.h"
#include "pipeline/request.h"
#include "text/frames.h"

#define VERSION "0.1.0"

extern const modeldir_packed embedded_files[]; /* build/<mode>/embedded.S, ends with a NULL name */

drgen_config drgen_config_default(void)
{
    return (drgen_config){0};
}

const char *drgen_version(void)
{
    return VERSION;
}

const char *drgen_blas_advice(void)
{
    return strcmp(gemm_backend(), "openblas") == 0 ? gemm_blas_advice() : NULL;
}

void engine_log(const drgen *g, int level, const char *fmt, ...)
{
    if (!g->log) return;
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    g->log(level, line, g->log_user);
}

drgen_status engine_open_folder(const char *path, modeldir *dir, model_cfg *cfg, drgen_err *err)
{
    if (path) ERR_TRY(modeldir_open(dir, path, err));
    else *dir = modeldir_open_packed(embedded_files);
    return config_read(dir, cfg, err);
}

/* One weights file of the model folder. */
static drgen_status open_weights(drgen *g, const char *name, st_file **out, drgen_err *err)
{
    file_bytes bytes;
    char *label = NULL;
    ERR_TRY(modeldir_file(&g->dir, name, SIZE_MAX, &bytes, &label, err));
    drgen_status status = st_open_bytes(out, bytes, label, err);
    free(label);
    return status;
}

/* The autoencoder: from its file, or made; the encoder of a made one only when it is asked for, since few songs are. */
static drgen_status open_vae(drgen *g, int encoder, drgen_err *err)
{
    vae_cfg c = g->cfg.vae;
    st_file *file = NULL;
    vae *v = NULL;
    c.has_encoder = encoder;
    if (c.made) ERR_TRY(grains_make(&file, &c, g->dir.path ? g->dir.path : "built-in model", err));
    else ERR_TRY(open_weights(g, "vae.safetensors", &file, err));
    drgen_status status = vae_load(&v, &c, file, err);
    if (status != DRGEN_OK) {
        st_close(file);
        return status;
    }
    vae_free(g->vae);
    st_close(g->vae_file);
    g->vae = v;
    g->vae_file = file;
    return DRGEN_OK;
}

drgen_status engine_need_encoder(drgen *g, drgen_err *err)
{
    if (!g->cfg.vae.has_encoder)
        return err_fail(err, DRGEN_ERR_MODEL,
                        "%s: this model has a decoder but no encoder, so sounds cannot become latents; convert the "
                        "whole autoencoder (drgen convert --vae vae_model.pt -o DIR --update)",
                        g->dir.path ? g->dir.path : "built-in model");
    if (vae_config(g->vae)->has_encoder) return DRGEN_OK;
    size_t before = st_bytes(g->vae_file);
    ERR_TRY(open_vae(g, 1, err));
    g->info.weight_bytes += st_bytes(g->vae_file) - before;
    return DRGEN_OK;
}

/* The parts were sized separately; together they must be one pipeline. */
static drgen_status check_fit(const drgen *g, drgen_err *err)
{
    const model_cfg *c = &g->cfg;
    const char *where = g->dir.path ? g->dir.path : "built-in model";
    if (!c->has_dit || !c->has_vae)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: model.json has no \"%s\"; convert transformer and decoder together",
                        where, c->has_dit ? "vae" : "dit");
    if (c->dit.mel_dim != c->vae.latent_dim)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: the transformer makes latents %d wide, the decoder wants %d", where,
                        c->dit.mel_dim, c->vae.latent_dim);
    if (c->vae.ratio != ENGINE_HOP || c->vae.io_channels != ENGINE_CHANNELS)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: decoder: %d samples a frame in %d channels found, %d in %d wanted",
                        where, c->vae.ratio, c->vae.io_channels, ENGINE_HOP, ENGINE_CHANNELS);
    if (c->has_mulan_text && c->text.dim_latent != c->dit.cond_dim)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: the text tower makes styles %d wide, the transformer wants %d",
                        where, c->text.dim_latent, c->dit.cond_dim);
    if (c->has_mulan_audio && c->audio.dim_latent != c->dit.cond_dim)
        return err_fail(err, DRGEN_ERR_MODEL, "%s: the audio tower makes styles %d wide, the transformer wants %d",
                        where, c->audio.dim_latent, c->dit.cond_dim);
    return DRGEN_OK;
}

static uint64_t count_parameters(const st_file *f)
{
    uint64_t n = 0;
    for (size_t i = 0; i < st_count(f); i++)
        if (strcmp(st_at(f, i)->name, "negative_style") != 0 && !strstr(st_at(f, i)->name, ".weight_scale")) n += st_at(f, i)->count;
    return n;
}

static void fill_info(drgen *g)
{
    const model_cfg *c = &g->cfg;
    double range[2];
    frames_lengths(c->dit.max_frames, range);
    g->info = (drgen_info){
        .model_name = c->name,
        .model_note = c->note,
        .isa = g->kern->isa,
        .blas = gemm_blas_core(),
        .gemm = gemm_backend(),
        .threads = pool_threads(g->pool),
        .full = c->dit.duration_embed,
        .style_width = c->dit.cond_dim,
        .has_text_tower = c->has_mulan_text,
        .has_audio_tower = c->has_mulan_audio,
        .has_encoder = c->vae.has_encoder,
        .seconds_least = range[0],
        .seconds_most = range[1],
        .parameters = count_parameters(g->dit_file),
        .weight_bytes = st_bytes(g->dit_file) + st_bytes(g->vae_file),
    };
}

static drgen_status open_all(drgen *g, const drgen_config *config, drgen_err *err)
{
    if (config->espeak_data && !(g->espeak_data = strdup(config->espeak_data)))
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", config->espeak_data);
    if (config->zh_lexicon && !(g->zh_lexicon = strdup(config->zh_lexicon)))
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", config->zh_lexicon);
    ERR_TRY(engine_open_folder(config->model_dir, &g->dir, &g->cfg, err));
    ERR_TRY(check_fit(g, err));
    ERR_TRY(open_weights(g, "dit.safetensors", &g->dit_file, err));
    ERR_TRY(dit_load(&g->dit, &g->cfg.dit, g->dit_file, err));
    ERR_TRY(open_vae(g, g->cfg.vae.has_encoder && !g->cfg.vae.made, err));
    ERR_TRY(pool_open(&g->pool, config->threads, err));
    g->kern = kern_best();
    fill_info(g);
    return DRGEN_OK;
}

drgen *drgen_open(const drgen_config *config, drgen_err *err)
{
    err_clear(err);
    drgen_config defaults = drgen_config_default();
    if (!config) config = &defaults;
    drgen *g = calloc(1, sizeof *g);
    if (!g) {
        err_fail(err, DRGEN_ERR_NOMEM, "engine: out of memory");
        return NULL;
    }
    g->log = config->log;
    g->log_user = config->log_user;
    if (open_all(g, config, err) == DRGEN_OK) return g;
    drgen_close(g);
    return NULL;
}

void drgen_close(drgen *g)
{
    if (!g) return;
    if (g->dit) drgen_lora_detach(g);
    g2p_close(g->g2p);
    spm_free(g->spm);
    mulan_text_free(g->text);
    muq_free(g->audio);
    st_close(g->audio_file);
    vae_free(g->vae);
    dit_free(g->dit);
    st_close(g->text_file);
    st_close(g->vae_file);
    st_close(g->dit_file);
    pool_close(g->pool);
    modeldir_close(&g->dir);
    free(g->espeak_data);
    free(g->zh_lexicon);
    free(g->given);
    free(g->against);
    free(g);
}

drgen_info drgen_get_info(const drgen *g)
{
    return g->info;
}

drgen_song drgen_song_resolve(const drgen *g, const drgen_song *song)
{
    return request_resolve(&g->cfg, song);
}

drgen_report drgen_last_report(const drgen *g)
{
    return g->report;
}

static drgen_status open_tokenizer(drgen *g, drgen_err *err)
{
    file_bytes bytes;
    char *label = NULL;
    ERR_TRY(modeldir_file(&g->dir, g->cfg.tokenizer, (size_t)1 << 28, &bytes, &label, err));
    drgen_status status = spm_load(&g->spm, bytes.data, bytes.size, label, err);
    if (status == DRGEN_OK && spm_vocab_size(g->spm) > g->cfg.text.vocab_size)
        status = err_fail(err, DRGEN_ERR_MODEL, "%s: %d tokens, but the text tower knows %d; one of the two is wrong",
                          label, (int)spm_vocab_size(g->spm), g->cfg.text.vocab_size);
    if (status != DRGEN_OK) {
        spm_free(g->spm);
        g->spm = NULL;
    }
    file_close(&bytes);
    free(label);
    return status;
}

drgen_status engine_need_text(drgen *g, drgen_err *err)
{
    if (!g->cfg.has_mulan_text || !g->cfg.tokenizer[0])
        return err_fail(err, DRGEN_ERR_MODEL, "prompt: this model has no text tower to read it; give a style file");
    if (!g->spm) ERR_TRY(open_tokenizer(g, err));
    if (!g->text_file) {
        ERR_TRY(open_weights(g, "mulan.safetensors", &g->text_file, err));
        g->info.weight_bytes += st_bytes(g->text_file);
    }
    if (!g->text) ERR_TRY(mulan_text_load(&g->text, &g->cfg.text, g->text_file, err));
    return DRGEN_OK;
}

drgen_status engine_need_audio(drgen *g, drgen_err *err)
{
    if (!g->cfg.has_mulan_audio)
        return err_fail(err, DRGEN_ERR_MODEL, "style: this model has no audio tower to hear a recording; describe the style in words, or use a converted model");
    if (!g->audio_file) {
        ERR_TRY(open_weights(g, "mulan_audio.safetensors", &g->audio_file, err));
        g->info.weight_bytes += st_bytes(g->audio_file);
    }
    return g->audio ? DRGEN_OK : muq_load(&g->audio, &g->cfg.audio, g->audio_file, err);
}

drgen_status engine_need_g2p(drgen *g, drgen_err *err)
{
    return g->g2p ? DRGEN_OK : lyrics_reader(&g->g2p, g->espeak_data, g->zh_lexicon, err);
}

size_t engine_prompt_limit(const drgen *g)
{
    int positions = g->cfg.text.positions - 2; /* XLM-R numbers positions from 2 */
    return positions < 512 ? (size_t)positions : 512;
}
