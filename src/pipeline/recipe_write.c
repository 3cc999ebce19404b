/* recipe_write.c - see recipe.h: the recipe of the song a handle made last. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "pipeline/recipe.h"
#include "pipeline/request.h"

#ifndef LIBRARY_VERSIONS
#define LIBRARY_VERSIONS "" /* "sndfile 1.2.0, libcjson 1.7.15, ..." from the Makefile */
#endif

typedef struct {
    const drgen *g;
    const drgen_song *song;
    const drgen_recipe_notes *notes;
    request r;
    json_out o;
} writer;

/* ---- members; each writes a comma before itself, the first one of an object is written by hand */

static void key(writer *w, const char *name)
{
    json_out_raw(&w->o, ",");
    json_out_string(&w->o, name);
    json_out_raw(&w->o, ":");
}

/* Bytes that are no UTF-8 become U+FFFD, which is also how the tokenizer reads them. */
static void text(writer *w, const char *s)
{
    size_t size = strlen(s), good = utf8_valid(s, size), used = 0;
    if (good == size) {
        json_out_string(&w->o, s);
        return;
    }
    char *clean = malloc(3 * size + 1);
    if (!clean) {
        json_out_free(&w->o);
        w->o.failed = 1;
        return;
    }
    for (size_t at = 0; at < size; at++) {
        good = utf8_valid(s + at, size - at);
        memcpy(clean + used, s + at, good);
        used += good;
        at += good;
        if (at < size) used += utf8_encode(0xFFFD, clean + used);
    }
    clean[used] = '\0';
    json_out_string(&w->o, clean);
    free(clean);
}

static void put_text(writer *w, const char *name, const char *s)
{
    if (!s) return;
    key(w, name);
    text(w, s);
}

static void put_number(writer *w, const char *name, double v)
{
    key(w, name);
    json_out_number(&w->o, v);
}

/* The shortest decimal that is this float again. */
static void put_float(writer *w, const char *name, float v)
{
    double d = (double)v;
    for (int digits = 1; digits <= 9; digits++) {
        char s[32];
        snprintf(s, sizeof s, "%.*g", digits, (double)v);
        d = strtod(s, NULL);
        if ((float)d == v) break;
    }
    put_number(w, name, d);
}

static void put_bool(writer *w, const char *name, int v)
{
    key(w, name);
    json_out_raw(&w->o, v ? "true" : "false");
}

/* ---- hashes and vectors */

static void put_hash(writer *w, const char *path)
{
    file_bytes bytes;
    char hex[65];
    if (file_map(&bytes, path, SIZE_MAX, NULL) != DRGEN_OK) return; /* gone since: its name has to do */
    file_sha256(bytes.data, bytes.size, hex);
    file_close(&bytes);
    put_text(w, "sha256", hex);
}

static void put_vector(writer *w, const float *v)
{
    size_t count = (size_t)w->g->cfg.dit.cond_dim;
    uint8_t *bytes = malloc(4 * count);
    char *coded = malloc(base64_length(4 * count) + 1);
    if (bytes && coded) {
        for (size_t i = 0; i < count; i++) {
            uint32_t u;
            memcpy(&u, &v[i], sizeof u);
            for (size_t k = 0; k < 4; k++) bytes[4 * i + k] = (uint8_t)(u >> 8 * k);
        }
        base64_encode(bytes, 4 * count, coded);
        put_text(w, "vector", coded);
    } else {
        json_out_free(&w->o);
        w->o.failed = 1;
    }
    free(bytes);
    free(coded);
}

/* ---- sections */

/* The JSON behind name in another recipe, or 0. */
static int pass_on(writer *w, const char *name)
{
    const json_node *n = w->notes->from ? json_get(w->notes->from->root, name) : NULL;
    char *old = n ? json_text(n) : NULL;
    if (!old) return 0;
    key(w, name);
    json_out_raw(&w->o, old);
    free(old);
    return 1;
}

static int same_style(const writer *w)
{
    const drgen_recipe *from = w->notes->from;
    return from && w->r.parts == from->parts;
}

static void put_style(writer *w)
{
    int words = 1;
    if (same_style(w) && pass_on(w, "style")) return;
    key(w, "style");
    json_out_raw(&w->o, "{\"parts\":[");
    for (size_t i = 0; i < w->r.part_count; i++) {
        const drgen_style *p = &w->r.parts[i];
        const char *path = p->audio ? p->audio : p->file;
        json_out_raw(&w->o, i ? ",{\"kind\":" : "{\"kind\":");
        json_out_string(&w->o, p->prompt ? "prompt" : p->audio ? "audio" : p->file ? "file" : "vector");
        put_text(w, "prompt", p->prompt);
        put_text(w, p->audio ? "audio" : "file", path);
        if (path) put_hash(w, path);
        put_float(w, "weight", p->weight);
        json_out_raw(&w->o, "}");
        words &= p->prompt != NULL;
    }
    json_out_raw(&w->o, "]");
    if (!words) put_vector(w, w->g->given);
    json_out_raw(&w->o, "}");
}

