/* adapters.c - see adapters.h. */
#include "cli/adapters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static drgen_status say(drgen_err *err, drgen_status code, const char *text, const char *why)
{
    err->code = code;
    snprintf(err->message, sizeof err->message, "--lora %.200s: %s", text, why);
    return code;
}

static drgen_status attach(drgen *g, const char *text, drgen_err *err)
{
    const char *colon = strrchr(text, ':');
    float strength = 1;
    if (!colon || strchr(colon, '/') || access(text, F_OK) == 0) return drgen_lora_attach(g, text, strength, err);
    char *end, *path = strndup(text, (size_t)(colon - text));
    if (!path) return say(err, DRGEN_ERR_NOMEM, text, "out of memory");
    strength = strtof(colon + 1, &end);
    drgen_status status = !colon[1] || *end || !isfinite(strength)
                              ? say(err, DRGEN_ERR_ARG, text, "the strength behind the colon is not a number; 1 is as trained, 0 is off")
                              : drgen_lora_attach(g, path, strength, err);
    free(path);
    return status;
}

drgen_status adapters_attach(drgen *g, const opts_list *list, drgen_err *err)
{
    drgen_status status = DRGEN_OK;
    for (int i = 0; i < list->count && status == DRGEN_OK; i++) status = attach(g, list->item[i], err);
    return status;
}
