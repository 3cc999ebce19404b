/* listen.c - see listen.h. */
#include "nano/listen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/fft.h"

enum { HOP = 2048, RATE = 44100, WINDOW = 1024, LEAD_IN = 64, BANDS = 5, PARTS = 11 };

/* Hz, from and to. */
static const int bands[BANDS][2] = {{40, 160}, {160, 320}, {320, 2000}, {2000, 6000}, {7000, 20000}};

/* What a part of the arrangement makes of a band's rise. */
static const struct {
    int from, to; /* channels */
    float weight[BANDS];
} parts[PARTS] = {
    {ROLL_KICK, ROLL_SNARE, {1.5f, 1.2f, 0, 0, 0}},
    {ROLL_SNARE, ROLL_CLAP, {0, 0.6f, 0, 0.5f, 1.6f}},
    {ROLL_CLAP, ROLL_HAT, {0.8f, 0.6f, 0, 0, 0}},
    {ROLL_HAT, ROLL_OPEN_HAT, {0.3f, 0.3f, 0.1f, 0.1f, 2.0f}},
    {ROLL_OPEN_HAT, ROLL_SHAKER, {0.5f, 0.5f, 0, 0, 2.1f}},
    {ROLL_SHAKER, ROLL_TOM, {0, 0.4f, 0.2f, 0.2f, 1.2f}},
    {ROLL_TOM, ROLL_CRASH, {1.1f, 2.0f, 0, 0, 0.2f}},
    {ROLL_CRASH, ROLL_BASS, {0, 0.3f, 0.5f, 0.6f, 0.9f}},
    {ROLL_BASS, ROLL_KEYS, {2.3f, 1.4f, 0.4f, 0.1f, 0.1f}},
    {ROLL_KEYS, ROLL_GUITAR, {0, 0, 0.9f, 0.2f, 0.2f}},
    {ROLL_GUITAR, ROLL_STRINGS, {0, 0.1f, 0.9f, 0.6f, 0}},
};

/* Fourth roots of the bands' energies in the window that begins at start; silence outside the sound. */
static void energies(double out[BANDS], fft *f, const float *mono, size_t samples, ptrdiff_t start)
{
    double *in = fft_input(f);
    for (int i = 0; i < WINDOW; i++) {
        ptrdiff_t at = start + i;
        double x = at >= 0 && (size_t)at < samples ? (double)mono[at] : 0;
        in[i] = x * (0.5 - 0.5 * cos(6.283185307179586 * i / (WINDOW - 1)));
    }
    const double(*bins)[2] = fft_run(f);
    for (int b = 0; b < BANDS; b++) {
        double sum = 0;
        for (int k = 0; k <= WINDOW / 2; k++) {
            double hz = (double)k * RATE / WINDOW;
            if (hz >= bands[b][0] && hz < bands[b][1]) sum += bins[k][0] * bins[k][0] + bins[k][1] * bins[k][1];
        }
        out[b] = sqrt(sqrt(sum));
    }
}

/* rise [frames, BANDS]: how much louder a band is behind a frame's beginning than before it, 0 at least. */
static void find_rises(float *rise, fft *f, const float *mono, size_t samples, size_t frames)
{
    double before[BANDS], after[BANDS];
    for (size_t t = 0; t < frames; t++) {
        ptrdiff_t begin = (ptrdiff_t)(t * HOP);
        energies(before, f, mono, samples, begin - LEAD_IN - WINDOW);
        energies(after, f, mono, samples, begin - LEAD_IN);
        for (int b = 0; b < BANDS; b++) rise[t * BANDS + (size_t)b] = (float)fmax(0, after[b] - before[b]);
    }
}

/* The same of an arrangement. */
static void predict(float *rise, const unsigned char *roll, size_t frames)
{
    memset(rise, 0, frames * BANDS * sizeof *rise);
    for (size_t t = 0; t < frames; t++)
        for (int p = 0; p < PARTS; p++) {
            int from = parts[p].from, count = parts[p].to - from;
            if (!memchr(roll + t * ROLL_WIDTH + from, 1, (size_t)count)) continue;
            for (int b = 0; b < BANDS; b++) rise[t * BANDS + (size_t)b] += parts[p].weight[b];
        }
}

/* Every band to mean 0 and length 1; one that never moves to zeros. */
static void normalise(float *rise, size_t frames)
{
    for (size_t b = 0; b < BANDS; b++) {
        double sum = 0, length = 0;
        for (size_t t = 0; t < frames; t++) sum += (double)rise[t * BANDS + b];
        float mean = (float)(sum / (double)frames);
        for (size_t t = 0; t < frames; t++) {
            float *v = &rise[t * BANDS + b];
            *v -= mean;
            length += (double)*v * (double)*v;
        }
        float scale = length > 1e-12 ? (float)(1 / sqrt(length)) : 0.0f;
        for (size_t t = 0; t < frames; t++) rise[t * BANDS + b] *= scale;
    }
}

static double correlation(const float *a, const float *b, size_t frames)
{
    double sum = 0;
    for (size_t i = 0; i < frames * BANDS; i++) sum += (double)a[i] * (double)b[i];
    return sum / BANDS;
}

/* Every genre at every tempo with both drum patterns, with and without percussion; chords make no difference here. */
static void match(heard *out, const float *found, float *wanted, unsigned char *roll, const int32_t *silence,
                  const token_sounds *sounds, size_t frames)
{
    for (int i = 0; i < WORDS_GENRES * 3 * 2 * 2; i++) {
        words w = {.id = {(unsigned char)(i / 12)}, .count = 1};
        words_plan plan = words_read(&w);
        plan.step = 2 + i / 4 % 3;
        plan.percussion = i % 2;
        compose(roll, &plan, (compose_bits){0, i / 2 % 2}, silence, frames, sounds, NULL);
        predict(wanted, roll, frames);
        normalise(wanted, frames);
        double fit = correlation(found, wanted, frames);
        if (out->step && fit <= out->fit) continue;
        *out = (heard){plan.step, compose_family(plan.genre), fit};
    }
}

static int moves(const float *rise, size_t frames)
{
    for (size_t i = 0; i < frames * BANDS; i++)
        if (rise[i] != 0.0f) return 1;
    return 0;
}

drgen_status listen(heard *out, const float *pcm, size_t samples, int channels, drgen_err *err)
{
    size_t frames = samples / HOP;
    token_sounds sounds;
    fft *f = NULL;
    *out = (heard){0, -1, 0};
    if (!frames) return DRGEN_OK;
    compose_sounds(&sounds);
    float *mono = malloc(samples * sizeof *mono), *found = malloc(frames * BANDS * sizeof *found);
    float *wanted = malloc(frames * BANDS * sizeof *wanted);
    unsigned char *roll = malloc(frames * ROLL_WIDTH);
    int32_t *silence = calloc(frames, sizeof *silence);
    int whole = mono && found && wanted && roll && silence;
    drgen_status status = whole ? fft_open(&f, WINDOW, err) : err_fail(err, DRGEN_ERR_NOMEM, "listen: out of memory");
    if (status == DRGEN_OK) {
        for (size_t i = 0; i < samples; i++) {
            mono[i] = 0;
            for (int c = 0; c < channels; c++) mono[i] += pcm[i * (size_t)channels + (size_t)c];
        }
        find_rises(found, f, mono, samples, frames);
        normalise(found, frames);
        if (moves(found, frames)) match(out, found, wanted, roll, silence, &sounds, frames);
    }
    fft_close(f);
    free(mono), free(found), free(wanted), free(roll), free(silence);
    return status;
}