/* Vectors and files without guidance were never looked at, so they are no part of the song. */
static void put_negative(writer *w)
{
    const drgen_song *s = w->song;
    const drgen_recipe *from = w->notes->from;
    int unread = w->r.branches < 2 && !s->negative_prompt;
    if (unread || (!s->negative_prompt && !s->negative_file && !s->negative_vector)) return;
    if (from && s->negative_vector && s->negative_vector == from->negative && pass_on(w, "negative")) return;
    key(w, "negative");
    json_out_raw(&w->o, "{\"kind\":");
    json_out_string(&w->o, s->negative_prompt ? "prompt" : s->negative_file ? "file" : "vector");
    put_text(w, "prompt", s->negative_prompt);
    put_text(w, "file", s->negative_file);
    if (s->negative_file) put_hash(w, s->negative_file);
    if (!s->negative_prompt) put_vector(w, w->g->against);
    json_out_raw(&w->o, "}");
}

/* Which files of the model this song needs; the tower for recordings is not needed to make it again. */
static int needed(const writer *w, const char *name)
{
    int words = w->song->negative_prompt != NULL;
    if (strcmp(name, "dit.safetensors") == 0 || strcmp(name, "vae.safetensors") == 0) return 1;
    for (size_t i = 0; i < w->r.part_count; i++) {
        if (w->r.parts[i].audio && strcmp(name, "mulan_audio.safetensors") == 0) return 1;
        words |= w->r.parts[i].prompt != NULL;
    }
    return words && (strcmp(name, "mulan.safetensors") == 0 || strcmp(name, w->g->cfg.tokenizer) == 0);
}

static drgen_status put_model(writer *w, drgen_err *err)
{
    file_bytes bytes;
    json_doc *doc = NULL;
    ERR_TRY(modeldir_file(&w->g->dir, "model.json", 1 << 20, &bytes, NULL, err));
    drgen_status status = json_parse(&doc, bytes.data, bytes.size, "model.json", err);
    file_close(&bytes);
    if (status != DRGEN_OK) return status;
    int first = 1;
    key(w, "model");
    json_out_raw(&w->o, "{\"name\":");
    text(w, w->g->cfg.name);
    put_text(w, "dtype", w->g->cfg.dtype);
    if (w->g->cfg.defaults.steps) {
        key(w, "defaults");
        config_write_defaults(&w->o, &w->g->cfg.defaults);
    }
    key(w, "files");
    for (const json_node *f = json_first(json_get(json_root(doc), "files")); f; f = json_next(f)) {
        if (!json_key(f) || !needed(w, json_key(f))) continue;
        json_out_raw(&w->o, first ? "{" : ",");
        text(w, json_key(f));
        json_out_raw(&w->o, ":{\"sha256\":");
        text(w, json_string(json_get(f, "sha256"), ""));
        put_text(w, "license", json_string(json_get(f, "license"), NULL));
        json_out_raw(&w->o, "}");
        first = 0;
    }
    json_out_raw(&w->o, first ? "{}}" : "}}");
    json_free(doc);
    return DRGEN_OK;
}

static void put_adapters(writer *w)
{
    const drgen_adapter *a = w->g->adapters;
    if (w->g->adapter_count == 0) return;
    key(w, "adapters");
    for (size_t i = 0; i < w->g->adapter_count; i++) {
        json_out_raw(&w->o, i ? ",{\"file\":" : "[{\"file\":");
        text(w, a[i].path);
        put_text(w, "sha256", a[i].sha256);
        if (a[i].config_sha256[0]) put_text(w, "config_sha256", a[i].config_sha256);
        put_float(w, "strength", a[i].strength);
        json_out_raw(&w->o, "}");
    }
    json_out_raw(&w->o, "]");
}

static void put_numbers(writer *w)
{
    const drgen_song *s = w->song;
    put_number(w, "seconds", w->r.seconds);
    put_number(w, "steps", s->steps);
    put_float(w, "guidance", s->guidance);
    put_float(w, "sway", s->sway);
    if (s->guidance_from > 0.0f || s->guidance_to < 1.0f) {
        put_float(w, "guidance_from", s->guidance_from);
        put_float(w, "guidance_to", s->guidance_to);
    }
    if (s->cache > 0.0f) put_float(w, "cache", s->cache);
    put_number(w, "seed", (double)(uint32_t)s->seed);
    put_number(w, "bpm", s->bpm);
    put_bool(w, "vocals_only", s->vocals_only != 0);
    put_bool(w, "lyrics_compat", s->lyrics_compat != 0);
    put_bool(w, "half_tables", s->half_tables != 0);
    if (w->g->zh_lexicon && s->lyrics) {
        key(w, "zh_lexicon");
        json_out_raw(&w->o, "{\"file\":");
        text(w, w->g->zh_lexicon);
        put_hash(w, w->g->zh_lexicon);
        json_out_raw(&w->o, "}");
    }
    put_text(w, "kernels", w->g->info.isa);
    put_text(w, "gemm", w->g->info.gemm);
    put_text(w, "blas", w->g->info.blas);
}

