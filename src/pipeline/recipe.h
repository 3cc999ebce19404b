/* recipe.h - a song's recipe as JSON, written (recipe_write.c) and read (recipe_read.c). Private to pipeline/.
 *
 * {"drgen": version, "recipe": 1, "ai_generated": true, "title", "artist",
 *  "model": {"name", "dtype", "defaults" (as in model.json), "files": {name: {"sha256", "license"}}}   files the song needs
 *  "lyrics": text or null, "lyrics_sha256",
 *  "style": {"parts": [{"kind": "prompt", "audio", "file" or "vector", (that one): text, "sha256", "weight"}], "vector"},
 *  "negative": {"kind", (that one): text, "sha256", "vector"},              absent: the model's own
 *  "adapters": [{"file", "sha256", "config_sha256", "strength"}],           when some were attached
 *  "seconds", "steps", "guidance", "sway", "seed", "bpm", "vocals_only", "lyrics_compat", "half_tables",
 *  "guidance_from", "guidance_to", "cache",                                 approximations, when asked for
 *  "zh_lexicon": {"file", "sha256"},                                        when one was given
 *  "kernels", "gemm", "blas",                                               what may change single samples
 *  "output": {"format", "bits", "quality", "rate"}, "master": the caller's,
 *  "libraries": {name: {"version", "license"}}, "license"}
 *
 * A "vector" is base64 of little-endian float32: the final style, there whenever a part of it was not text. */
#ifndef PIPELINE_RECIPE_H
#define PIPELINE_RECIPE_H

#include "io/json.h"
#include "pipeline/engine.h"

enum { RECIPE_VERSION = 1, RECIPE_PARTS_MAX = 64, RECIPE_ADAPTERS_MAX = 64, RECIPE_WIDTH_MAX = 1 << 16 };
enum { RECIPE_BYTES_MAX = 1 << 23 };

struct drgen_recipe {
    json_doc *doc;              /* texts live in it */
    const json_node *root;      /* the recipe inside it */
    drgen_song song;
    drgen_recipe_notes notes;
    char *master;               /* owned, notes.master_json */
    drgen_style *parts;         /* owned */
    float *vector, *negative;   /* owned or NULL */
    drgen_adapter *adapters;    /* owned or NULL */
    size_t adapter_count;
};

/* *recipe (malloc'd) gets text in canonical form when it is a recipe, of whatever version; else NULL and DRGEN_OK. */
drgen_status recipe_recognise(const char *text, char **recipe, drgen_err *err);

#endif
