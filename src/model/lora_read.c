/* lora_read.c - see lora.h: adapters from files. Nothing in them is trusted. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/lora.h"
#include "model/lora_config.h"

enum { RANK_MAX = 4096 };

typedef enum { PART_A, PART_B, PART_ALPHA, PARTS } part;

typedef struct {
    const st_tensor *t[PARTS];
} found;

typedef struct {
    const dit_cfg *cfg;
    st_file *f;
    lora_config config;
    found *found; /* [depth * LORA_SITES] */
    lora_adapter *out;
    drgen_err *err;
} reader;

static size_t places_of(const reader *r)
{
    return (size_t)r->cfg->depth * LORA_SITES;
}

/* ---- names: "...transformer_blocks.3.self_attn.q_proj.lora_A.weight" */

static const struct {
    const char *end;
    part part;
} endings[] = {
    {"lora_A.weight", PART_A},  {"lora_A.default.weight", PART_A}, {"lora_down.weight", PART_A},
    {"lora_B.weight", PART_B},  {"lora_B.default.weight", PART_B}, {"lora_up.weight", PART_B},
    {"alpha", PART_ALPHA},
};

static const char *blocks_in(const char *name)
{
    static const char word[] = "transformer_blocks.";
    const char *at = strstr(name, word);
    while (at && at != name && at[-1] != '.') at = strstr(at + 1, word);
    return at ? at + sizeof word - 1 : NULL;
}

static drgen_status unknown(const reader *r, const char *name, const char *why)
{
    return err_fail(r->err, DRGEN_ERR_MODEL, "%s: %.160s: %s", st_name(r->f), name, why);
}

/* Which matrix a tensor belongs to, and as what. */
static drgen_status place_of(const reader *r, const char *name, size_t *place, part *as)
{
    const char *at = blocks_in(name);
    char why[96];
    if (strstr(name, "lora_magnitude_vector") || strstr(name, "dora_scale"))
        return unknown(r, name, "part of a DoRA adapter, which drgen cannot use; train it again without use_dora");
    if (!at) return unknown(r, name, "this model has no such module to adapt; the adapter is another model's");
    size_t block = 0, digits = strspn(at, "0123456789");
    for (size_t i = 0; i < digits && block < 100000; i++) block = 10 * block + (size_t)(at[i] - '0');
    if (!digits || at[digits] != '.') return unknown(r, name, "a block's number is wanted after transformer_blocks");
    if (block >= (size_t)r->cfg->depth) {
        snprintf(why, sizeof why, "block %zu; this model has %d, the last is %d", block, r->cfg->depth, r->cfg->depth - 1);
        return unknown(r, name, why);
    }
    at += digits + 1;
    for (size_t s = 0; s < LORA_SITES; s++) {
        size_t a = strlen(lora_modules[s].part), b = strlen(lora_modules[s].name);
        if (strncmp(at, lora_modules[s].part, a) || at[a] != '.' || strncmp(at + a + 1, lora_modules[s].name, b) ||
            at[a + 1 + b] != '.')
            continue;
        for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
            if (strcmp(at + a + b + 2, endings[e].end) != 0) continue;
            *place = block * LORA_SITES + s;
            *as = endings[e].part;
            return DRGEN_OK;
        }
        return unknown(r, name, "only lora_A.weight, lora_B.weight and alpha are known of a module");
    }
    return unknown(r, name, "no such module in a block; there are self_attn.{q,k,v,o}_proj and mlp.{gate,up,down}_proj");
}

static drgen_status find_all(reader *r)
{
    if (st_count(r->f) == 0)
        return err_fail(r->err, DRGEN_ERR_FORMAT, "%s: there is no adapter in it", st_name(r->f));
    for (size_t i = 0; i < st_count(r->f); i++) {
        const st_tensor *t = st_at(r->f, i);
        size_t place = 0;
        part as = PART_A;
        ERR_TRY(place_of(r, t->name, &place, &as));
        if (t->type != ST_F32 && t->type != ST_F16 && t->type != ST_BF16) {
            char why[64];
            snprintf(why, sizeof why, "F32, F16 or BF16 wanted, %s found", st_type_name(t->type));
            return unknown(r, t->name, why);
        }
        if (r->found[place].t[as]) return unknown(r, t->name, "the module is there twice, by two names");
        r->found[place].t[as] = t;
    }
    return DRGEN_OK;
}

