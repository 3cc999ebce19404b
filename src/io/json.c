/* json.c - see json.h; the only file that sees cJSON. */
#include "io/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

static pthread_mutex_t parse_lock = PTHREAD_MUTEX_INITIALIZER; /* cJSON keeps the place of its last error in a global */

struct json_doc {
    cJSON *root;
    char name[256];
};

/* cJSON recurses on nesting: bound it before it starts. Also refuses zero bytes and \u0000, which would end a text early. */
static const char *scan(const char *text, size_t size)
{
    int depth = 0, in_string = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\0') return "a zero byte";
        if (in_string) {
            if (c == '\\') {
                if (size - i > 5 && memcmp(text + i + 1, "u0000", 5) == 0) return "a zero character in a text";
                i++;
            } else if (c == '"') in_string = 0;
        } else if (c == '"') in_string = 1;
        else if (c == '[' || c == '{') {
            if (++depth > MAX_DEPTH) return "nesting deeper than 64";
        } else if (c == ']' || c == '}') depth--;
    }
    return NULL;
}

drgen_status json_parse(json_doc **out, const void *text, size_t size, const char *name, drgen_err *err)
{
    *out = NULL;
    const char *bad = scan(text, size);
    if (bad) return err_fail(err, DRGEN_ERR_FORMAT, "%s: not usable JSON: %s", name, bad);
    json_doc *d = calloc(1, sizeof *d);
    char *copy = malloc(size + 1); /* cJSON reads one byte past some numbers */
    if (!d || !copy) {
        free(d);
        free(copy);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", name);
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    snprintf(d->name, sizeof d->name, "%s", name);
    const char *end = NULL;
    pthread_mutex_lock(&parse_lock);
    d->root = cJSON_ParseWithLengthOpts(copy, size + 1, &end, 1);
    pthread_mutex_unlock(&parse_lock);
    size_t at = end ? (size_t)(end - copy) : 0;
    free(copy);
    if (!d->root) {
        free(d);
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: not valid JSON near byte %zu", name, at);
    }
    *out = d;
    return DRGEN_OK;
}

void json_free(json_doc *d)
{
    if (!d) return;
    cJSON_Delete(d->root);
    free(d);
}

static const cJSON *raw(const json_node *n)
{
    return (const cJSON *)n;
}

static const json_node *node(const cJSON *c)
{
    return (const json_node *)c;
}

const json_node *json_root(const json_doc *d)
{
    return node(d->root);
}

const char *json_name(const json_doc *d)
{
    return d->name;
}

const json_node *json_get(const json_node *object, const char *key)
{
    return object && cJSON_IsObject(raw(object)) ? node(cJSON_GetObjectItemCaseSensitive(raw(object), key)) : NULL;
}

const json_node *json_first(const json_node *n)
{
    return n && (cJSON_IsObject(raw(n)) || cJSON_IsArray(raw(n))) ? node(raw(n)->child) : NULL;
}

const json_node *json_next(const json_node *child)
{
    return child ? node(raw(child)->next) : NULL;
}

const char *json_key(const json_node *member)
{
    return member ? raw(member)->string : NULL;
}

size_t json_count(const json_node *n)
{
    size_t count = 0;
    for (const json_node *c = json_first(n); c; c = json_next(c)) count++;
    return count;
}

int json_is_object(const json_node *n)
{
    return n && cJSON_IsObject(raw(n));
}

int json_is_array(const json_node *n)
{
    return n && cJSON_IsArray(raw(n));
}

int json_is_string(const json_node *n)
{
    return n && cJSON_IsString(raw(n));
}

int json_is_number(const json_node *n)
{
    return n && cJSON_IsNumber(raw(n));
}

int json_is_null(const json_node *n)
{
    return n && cJSON_IsNull(raw(n));
}

double json_number(const json_node *n, double fallback)
{
    return json_is_number(n) ? raw(n)->valuedouble : fallback;
}

const char *json_string(const json_node *n, const char *fallback)
{
    return json_is_string(n) ? raw(n)->valuestring : fallback;
}

int json_bool(const json_node *n, int fallback)
{
    return n && cJSON_IsBool(raw(n)) ? cJSON_IsTrue(raw(n)) : fallback;
}

drgen_status json_need_number(const json_doc *d, const json_node *object, const char *key, double min, double max,
                              double *out, drgen_err *err)
{
    const json_node *n = json_get(object, key);
    if (!json_is_number(n)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: a number is wanted", d->name, key);
    double v = json_number(n, 0);
    if (!(v >= min && v <= max))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: %g is outside %g..%g", d->name, key, v, min, max);
    *out = v;
    return DRGEN_OK;
}

drgen_status json_need_int(const json_doc *d, const json_node *object, const char *key, int64_t min, int64_t max,
                           int64_t *out, drgen_err *err)
{
    double v = 0;
    ERR_TRY(json_need_number(d, object, key, (double)min, (double)max, &v, err));
    if (v != floor(v)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: %g is not a whole number", d->name, key, v);
    *out = (int64_t)v;
    return DRGEN_OK;
}

drgen_status json_need_string(const json_doc *d, const json_node *object, const char *key, const char **out,
                              drgen_err *err)
{
    *out = json_string(json_get(object, key), NULL);
    return *out ? DRGEN_OK : err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: a text is wanted", d->name, key);
}

char *json_text(const json_node *n)
{
    return n ? cJSON_PrintUnformatted(raw(n)) : NULL;
}

void json_out_raw(json_out *o, const char *text)
{
    size_t n = strlen(text);
    if (o->failed) return;
    if (o->room - o->size <= n) {
        size_t room = 2 * (o->room + n) + 256;
        char *grown = realloc(o->text, room);
        if (!grown) {
            free(o->text);
            *o = (json_out){.failed = 1};
            return;
        }
        o->text = grown;
        o->room = room;
    }
    memcpy(o->text + o->size, text, n + 1);
    o->size += n;
}

void json_out_string(json_out *o, const char *text)
{
    json_out_raw(o, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        char buffer[8];
        if (*c == '"' || *c == '\\') snprintf(buffer, sizeof buffer, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f) snprintf(buffer, sizeof buffer, "\\u%04x", *c);
        else snprintf(buffer, sizeof buffer, "%c", *c);
        json_out_raw(o, buffer);
    }
    json_out_raw(o, "\"");
}

void json_out_number(json_out *o, double v)
{
    char buffer[40];
    int digits = v == floor(v) && fabs(v) < 1e15 ? 15 : 1; /* whole numbers without an exponent */
    do snprintf(buffer, sizeof buffer, "%.*g", digits, v);
    while (strtod(buffer, NULL) != v && digits++ < 17);
    for (char *c = buffer; *c; c++)
        if (!strchr("0123456789+-e", *c)) *c = '.'; /* the host's locale may say "," */
    json_out_raw(o, isfinite(v) ? buffer : "null"); /* JSON has no infinities */
}

void json_out_free(json_out *o)
{
    free(o->text);
    *o = (json_out){0};
}
