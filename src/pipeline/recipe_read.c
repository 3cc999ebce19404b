/* recipe_read.c - see recipe.h: a recipe back to a song. Nothing in it is trusted. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "io/audio.h"
#include "pipeline/recipe.h"

/* ---- values */

/* A number in min..max, or what is in *out when there is none. */
static drgen_status number(const drgen_recipe *r, const json_node *in, const char *name, double min, double max, double *out,
                           drgen_err *err)
{
    if (!json_get(in, name)) return DRGEN_OK;
    return json_need_number(r->doc, in, name, min, max, out, err);
}

static drgen_status whole(const drgen_recipe *r, const json_node *in, const char *name, int min, int max, int *out,
                          drgen_err *err)
{
    int64_t v = *out;
    if (json_get(in, name)) ERR_TRY(json_need_int(r->doc, in, name, min, max, &v, err));
    *out = (int)v;
    return DRGEN_OK;
}

static const char *words(const json_node *in, const char *name)
{
    return json_string(json_get(in, name), NULL);
}

/* in's "vector" as floats, or NULL when there is none. */
static drgen_status read_vector(const drgen_recipe *r, const json_node *in, float **out, size_t *width, drgen_err *err)
{
    const char *coded = words(in, "vector");
    *out = NULL;
    if (!coded) return DRGEN_OK;
    size_t length = strlen(coded), size = base64_decode(coded, length, NULL);
    if (size == SIZE_MAX || size == 0 || size % 4 || size / 4 > RECIPE_WIDTH_MAX)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: vector: 1..%d floats in base64 are wanted", json_name(r->doc), RECIPE_WIDTH_MAX);
    uint8_t *bytes = malloc(size);
    float *v = malloc(size);
    drgen_status status = bytes && v ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", json_name(r->doc));
    if (status == DRGEN_OK) base64_decode(coded, length, bytes);
    for (size_t i = 0; status == DRGEN_OK && i < size / 4; i++) {
        uint32_t u = 0;
        for (size_t k = 4; k-- > 0;) u = u << 8 | bytes[4 * i + k];
        memcpy(&v[i], &u, sizeof u);
        if (!isfinite(v[i])) status = err_fail(err, DRGEN_ERR_FORMAT, "%s: vector: float %zu is not a number", json_name(r->doc), i);
    }
    free(bytes);
    if (status == DRGEN_OK) *out = v, *width = size / 4;
    else free(v);
    return status;
}

/* ---- sections */

static drgen_status read_part(const drgen_recipe *r, const json_node *in, drgen_style *out, drgen_err *err)
{
    double weight = 1;
    ERR_TRY(number(r, in, "weight", -100, 100, &weight, err));
    *out = (drgen_style){.prompt = words(in, "prompt"), .weight = (float)weight};
    if (out->weight == 0) return err_fail(err, DRGEN_ERR_FORMAT, "%s: weight: 0 leaves a part of the style out", json_name(r->doc));
    if (out->prompt) return DRGEN_OK;
    const char *path = words(in, "audio") ? words(in, "audio") : words(in, "file");
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: style: the vector of \"%.60s\" is missing", json_name(r->doc), path ? path : "a part");
}

static drgen_status read_style(drgen_recipe *r, drgen_err *err)
{
    const json_node *style = json_get(r->root, "style"), *list = json_get(style, "parts");
    size_t count = json_count(list), width = 0;
    if (!json_is_object(style)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: style: an object is wanted", json_name(r->doc));
    ERR_TRY(read_vector(r, style, &r->vector, &width, err));
    if (!r->vector && (!json_is_array(list) || count < 1 || count > RECIPE_PARTS_MAX))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: style: 1..%d parts are wanted, or a vector", json_name(r->doc), RECIPE_PARTS_MAX);
    r->song.style_count = r->vector ? 1 : count;
    r->parts = calloc(r->song.style_count, sizeof *r->parts);
    if (!r->parts) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", json_name(r->doc));
    r->song.styles = r->parts;
    if (r->vector) { /* all parts and their weights are in it */
        r->parts[0] = (drgen_style){.vector = r->vector, .width = width, .weight = 1};
        return DRGEN_OK;
    }
    drgen_style *to = r->parts;
    for (const json_node *p = json_first(list); p; p = json_next(p)) ERR_TRY(read_part(r, p, to++, err));
    return DRGEN_OK;
}

static drgen_status read_negative(drgen_recipe *r, drgen_err *err)
{
    const json_node *negative = json_get(r->root, "negative");
    if (!negative || json_is_null(negative)) return DRGEN_OK;
    r->song.negative_prompt = words(negative, "prompt");
    if (r->song.negative_prompt) return DRGEN_OK;
    ERR_TRY(read_vector(r, negative, &r->negative, &r->song.negative_width, err));
    r->song.negative_vector = r->negative;
    if (r->negative) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: negative: a prompt or a vector is wanted", json_name(r->doc));
}

static drgen_status read_lyrics(drgen_recipe *r, drgen_err *err)
{
    const char *hash = words(r->root, "lyrics_sha256");
    char hex[65];
    r->song.lyrics = words(r->root, "lyrics");
    if (!hash) return DRGEN_OK;
    if (!r->song.lyrics) return err_fail(err, DRGEN_ERR_FORMAT, "%s: lyrics: they were taken out; only their hash is left", json_name(r->doc));
    file_sha256(r->song.lyrics, strlen(r->song.lyrics), hex);
    if (strcmp(hash, hex) == 0) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: lyrics: they were changed since the hash beside them was made; take that out too to use them",
                    json_name(r->doc));
}

