/* golden_mastering_pro.c - the mastering chain: every stage on its own on a short excerpt, and the figures of whole
 * songs by each preset. Tolerances: golden/mastering/README.md, spec mastering.md C; the compressor computes its gain
 * once in eight frames. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsp/compressor.h"
#include "dsp/exciter.h"
#include "dsp/figures.h"
#include "dsp/limiter.h"
#include "dsp/master.h"
#include "dsp/multiband.h"
#include "dsp/truepeak.h"
#include "dsp/width.h"
#include "io/audio.h"
#include "tests/golden.h"
#include "tests/song1.h"

static int match(const golden *g)
{
    char *path = golden_path(g, "pro_presets.json");
    int found = access(path, R_OK) == 0;
    free(path);
    return found;
}

static json_doc *open_json(const golden *g, const char *file, file_bytes *bytes)
{
    json_doc *doc = NULL;
    drgen_err err = {0};
    char *path = golden_path(g, file);
    if (file_map(bytes, path, 1u << 20, &err) != DRGEN_OK || json_parse(&doc, bytes->data, bytes->size, path, &err) != DRGEN_OK)
        golden_broken(g, file, err.message);
    free(path);
    return doc;
}

static double number(const json_node *n, const char *key)
{
    return json_number(json_get(n, key), NAN);
}

/* ---- stages */

enum { FRAMES = 6000 };

typedef struct {
    float rows[2][FRAMES];
    sound x;
} excerpt;

static void load(const golden *g, excerpt *e)
{
    audio_file *f = NULL;
    audio_info info = {0};
    drgen_err err = {0};
    char *path = golden_path(g, "stage_a.wav");
    float *samples = malloc(2 * FRAMES * sizeof *samples);
    e->x = (sound){{e->rows[0], e->rows[1]}, FRAMES, 2, 44100};
    if (audio_open(&f, path, &info, &err) != DRGEN_OK || info.frames != FRAMES || info.channels != 2 ||
        audio_read(f, 0, FRAMES, samples, &err) != DRGEN_OK) golden_broken(g, "stage_a.wav", err.message);
    else
        for (size_t i = 0; i < 2 * FRAMES; i++) e->rows[i % 2][i / 2] = samples[i];
    audio_close(f);
    free(samples);
    free(path);
}

/* Largest difference of a stage's file, frames x channels of doubles, to rows; of gains in dB instead with db. */
static void judge(const golden *g, const char *stage, float *const *row, int channels, double bound)
{
    char name[64];
    file_bytes bytes = {0};
    drgen_err err = {0};
    double worst = 0;
    size_t count = FRAMES * (size_t)channels;
    snprintf(name, sizeof name, "pro/stage_a_%s.f64", stage);
    char *path = golden_path(g, name);
    if (file_map(&bytes, path, 1u << 20, &err) != DRGEN_OK || bytes.size != count * sizeof(double)) worst = NAN;
    for (size_t i = 0; i < count && !isnan(worst); i++) {
        double want;
        memcpy(&want, (const char *)bytes.data + i * sizeof want, sizeof want);
        double apart = fabs((double)row[i % (size_t)channels][i / (size_t)channels] - want);
        if (!(apart <= worst)) worst = apart;
    }
    golden_report(g, name, "", worst, bound);
    file_close(&bytes);
    free(path);
}

static void run_bands(const golden *g, excerpt *e, const json_node *params)
{
    multiband_settings set = {0};
    sound band[DRGEN_BANDS];
    float *memory = malloc(2 * DRGEN_BANDS * FRAMES * sizeof *memory);
    const json_node *hz = json_first(json_get(params, "crossovers"));
    for (int k = 0; k < DRGEN_BANDS - 1; k++, hz = json_next(hz)) set.split[k] = json_number(hz, NAN);
    for (int k = 0; k < DRGEN_BANDS; k++) {
        float *row = memory + 2 * k * FRAMES;
        band[k] = (sound){{row, row + FRAMES}, FRAMES, 2, 44100};
    }
    if (multiband_split(&e->x, &set, band, g->kern, NULL) != DRGEN_OK) golden_broken(g, "pro/bands", "no memory");
    for (int k = 0; k < DRGEN_BANDS; k++) {
        char name[16];
        snprintf(name, sizeof name, "band%d", k);
        judge(g, name, band[k].channel, 2, 3e-6);
    }
    free(memory);
}

static void run_compressor(const golden *g, excerpt *e, const json_node *p)
{
    drgen_band set = {number(p, "thr"), number(p, "ratio"), number(p, "knee"), number(p, "makeup_db"),
                      number(p, "att_ms"), number(p, "rel_ms"), number(p, "det_ms")};
    compressor c;
    float *gain = malloc((2 * FRAMES / 8 + 1) * sizeof *gain);
    const float *row[2] = {e->rows[0], e->rows[1]};
    compressor_init(&c, &set, 44100);
    compressor_gains(&c, gain, row, 2, FRAMES / 8, gain + FRAMES / 8 + 1, g->kern);
    for (int i = 0; i < 2; i++) g->kern->octet_ramp(e->rows[i], e->rows[i], gain, FRAMES / 8, 0);
    judge(g, "compress", e->x.channel, 2, 2e-3);
    free(gain);
}

