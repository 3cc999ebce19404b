/* adapters.c - adapters on a handle: attached, listed, detached. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/lora.h"
#include "pipeline/engine.h"

enum { STRENGTH_MAX = 100 };

/* Room for one more in the list, with its texts. */
static drgen_status remember(drgen *g, const char *path, const lora_adapter *a, float strength, drgen_err *err)
{
    size_t all = strlen(path) + 1;
    drgen_adapter *grown = realloc(g->adapters, (g->adapter_count + 1) * sizeof *grown);
    if (grown) g->adapters = grown;
    char *text = malloc(all + sizeof a->sha256 + sizeof a->config_sha256);
    if (!grown || !text) {
        free(text);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    }
    memcpy(text, path, all);
    memcpy(text + all, a->sha256, sizeof a->sha256);
    memcpy(text + all + sizeof a->sha256, a->config_sha256, sizeof a->config_sha256);
    g->adapters[g->adapter_count] = (drgen_adapter){.path = text,
                                                    .sha256 = text + all,
                                                    .config_sha256 = text + all + sizeof a->sha256,
                                                    .strength = strength,
                                                    .matrices = a->matrices};
    return DRGEN_OK;
}

static void forget(drgen_adapter *a)
{
    free((void *)(uintptr_t)a->path); /* the other texts lie behind it */
}

drgen_status drgen_lora_attach(drgen *g, const char *path, float strength, drgen_err *err)
{
    lora_adapter *a = NULL;
    err_clear(err);
    if (!path || !*path) return err_fail(err, DRGEN_ERR_ARG, "adapter: a folder or a file is needed");
    if (!(fabsf(strength) <= STRENGTH_MAX))
        return err_fail(err, DRGEN_ERR_ARG, "%s: strength %g; it must be in -%d..%d", path, (double)strength, STRENGTH_MAX, STRENGTH_MAX);
    ERR_TRY(lora_read(&a, &g->cfg.dit, path, err));
    if (!a->alpha_known) engine_log(g, DRGEN_LOG_WARNING, "%s: alpha is not said in it; taken as the rank", path);
    if (strength == 0.0f) {
        lora_free(a);
        return DRGEN_OK;
    }
    drgen_status status = remember(g, path, a, strength, err);
    if (status != DRGEN_OK) {
        lora_free(a);
        return status;
    }
    status = lora_attach(g->dit, a, strength, g->kern, g->pool, err);
    if (status == DRGEN_OK) g->adapter_count++;
    else forget(&g->adapters[g->adapter_count]);
    g->info.adapter_bytes = lora_bytes(g->dit);
    if (status == DRGEN_OK)
        engine_log(g, DRGEN_LOG_INFO, "adapter: %s on %zu matrices, strength %g; %.1f MiB with what stands in their place", path,
                   g->adapters[g->adapter_count - 1].matrices, (double)strength, (double)g->info.adapter_bytes / 0x1p20);
    return status;
}

void drgen_lora_detach(drgen *g)
{
    lora_detach(g->dit);
    for (size_t i = 0; i < g->adapter_count; i++) forget(&g->adapters[i]);
    free(g->adapters);
    g->adapters = NULL;
    g->adapter_count = 0;
    g->info.adapter_bytes = 0;
}

const drgen_adapter *drgen_lora_list(const drgen *g, size_t *count)
{
    *count = g->adapter_count;
    return g->adapters;
}
