/* golden_mastering_meters.c - loudness, range and peaks of the programmes in loudness.json, against the reference
 * model, libebur128 and what the EBU expects; the K-weighting coefficients of coeffs.json. Tolerances: spec
 * mastering.md C. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsp/figures.h"
#include "io/file.h"
#include "tests/golden.h"
#include "tests/programme.h"

static int match(const golden *g)
{
    char *path = golden_path(g, "loudness.json");
    int found = access(path, R_OK) == 0;
    free(path);
    return found;
}

static json_doc *open_json(const golden *g, const char *file, file_bytes *bytes)
{
    json_doc *doc = NULL;
    drgen_err err = {0};
    char *path = golden_path(g, file);
    if (file_map(bytes, path, 16u << 20, &err) != DRGEN_OK ||
        json_parse(&doc, bytes->data, bytes->size, path, &err) != DRGEN_OK)
        golden_broken(g, file, err.message);
    free(path);
    return doc;
}

static double number(const json_node *object, const char *key)
{
    return json_number(json_get(object, key), NAN);
}

static programme make_steps(int rate, const json_node *rule)
{
    const json_node *segments = json_get(rule, "segments");
    programme_step *step = calloc(json_count(segments) + 1, sizeof *step);
    size_t count = 0, channels = 2;
    for (const json_node *s = json_first(segments); s; s = json_next(s), count++) {
        const json_node *level = json_first(s);
        step[count].seconds = json_number(json_next(level), 0);
        size_t given = 0;
        for (const json_node *l = json_first(level); l && given < SOUND_MAX_CHANNELS; l = json_next(l))
            step[count].level[given++] = json_number(l, -999);
        if (given > channels) channels = given;
        for (size_t c = given; c < SOUND_MAX_CHANNELS; c++) step[count].level[c] = json_number(level, -999);
    }
    programme p = programme_steps(rate, (int)channels, number(rule, "f"), step, count);
    free(step);
    return p;
}

static programme make(int rate, const json_node *rule)
{
    const char *gen = json_string(json_get(rule, "gen"), "");
    double seconds = number(rule, "sec"), amp = number(rule, "amp");
    int channels = (int)json_number(json_get(rule, "ch"), 2);
    if (strcmp(gen, "steps") == 0) return make_steps(rate, rule);
    if (strcmp(gen, "tp_tone") == 0)
        return programme_tone(rate, seconds, number(rule, "ratio"), amp, number(rule, "deg"), number(rule, "taper_ms"));
    if (strcmp(gen, "tp_offset") == 0) return programme_offset(rate, seconds, (int)number(rule, "offset"));
    if (strcmp(gen, "noise") == 0) return programme_noise(rate, channels, seconds, amp, (uint64_t)number(rule, "seed"));
    if (strcmp(gen, "chirp") == 0) return programme_chirp(rate, seconds, number(rule, "f0"), number(rule, "f1"), amp);
    if (strcmp(gen, "clicks") == 0) return programme_clicks(rate, seconds, amp);
    if (strcmp(gen, "song") == 0) {
        const json_node *first = json_first(json_get(rule, "frames"));
        size_t from = (size_t)json_number(first, 0), to = (size_t)json_number(json_next(first), 0);
        return programme_song(rate, channels, from, to - from);
    }
    return (programme){0};
}

/* Difference to a level; what is not measurable is "-inf", null or a floor below -200 in the files. */
static double apart(double got, const json_node *want)
{
    if (json_number(want, -INFINITY) > -200) return isfinite(got) ? fabs(got - json_number(want, 0)) : INFINITY;
    return got == -INFINITY ? 0 : INFINITY;
}

typedef struct {
    const char *key, *ebur128; /* NULL: not there */
    double got, bound;
} level;

