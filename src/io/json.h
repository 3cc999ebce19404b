/* json.h - typed getters over cJSON (seen only in json.c). Errors read "file: key: number expected". */
#ifndef IO_JSON_H
#define IO_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct json_doc json_doc;   /* a parsed text, owned */
typedef struct json_node json_node; /* a value inside a json_doc, borrowed */

/* Parses size bytes (need not end in zero; a zero byte inside is an error). name is used in messages. Nesting is
 * limited (64), trailing junk is an error. */
drgen_status json_parse(json_doc **out, const void *text, size_t size, const char *name, drgen_err *err);
void json_free(json_doc *d); /* NULL is fine */
const json_node *json_root(const json_doc *d);
const char *json_name(const json_doc *d);

/* Structure. NULL when absent or of another kind. */
const json_node *json_get(const json_node *object, const char *key); /* exact, case-sensitive; first of duplicates */
const json_node *json_first(const json_node *object_or_array);
const json_node *json_next(const json_node *child);
const char *json_key(const json_node *member); /* NULL for array items */
size_t json_count(const json_node *object_or_array);
int json_is_object(const json_node *n);
int json_is_array(const json_node *n);
int json_is_string(const json_node *n);
int json_is_number(const json_node *n);
int json_is_null(const json_node *n);

/* Values of a node; fallback when it is NULL or of another kind. */
double json_number(const json_node *n, double fallback);
const char *json_string(const json_node *n, const char *fallback);
int json_bool(const json_node *n, int fallback);

/* Required members, range-checked; the message names doc, key, wanted and found. */
drgen_status json_need_int(const json_doc *d, const json_node *object, const char *key, int64_t min, int64_t max,
                           int64_t *out, drgen_err *err);
drgen_status json_need_number(const json_doc *d, const json_node *object, const char *key, double min, double max,
                              double *out, drgen_err *err);
drgen_status json_need_string(const json_doc *d, const json_node *object, const char *key, const char **out,
                              drgen_err *err);

/* A node as text on one line, malloc'd; NULL when out of memory. Reading it and writing it again gives the same text. */
char *json_text(const json_node *n);

/* Writing: text grows in a buffer; strings are escaped, control characters too. */
typedef struct {
    char *text; /* zero-terminated; free with json_out_free */
    size_t size, room;
    int failed; /* out of memory; text is then NULL */
} json_out;
void json_out_raw(json_out *o, const char *text);
void json_out_string(json_out *o, const char *text);
void json_out_number(json_out *o, double v); /* shortest form that reads back the same */
void json_out_free(json_out *o);

#endif
