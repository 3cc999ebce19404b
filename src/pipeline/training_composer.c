/* training_composer.c - the composer's endless songs as something to train on, and what that training asks for. */
#include "pipeline/training.h"

drgen_status training_composer_open(training_composer *out, drgen *g, const dit_cfg *cfg, drgen_err *err)
{
    *out = (training_composer){.muon = {.momentum = 0.95, .decay = 0.01, .b1 = 0.9, .b2 = 0.98, .eps = 1e-8}};
    if (cfg->mel_dim != ROLL_WIDTH || cfg->cond_dim != WORDS_STYLE)
        return err_fail(err, DRGEN_ERR_MODEL,
                        "training: the composer's songs have %d channels and styles of %d numbers; this model has mel_dim %d and "
                        "cond_dim %d", ROLL_WIDTH, WORDS_STYLE, cfg->mel_dim, cfg->cond_dim);
    if (cfg->text_num_embeds + 1 != COMPOSE_TOKENS || cfg->duration_embed)
        return err_fail(err, DRGEN_ERR_MODEL, "training: the composer wants text_num_embeds %d and duration_embed 0",
                        COMPOSE_TOKENS - 1);
    ERR_TRY(engine_need_g2p(g, err));
    return nano_songs_open(&out->songs, g->g2p, err);
}

void training_composer_close(training_composer *c)
{
    if (!c) return;
    nano_songs_close(c->songs);
    c->songs = NULL;
}

const float *training_composer_negative(const training_composer *c)
{
    return c->songs ? c->songs->table + WORDS_COUNT * WORDS_STYLE : NULL;
}

void training_composer_plan(training_composer *c, const drgen_training *o, train_how *how)
{
    c->muon.ema = o->ema;
    c->muon.decay = o->decay;
    c->muon.fixed = o->keep_text ? "text_embed." : NULL;
    how->muon = &c->muon;
    how->flow = (flow_how){.time = FLOW_EARLY, .drop_prompt = 0.1, .negative = training_composer_negative(c)};
    size_t forms = 0;
    for (size_t times = 2; times <= (size_t)o->longest && o->long_songs > 0; times *= 2) forms++;
    for (size_t times = 2; how->shape_count < forms; times *= 2)
        how->shapes[how->shape_count++] =
            (train_shape){(how->batch + times - 1) / times, how->frames * times, o->long_songs / (double)forms};
}