/* ---- shapes */

static drgen_status check_shape(const reader *r, const st_tensor *t, size_t rows, size_t cols)
{
    char wanted[64], got[96];
    if (t->dims == 2 && t->shape[0] == rows && t->shape[1] == cols) return DRGEN_OK;
    return err_fail(r->err, DRGEN_ERR_MODEL, "%s: %.160s: shape %s wanted, %s found; the adapter is another model's", st_name(r->f),
                    t->name, st_shape_text(wanted, sizeof wanted, (const size_t[]){rows, cols}, 2),
                    st_shape_text(got, sizeof got, t->shape, t->dims));
}

static drgen_status number_in(const reader *r, const st_tensor *t, double *v)
{
    if (t->count != 1) return unknown(r, t->name, "one number is wanted");
    *v = (double)weights_value(t, 0);
    return isfinite(*v) ? DRGEN_OK : unknown(r, t->name, "not a number");
}

/* Rank, scale and shapes of one place. */
static drgen_status size_up(reader *r, size_t i)
{
    const st_tensor *a = r->found[i].t[PART_A], *b = r->found[i].t[PART_B], *said = r->found[i].t[PART_ALPHA];
    size_t site = i % LORA_SITES, rank = a && a->dims == 2 ? a->shape[0] : 0;
    if (!a && !b && !said) return DRGEN_OK;
    if (!a || !b) return unknown(r, a ? a->name : b ? b->name : said->name, a ? "lora_B of this module is missing" : "lora_A of this module is missing");
    double alpha = (double)rank, wanted = (double)rank;
    if (r->config.doc) {
        char module[96];
        snprintf(module, sizeof module, "transformer_blocks.%zu.%s.%s", i / LORA_SITES, lora_modules[site].part, lora_modules[site].name);
        lora_config_module(&r->config, module, &wanted, &alpha);
    } else if (st_metadata(r->f, "lora_alpha")) {
        char *end;
        alpha = strtod(st_metadata(r->f, "lora_alpha"), &end);
        if (*end || !isfinite(alpha)) return err_fail(r->err, DRGEN_ERR_FORMAT, "%s: lora_alpha in it is no number", st_name(r->f));
        r->out->alpha_known = 1;
    }
    if (said) ERR_TRY(number_in(r, said, &alpha));
    if (said || r->config.doc) r->out->alpha_known = 1;
    ERR_TRY(check_shape(r, a, (size_t)wanted, lora_in(r->cfg, site)));
    if (rank < 1 || rank > RANK_MAX) return unknown(r, a->name, "a rank of 1..4096 is wanted");
    ERR_TRY(check_shape(r, b, lora_out(r->cfg, site), rank));
    r->out->places[i].rank = rank;
    r->out->places[i].scale = (float)(alpha / (r->config.rslora ? sqrt((double)rank) : (double)rank));
    r->out->matrices++;
    return DRGEN_OK;
}

/* ---- values */

static drgen_status widen(const reader *r, const st_tensor *t, float *to)
{
    weights_widen(t, 0, t->count, to);
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite(to[i])) return unknown(r, t->name, "holds what is not a number; the training went wrong");
    return DRGEN_OK;
}

static drgen_status take_values(reader *r)
{
    size_t floats = 0;
    for (size_t i = 0; i < places_of(r); i++)
        if (r->out->places[i].rank) floats += r->found[i].t[PART_A]->count + r->found[i].t[PART_B]->count;
    if (!r->out->matrices) return err_fail(r->err, DRGEN_ERR_FORMAT, "%s: there is no adapter in it", st_name(r->f));
    r->out->bytes = floats * sizeof(float);
    float *at = r->out->data = malloc(r->out->bytes);
    if (!at) return err_fail(r->err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(r->f));
    for (size_t i = 0; i < places_of(r); i++) {
        lora_place *p = &r->out->places[i];
        if (!p->rank) continue;
        p->a = at;
        p->b = at + r->found[i].t[PART_A]->count;
        at = p->b + r->found[i].t[PART_B]->count;
        ERR_TRY(widen(r, r->found[i].t[PART_A], p->a));
        ERR_TRY(widen(r, r->found[i].t[PART_B], p->b));
    }
    return DRGEN_OK;
}

