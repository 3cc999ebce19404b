/* fuzz_config.c - any bytes as model.json of a packed model folder. What is taken is in range, and what is written of it
 * reads back as the same sizes. */
#include <stdlib.h>
#include <string.h>

#include "model/config.h"

static int read_text(const char *text, size_t size, model_cfg *cfg)
{
    const unsigned char *data = (const unsigned char *)text;
    const modeldir_packed files[] = {{"model.json", data, data + size}, {NULL, NULL, NULL}};
    modeldir dir = modeldir_open_packed(files);
    return config_read(&dir, cfg, NULL) == DRGEN_OK;
}

static char *write_text(const model_cfg *c)
{
    json_out o = {0};
    json_out_raw(&o, "{\"format\": \"drgen-model\", \"version\": 1, \"name\": ");
    json_out_string(&o, c->name);
    if (c->has_dit) json_out_raw(&o, ", \"dit\": "), config_write_dit(&o, &c->dit);
    if (c->has_vae) json_out_raw(&o, ", \"vae\": "), config_write_vae(&o, &c->vae);
    if (c->has_mulan_text) json_out_raw(&o, ", \"mulan_text\": "), config_write_mulan_text(&o, &c->text);
    if (c->has_mulan_audio) json_out_raw(&o, ", \"mulan_audio\": "), config_write_mulan_audio(&o, &c->audio);
    if (c->defaults.steps) json_out_raw(&o, ", \"defaults\": "), config_write_defaults(&o, &c->defaults);
    json_out_raw(&o, "}");
    return o.text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_cfg cfg, again;
    if (!read_text((const char *)data, size, &cfg)) return 0;
    if (cfg.has_dit && cfg.dit.dim % cfg.dit.heads) abort();
    if (cfg.has_vae && (cfg.vae.ratio < 1 || cfg.vae.ratio > 1 << 20)) abort();
    const model_defaults *d = &cfg.defaults;
    if (d->steps && !(d->steps >= 2 && d->steps <= 1000 && d->guidance >= 0 && d->sway >= -1 && d->sway <= 1 && d->seconds >= 0))
        abort();
    char *first = write_text(&cfg);
    if (!first) return 0;
    if (!read_text(first, strlen(first), &again)) abort();
    char *second = write_text(&again);
    if (second && strcmp(first, second) != 0) abort();
    free(first);
    free(second);
    return 0;
}
