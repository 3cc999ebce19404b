/* Styles through the public interface, with a made-up model: which part of a recording counts, what is refused,
 * how parts blend. */
#include <sndfile.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "drgen.h"
#include "tests/t.h"
#include "weights_tools/synth.h"

enum { WIDTH_MAX = 1024 };

/* A small model with both towers in a folder of its own, gone again when it is open. */
static drgen *open_small(void)
{
    char base[] = "/tmp/drgen-styles-XXXXXX", dir[64], rm[96];
    drgen_err err = {0};
    drgen_config config = drgen_config_default();
    synth_model small = synth_model_tiny();
    drgen *g = NULL;
    if (mkdtemp(base)) {
        snprintf(dir, sizeof dir, "%s/model", base);
        small.tokenizer = "tests/golden/spm/spm.model";
        config.model_dir = dir;
        if (synth_write(dir, &small, &err) == DRGEN_OK && (g = drgen_open(&config, &err))) {
            float style[WIDTH_MAX]; /* the towers are opened when first needed */
            drgen_style part = {.prompt = "folk", .weight = 1};
            CHECKF(drgen_style_vector(g, &part, 1, style, &err) == DRGEN_OK, "%s", err.message);
            part = (drgen_style){.audio = "/nonexistent/x.wav", .weight = 1};
            drgen_style_vector(g, &part, 1, style, NULL);
        }
        snprintf(rm, sizeof rm, "rm -rf '%s'", base);
        CHECK(system(rm) == 0);
    }
    CHECKF(g != NULL, "%s", err.message);
    return g;
}

typedef struct {
    double seconds;
    int rate, channels;
    double from, to; /* seconds that sound different: all 0 for none */
    int broken;      /* 1: a sample that is no number, in the middle */
} sound;

/* A float WAV of noise and tones at a temporary path. */
static void write_sound(const char *path, const sound *s)
{
    SF_INFO info = {.samplerate = s->rate, .channels = s->channels, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    size_t frames = (size_t)(s->seconds * s->rate);
    float *x = malloc(frames * (size_t)s->channels * sizeof *x);
    CHECK(f != NULL);
    for (size_t i = 0; i < frames; i++) {
        double t = (double)i / s->rate, v = 0.3 * sin(2764.6 * t + 3 * sin(5 * t)) + 0.2 * sin(6911.5 * t) * (0.5 + 0.5 * sin(9 * t));
        if (t >= s->from && t < s->to) v = 0.4 * sin(1000 * t * t);
        for (size_t c = 0; c < (size_t)s->channels; c++) x[i * (size_t)s->channels + c] = (float)v;
    }
    if (s->broken) x[frames / 2 * (size_t)s->channels] = NAN;
    CHECK(sf_writef_float(f, x, (sf_count_t)frames) == (sf_count_t)frames);
    sf_close(f);
    free(x);
}

static drgen_status hear(drgen *g, const sound *s, float *style, drgen_err *err)
{
    char path[] = "/tmp/drgen-style-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    write_sound(path, s);
    drgen_style part = {.audio = path, .weight = 1};
    drgen_status status = drgen_style_vector(g, &part, 1, style, err);
    CHECK(status == DRGEN_OK || strstr(err->message, path));
    unlink(path);
    return status;
}

static double cosine(const float *a, const float *b, size_t n)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(aa * bb);
}