/* ---- files */

static drgen_status read_config(reader *r, const char *path)
{
    file_bytes bytes;
    ERR_TRY(file_map(&bytes, path, 1 << 20, r->err));
    drgen_status status = lora_config_read(&r->config, bytes.data, bytes.size, path, r->err);
    file_sha256(bytes.data, bytes.size, r->out->config_sha256);
    file_close(&bytes);
    return status;
}

static drgen_status open_matrices(reader *r, const char *path)
{
    ERR_TRY(st_open(&r->f, path, r->err));
    file_sha256(st_data(r->f), st_bytes(r->f), r->out->sha256);
    return DRGEN_OK;
}

static const char config_name[] = "adapter_config.json", matrices_name[] = "adapter_model.safetensors";

static drgen_status open_folder(reader *r, const char *dir)
{
    char *config = file_join(dir, config_name), *matrices = file_join(dir, matrices_name);
    drgen_status status = config && matrices ? DRGEN_OK : err_fail(r->err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status == DRGEN_OK && access(config, F_OK) != 0)
        status = err_fail(r->err, DRGEN_ERR_IO, "%s: no adapter: there is no %s in this folder", dir, config_name);
    if (status == DRGEN_OK && access(matrices, F_OK) != 0)
        status = err_fail(r->err, DRGEN_ERR_IO, "%s: no adapter: there is no %s in this folder (a .bin must be saved as safetensors)", dir, matrices_name);
    if (status == DRGEN_OK) status = read_config(r, config);
    if (status == DRGEN_OK) status = open_matrices(r, matrices);
    free(config);
    free(matrices);
    return status;
}

/* A folder's matrices named by themselves are still that folder's: their configuration counts. */
static drgen_status open_one(reader *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (strcmp(slash ? slash + 1 : path, matrices_name) == 0) {
        char *dir = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup("."), *config = dir ? file_join(dir, config_name) : NULL;
        drgen_status status = !config ? err_fail(r->err, DRGEN_ERR_NOMEM, "%s: out of memory", path)
                                      : access(config, F_OK) == 0 ? read_config(r, config) : DRGEN_OK;
        free(dir);
        free(config);
        if (status != DRGEN_OK) return status;
    }
    return open_matrices(r, path);
}

static drgen_status open_any(reader *r, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_fail(r->err, DRGEN_ERR_IO, "%s: the adapter cannot be opened: %s", path, strerror(errno));
    return S_ISDIR(st.st_mode) ? open_folder(r, path) : open_one(r, path);
}

drgen_status lora_read(lora_adapter **out, const dit_cfg *cfg, const char *path, drgen_err *err)
{
    reader r = {.cfg = cfg, .err = err};
    *out = NULL;
    r.out = calloc(1, sizeof *r.out);
    r.found = calloc(places_of(&r) + 1, sizeof *r.found);
    if (r.out) r.out->places = calloc(places_of(&r) + 1, sizeof *r.out->places);
    drgen_status status = r.out && r.found && r.out->places ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    if (status == DRGEN_OK) status = open_any(&r, path);
    if (status == DRGEN_OK) status = find_all(&r);
    for (size_t i = 0; status == DRGEN_OK && i < places_of(&r); i++) status = size_up(&r, i);
    if (status == DRGEN_OK) status = take_values(&r);
    st_close(r.f);
    lora_config_free(&r.config);
    free(r.found);
    if (status == DRGEN_OK) *out = r.out;
    else lora_free(r.out);
    return status;
}

void lora_free(lora_adapter *a)
{
    if (!a) return;
    free(a->places);
    free(a->data);
    free(a);
}
