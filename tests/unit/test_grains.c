/* The autoencoder made of formulas: its tensors and its sound against the reference's (tests/golden/nano), its constants,
 * what it costs, the way there and back. */
#include <stdlib.h>
#include <time.h>

#include "model/grains.h"
#include "model/grains_wave.h"
#include "model/vae.h"
#include "tests/t.h"

enum { SONGS = 6, FRAMES = 320, LATENTS = GRAINS_CHANNELS, HOP = GRAINS_HOP };

/* Of this process's own work: other programs do not count. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static st_file *golden(void)
{
    st_file *g = NULL;
    drgen_err err = {0};
    CHECKF(st_open(&g, "tests/golden/nano/grains.safetensors", &err) == DRGEN_OK, "%s", err.message);
    return g;
}

static const st_tensor *tensor(const st_file *f, const char *name)
{
    const st_tensor *t = st_find(f, name);
    CHECKF(t != NULL, "no tensor %s", name);
    return t;
}

static double value(const st_file *f, const char *name, size_t i)
{
    return (double)weights_value(tensor(f, name), i);
}

/* Latents of frames [from, from + count) of a song of the golden file. */
static float *latents(const st_file *golden, size_t song, size_t from, size_t count)
{
    const uint8_t *bits = tensor(golden, "rolls")->data;
    float *z = malloc(count * LATENTS * sizeof *z);
    for (size_t i = 0; i < count * LATENTS; i++) {
        size_t at = (song * FRAMES + from) * LATENTS + i;
        z[i] = (float)(GRAINS_SCALE * ((bits[at / 8] >> at % 8 & 1) - GRAINS_OFFSET));
    }
    return z;
}

typedef struct {
    st_file *f;
    vae *v;
    pool *p;
    double making; /* seconds */
} model;

static void open_model(model *m, int encoder, int threads)
{
    drgen_err err = {0};
    vae_cfg c = grains_config();
    c.has_encoder = encoder;
    *m = (model){.making = -seconds()};
    CHECKF(grains_make(&m->f, &c, "grains", &err) == DRGEN_OK, "%s", err.message);
    m->making += seconds();
    CHECKF(vae_load(&m->v, &c, m->f, &err) == DRGEN_OK && pool_open(&m->p, threads, &err) == DRGEN_OK, "%s", err.message);
}

static void close_model(model *m)
{
    vae_free(m->v);
    st_close(m->f);
    pool_close(m->p);
}

typedef struct {
    float *at;
} collector;

static int collect(void *user, const float *pcm, size_t samples, size_t done, size_t total)
{
    collector *c = user;
    (void)done, (void)total;
    memcpy(c->at, pcm, 2 * samples * sizeof *pcm);
    c->at += 2 * samples;
    return 0;
}

/* tile: -1 the whole at once, else as vae_decode_tiled. */
static float *decode(const model *m, const float *z, size_t frames, int tile)
{
    float *pcm = malloc(2 * frames * HOP * sizeof *pcm);
    collector c = {pcm};
    arena work = arena_measure();
    nn n = {kern_best(), m->p, &work};
    for (int dry = 1; dry >= 0; dry--) {
        if (tile < 0) vae_decode(m->v, &n, z, frames, pcm, NULL, NULL);
        else vae_decode_tiled(m->v, &n, z, frames, (size_t)tile, collect, &c);
        if (dry) CHECK(arena_init(&work, work.peak, "grains", NULL) == DRGEN_OK);
    }
    arena_free(&work);
    return pcm;
}

static float *encode(const model *m, const float *pcm, size_t frames, size_t tile)
{
    float *h = malloc(2 * frames * LATENTS * sizeof *h);
    arena work = arena_measure();
    nn n = {kern_best(), m->p, &work};
    CHECK(vae_frames(vae_config(m->v), frames * HOP) == frames);
    for (int dry = 1; dry >= 0; dry--) {
        if (tile) vae_encode_tiled(m->v, &n, pcm, frames * HOP, tile, h, NULL, NULL);
        else vae_encode(m->v, &n, pcm, frames * HOP, h, NULL, NULL);
        if (dry) CHECK(arena_init(&work, work.peak, "grains", NULL) == DRGEN_OK);
    }
    arena_free(&work);
    return h;
}

static double apart(const float *a, const float *b, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
    }
    return most;
}

/* ---- tensors */

static double grain(const float *w, size_t atom, size_t side, size_t k)
{
    size_t r = k % HOP, tap = k < HOP; /* weights_tools/pack.h */
    return (double)w[((r * 3 + side) * 2 + tap) * (GRAINS_COUNT + 1) + atom];
}