TEST(styles_come_from_the_middle_of_a_recording)
{
    drgen *g = open_small();
    CHECK(g != NULL);
    size_t width = (size_t)drgen_get_info(g).style_width;
    float base[WIDTH_MAX], other[WIDTH_MAX];
    drgen_err err = {0};
    CHECK(width <= WIDTH_MAX && drgen_get_info(g).has_audio_tower);
    sound s = {.seconds = 16.5, .rate = 44100, .channels = 2}; /* seconds 3 to 13 count */
    CHECKF(hear(g, &s, base, &err) == DRGEN_OK, "%s", err.message);
    CHECKF(fabs(cosine(base, base, width) - 1) < 1e-9, "not a direction");
    s.from = 0, s.to = 2.99;
    CHECK(hear(g, &s, other, &err) == DRGEN_OK && memcmp(base, other, width * sizeof *base) == 0);
    s.from = 13.01, s.to = 16.5;
    CHECK(hear(g, &s, other, &err) == DRGEN_OK && memcmp(base, other, width * sizeof *base) == 0);
    s.from = 3.01, s.to = 3.5;
    CHECK(hear(g, &s, other, &err) == DRGEN_OK && memcmp(base, other, width * sizeof *base) != 0);
    s.from = 12.5, s.to = 12.99;
    CHECK(hear(g, &s, other, &err) == DRGEN_OK && memcmp(base, other, width * sizeof *base) != 0);
    s.from = s.to = 0;
    static const sound forms[] = {{16.5, 48000, 1, 0, 0, 0}, {16.5, 24000, 2, 0, 0, 0}, {16.5, 96000, 3, 0, 0, 0}};
    for (size_t i = 0; i < COUNT(forms); i++) {
        CHECKF(hear(g, &forms[i], other, &err) == DRGEN_OK, "%s", err.message);
        CHECKF(cosine(base, other, width) > 0.999, "the same sound at %d Hz: cosine %.6f", forms[i].rate, cosine(base, other, width));
    }
    drgen_close(g);
}

TEST(styles_refuse_what_is_no_recording)
{
    drgen *g = open_small();
    float style[WIDTH_MAX];
    drgen_err err = {0};
    sound s = {.seconds = 9.99, .rate = 24000, .channels = 1};
    CHECK(hear(g, &s, style, &err) == DRGEN_ERR_ARG && strstr(err.message, "9.9 s") && strstr(err.message, "at least 10 s"));
    s.seconds = 10;
    CHECKF(hear(g, &s, style, &err) == DRGEN_OK, "exactly ten seconds: %s", err.message);
    s.broken = 1;
    CHECK(hear(g, &s, style, &err) == DRGEN_ERR_FORMAT && strstr(err.message, "frame 120000"));
    drgen_style part = {.audio = "/nonexistent/x.wav", .weight = 1};
    CHECK(drgen_style_vector(g, &part, 1, style, &err) == DRGEN_ERR_IO && strstr(err.message, "/nonexistent/x.wav"));
    CHECK(drgen_style_vector(g, &part, 0, style, &err) == DRGEN_ERR_ARG);
    drgen_close(g);
}

TEST(styles_blend_by_weight)
{
    drgen *g = open_small();
    size_t width = (size_t)drgen_get_info(g).style_width;
    float a[WIDTH_MAX], b[WIDTH_MAX], mix[WIDTH_MAX];
    drgen_err err = {0};
    drgen_style parts[2] = {{.prompt = "folk, warm guitar", .weight = 1}, {.prompt = "loud metal drums", .weight = 1}};
    CHECKF(drgen_style_vector(g, &parts[0], 1, a, &err) == DRGEN_OK && drgen_style_vector(g, &parts[1], 1, b, &err) == DRGEN_OK,
           "%s", err.message);
    static const float weights[][2] = {{1, 1}, {0.7f, 0.3f}, {3, 1}, {1, -0.5f}};
    for (size_t w = 0; w < COUNT(weights); w++) {
        float want[WIDTH_MAX];
        parts[0].weight = weights[w][0];
        parts[1].weight = weights[w][1];
        CHECKF(drgen_style_vector(g, parts, 2, mix, &err) == DRGEN_OK, "%s", err.message);
        for (size_t i = 0; i < width; i++) want[i] = weights[w][0] * a[i] + weights[w][1] * b[i];
        double length = 0;
        for (size_t i = 0; i < width; i++) length += (double)mix[i] * (double)mix[i];
        CHECKF(fabs(length - 1) < 1e-5 && cosine(mix, want, width) > 0.999999, "weights %zu: length %g, cosine %.8f", w, length,
               cosine(mix, want, width));
    }
    parts[1] = parts[0];
    parts[0].weight = 1, parts[1].weight = -1;
    CHECK(drgen_style_vector(g, parts, 2, mix, &err) == DRGEN_ERR_ARG && strstr(err.message, "cancel"));
    drgen_close(g);
}