static void run_limiter(const golden *g, excerpt *e, const json_node *p)
{
    limiter l;
    tp_bank *bank = malloc(sizeof *bank);
    float *env = malloc(2 * FRAMES * sizeof *env), *gain = env + FRAMES;
    float drive = (float)number(p, "drive"), c = (float)pow(10, number(p, "thr_db") / 20);
    for (int i = 0; i < 2; i++) g->kern->scale(e->rows[i], e->rows[i], drive, FRAMES);
    tp_bank_kaiser(bank, 8, 16, 6);
    tp_envelope(env, &e->x, 0, FRAMES, bank, g->kern);
    judge(g, "tp_envelope", &env, 1, 3e-6);
    if (limiter_open(&l, number(p, "look_ms"), number(p, "rel_ms"), 44100, g->kern, NULL) != DRGEN_OK) exit(1);
    limiter_gain(&l, gain, env, c, FRAMES);
    judge(g, "limiter_gain", &gain, 1, 3e-6);
    for (int i = 0; i < 2; i++) g->kern->mul(e->rows[i], e->rows[i], gain, FRAMES);
    judge(g, "limited", e->x.channel, 2, 3e-6);
    limiter_close(&l);
    free(env);
    free(bank);
}

static void run_curve(golden *g)
{
    file_bytes bytes = {0};
    json_doc *doc = open_json(g, "pro/comp_curve.json", &bytes);
    const json_node *root = doc ? json_root(doc) : NULL;
    drgen_band set = {.threshold = number(root, "thr"), .ratio = number(root, "ratio"), .knee = number(root, "knee")};
    const json_node *level = json_first(json_get(root, "level_db")), *gain = json_first(json_get(root, "gain_db"));
    double worst = level && gain ? 0 : NAN;
    for (; level && gain; level = json_next(level), gain = json_next(gain)) {
        double apart = fabs(compressor_curve(&set, json_number(level, NAN)) - json_number(gain, NAN));
        if (!(apart <= worst)) worst = apart;
    }
    golden_report(g, "pro/comp_curve", "", worst, 1e-12);
    json_free(doc);
    file_close(&bytes);
}

static void run_stages(golden *g)
{
    file_bytes bytes = {0};
    json_doc *doc = open_json(g, "pro/stage_a_params.json", &bytes);
    const json_node *root = doc ? json_root(doc) : NULL, *p;
    excerpt *e = malloc(sizeof *e);
    int kept;
    load(g, e);
    run_bands(g, e, root);
    run_compressor(g, e, json_get(root, "compress"));
    load(g, e);
    p = json_get(root, "exciter");
    exciter_settings bright = {number(p, "fc"), number(p, "drive"), number(p, "amount")};
    if (exciter_run(&e->x, &bright, g->kern, NULL) == DRGEN_OK) judge(g, "exciter", e->x.channel, 2, 3e-6);
    load(g, e);
    p = json_get(root, "width");
    width_settings image = {number(p, "w"), number(p, "bass_w"), number(p, "bass_fc")};
    if (width_run(&e->x, &image, &kept, g->kern, NULL) == DRGEN_OK) judge(g, "width", e->x.channel, 2, 3e-6);
    load(g, e);
    run_limiter(g, e, json_get(root, "limiter"));
    free(e);
    json_free(doc);
    file_close(&bytes);
}

/* ---- whole songs */

static void run_preset(golden *g, const json_node *want, float *memory, size_t frames)
{
    const json_node *report = json_get(want, "report"), *stereo = json_get(want, "stereo");
    const char *key = json_key(want), *preset = strchr(key, '/');
    char name[80];
    float scale = strstr(key, "_m20dB") ? 0.1f : 1;
    drgen_mastering set;
    drgen_master_report got;
    drgen_err err = {0};
    figures f;
    snprintf(name, sizeof name, "presets/%.60s", key);
    if (!preset || !golden_wanted(g, name)) return;
    sound x = {{memory, memory + frames}, frames, 2, 44100};
    song1_float(x.channel, 2, 44100, 30 * 44100, frames);
    for (int c = 0; c < 2; c++) g->kern->scale(x.channel[c], x.channel[c], scale, frames);
    if (master_preset(preset + 1, &set, &err) != DRGEN_OK || master_run(&x, &set, NULL, 0, &got, &err) != DRGEN_OK ||
        figures_measure(&f, &x, g->kern, &err) != DRGEN_OK) {
        golden_broken(g, name, err.message);
        return;
    }
    golden_report(g, name, "status", got.status != DRGEN_MASTER_OK, 0);
    golden_report(g, name, "I, target", fabs(f.loudness.integrated - set.target), 0.1);
    golden_report(g, name, "I", fabs(f.loudness.integrated - number(report, "I")), 0.1);
    golden_report(g, name, "tp over ceiling", fmax(0, 20 * log10(tp_verify(&x, NULL, 1, g->kern)) - set.ceiling), 0);
    golden_report(g, name, "drive", fabs(got.drive - number(report, "gain_db")), 0.3);
    golden_report(g, name, "reduction", fabs(got.max_reduction - number(report, "max_gr_db")), 0.5);
    golden_report(g, name, "LRA", fabs(f.loudness.range - number(want, "LRA")), 0.3);
    golden_report(g, name, "correlation", fabs(f.correlation - number(stereo, "correlation")), 0.03);
    golden_report(g, name, "balance", fabs(f.balance - number(stereo, "balance_LU")), 0.1);
    golden_report(g, name, "side", fabs(f.side_mid - number(stereo, "side_mid_dB")), 0.3);
}

static void run(golden *g)
{
    file_bytes bytes = {0};
    size_t frames = 20 * 44100;
    if (golden_wanted(g, "pro/stages")) run_stages(g);
    if (golden_wanted(g, "pro/comp_curve")) run_curve(g);
    json_doc *doc = open_json(g, "pro_presets.json", &bytes);
    float *memory = malloc(2 * frames * sizeof *memory);
    for (const json_node *n = json_first(json_get(doc ? json_root(doc) : NULL, "results")); n; n = json_next(n))
        run_preset(g, n, memory, frames);
    free(memory);
    json_free(doc);
    file_close(&bytes);
}

const golden_kind golden_mastering_pro = {"mastering_pro", match, run, 1};
