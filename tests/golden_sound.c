/* golden_sound.c - MuQ's front end (mel) and the resampler before it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/fft.h"
#include "dsp/mel.h"
#include "dsp/resample.h"
#include "io/weights.h"
#include "tests/golden.h"

static const st_tensor *tensor(const golden *g, const char *stem, const char *tail)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", stem, tail);
    const st_tensor *t = g->inputs ? st_find(g->inputs, name) : NULL;
    return t ? t : g->expected ? st_find(g->expected, name) : NULL;
}

static float *values(const st_tensor *t)
{
    float *v = malloc((t->count + 1) * sizeof *v);
    weights_widen(t, 0, t->count, v);
    return v;
}

/* ---- mel */

static int mel_match(const golden *g)
{
    return g->expected && (tensor(g, "bank.nz_val", "") || (tensor(g, "mel_db", "") && tensor(g, "wave", ""))) && !tensor(g, "text0.ids", "");
}

/* Decibels, or where the original holds rounding noise only, powers against the frame's sum. */
static void compare_mel(golden *g, const char *name, const st_tensor *wave, const st_tensor *want, int hard)
{
    float *x = values(wave), *w = values(want);
    size_t frames = mel_frames(wave->count);
    float *db = malloc(MEL_BANDS * (frames + 1) * sizeof *db);
    drgen_err err = {0};
    double worst = 0;
    if (mel_db(x, wave->count, db, &err) != DRGEN_OK || want->count != MEL_BANDS * frames) golden_broken(g, name, "another shape");
    else if (!hard) {
        for (size_t i = 0; i < want->count; i++) worst = fmax(worst, fabs((double)db[i] - (double)w[i]));
        golden_report(g, name, "mel_db", worst, 2e-3);
    } else {
        for (size_t t = 0; t < frames; t++) {
            double sum = 0;
            for (size_t m = 0; m < MEL_BANDS; m++) sum += pow(10, (double)w[m * frames + t] / 10);
            for (size_t m = 0; m < MEL_BANDS; m++) {
                double a = pow(10, (double)db[m * frames + t] / 10), b = pow(10, (double)w[m * frames + t] / 10);
                worst = fmax(worst, fabs(a - b) / (1e-4 * b + 5e-9 * sum));
                if (w[m * frames + t] == -100.0f && db[m * frames + t] != -100.0f && sum < 1e-7) worst = 1e9; /* true silence */
            }
        }
        golden_report(g, name, "mel_db, of what is allowed", worst, 1);
    }
    free(x), free(w), free(db);
}

static void mel_run(golden *g)
{
    static const char *const stems[] = {"", "odd.", "hard."};
    for (size_t i = 0; i < 3; i++) {
        char wave[32];
        snprintf(wave, sizeof wave, i ? "%.*s" : "wave", (int)strlen(stems[i]) - 1, stems[i]);
        const st_tensor *x = tensor(g, wave, ""), *y = tensor(g, stems[i], "mel_db");
        if (!x) x = tensor(g, stems[i], "wave");
        if (x && y) compare_mel(g, i ? wave : "wave", x, y, i == 2);
    }
    const st_tensor *bin = tensor(g, "bank.nz_bin", ""), *mel = tensor(g, "bank.nz_mel", ""), *val = tensor(g, "bank.nz_val", "");
    if (!bin || !mel || !val) return;
    double worst = 0;
    size_t count = 0;
    for (size_t i = 0; i < val->count; i++)
        worst = fmax(worst, fabs(mel_weight((int)weights_value(bin, i), (int)weights_value(mel, i)) - (double)weights_value(val, i)));
    for (int k = 0; k < MEL_BINS; k++)
        for (int m = 0; m < MEL_BANDS; m++) count += mel_weight(k, m) > 0;
    golden_report(g, "bank", "weights", worst, 2e-5);
    golden_report(g, "bank", "non-zeros", fabs((double)count - (double)val->count), 2);
}

const golden_kind golden_mel = {"mel", mel_match, mel_run};

/* ---- resample: X.audio, X.rate -> X.mono, X.out (the impulse's input is a rule) */

static int resample_match(const golden *g)
{
    for (size_t i = 0; g->expected && i < st_count(g->expected); i++) {
        const char *name = st_at(g->expected, i)->name, *dot = strrchr(name, '.');
        if (dot && strcmp(dot, ".out") == 0) {
            char rate[128];
            snprintf(rate, sizeof rate, "%.*s.rate", (int)(dot - name), name);
            return tensor(g, rate, "") != NULL;
        }
    }
    return 0;
}

