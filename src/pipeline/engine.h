/* engine.h - what a drgen handle holds. Private to pipeline/. */
#ifndef PIPELINE_ENGINE_H
#define PIPELINE_ENGINE_H

#include "io/modeldir.h"
#include "io/safetensors.h"
#include "model/config.h"
#include "model/dit.h"
#include "model/mulan.h"
#include "model/muq.h"
#include "model/vae.h"
#include "text/g2p.h"
#include "text/spm.h"

enum { ENGINE_HOP = 2048, ENGINE_RATE = 44100, ENGINE_CHANNELS = 2 };

struct drgen {
    drgen_log log;
    void *log_user;
    char *espeak_data, *zh_lexicon; /* or NULL */
    modeldir dir;
    model_cfg cfg;
    pool *pool;
    const kern_table *kern;
    st_file *dit_file, *vae_file;
    dit *dit;
    vae *vae;
    st_file *text_file; /* this and the next are opened when first needed */
    mulan_text *text;
    st_file *audio_file;
    muq *audio;
    spm *spm;
    g2p *g2p;
    drgen_adapter *adapters; /* attached, strength not 0 */
    size_t adapter_count;
    drgen_info info;
    drgen_report report;
    float *given, *against; /* the styles of the last song as they were asked for, [cond_dim]; NULL before one is made */
};

/* One line to the handle's log, if it has one. */
void engine_log(const drgen *g, int level, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Opens the folder of a model (NULL: the one built in) and reads its model.json; close dir. */
drgen_status engine_open_folder(const char *path, modeldir *dir, model_cfg *cfg, drgen_err *err);

/* Makes the encoder ready. MODEL error when the model has none. */
drgen_status engine_need_encoder(drgen *g, drgen_err *err);
/* Opens what reads recordings. MODEL error when the model has no audio tower. */
drgen_status engine_need_audio(drgen *g, drgen_err *err);
/* Opens what reads prompts: tokenizer and text tower. MODEL error when the model has none. */
drgen_status engine_need_text(drgen *g, drgen_err *err);
/* Opens what reads lyrics. */
drgen_status engine_need_g2p(drgen *g, drgen_err *err);

/* Ids a prompt may have at most, <s> and </s> included. */
size_t engine_prompt_limit(const drgen *g);

#endif