TEST(grains_equal_reference)
{
    model m;
    st_file *g = golden();
    open_model(&m, 0, 1);
    if (!g || !m.f) return;
    const float *w = tensor(m.f, "decoder.layers.1.layers.1.weight")->data;
    size_t probes = tensor(g, "grain_at")->shape[1];
    double worst = 0;
    for (size_t i = 0; i <= GRAINS_COUNT; i++) {
        double sum = 0, energy = 0;
        for (size_t k = 0; k < GRAINS_SAMPLES; k++) {
            double v = grain(w, i, k / GRAINS_SPAN, k % GRAINS_SPAN);
            sum += v;
            energy += v * v;
        }
        for (size_t p = 0; p < probes; p++) {
            size_t k = (size_t)value(g, "grain_at", i * probes + p);
            double d = fabs(grain(w, i, k / GRAINS_SPAN, k % GRAINS_SPAN) - value(g, "grain_values", i * probes + p));
            worst = d > worst ? d : worst;
        }
        double want = value(g, "grain_energy", i);
        CHECKF(fabs(energy - want) <= 1e-5 * want + 1e-9, "grain %zu: energy %.9g, %.9g wanted", i, energy, want);
        CHECKF(fabs(sum - value(g, "grain_sum", i)) <= 1e-4 + 1e-5 * sqrt(want), "grain %zu: sum %.9g, %.9g wanted", i, sum,
               value(g, "grain_sum", i));
    }
    CHECKF(worst <= 1e-6, "a grain is off by %.3g", worst);
    for (size_t k = 0; k < GRAINS_SPAN; k++) CHECK(grain(w, k % GRAINS_COUNT, 2, k) == 0);
    close_model(&m);
    st_close(g);
}

TEST(grains_small_tensors_equal_reference)
{
    static const char *const same[] = {"decoder.layers.0.bias", "decoder.layers.1.layers.0.alpha",
                                       "decoder.layers.1.layers.0.beta", "decoder.layers.1.layers.1.bias",
                                       "decoder.layers.2.alpha", "decoder.layers.2.beta"};
    model m;
    st_file *g = golden();
    open_model(&m, 0, 1);
    if (!g || !m.f) return;
    for (size_t i = 0; i < COUNT(same); i++)
        for (size_t k = 0; k < tensor(m.f, same[i])->count; k++)
            CHECKF(fabs(value(m.f, same[i], k) - value(g, same[i], k)) <= 1e-6, "%s[%zu]", same[i], k);
    for (size_t o = 0; o < 2; o++) /* the reference's convolutions are [out, in, taps] */
        for (size_t c = 0; c < 3; c++)
            for (size_t k = 0; k < 7; k++)
                CHECK(value(m.f, "decoder.layers.3.weight", (o * 7 + k) * 3 + c) ==
                      value(g, "decoder.layers.3.weight", (o * 3 + c) * 7 + k));
    size_t others = 0, taps = tensor(g, "taps")->shape[0];
    const float *w = tensor(m.f, "decoder.layers.0.weight")->data;
    for (size_t i = 0; i < tensor(m.f, "decoder.layers.0.weight")->count; i++) others += w[i] != 0;
    CHECK(others == taps && taps == GRAINS_COUNT);
    for (size_t i = 0; i < taps; i++) {
        size_t o = (size_t)value(g, "taps", 3 * i), c = (size_t)value(g, "taps", 3 * i + 1);
        size_t k = (size_t)value(g, "taps", 3 * i + 2);
        CHECK(fabs((double)w[(o * 7 + k) * LATENTS + c] - value(g, "tap_values", i)) <= 1e-7);
    }
    close_model(&m);
    st_close(g);
}

/* ---- sound */

TEST(grains_sound_equals_reference)
{
    model m;
    st_file *g = golden();
    open_model(&m, 0, 2);
    if (!g || !m.v) return;
    const size_t count = 20, step = 5;
    float *z = latents(g, 0, (size_t)value(g, "sound_from", 0), count), *pcm = decode(&m, z, count, -1);
    double worst = 0, peak = 0;
    for (size_t i = 0; i < tensor(g, "sound")->count; i++) {
        double want = value(g, "sound", i), have = (double)pcm[i / 2 * step * 2 + i % 2];
        worst = fabs(have - want) > worst ? fabs(have - want) : worst;
        peak = fabs(want) > peak ? fabs(want) : peak;
    }
    CHECKF(worst <= 2e-5 && peak > 0.3, "off by %.3g of %.3g", worst, peak);
    free(z);
    free(pcm);
    close_model(&m);
    st_close(g);
}

