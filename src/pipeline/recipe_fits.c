/* recipe_fits.c - see recipe.h: is this the model, and is this the machine, that a recipe was made with? */
#include <string.h>

#include "pipeline/recipe.h"

static int has_words(const drgen_song *s)
{
    int words = s->negative_prompt != NULL;
    for (size_t i = 0; i < s->style_count; i++) words |= s->styles[i].prompt != NULL;
    return words;
}

/* Whether making the song again reads this file: with vectors in the recipe the towers have nothing to do. */
static int matters(const drgen_recipe *r, const char *name)
{
    if (strcmp(name, "dit.safetensors") == 0 || strcmp(name, "vae.safetensors") == 0) return 1;
    return has_words(&r->song) && strcmp(name, "mulan_audio.safetensors") != 0;
}

static drgen_status check_files(const drgen_recipe *r, const drgen *g, const json_node *here, drgen_err *err)
{
    const json_node *model = json_get(r->root, "model");
    for (const json_node *f = json_first(json_get(model, "files")); f; f = json_next(f)) {
        const char *name = json_key(f), *then = json_string(json_get(f, "sha256"), "");
        const char *now = name ? json_string(json_get(json_get(here, name), "sha256"), "") : "";
        if (!name || !matters(r, name) || !*then || strcmp(then, now) == 0) continue;
        if (!*now && strcmp(name, "dit.safetensors") && strcmp(name, "vae.safetensors")) continue; /* the tower will say it is missing */
        return err_fail(err, DRGEN_ERR_MODEL,
                        "%s: made with model \"%.60s\" (%s %.12s...), this is \"%.60s\" (%.12s); choose that one, or allow any model",
                        json_name(r->doc), json_string(json_get(model, "name"), "?"), name, then, g->cfg.name, *now ? now : "no hash");
    }
    return DRGEN_OK;
}

static drgen_status check_model(const drgen_recipe *r, const drgen *g, drgen_err *err)
{
    file_bytes bytes;
    json_doc *doc = NULL;
    ERR_TRY(modeldir_file(&g->dir, "model.json", 1 << 20, &bytes, NULL, err));
    drgen_status status = json_parse(&doc, bytes.data, bytes.size, "model.json", err);
    if (status == DRGEN_OK) status = check_files(r, g, json_get(json_root(doc), "files"), err);
    json_free(doc);
    file_close(&bytes);
    return status;
}

/* Readings of Chinese characters come from a file the recipe can only name. */
static drgen_status check_lexicon(const drgen_recipe *r, const drgen *g, drgen_err *err)
{
    const json_node *lexicon = json_get(r->root, "zh_lexicon");
    if (!json_is_object(lexicon) || !r->song.lyrics || g->zh_lexicon) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_MODEL, "%s: made with the readings of \"%.200s\"; give that as Chinese lexicon, or allow any model",
                    json_name(r->doc), json_string(json_get(lexicon, "file"), "?"));
}

/* Adapters are files of the user's, which the recipe can only name. Others beside them, and other strengths, are the
 * caller's wish. */
static drgen_status check_adapters(const drgen_recipe *r, const drgen *g, drgen_err *err)
{
    for (size_t i = 0; i < r->adapter_count; i++) {
        const drgen_adapter *then = &r->adapters[i];
        size_t at = 0;
        while (at < g->adapter_count && (strcmp(then->sha256, g->adapters[at].sha256) != 0 ||
                                         strcmp(then->config_sha256, g->adapters[at].config_sha256) != 0))
            at++;
        if (at == g->adapter_count)
            return err_fail(err, DRGEN_ERR_MODEL, "%s: made with the adapter \"%.160s\" (sha256 %.12s...) at strength %g; attach that "
                            "one (--lora), or allow any model", json_name(r->doc), then->path, then->sha256, (double)then->strength);
    }
    return DRGEN_OK;
}

static drgen_status check_width(const drgen_recipe *r, const drgen *g, drgen_err *err)
{
    size_t wanted = (size_t)g->cfg.dit.cond_dim, style = r->vector ? r->parts[0].width : wanted;
    size_t negative = r->negative ? r->song.negative_width : wanted;
    if (style == wanted && negative == wanted) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_MODEL, "%s: its style vector has %zu floats, those of model \"%.60s\" have %zu", json_name(r->doc),
                    style != wanted ? style : negative, g->cfg.name, wanted);
}

static void compare(const drgen_recipe *r, const drgen *g, const char *key, const char *now)
{
    const char *then = json_string(json_get(r->root, key), now);
    if (strcmp(then, now) != 0)
        engine_log(g, DRGEN_LOG_WARNING, "%s: made with %s %.40s, this is %s; samples may differ slightly", json_name(r->doc),
                   strcmp(key, "drgen") == 0 ? "drgen" : key, then, now);
}

drgen_status drgen_recipe_fits(const drgen_recipe *r, const drgen *g, int any_model, drgen_err *err)
{
    err_clear(err);
    if (!any_model) ERR_TRY(check_model(r, g, err));
    if (!any_model) ERR_TRY(check_lexicon(r, g, err));
    if (!any_model) ERR_TRY(check_adapters(r, g, err));
    ERR_TRY(check_width(r, g, err));
    compare(r, g, "drgen", drgen_version());
    compare(r, g, "kernels", g->info.isa);
    compare(r, g, "gemm", g->info.gemm);
    compare(r, g, "blas", g->info.blas);
    return DRGEN_OK;
}
