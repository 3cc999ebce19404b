/* lora_config.c - see lora_config.h. */
#include "model/lora_config.h"

#include <math.h>
#include <string.h>

/* ---- patterns */

enum { PATTERN_MAX = 200, REPEATS_MAX = 4 /* trying all ways takes length^repeats at worst */ };

/* One character's worth of pattern; returns where the next begins, NULL for what is not understood. */
static const char *atom(const char *p, char *kind, char *letter)
{
    *kind = 'c';
    *letter = *p;
    if (strncmp(p, "[0-9]", 5) == 0) {
        *kind = 'd';
        return p + 5;
    }
    if (*p == '\\') {
        if (p[1] == 'd') *kind = 'd';
        else if (p[1] && strchr(".-_", p[1])) *letter = p[1];
        else return NULL;
        return p + 2;
    }
    if (*p == '.') *kind = 'a';
    else if (strchr("()[]{}|?*+^$", *p)) return NULL;
    return p + 1;
}

static int fits(char kind, char letter, char c)
{
    if (!c) return 0;
    return kind == 'a' || (kind == 'd' ? c >= '0' && c <= '9' : c == letter);
}

/* All of text against a pattern known to be understood. */
static int match(const char *p, const char *text)
{
    char kind, letter;
    if (!*p || (*p == '$' && !p[1])) return !*text;
    const char *next = atom(p, &kind, &letter);
    if (*next != '*' && *next != '+') return fits(kind, letter, *text) && match(next, text + 1);
    size_t most = 0, least = *next == '+';
    while (fits(kind, letter, text[most])) most++;
    for (size_t n = most + 1; n-- > least;)
        if (match(next + 1, text + n)) return 1;
    return 0;
}

static int understood(const char *p)
{
    int repeats = 0;
    char kind, letter;
    if (!*p || strlen(p) > PATTERN_MAX) return 0;
    while (*p) {
        if (*p == '$' && !p[1]) return 1;
        if (!(p = atom(p, &kind, &letter))) return 0;
        if (*p == '*' || *p == '+') {
            p++;
            if (++repeats > REPEATS_MAX) return 0;
        }
    }
    return 1;
}

int lora_pattern_match(const char *pattern, const char *module)
{
    int whole = *pattern == '^';
    pattern += whole;
    if (!understood(pattern)) return -1;
    if (match(pattern, module)) return 1;
    for (const char *dot = module; !whole && (dot = strchr(dot, '.')) != NULL; dot++)
        if (match(pattern, dot + 1)) return 1;
    return 0;
}

/* ---- the file */

static drgen_status check_pattern(const lora_config *c, const char *key, double max, drgen_err *err)
{
    const char *name = json_name(c->doc);
    const json_node *table = json_get(json_root(c->doc), key);
    if (table && !json_is_object(table) && !json_is_null(table))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: an object is wanted", name, key);
    for (const json_node *m = json_first(table); m; m = json_next(m)) {
        double v = json_number(m, NAN);
        if (lora_pattern_match(json_key(m), "") < 0)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: the pattern \"%.80s\" is not understood; name modules in full, or "
                            "by the end of their name", name, key, json_key(m));
        if (!(v > 0 && v <= max))
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: \"%.80s\": a number up to %g is wanted", name, key, json_key(m), max);
    }
    return DRGEN_OK;
}

/* Ways to begin a training that leave their mark on the base's own weights, which are then not this model's. */
static drgen_status check_start(const lora_config *c, drgen_err *err)
{
    static const char *const changes[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};
    const char *start = json_string(json_get(json_root(c->doc), "init_lora_weights"), "");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (strncmp(start, changes[i], strlen(changes[i])) == 0)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: init_lora_weights is \"%.40s\", which changes the base's weights too; convert "
                            "the adapter to a plain one (path_initial_model_for_weight_conversion in PEFT)", json_name(c->doc), start);
    return DRGEN_OK;
}

drgen_status lora_config_read(lora_config *c, const void *text, size_t size, const char *name, drgen_err *err)
{
    *c = (lora_config){0};
    ERR_TRY(json_parse(&c->doc, text, size, name, err));
    const json_node *root = json_root(c->doc);
    const char *type = json_string(json_get(root, "peft_type"), "LORA");
    if (!json_is_object(root)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: this is no adapter's configuration", name);
    if (strcmp(type, "LORA") != 0)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: peft_type is \"%.40s\"; only LORA can be used", name, type);
    if (json_bool(json_get(root, "use_dora"), 0))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: use_dora: a DoRA adapter, which drgen cannot use; train it again without", name);
    ERR_TRY(check_start(c, err));
    ERR_TRY(json_need_number(c->doc, root, "r", 1, 65536, &c->rank, err));
    c->alpha = c->rank;
    ERR_TRY(json_need_number(c->doc, root, "lora_alpha", 0, 1e9, &c->alpha, err));
    c->rslora = json_bool(json_get(root, "use_rslora"), 0);
    ERR_TRY(check_pattern(c, "rank_pattern", 65536, err));
    return check_pattern(c, "alpha_pattern", 1e9, err);
}

void lora_config_free(lora_config *c)
{
    json_free(c->doc);
    c->doc = NULL;
}

static double look_up(const lora_config *c, const char *key, const char *module, double otherwise)
{
    for (const json_node *m = json_first(json_get(json_root(c->doc), key)); m; m = json_next(m))
        if (lora_pattern_match(json_key(m), module) == 1) return json_number(m, otherwise);
    return otherwise;
}

void lora_config_module(const lora_config *c, const char *module, double *rank, double *alpha)
{
    *rank = look_up(c, "rank_pattern", module, c->rank);
    *alpha = look_up(c, "alpha_pattern", module, c->alpha);
}