TEST(grains_tiles_and_threads_change_nothing)
{
    model one, two;
    st_file *g = golden();
    open_model(&one, 1, 1);
    open_model(&two, 1, 2);
    if (!g || !one.v || !two.v) return;
    const size_t count = T_SANITIZED ? 30 : 75, samples = 2 * count * HOP;
    float *z = latents(g, 1, 40, count), *whole = decode(&one, z, count, -1), *tiled = decode(&one, z, count, 0);
    float *small = decode(&two, z, count, 7), *other = decode(&two, z, count, 0);
    CHECKF(apart(whole, tiled, samples) <= 2e-6, "tiles: %.3g", apart(whole, tiled, samples));
    CHECKF(apart(whole, small, samples) <= 2e-6, "small tiles: %.3g", apart(whole, small, samples));
    CHECK(memcmp(tiled, other, samples * sizeof *tiled) == 0);
    float *h = encode(&one, whole, count, 0), *parts = encode(&one, whole, count, 9);
    float *threads = encode(&two, whole, count, 9);
    CHECKF(apart(h, parts, 2 * count * LATENTS) <= 1e-3, "encoder: %.3g", apart(h, parts, 2 * count * LATENTS));
    CHECK(memcmp(parts, threads, 2 * count * LATENTS * sizeof *parts) == 0);
    CHECK(st_bytes(one.f) == st_bytes(two.f) && memcmp(st_data(one.f), st_data(two.f), st_bytes(one.f)) == 0);
    CHECK(vae_halo(vae_config(one.v)) == 4); /* three taps and the overlap of grains */
    free(z), free(whole), free(tiled), free(small), free(other), free(h), free(parts), free(threads);
    close_model(&one);
    close_model(&two);
    st_close(g);
}

/* A held tone whose latents are off by delta against the right ones: how much of the error is left in the sound. */
static double left_over(const model *m, double delta)
{
    enum { COUNT_ = 6, CHANNEL = 35 };
    float z[2][COUNT_ * LATENTS];
    float *pcm[2];
    double error = 0, tone = 0;
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < COUNT_ * LATENTS; i++) {
            double roll = i % LATENTS == CHANNEL ? 1 + (s ? delta : 0) : 0;
            z[s][i] = (float)(GRAINS_SCALE * (roll - GRAINS_OFFSET));
        }
        pcm[s] = decode(m, z[s], COUNT_, -1);
    }
    for (size_t i = 2 * 2 * HOP; i < 2 * 4 * HOP; i++) {
        error += pow((double)pcm[1][i] - (double)pcm[0][i], 2);
        tone += pow((double)pcm[0][i], 2);
    }
    free(pcm[0]);
    free(pcm[1]);
    return sqrt(error / tone);
}

TEST(grains_staircase_rounds)
{
    static const struct {
        double delta, left;
    } cases[] = {{0.15, 0.0212}, {-0.15, 0.0212}, {0.3, 0.1486}, {0.01, 6.6e-6}, {1, 1}};
    model m;
    open_model(&m, 0, 1);
    if (!m.v) return;
    for (size_t i = 0; i < COUNT(cases); i++) {
        double left = left_over(&m, cases[i].delta);
        CHECKF(fabs(left - cases[i].left) <= 0.1 * cases[i].left + 2e-5, "%g leaves %.5g, %g wanted", cases[i].delta, left,
               cases[i].left);
    }
    close_model(&m);
}

