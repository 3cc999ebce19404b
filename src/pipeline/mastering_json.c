/* mastering_json.c - settings of a mastering as JSON and back, from one table: in recipes, reports and settings files. */
#include <stdlib.h>
#include <string.h>

#include "dsp/master.h"
#include "io/json.h"

typedef enum { REAL, REALS, WHOLE } kind;

typedef struct {
    const char *name;
    kind kind;
    int count;
    size_t at;
} field;

#define MASTERING(member, kind, count) {#member, kind, count, offsetof(drgen_mastering, member)}
#define BAND(member) {#member, REAL, 1, offsetof(drgen_band, member)}

static const field fields[] = {
    MASTERING(highpass, REAL, 1),          MASTERING(align, REAL, 1),
    MASTERING(peak, REALS, DRGEN_PEAKS),   MASTERING(multiband, WHOLE, 1),
    MASTERING(crossover, WHOLE, 1),        MASTERING(split, REALS, DRGEN_BANDS - 1),
    MASTERING(exciter, REAL, 1),           MASTERING(exciter_hz, REAL, 1),
    MASTERING(exciter_drive, REAL, 1),     MASTERING(width, REAL, 1),
    MASTERING(bass_width, REAL, 1),        MASTERING(bass_hz, REAL, 1),
    MASTERING(look_ahead, REAL, 1),        MASTERING(release, REAL, 1),
    MASTERING(target, REAL, 1),            MASTERING(ceiling, REAL, 1),
    MASTERING(max_reduction, REAL, 1),     MASTERING(rate, WHOLE, 1),
    MASTERING(denoise, REAL, 1),           MASTERING(noise_from, REAL, 1),
    MASTERING(noise_to, REAL, 1),          MASTERING(match_amount, REAL, 1),
    MASTERING(match_loudness, WHOLE, 1),   MASTERING(bits, WHOLE, 1),
};
static const field band_fields[] = {
    BAND(threshold), BAND(ratio), BAND(knee), BAND(makeup), BAND(attack), BAND(release), BAND(detector),
};

#undef MASTERING
#undef BAND

enum { FIELDS = sizeof fields / sizeof fields[0], BAND_FIELDS = sizeof band_fields / sizeof band_fields[0] };

static const char *const shapers[] = {"none", "hp1", "wanna3", "lip5"};

/* ---- writing */

static void put_fields(json_out *o, const field *f, int count, const void *from)
{
    for (int i = 0; i < count; i++, f++) {
        const char *at = (const char *)from + f->at;
        if (i) json_out_raw(o, ",");
        json_out_string(o, f->name);
        json_out_raw(o, f->kind == REALS ? ":[" : ":");
        for (int k = 0; k < f->count; k++) {
            double v;
            int whole;
            if (f->kind == WHOLE) {
                memcpy(&whole, at, sizeof whole);
                v = whole;
            } else memcpy(&v, at + (size_t)k * sizeof v, sizeof v);
            if (k) json_out_raw(o, ",");
            json_out_number(o, v);
        }
        if (f->kind == REALS) json_out_raw(o, "]");
    }
}

drgen_status drgen_mastering_json(const drgen_mastering *how, char **out, drgen_err *err)
{
    json_out o = {0};
    err_clear(err);
    json_out_raw(&o, "{");
    put_fields(&o, fields, FIELDS, how);
    json_out_raw(&o, ",\"shaper\":");
    json_out_string(&o, how->shaper ? how->shaper : "none");
    json_out_raw(&o, ",\"band\":[");
    for (int k = 0; k < DRGEN_BANDS; k++) {
        json_out_raw(&o, k ? ",{" : "{");
        put_fields(&o, band_fields, BAND_FIELDS, &how->band[k]);
        json_out_raw(&o, "}");
    }
    json_out_raw(&o, "]}");
    *out = o.failed ? NULL : o.text;
    return o.failed ? err_fail(err, DRGEN_ERR_NOMEM, "mastering: out of memory") : DRGEN_OK;
}

/* ---- reading */

static drgen_status get_fields(void *to, const field *f, int count, const json_node *object, drgen_err *err)
{
    for (int i = 0; i < count; i++, f++) {
        const json_node *n = json_get(object, f->name), *item = f->kind == REALS ? json_first(n) : n;
        char *at = (char *)to + f->at;
        if (!n) continue;
        for (int k = 0; k < f->count; k++, item = json_next(item)) {
            if (!json_is_number(item) || (f->kind == REALS && json_count(n) != (size_t)f->count))
                return err_fail(err, DRGEN_ERR_FORMAT, "mastering: %s: %s expected", f->name,
                                f->kind == REALS ? "an array of numbers of the right length" : "a number");
            double v = json_number(item, 0);
            if (f->kind == WHOLE) {
                if (!(v >= -1e9 && v <= 1e9) || v != (double)(int)v)
                    return err_fail(err, DRGEN_ERR_FORMAT, "mastering: %s: a whole number expected", f->name);
                int whole = (int)v;
                memcpy(at, &whole, sizeof whole);
            } else memcpy(at + (size_t)k * sizeof v, &v, sizeof v);
        }
    }
    return DRGEN_OK;
}

static drgen_status read_settings(drgen_mastering *m, const json_node *root, drgen_err *err)
{
    const json_node *bands = json_get(root, "band"), *band = json_first(bands);
    const char *shaper = json_string(json_get(root, "shaper"), NULL);
    if (!json_is_object(root)) return err_fail(err, DRGEN_ERR_FORMAT, "mastering: a JSON object expected");
    ERR_TRY(get_fields(m, fields, FIELDS, root, err));
    if (bands && json_count(bands) != DRGEN_BANDS)
        return err_fail(err, DRGEN_ERR_FORMAT, "mastering: band: %d of them expected", DRGEN_BANDS);
    for (int k = 0; band; k++, band = json_next(band)) ERR_TRY(get_fields(&m->band[k], band_fields, BAND_FIELDS, band, err));
    for (size_t i = 0; shaper && i < sizeof shapers / sizeof shapers[0]; i++)
        if (strcmp(shaper, shapers[i]) == 0) {
            m->shaper = shapers[i];
            shaper = NULL;
        }
    if (shaper) return err_fail(err, DRGEN_ERR_FORMAT, "mastering: shaper '%s' is unknown", shaper);
    return master_check(m, m->rate ? m->rate : 44100, err);
}

drgen_status drgen_mastering_read(drgen_mastering *out, const char *json, drgen_err *err)
{
    json_doc *doc = NULL;
    drgen_mastering m = *out;
    err_clear(err);
    ERR_TRY(json_parse(&doc, json, strlen(json), "mastering", err));
    drgen_status status = read_settings(&m, json_root(doc), err);
    json_free(doc);
    if (status == DRGEN_OK) *out = m;
    return status;
}
