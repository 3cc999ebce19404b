/* golden_mastering_deliver.c - resampling for delivery against its float64 definition and against libsoxr's results, and
 * dither's integers. Tolerances: spec mastering.md C. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsp/deliver.h"
#include "dsp/dither.h"
#include "dsp/fft.h"
#include "dsp/noise.h"
#include "tests/golden.h"

static const double pi = 3.14159265358979323846;

static int match(const golden *g)
{
    char *path = golden_path(g, "resample/cases.json");
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

/* ---- resampling */

enum { FRAMES = 4096 };

static void make_input(float *x, int rate, uint64_t seed)
{
    static const double hz[] = {997, 3000, 7040, 9500};
    for (int n = 0; n < FRAMES; n++) {
        double v = 0.1 * noise_uniform(seed, (uint64_t)n);
        for (int k = 0; k < 4; k++) v += 0.25 * sin(2 * pi * hz[k] * n / rate + k);
        x[n] = (float)v;
    }
}

/* The largest line of the difference below 0.88 of the lower half rate, beside the largest line, of the middle three quarters. */
static double spectra_apart(const float *a, const float *b, size_t n, double below)
{
    size_t size = n / 4 * 3 / 2 * 2, from = n / 8;
    double most = 0, apart = 0;
    fft *f = NULL;
    if (fft_open(&f, size, NULL) != DRGEN_OK) return NAN;
    for (int pass = 0; pass < 2; pass++) {
        double *in = fft_input(f);
        for (size_t i = 0; i < size; i++) {
            double w = 0.5 - 0.5 * cos(2 * pi * (double)i / (double)size), v = (double)a[from + i];
            in[i] = w * (pass ? v - (double)b[from + i] : v);
        }
        const double(*bin)[2] = fft_run(f);
        for (size_t k = 0; k < (size_t)((double)size / 2 * below); k++) {
            double magnitude = hypot(bin[k][0], bin[k][1]);
            if (pass) apart = fmax(apart, magnitude);
            else most = fmax(most, magnitude);
        }
    }
    fft_close(f);
    return apart / most;
}

static void run_resampling(golden *g, const json_node *c)
{
    char name[64], file[96];
    float input[FRAMES];
    file_bytes bytes = {0};
    drgen_err err = {0};
    int from = (int)number(c, "in"), to = (int)number(c, "out");
    const char *quality = json_string(json_get(c, "quality"), "");
    snprintf(name, sizeof name, "resample/%d_%d_%.8s", from, to, quality);
    if (!golden_wanted(g, name)) return;
    sound x = {{input}, FRAMES, 1, from}, y;
    make_input(input, from, (uint64_t)number(c, "seed"));
    if (deliver_run(&y, &x, to, g->kern, &err) != DRGEN_OK) {
        golden_broken(g, name, err.message);
        return;
    }
    snprintf(file, sizeof file, "resample/%d_%d_ref.f64", from, to);
    char *path = golden_path(g, file);
    double worst = 0;
    if (file_map(&bytes, path, 1u << 20, &err) != DRGEN_OK || bytes.size != y.frames * sizeof(double)) worst = NAN;
    for (size_t i = 0; i < y.frames && !isnan(worst); i++) {
        double want;
        memcpy(&want, (const char *)bytes.data + i * sizeof want, sizeof want);
        worst = fmax(worst, fabs((double)y.channel[0][i] - want));
    }
    golden_report(g, name, "definition", worst, 1e-6);
    file_close(&bytes);
    free(path);
    snprintf(file, sizeof file, "resample/%d_%d_soxr_%.8s.f32", from, to, quality);
    path = golden_path(g, file);
    size_t count = 0;
    if (file_map(&bytes, path, 1u << 20, &err) == DRGEN_OK) count = bytes.size / sizeof(float);
    int plausible = count == (size_t)number(c, "frames_out") && count <= y.frames;
    float *want = malloc((y.frames + 1) * sizeof *want);
    if (plausible) memcpy(want, bytes.data, count * sizeof *want);
    double below = 0.88 * fmin(from, to) / to;
    golden_report(g, name, "spectrum of libsoxr", plausible ? spectra_apart(y.channel[0], want, count, below) : (double)NAN,
                  pow(10, (to == 24000 ? -75 : -90) / 20.0)); /* at 24 kHz libsoxr itself leaves images */
    file_close(&bytes);
    free(want);
    free(path);
    free(y.channel[0]);
}

/* ---- dither */

enum { DITHERED = 256 };

static void run_dither(golden *g, const json_node *n)
{
    char name[64];
    float row[2][DITHERED];
    dither d;
    drgen_err err = {0};
    const json_node *want = json_first(json_get(n, "q16"));
    snprintf(name, sizeof name, "pro/dither/%.30s", json_key(n));
    if (!want || !golden_wanted(g, name)) return;
    sound x = {{row[0], row[1]}, DITHERED, 2, 44100};
    if (dither_open(&d, 16, json_key(n), 44100, &err) != DRGEN_OK) {
        golden_broken(g, name, err.message);
        return;
    }
    for (int i = 0; i < DITHERED; i++) {
        double v = 0.25 * sin(2 * pi * 441 * i / 44100);
        row[0][i] = (float)v;
        row[1][i] = (float)(-0.5 * v);
    }
    dither_run(&d, &x);
    int differ = 0;
    for (int i = 0; i < 2 * DITHERED; i++, want = json_next(want))
        differ += !want || (double)row[i % 2][i / 2] * 32768 != json_number(want, NAN);
    golden_report(g, name, "integers that differ", differ, 0);
}

static void run_noise(golden *g, const json_node *root)
{
    const json_node *n = json_first(json_get(root, "u01_seed0_first8"));
    int differ = 0, count = 0;
    for (; n; n = json_next(n), count++) differ += noise_uniform(0, (uint64_t)count) != json_number(n, NAN);
    golden_report(g, "pro/dither", "noise", count == 8 ? (double)differ : (double)NAN, 0);
}

static void run(golden *g)
{
    file_bytes bytes = {0};
    json_doc *doc = open_json(g, "resample/cases.json", &bytes);
    for (const json_node *n = json_first(json_get(doc ? json_root(doc) : NULL, "cases")); n; n = json_next(n))
        run_resampling(g, n);
    json_free(doc);
    file_close(&bytes);
    doc = open_json(g, "pro/dither.json", &bytes);
    if (doc) run_noise(g, json_root(doc));
    for (const json_node *n = json_first(doc ? json_root(doc) : NULL); n; n = json_next(n)) run_dither(g, n);
    json_free(doc);
    file_close(&bytes);
}

const golden_kind golden_mastering_deliver = {"mastering_deliver", match, run, 1};
