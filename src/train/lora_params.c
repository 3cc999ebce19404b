/* lora_params.c - see lora_params.h. */
#include "train/lora_params.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/rng.h"
#include "io/json.h"
#include "io/safetensors.h"

static unsigned one_site(const char *name, size_t n)
{
    if (n == 9 && memcmp(name, "attention", n) == 0) return LORA_ATTENTION;
    if (n == 3 && memcmp(name, "all", n) == 0) return LORA_ALL;
    for (unsigned s = 0; s < LORA_SITES; s++) {
        size_t whole = strlen(lora_modules[s].name);
        if ((n == whole || n == whole - 5) && memcmp(name, lora_modules[s].name, n) == 0) return 1u << s;
    }
    return 0;
}

drgen_status lora_sites(const char *names, unsigned *out, drgen_err *err)
{
    *out = 0;
    for (const char *at = names;; at++) {
        size_t n = strcspn(at, ",");
        unsigned bits = one_site(at, n);
        if (!bits)
            return err_fail(err, DRGEN_ERR_ARG,
                            "adapter modules: no module \"%.*s\"; there are q, k, v, o, gate, up, down, attention "
                            "and all",
                            (int)(n < 64 ? n : 64), at);
        *out |= bits;
        at += n;
        if (!*at) return DRGEN_OK;
    }
}

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

size_t lora_over(lora_pair *pairs, const dit_cfg *cfg, const lora_shape *s, float *data)
{
    size_t used = 0;
    for (size_t i = 0; i < (size_t)cfg->depth * LORA_SITES; i++) {
        size_t k = i % LORA_SITES, a = padded(s->rank * lora_in(cfg, k)), b = padded(s->rank * lora_out(cfg, k));
        int has = s->sites >> k & 1;
        if (data)
            pairs[i] = has ? (lora_pair){data + used, data + used + a, s->rank, s->alpha / (float)s->rank, s->dropout}
                           : (lora_pair){0};
        if (has) used += a + b;
    }
    return used;
}

void lora_init(const dit_cfg *cfg, const lora_shape *s, uint64_t seed, float *data)
{
    size_t used = 0;
    memset(data, 0, lora_over(NULL, cfg, s, NULL) * sizeof *data);
    for (size_t i = 0; i < (size_t)cfg->depth * LORA_SITES; i++) {
        size_t k = i % LORA_SITES, in = lora_in(cfg, k);
        char name[64];
        if (!(s->sites >> k & 1)) continue;
        snprintf(name, sizeof name, "lora.%zu.%s", i / LORA_SITES, lora_modules[k].name);
        rng_synth(data + used, 0, s->rank * in, name, 0, 1 / sqrt((double)in), seed);
        used += padded(s->rank * in) + padded(s->rank * lora_out(cfg, k));
    }
}

static drgen_status write_matrices(const char *path, const dit_cfg *cfg, const lora_shape *s, const float *data,
                                   drgen_err *err)
{
    st_writer *w;
    char name[160];
    ERR_TRY(st_create(&w, path, err));
    drgen_status status = st_set_metadata(w, "format", "pt", err); /* what PEFT's own reader asks for */
    for (int put = 0; put < 2; put++)
        for (size_t i = 0, used = 0; i < (size_t)cfg->depth * LORA_SITES && status == DRGEN_OK; i++) {
            size_t k = i % LORA_SITES;
            if (!(s->sites >> k & 1)) continue;
            for (int b = 0; b < 2 && status == DRGEN_OK; b++) {
                size_t shape[2] = {b ? lora_out(cfg, k) : s->rank, b ? s->rank : lora_in(cfg, k)},
                       count = shape[0] * shape[1];
                snprintf(name, sizeof name, "base_model.model.transformer_blocks.%zu.%s.%s.lora_%c.weight",
                         i / LORA_SITES, lora_modules[k].part, lora_modules[k].name, b ? 'B' : 'A');
                status = put ? st_put(w, data + used, count * sizeof *data, err)
                             : st_declare(w, name, ST_F32, shape, 2, err);
                used += padded(count);
            }
        }
    if (status == DRGEN_OK) return st_finish(w, err);
    st_cancel(w);
    return status;
}

static void member(json_out *o, const char *key, const char *text)
{
    json_out_string(o, key);
    json_out_raw(o, ": ");
    if (text) json_out_string(o, text);
    else json_out_raw(o, "null");
    json_out_raw(o, ",\n  ");
}

static void number(json_out *o, const char *key, double v)
{
    char text[32];
    snprintf(text, sizeof text, "%.7g", v); /* what was said, not its nearest float32 */
    json_out_string(o, key);
    json_out_raw(o, ": ");
    json_out_raw(o, text);
    json_out_raw(o, ",\n  ");
}

static drgen_status write_config(const char *path, const lora_shape *s, const char *base, drgen_err *err)
{
    json_out o = {0};
    json_out_raw(&o, "{\n  ");
    member(&o, "peft_type", "LORA");
    member(&o, "task_type", NULL);
    member(&o, "base_model_name_or_path", base);
    member(&o, "bias", "none");
    number(&o, "r", (double)s->rank);
    number(&o, "lora_alpha", (double)s->alpha);
    number(&o, "lora_dropout", (double)s->dropout);
    json_out_raw(
        &o,
        "\"fan_in_fan_out\": false,\n  \"inference_mode\": true,\n  \"use_rslora\": false,\n  \"use_dora\": false,\n  "
        "\"rank_pattern\": {},\n  \"alpha_pattern\": {},\n  \"target_modules\": [");
    for (unsigned k = 0, first = 1; k < LORA_SITES; k++) {
        if (!(s->sites >> k & 1)) continue;
        if (!first) json_out_raw(&o, ", ");
        json_out_string(&o, lora_modules[k].name);
        first = 0;
    }
    json_out_raw(&o, "]\n}\n");
    file_writer w;
    drgen_status status = o.failed ? err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path)
                                   : file_begin(&w, path, err);
    if (status == DRGEN_OK) {
        status = file_put(&w, o.text, strlen(o.text), err);
        if (status == DRGEN_OK) status = file_commit(&w, err);
        else file_abort(&w);
    }
    json_out_free(&o);
    return status;
}

drgen_status lora_write(const char *dir, const dit_cfg *cfg, const lora_shape *s, const float *data, const char *base,
                        drgen_err *err)
{
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return err_fail(err, DRGEN_ERR_IO, "%s: cannot make the folder: %s", dir, strerror(errno));
    char *weights = file_join(dir, "adapter_model.safetensors"), *config = file_join(dir, "adapter_config.json");
    drgen_status status = weights && config ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status == DRGEN_OK) status = write_matrices(weights, cfg, s, data, err);
    if (status == DRGEN_OK) status = write_config(config, s, base, err);
    free(weights);
    free(config);
    return status;
}