static drgen_status read_numbers(drgen_recipe *r, drgen_err *err)
{
    drgen_song *s = &r->song;
    double guidance = (double)s->guidance, sway = 0, seed = 0, from = 0, to = 1, cache = 0;
    ERR_TRY(number(r, r->root, "seconds", 0, 3600, &s->seconds, err));
    ERR_TRY(whole(r, r->root, "steps", 2, 1000, &s->steps, err));
    ERR_TRY(number(r, r->root, "guidance", 0, 100, &guidance, err));
    ERR_TRY(number(r, r->root, "sway", -1, 1, &sway, err));
    ERR_TRY(number(r, r->root, "guidance_from", 0, 1, &from, err));
    ERR_TRY(number(r, r->root, "guidance_to", from, 1, &to, err));
    ERR_TRY(number(r, r->root, "cache", 0, 100, &cache, err));
    ERR_TRY(number(r, r->root, "seed", 0, 4294967295.0, &seed, err));
    ERR_TRY(number(r, r->root, "bpm", 0, 300, &s->bpm, err));
    if (seed != floor(seed)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: seed: %g is not a whole number", json_name(r->doc), seed);
    if (s->bpm != 0 && s->bpm < 30) return err_fail(err, DRGEN_ERR_FORMAT, "%s: bpm: %g is outside 30..300", json_name(r->doc), s->bpm);
    s->guidance = (float)guidance;
    s->sway = (float)sway;
    s->guidance_from = (float)from;
    s->guidance_to = (float)to;
    s->cache = (float)cache;
    s->seed = (uint64_t)seed;
    s->vocals_only = json_bool(json_get(r->root, "vocals_only"), 0);
    s->lyrics_compat = json_bool(json_get(r->root, "lyrics_compat"), 0);
    s->half_tables = json_bool(json_get(r->root, "half_tables"), 0);
    return DRGEN_OK;
}

static drgen_status read_adapters(drgen_recipe *r, drgen_err *err)
{
    const json_node *list = json_get(r->root, "adapters");
    size_t count = json_count(list);
    if (!list || json_is_null(list)) return DRGEN_OK;
    if (!json_is_array(list) || count > RECIPE_ADAPTERS_MAX)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: adapters: a list of at most %d is wanted", json_name(r->doc), RECIPE_ADAPTERS_MAX);
    r->adapters = calloc(count + 1, sizeof *r->adapters);
    if (!r->adapters) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", json_name(r->doc));
    for (const json_node *a = json_first(list); a; a = json_next(a)) {
        double strength = 1;
        ERR_TRY(number(r, a, "strength", -100, 100, &strength, err));
        const char *file = words(a, "file"), *hash = words(a, "sha256");
        if (!file || !hash) return err_fail(err, DRGEN_ERR_FORMAT, "%s: adapters: file and sha256 of each are wanted", json_name(r->doc));
        const char *config = words(a, "config_sha256");
        r->adapters[r->adapter_count++] = (drgen_adapter){
            .path = file, .sha256 = hash, .config_sha256 = config ? config : "", .strength = (float)strength};
    }
    return DRGEN_OK;
}

static drgen_status read_notes(drgen_recipe *r, drgen_err *err)
{
    const json_node *output = json_get(r->root, "output"), *master = json_get(r->root, "master");
    r->notes = drgen_recipe_notes_default();
    r->notes.title = words(r->root, "title");
    r->notes.artist = words(r->root, "artist");
    r->notes.format = words(output, "format");
    r->notes.model = words(json_get(r->root, "model"), "name");
    r->notes.version = words(r->root, "drgen");
    r->notes.from = r;
    r->notes.guidance = 4;
    ERR_TRY(number(r, json_get(json_get(r->root, "model"), "defaults"), "guidance", 0, 100, &r->notes.guidance, err));
    ERR_TRY(whole(r, output, "bits", 16, 32, &r->notes.bits, err));
    ERR_TRY(whole(r, output, "rate", 1000, 1000000, &r->notes.sample_rate, err));
    ERR_TRY(number(r, output, "quality", 0, 10, &r->notes.quality, err));
    if (!json_is_object(master)) return DRGEN_OK;
    r->notes.master_json = r->master = json_text(master);
    return r->master ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", json_name(r->doc));
}

/* ---- what it is */

/* The recipe in a text that is one, or holds one as its member "recipe"; NULL when there is none. */
static const json_node *find(const json_node *root)
{
    const json_node *inner = json_get(root, "recipe");
    if (json_is_object(inner)) return find(inner);
    return json_is_number(inner) && json_get(root, "drgen") ? root : NULL;
}

static drgen_status read_all(drgen_recipe *r, drgen_err *err)
{
    const char *name = json_name(r->doc);
    double version = 0;
    r->root = find(json_root(r->doc));
    r->song = drgen_song_default();
    if (!r->root) return err_fail(err, DRGEN_ERR_FORMAT, "%s: there is no recipe in it", name);
    version = json_number(json_get(r->root, "recipe"), 0);
    if (version > RECIPE_VERSION)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: a recipe of kind %g, made by drgen %.30s; this drgen %s reads up to %d", name,
                        version, json_string(json_get(r->root, "drgen"), "?"), drgen_version(), RECIPE_VERSION);
    if (version != RECIPE_VERSION) return err_fail(err, DRGEN_ERR_FORMAT, "%s: recipe: %g is no kind of recipe", name, version);
    ERR_TRY(read_numbers(r, err));
    ERR_TRY(read_lyrics(r, err));
    ERR_TRY(read_style(r, err));
    ERR_TRY(read_negative(r, err));
    ERR_TRY(read_adapters(r, err));
    if (r->song.vocals_only && (r->song.negative_prompt || r->negative))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: vocals_only and a negative style exclude each other", name);
    return read_notes(r, err);
}