TEST(grains_limit_and_silence)
{
    model m;
    open_model(&m, 0, 1);
    if (!m.v) return;
    enum { COUNT_ = 12 };
    float z[COUNT_ * LATENTS];
    for (size_t i = 0; i < COUNT(z); i++) z[i] = (float)(-GRAINS_SCALE * GRAINS_OFFSET);
    float *pcm = decode(&m, z, COUNT_, -1);
    double most = 0;
    for (size_t i = 2 * 5 * HOP; i < 2 * 11 * HOP; i++) most = fabs((double)pcm[i]) > most ? fabs((double)pcm[i]) : most;
    CHECKF(most <= 2e-6, "silence sounds: %.3g", most); /* before the first frame, latents of 0 are rolls of 0.07 */
    free(pcm);
    /* The curve itself, sample by sample: two pads at once against the sum of each alone, undone by the same curve. */
    const double pi = 3.14159265358979323846;
    const float *w = tensor(m.f, "decoder.layers.1.layers.1.weight")->data;
    grains_atom atoms[GRAINS_COUNT];
    grains_list(atoms);
    for (size_t c = 45; c < 53; c++) /* eight voices: loud */
        z[6 * LATENTS + c] = (float)(GRAINS_SCALE * (1 - GRAINS_OFFSET));
    pcm = decode(&m, z, COUNT_, -1);
    double worst = 0, loudest = 0;
    for (size_t k = 0; k < GRAINS_SPAN; k++) {
        double x = 0;
        for (size_t i = 0; i < GRAINS_COUNT; i++)
            if (atoms[i].channel >= 45 && atoms[i].channel < 53) x += grain(w, i, 0, k);
        double want = 0.5 * (x + sin(pi * x) / pi), have = (double)pcm[2 * (6 * HOP - 1024 + k)];
        worst = fabs(have - want) > worst ? fabs(have - want) : worst;
        loudest = fabs(x) > loudest ? fabs(x) : loudest;
    }
    CHECKF(worst <= 1e-5 && loudest > 0.9, "limiter: off by %.3g at sums up to %.3g", worst, loudest);
    free(pcm);
    close_model(&m);
}

/* ---- there and back */

TEST(grains_encoder_answers_decoder)
{
    model m;
    st_file *g = golden();
    open_model(&m, 1, 1);
    if (!g || !m.v) return;
    const size_t from = 120, count = 160, songs = T_SANITIZED ? 2 : SONGS; /* verse and chorus */
    size_t on = 0, wrong = 0;
    for (size_t s = 0; s < songs; s++) {
        float *z = latents(g, s, from, count), *pcm = decode(&m, z, count, 0), *h = encode(&m, pcm, count, 0);
        double signal = 0, noise = 0, far = 0;
        size_t bad = 0;
        for (size_t t = 0; t < count; t++)
            for (size_t c = 0; c < LATENTS; c++) {
                float *is = z + t * LATENTS + c, got = h[2 * t * LATENTS + c];
                int want = *is > 1;
                on += (size_t)want;
                double off = fabs((double)got - (double)*is);
                bad += off > GRAINS_SCALE / 2; /* the decoder rounds it to another */
                far = off > far ? off : far;
                *is = got;
                CHECK(h[(2 * t + 1) * LATENTS + c] == -20);
            }
        float *back = decode(&m, z, count, 0);
        for (size_t i = 0; i < 2 * count * HOP; i++) {
            signal += pow((double)pcm[i], 2);
            noise += pow((double)pcm[i] - (double)back[i], 2);
        }
        double snr = 10 * log10(signal / noise);
        if (getenv("VERBOSE")) printf("song %zu: %zu wrong, furthest %.3f, %.1f dB\n", s, bad, far, snr);
        CHECKF(snr >= 25, "song %zu: comes back %.1f dB above the difference", s, snr);
        wrong += bad;
        free(z), free(pcm), free(h), free(back);
    }
    CHECKF(1000 * wrong < (T_SANITIZED ? 3 : 1) * on && on > 200 * songs, "%zu of %zu sounds wrong", wrong, on);
    close_model(&m);
    st_close(g);
}

TEST(grains_are_quick)
{
    model m;
    open_model(&m, 0, 2);
    st_file *g = golden();
    if (!g || !m.v) return;
    double encoder = -seconds(), decoding = -seconds();
    float *z = latents(g, 2, 0, FRAMES), *pcm = decode(&m, z, FRAMES, 0);
    decoding += seconds();
    model whole;
    open_model(&whole, 1, 1);
    encoder = whole.making;
    if (getenv("VERBOSE"))
        printf("decoder made in %.3f s, with encoder %.3f s, %d frames decoded in %.3f s\n", m.making, encoder, FRAMES,
               decoding);
    const double slower = T_SANITIZED ? 10 : 1;
    CHECKF(m.making < slower && encoder < 5 * slower && decoding < 5 * slower, "%.2f s, %.2f s, %.2f s", m.making, encoder, decoding);
    free(z), free(pcm);
    close_model(&m);
    close_model(&whole);
    st_close(g);
}

TEST(grains_other_sizes_refused)
{
    vae_cfg c = grains_config();
    drgen_err err = {0};
    st_file *f = NULL;
    c.widths[1] = 162;
    CHECK(grains_make(&f, &c, "m", &err) == DRGEN_ERR_MODEL && !f);
    CHECKF(strstr(err.message, "m: vae: ") && strstr(err.message, "163"), "%s", err.message);
}