static void compare_levels(golden *g, const char *name, const figures *f, const json_node *p)
{
    const json_node *ref = json_get(p, "ref"), *other = json_get(p, "libebur128");
    const loudness_figures *l = &f->loudness;
    const level levels[] = {
        {"I", "I", l->integrated, 0.001},
        {"rel_gate", "rel_gate", l->relative_gate, 0.001},
        {"maxM", "maxM_10ms", l->max_momentary, 0.001},
        {"maxS", "maxS_10ms", l->max_short_term, 0.001},
        {"LRA", NULL, l->range, 0.01},
        {"LRA_1s_hop", "LRA", l->range_1s_hop, 0.01},
        {"tp", NULL, f->true_peak, 0.001},
        {"sp", "sp", f->sample_peak, 1e-5},
    };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        const level *v = &levels[i];
        golden_report(g, name, v->key, apart(v->got, json_get(ref, v->key)), v->bound);
        /* that library shows its least level, or that of half a window, where we show none */
        if (!v->ebur128 || v->got == -INFINITY) continue;
        char text[64];
        snprintf(text, sizeof text, "%s, libebur128", v->key);
        golden_report(g, name, text, apart(v->got, json_get(other, v->ebur128)), fmax(v->bound, 2e-6));
    }
    const json_node *tp = json_first(json_get(ref, "tp_ch"));
    for (int c = 0; c < f->channels; c++, tp = json_next(tp))
        golden_report(g, name, "tp of a channel", apart(f->channel[c].true_peak, tp), 0.001);
    const char *gen = json_string(json_get(json_get(p, "rule"), "gen"), "");
    if (strcmp(gen, "noise") != 0 && strcmp(gen, "song") != 0) /* of noise interpolators disagree by far more */
        golden_report(g, name, "tp, libebur128", apart(f->true_peak, json_get(other, "tp")),
                      strcmp(gen, "chirp") ? 0.1 : 0.2);
}

static void compare_expected(golden *g, const char *name, const figures *f, const json_node *expect)
{
    const struct {
        const char *key;
        double got;
    } all[] = {{"I", f->loudness.integrated},
               {"maxM", f->loudness.max_momentary},
               {"maxS", f->loudness.max_short_term}};
    double tolerance = json_number(json_get(expect, "tol"), 0);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (json_get(expect, all[i].key)) {
            char text[64];
            snprintf(text, sizeof text, "%s, EBU", all[i].key);
            golden_report(g, name, text, apart(all[i].got, json_get(expect, all[i].key)), tolerance);
        }
    if (json_get(expect, "LRA")) /* the standard allows 1 */
        golden_report(g, name, "LRA, EBU", apart(f->loudness.range, json_get(expect, "LRA")), 0.05);
    if (json_get(expect, "tp")) {
        double off = f->true_peak - number(expect, "tp");
        golden_report(g, name, "tp, EBU, of what is allowed",
                      off > 0 ? off / number(expect, "tol_up") : -off / number(expect, "tol_dn"), 1);
    }
}

static void compare_weighting(golden *g)
{
    file_bytes bytes = {0};
    json_doc *doc = open_json(g, "coeffs.json", &bytes);
    for (const json_node *k = doc ? json_first(json_get(json_root(doc), "k_weighting")) : NULL; k; k = json_next(k)) {
        loudness_weighting w;
        int rate = atoi(json_key(k));
        loudness_weighting_init(&w, rate);
        const struct {
            const char *key;
            const double *got;
        } parts[] = {{"shelf_b", w.shelf_b}, {"shelf_a", w.shelf_a}, {"rlb_b", w.pass_b}, {"rlb_a", w.pass_a}};
        double worst = 0;
        for (size_t i = 0; i < 4; i++) {
            const json_node *v = json_first(json_get(k, parts[i].key));
            for (int j = 0; j < 3; j++, v = json_next(v))
                worst = fmax(worst, fabs(parts[i].got[j] / json_number(v, NAN) - 1));
        }
        golden_report(g, json_key(k), "K-weighting", worst, 1e-12);
        golden_report(g, json_key(k), "cell", fabs((double)loudness_cell_frames(rate) - number(k, "cell_100ms")), 0);
    }
    json_free(doc);
    file_close(&bytes);
}

static void run(golden *g)
{
    file_bytes bytes = {0};
    json_doc *doc = open_json(g, "loudness.json", &bytes);
    const json_node *all = doc ? json_get(json_root(doc), "programmes") : NULL;
    for (const json_node *p = json_first(all); p; p = json_next(p)) {
        const char *name = json_key(p);
        drgen_err err = {0};
        figures f;
        if (!golden_wanted(g, name)) continue;
        programme x = make((int)number(p, "fs"), json_get(p, "rule"));
        if ((double)x.s.frames != number(p, "frames") || x.s.channels != (int)number(p, "channels"))
            golden_broken(g, name, "the rule makes another shape");
        else if (figures_measure(&f, &x.s, g->kern, &err) != DRGEN_OK) golden_broken(g, name, err.message);
        else {
            compare_levels(g, name, &f, p);
            compare_expected(g, name, &f, json_get(p, "expect"));
        }
        programme_free(&x);
    }
    json_free(doc);
    file_close(&bytes);
    if (golden_wanted(g, "k_weighting")) compare_weighting(g);
}

const golden_kind golden_mastering_meters = {"mastering_meters", match, run, 1};
