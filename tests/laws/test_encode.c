/* Laws of the encoder that need no golden data: tiles equal the whole, threads change nothing, a sample reaches no
 * further than it should, and the original's windows are exact where they are wide enough. */
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "model/vae.h"
#include "tests/t.h"
#include "weights_tools/pack.h"

typedef struct {
    source *s;
    st_file *f;
    vae *v;
    char path[64];
} model;

static void open_model(model *m)
{
    drgen_err err = {0};
    vae_cfg cfg = {0};
    pack_how how = {.dtype = PACK_F16};
    *m = (model){0};
    snprintf(m->path, sizeof m->path, "/tmp/drgen-encode-%d", (int)getpid());
    CHECKF(source_open_manifest(&m->s, "tests/golden/vae_tiny/manifest.json", &err) == DRGEN_OK &&
               pack_vae(m->s, m->path, &how, &cfg, NULL, &err) == DRGEN_OK &&
               st_open(&m->f, m->path, &err) == DRGEN_OK && vae_load(&m->v, &cfg, m->f, &err) == DRGEN_OK &&
               cfg.has_encoder,
           "%s", err.message);
}

static void close_model(model *m)
{
    vae_free(m->v);
    st_close(m->f);
    source_close(m->s);
    unlink(m->path);
}

/* frames: of a tile, 0 the whole, or of a window when overlap > 0. */
static float *encode(const vae *v, const float *pcm, size_t samples, size_t frames, size_t overlap, int threads)
{
    size_t count = vae_frames(vae_config(v), samples) * 2 * (size_t)vae_config(v)->latent_dim;
    float *h = malloc((count + 1) * sizeof *h);
    pool *p;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern_best(), p, &work};
    for (size_t i = 0; i < count; i++) h[i] = NAN; /* what is not written shows */
    for (int dry = 1; dry >= 0; dry--) {
        if (overlap) vae_encode_chunked(v, &n, pcm, samples, (vae_chunks){frames, overlap}, h, NULL, NULL);
        else if (frames) vae_encode_tiled(v, &n, pcm, samples, frames, h, NULL, NULL);
        else vae_encode(v, &n, pcm, samples, h, NULL, NULL);
        if (dry) CHECK(arena_init(&work, work.peak, "law", NULL) == DRGEN_OK);
    }
    arena_free(&work);
    pool_close(p);
    return h;
}

static float *noise(size_t samples)
{
    uint64_t rng = t_seed;
    float *x = malloc(2 * (samples + 1) * sizeof *x);
    for (size_t i = 0; i < 2 * samples; i++) x[i] = rng_uniform(&rng);
    return x;
}

TEST(encoder_tiles_equal_the_whole)
{
    model m;
    open_model(&m);
    static const size_t sizes[] = {32, 33, 63, 64, 653, 1311, 1600};
    for (size_t k = 0; m.v && k < COUNT(sizes); k++) {
        size_t samples = sizes[k], frames = vae_frames(vae_config(m.v), samples), count = frames * 12;
        CHECKF(frames == samples / 32, "%zu samples make %zu frames", samples, frames);
        float *pcm = noise(samples), *whole = encode(m.v, pcm, samples, 0, 0, 1),
              *two = encode(m.v, pcm, samples, 0, 0, 2);
        CHECKF(memcmp(whole, two, count * sizeof *two) == 0, "two threads change %zu samples", samples);
        for (size_t tile = 1; tile < 60; tile += tile < 3 ? 1 : 9) {
            float *tiled = encode(m.v, pcm, samples, tile, 0, 2);
            for (size_t i = 0; i < count; i++)
                CHECKF(fabsf(tiled[i] - whole[i]) < 3e-6f, "%zu samples in tiles of %zu, value %zu: %g, want %g",
                       samples, tile, i, (double)tiled[i], (double)whole[i]);
            free(tiled);
        }
        free(pcm), free(whole), free(two);
    }
    for (size_t samples = 0; m.v && samples < 32; samples += 31) CHECK(vae_frames(vae_config(m.v), samples) == 0);
    close_model(&m);
}

TEST(encoder_reach_is_bounded)
{
    model m;
    open_model(&m);
    enum { FRAMES = 60, MID = 30, REACH = 17 }; /* taps of every layer, for strides 2, 4, 4: 16.2 frames */
    float *a = noise(FRAMES * 32), *b = noise(FRAMES * 32);
    for (int i = 0; i < 64; i++) b[MID * 64 + i] += 0.5f;
    float *x = encode(m.v, a, FRAMES * 32, 0, 0, 1), *y = encode(m.v, b, FRAMES * 32, 0, 0, 1);
    CHECK(memcmp(x + MID * 12, y + MID * 12, 12 * sizeof *x) != 0);
    for (size_t f = 0; f < FRAMES; f++)
        if (f + REACH < MID || f > MID + REACH)
            CHECKF(memcmp(x + f * 12, y + f * 12, 12 * sizeof *x) == 0, "frame %zu changes", f);
    free(a), free(b), free(x), free(y);
    close_model(&m);
}

TEST(windows_of_whole_frames_are_exact_when_wide)
{
    model m;
    open_model(&m);
    for (size_t frames = 5; frames <= 150; frames += 23) { /* hop 24: most end in a short step */
        float *pcm = noise(frames * 32), *whole = encode(m.v, pcm, frames * 32, 0, 0, 1);
        float *windows = encode(m.v, pcm, frames * 32, 60, 36, 2);
        for (size_t i = 0; i < frames * 12; i++)
            CHECKF(fabsf(windows[i] - whole[i]) < 3e-6f, "%zu frames, frame %zu: %g, want %g", frames, i / 12,
                   (double)windows[i], (double)whole[i]);
        free(pcm), free(whole), free(windows);
    }
    close_model(&m);
}

static int stop_at_second(void *user, size_t done, size_t total)
{
    (void)total;
    return done > *(size_t *)user;
}

TEST(encoding_stops_when_asked)
{
    model m;
    open_model(&m);
    float *pcm = noise(640), h[20 * 12];
    size_t limit = 5;
    arena work = arena_measure();
    nn n = {kern_best(), NULL, &work};
    CHECK(vae_encode_tiled(m.v, &n, pcm, 640, 4, h, stop_at_second, &limit) == 1); /* measuring asks nobody */
    CHECK(arena_init(&work, work.peak, "law", NULL) == DRGEN_OK);
    CHECK(vae_encode_tiled(m.v, &n, pcm, 640, 4, h, stop_at_second, &limit) == 0);
    limit = 100;
    CHECK(vae_encode_tiled(m.v, &n, pcm, 640, 4, h, stop_at_second, &limit) == 1);
    arena_free(&work);
    free(pcm);
    close_model(&m);
}