static void put_output(writer *w)
{
    const drgen_recipe_notes *n = w->notes;
    if (n->format) {
        key(w, "output");
        json_out_raw(&w->o, "{\"format\":");
        text(w, n->format);
        if (n->bits) put_number(w, "bits", n->bits);
        if (n->quality >= 0) put_number(w, "quality", n->quality);
        if (n->sample_rate) put_number(w, "rate", n->sample_rate);
        json_out_raw(&w->o, "}");
    }
    if (n->master_json) {
        key(w, "master");
        json_out_raw(&w->o, n->master_json);
    }
}

static const struct {
    const char *package, *license; /* by pkg-config's name */
} libraries[] = {
    {"sndfile", "LGPL-2.1-or-later"}, {"libcjson", "MIT"},
    {"fftw3", "GPL-2.0-or-later"},
#ifdef WITH_SOXR
    {"soxr", "LGPL-2.1-or-later"},
#endif
#ifdef WITH_BLAS
    {"openblas", "BSD-3-Clause"},
#endif
#ifdef WITH_ESPEAK
    {"espeak-ng", "GPL-3.0-or-later"},
#endif
};

static void put_libraries(writer *w)
{
    key(w, "libraries");
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        const char *name = libraries[i].package, *at = strstr(LIBRARY_VERSIONS, name);
        char version[32] = "";
        if (at) at += strlen(name) + 1;
        if (at) snprintf(version, sizeof version, "%.*s", (int)strcspn(at, ","), at);
        json_out_raw(&w->o, i ? "," : "{");
        json_out_string(&w->o, name);
        json_out_raw(&w->o, ":{\"version\":");
        json_out_string(&w->o, version);
        put_text(w, "license", libraries[i].license);
        json_out_raw(&w->o, "}");
    }
    json_out_raw(&w->o, "}");
    put_text(w, "license", "Apache-2.0 (drgen's own source; the models' licences are with their files)");
}

/* ---- the whole */

static drgen_status check_notes(const writer *w, drgen_err *err)
{
    const drgen_recipe_notes *n = w->notes;
    json_doc *doc = NULL;
    if (!w->g->given) return err_fail(err, DRGEN_ERR_ARG, "recipe: no song was made yet; drgen_generate comes first");
    if (!n->master_json) return DRGEN_OK;
    ERR_TRY(json_parse(&doc, n->master_json, strlen(n->master_json), "recipe: master_json", err));
    int object = json_is_object(json_root(doc));
    json_free(doc);
    return object ? DRGEN_OK : err_fail(err, DRGEN_ERR_ARG, "recipe: master_json is not a JSON object");
}

static drgen_status put_all(writer *w, drgen_err *err)
{
    json_out_raw(&w->o, "{\"drgen\":");
    json_out_string(&w->o, drgen_version());
    put_number(w, "recipe", RECIPE_VERSION);
    put_bool(w, "ai_generated", 1);
    put_text(w, "title", w->notes->title);
    put_text(w, "artist", w->notes->artist);
    ERR_TRY(put_model(w, err));
    if (w->song->lyrics) {
        char hex[65];
        file_sha256(w->song->lyrics, strlen(w->song->lyrics), hex);
        put_text(w, "lyrics", w->song->lyrics);
        put_text(w, "lyrics_sha256", hex);
    } else {
        key(w, "lyrics");
        json_out_raw(&w->o, "null");
    }
    put_style(w);
    put_negative(w);
    put_adapters(w);
    put_numbers(w);
    put_output(w);
    put_libraries(w);
    json_out_raw(&w->o, "}");
    return w->o.failed ? err_fail(err, DRGEN_ERR_NOMEM, "recipe: out of memory") : DRGEN_OK;
}

drgen_recipe_notes drgen_recipe_notes_default(void)
{
    return (drgen_recipe_notes){.quality = -1};
}

drgen_status drgen_recipe_text(const drgen *g, const drgen_song *song, const drgen_recipe_notes *notes, char **out,
                               drgen_err *err)
{
    const drgen_recipe_notes none = drgen_recipe_notes_default();
    writer w = {.g = g, .notes = notes ? notes : &none};
    json_doc *doc = NULL;
    err_clear(err);
    *out = NULL;
    ERR_TRY(request_check(&w.r, &g->cfg, song, err));
    w.song = &w.r.song; /* with the model's own numbers, where the caller left them open */
    ERR_TRY(check_notes(&w, err));
    drgen_status status = put_all(&w, err);
    /* Read and written once more: then a recipe made from a recipe has the same bytes. */
    if (status == DRGEN_OK) status = json_parse(&doc, w.o.text, w.o.size, "recipe", err);
    if (status == DRGEN_OK && !(*out = json_text(json_root(doc)))) status = err_fail(err, DRGEN_ERR_NOMEM, "recipe: out of memory");
    json_free(doc);
    json_out_free(&w.o);
    return status;
}