drgen_status drgen_recipe_read(drgen_recipe **out, const char *text, size_t size, const char *name, drgen_err *err)
{
    err_clear(err);
    *out = NULL;
    drgen_recipe *r = calloc(1, sizeof *r);
    if (!r) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    drgen_status status = size > RECIPE_BYTES_MAX ? err_fail(err, DRGEN_ERR_FORMAT, "%s: %zu bytes are no recipe", name, size)
                                                  : json_parse(&r->doc, text, size, name, err);
    if (status == DRGEN_OK) status = read_all(r, err);
    if (status == DRGEN_OK) *out = r;
    else drgen_recipe_free(r);
    return status;
}

void drgen_recipe_free(drgen_recipe *r)
{
    if (!r) return;
    json_free(r->doc);
    free(r->master);
    free(r->parts);
    free(r->vector);
    free(r->negative);
    free(r->adapters);
    free(r);
}

static drgen_status open_json(drgen_recipe **out, const char *path, int *json, drgen_err *err)
{
    file_bytes bytes;
    drgen_status status = DRGEN_OK;
    ERR_TRY(file_map(&bytes, path, SIZE_MAX, err));
    size_t at = bytes.size > 3 && memcmp(bytes.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, start = at;
    while (at < bytes.size && strchr(" \t\r\n", bytes.data[at])) at++; /* a zero counts too, and is refused by the parser */
    *json = at < bytes.size && bytes.data[at] == '{';
    if (*json) status = drgen_recipe_read(out, (const char *)bytes.data + start, bytes.size - start, path, err);
    file_close(&bytes);
    return status;
}

drgen_status drgen_recipe_open(drgen_recipe **out, const char *path, drgen_err *err)
{
    drgen_audio_info info;
    int json = 0;
    err_clear(err);
    *out = NULL;
    ERR_TRY(open_json(out, path, &json, err));
    if (json) return DRGEN_OK;
    ERR_TRY(drgen_audio_describe(path, &info, err));
    drgen_status status = info.recipe ? drgen_recipe_read(out, info.recipe, strlen(info.recipe), path, err)
                                      : err_fail(err, DRGEN_ERR_FORMAT, "%s: there is no recipe in it", path);
    drgen_audio_info_free(&info);
    return status;
}

drgen_status recipe_recognise(const char *text, char **recipe, drgen_err *err)
{
    json_doc *doc = NULL;
    size_t size = strlen(text);
    *recipe = NULL;
    if (text[0] != '{' || size > RECIPE_BYTES_MAX || json_parse(&doc, text, size, "comment", NULL) != DRGEN_OK) return DRGEN_OK;
    const json_node *root = find(json_root(doc));
    drgen_status status = DRGEN_OK;
    if (root && !(*recipe = json_text(root))) status = err_fail(err, DRGEN_ERR_NOMEM, "recipe: out of memory");
    json_free(doc);
    return status;
}

const drgen_song *drgen_recipe_song(const drgen_recipe *r)
{
    return &r->song;
}

const drgen_recipe_notes *drgen_recipe_get_notes(const drgen_recipe *r)
{
    return &r->notes;
}

const drgen_adapter *drgen_recipe_adapters(const drgen_recipe *r, size_t *count)
{
    *count = r->adapter_count;
    return r->adapters;
}