/* The same sound below 10.9 kHz: energy of the difference against energy of what is wanted, both below that. */
static double noise_below(const float *got, const float *want, size_t n, double rate, double hz)
{
    fft *f = NULL;
    double energy[2] = {0};
    if (fft_open(&f, n, NULL) != DRGEN_OK) return INFINITY;
    for (int k = 0; k < 2; k++) {
        double *in = fft_input(f);
        for (size_t i = 0; i < n; i++) in[i] = (double)want[i] - (k ? (double)got[i] : 0);
        const double(*z)[2] = fft_run(f);
        for (size_t i = 0; i <= n / 2 && (double)i * rate / (double)n < hz; i++) energy[k] += z[i][0] * z[i][0] + z[i][1] * z[i][1];
    }
    fft_close(f);
    return 10 * log10(fmax(energy[1], 1e-30) / energy[0]);
}

static void judge_resampled(golden *g, const char *stem, const char *how, const float *y, size_t n, const st_tensor *want)
{
    if (n != want->count) {
        golden_broken(g, stem, "another length");
        return;
    }
    float *w = values(want);
    char text[64];
    double signal = 0, noise = 0;
    size_t peak = 0, wanted = 0;
    for (size_t i = 0; i < n; i++) {
        double e = (double)y[i] - (double)w[i];
        signal += (double)w[i] * (double)w[i];
        noise += e * e;
        if (fabsf(y[i]) > fabsf(y[peak])) peak = i;
        if (fabsf(w[i]) > fabsf(w[wanted])) wanted = i;
    }
    snprintf(text, sizeof text, "%snoise in dB", how);
    if (strncmp(stem, "impulse", 7) == 0) {
        /* Much of an impulse's energy lies in the transition band, where filters may differ; it must stay in place. */
        snprintf(text, sizeof text, "%speak moved by", how);
        golden_report(g, stem, text, fabs((double)peak - (double)wanted), 0);
    } else golden_report(g, stem, text, 10 * log10(fmax(noise, 1e-30) / signal), -50);
    snprintf(text, sizeof text, "%snoise below 10.9 kHz in dB", how);
    golden_report(g, stem, text, noise_below(y, w, n, MEL_RATE, 10900), -65);
    free(w);
}

/* X.audio, or for impulseR a second at R kHz with a lone 1 in its middle. */
static float *resample_input(const golden *g, const char *stem, size_t *count, size_t *channels, int *rate)
{
    const st_tensor *audio = tensor(g, stem, ".audio"), *r = tensor(g, stem, ".rate");
    *channels = 1;
    if (!audio && strcmp(stem, "impulse44") == 0) {
        float *x = calloc(44100, sizeof *x);
        x[22050] = 1;
        *count = 44100;
        *rate = 44100;
        return x;
    }
    if (!audio || !r) return NULL;
    *channels = audio->dims == 2 ? audio->shape[1] : 1;
    *count = audio->count / *channels;
    *rate = (int)weights_value(r, 0);
    return values(audio);
}

static void run_resample(golden *g, const char *stem, const st_tensor *want)
{
    size_t channels, count;
    int rate;
    const st_tensor *mono = tensor(g, stem, ".mono");
    float *x = resample_input(g, stem, &count, &channels, &rate);
    if (!x) {
        golden_broken(g, stem, "input is missing");
        return;
    }
    resample_mono(x, x, count, (int)channels);
    if (mono) golden_report(g, stem, "mono", mono->count != count || memcmp(x, mono->data, count * sizeof *x) ? 1 : 0, 0);
    for (int own = 0; own < 2; own++) {
        float *y = NULL;
        size_t n = 0;
        drgen_err err = {0};
        drgen_status status = (own ? resample_own : resample)(x, count, rate, MEL_RATE, &y, &n, &err);
        if (status != DRGEN_OK) golden_broken(g, stem, err.message);
        else judge_resampled(g, stem, own ? "own filter, " : "", y, n, want);
        free(y);
    }
    free(x);
}

static void resample_run(golden *g)
{
    for (size_t i = 0; i < st_count(g->expected); i++) {
        const st_tensor *t = st_at(g->expected, i);
        char stem[96];
        size_t n = strlen(t->name);
        if (n < 5 || n > 90 || strcmp(t->name + n - 4, ".out") != 0) continue;
        snprintf(stem, sizeof stem, "%.*s", (int)(n - 4), t->name);
        run_resample(g, stem, t);
    }
}

const golden_kind golden_resample = {"resample", resample_match, resample_run};
