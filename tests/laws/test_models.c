/* Laws of the models that need no golden data: the sampler's closed forms, tiles equal the whole, threads change
 * nothing, both branches at once equal one at a time. */
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "model/cfm.h"
#include "model/dit.h"
#include "model/vae.h"
#include "tests/t.h"
#include "weights_tools/pack.h"

/* ---- sampler */

static drgen_status constant(void *user, const float *y, float t, float *v, float *n)
{
    (void)y, (void)t;
    for (int i = 0; i < 4; i++) v[i] = (float)i - 1.0f;
    if (n)
        for (int i = 0; i < 4; i++) n[i] = *(const float *)user;
    return DRGEN_OK;
}

static drgen_status linear(void *user, const float *y, float t, float *v, float *n)
{
    (void)user, (void)t, (void)n;
    for (int i = 0; i < 4; i++) v[i] = -y[i];
    return DRGEN_OK;
}

TEST(sampler_follows_closed_forms)
{
    for (int steps = 2; steps < 50; steps += 7) {
        float y[4] = {1, 2, 3, 4}, v[4], n[4], away = 0.25f;
        cfm_run run = {.steps = steps, .guidance = 2.0f, .velocity = constant, .user = &away};
        CHECK(cfm_sample(&run, y, 4, v, n, NULL) == DRGEN_OK);
        for (int i = 0; i < 4; i++) { /* v + 2 (v - n), for one unit of time */
            float u = (float)i - 1.0f, want = (float)(i + 1) + u + 2.0f * (u - away);
            CHECKF(fabsf(y[i] - want) < 1e-5f, "steps %d: %g, want %g", steps, (double)y[i], (double)want);
        }
        float z[4] = {1, 2, 3, 4};
        run = (cfm_run){.steps = steps, .velocity = linear};
        CHECK(cfm_sample(&run, z, 4, v, NULL, NULL) == DRGEN_OK);
        double factor = pow(1.0 - 1.0 / (steps - 1), steps - 1); /* Euler on y' = -y */
        for (int i = 0; i < 4; i++) CHECK(fabs((double)z[i] - (i + 1) * factor) < 1e-5);
    }
}

TEST(time_grid_ends_exactly)
{
    for (int steps = 2; steps <= 1000; steps += 37) {
        CHECK(cfm_time(0, steps, 0) == 0.0f && cfm_time(steps - 1, steps, 0) == 1.0f);
        CHECK(fabsf(cfm_time(steps - 1, steps, -1.0f) - 1.0f) < 1e-6f);
        for (int i = 1; i < steps; i++) CHECK(cfm_time(i, steps, 0) > cfm_time(i - 1, steps, 0));
    }
}

static drgen_status broken(void *user, const float *y, float t, float *v, float *n)
{
    (void)user, (void)y, (void)n;
    v[0] = t > 0.4f ? NAN : 0.0f;
    return DRGEN_OK;
}

TEST(sampler_names_the_step_that_broke)
{
    float y[1] = {0}, v[1];
    drgen_err err = {0};
    cfm_run run = {.steps = 11, .velocity = broken};
    CHECK(cfm_sample(&run, y, 1, v, NULL, &err) == DRGEN_ERR_MODEL && strstr(err.message, "step 6 of 10"));
}

/* ---- decoder */

typedef struct {
    source *s;
    st_file *f;
    char path[64];
} packed;

static void unpack(packed *p)
{
    st_close(p->f);
    source_close(p->s);
    unlink(p->path);
}

static vae *load_vae(packed *p)
{
    drgen_err err = {0};
    vae_cfg cfg = {0};
    vae *v = NULL;
    pack_how how = {.dtype = PACK_F16};
    snprintf(p->path, sizeof p->path, "/tmp/drgen-law-%d", (int)getpid());
    p->f = NULL;
    CHECK(source_open_manifest(&p->s, "tests/golden/vae_tiny/manifest.json", &err) == DRGEN_OK &&
          pack_vae(p->s, p->path, &how, &cfg, NULL, &err) == DRGEN_OK && st_open(&p->f, p->path, &err) == DRGEN_OK &&
          vae_load(&v, &cfg, p->f, &err) == DRGEN_OK);
    return v;
}

typedef struct {
    float *out;
    size_t at;
    int stop;
} sink_state;

static int sink(void *user, const float *pcm, size_t samples, size_t done, size_t total)
{
    sink_state *s = user;
    CHECK(done <= total);
    memcpy(s->out + 2 * s->at, pcm, 2 * samples * sizeof *pcm);
    s->at += samples;
    return s->stop;
}

/* Decodes on so many threads in tiles (0: whole) and returns the samples. */
static float *decode(const vae *v, const float *z, size_t frames, size_t tile, int threads)
{
    size_t samples = frames * (size_t)vae_config(v)->ratio;
    float *pcm = malloc(2 * samples * sizeof *pcm);
    pool *p;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern_best(), p, &work};
    sink_state s = {pcm, 0, 0};
    for (int dry = 1; dry >= 0; dry--) {
        if (tile) CHECK(vae_decode_tiled(v, &n, z, frames, tile, sink, &s) == 1);
        else vae_decode(v, &n, z, frames, pcm, NULL, NULL);
        if (dry) CHECK(arena_init(&work, work.peak, "law", NULL) == DRGEN_OK);
    }
    if (tile) CHECK(s.at == samples);
    arena_free(&work);
    pool_close(p);
    return pcm;
}

TEST(decoder_tiles_equal_the_whole)
{
    packed p;
    vae *v = load_vae(&p);
    uint64_t rng = t_seed;
    float z[45 * 6];
    for (size_t i = 0; i < COUNT(z); i++) z[i] = 2.0f * rng_uniform(&rng);
    for (size_t frames = 1; v && frames <= 45; frames += 11) {
        float *whole = decode(v, z, frames, 0, 1);
        size_t count = 2 * frames * (size_t)vae_config(v)->ratio;
        for (size_t tile = 1; tile < 50; tile += tile < 3 ? 1 : 9) {
            float *tiled = decode(v, z, frames, tile, 2);
            for (size_t i = 0; i < count; i++)
                CHECKF(fabsf(tiled[i] - whole[i]) < 3e-6f, "%zu frames in tiles of %zu, sample %zu: %g, want %g", frames, tile, i,
                       (double)tiled[i], (double)whole[i]);
            free(tiled);
        }
        float *two = decode(v, z, frames, 0, 2);
        CHECKF(memcmp(whole, two, count * sizeof *two) == 0, "two threads change %zu frames", frames);
        free(two), free(whole);
    }
    vae_free(v);
    unpack(&p);
}

TEST(decoder_reach_is_what_vae_halo_says)
{
    packed p;
    vae *v = load_vae(&p);
    enum { FRAMES = 41, MID = 20, LATENT = 6 };
    float z[FRAMES * LATENT] = {0}, hit[FRAMES * LATENT] = {0};
    for (int k = 0; k < LATENT; k++) hit[MID * LATENT + k] = 3.0f;
    size_t ratio = (size_t)vae_config(v)->ratio, halo = vae_halo(vae_config(v)), first = 0, last = 0;
    float *a = decode(v, z, FRAMES, 0, 1), *b = decode(v, hit, FRAMES, 0, 1);
    /* Convolutions in tiles of six rows: rows outside the reach may change by rounding. */
    for (size_t i = 0; i < 2 * FRAMES * ratio; i++)
        if (fabsf(a[i] - b[i]) > 1e-6f) {
            if (!last) first = i / (2 * ratio);
            last = i / (2 * ratio) + 1;
        }
    CHECKF(first >= MID - halo && last <= MID + 1 + halo, "frames %zu..%zu change, halo %zu", first, last, halo);
    /* What arrives from the outermost row may be less than rounding. */
    CHECKF(first <= MID - halo + 1 || last >= MID + halo, "halo %zu is wider than the reach %zu..%zu", halo, first, last);
    vae_cfg real = {.levels = 5, .strides = {2, 4, 4, 8, 8}, .ratio = 2048};
    CHECKF(vae_halo(&real) == 10, "%zu", vae_halo(&real));
    free(a), free(b);
    vae_free(v);
    unpack(&p);
}

/* ---- transformer */

typedef struct {
    float *v[2];
} velocities;

static void forward(const dit *d, const dit_input *in, int branches, size_t frames, int threads, const float *x, velocities *out)
{
    pool *p;
    dit_work w;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern_best(), p, &work};
    for (int dry = 1; dry >= 0; dry--) {
        dit_prepare(&w, d, &n, in, branches, frames, 0, NULL, NULL);
        CHECK(dit_forward(&w, &n, x, 0.3f, dry ? NULL : out->v, NULL, NULL) == 1);
        if (dry) CHECK(arena_init(&work, work.peak, "law", NULL) == DRGEN_OK);
    }
    arena_free(&work);
    pool_close(p);
}

TEST(transformer_same_bits_for_threads_and_branches)
{
    enum { FRAMES = 70, MEL = 64, WIDTH = 64 };
    drgen_err err = {0};
    packed p = {0};
    dit *d = NULL;
    dit_cfg cfg = {.heads = 4, .max_frames = 256};
    pack_how how = {.dtype = PACK_F16};
    snprintf(p.path, sizeof p.path, "/tmp/drgen-law-%d", (int)getpid());
    CHECK(source_open_manifest(&p.s, "tests/golden/dit_tiny/manifest.json", &err) == DRGEN_OK &&
          pack_dit(p.s, p.path, &how, &cfg, NULL, &err) == DRGEN_OK && st_open(&p.f, p.path, &err) == DRGEN_OK &&
          dit_load(&d, &cfg, p.f, &err) == DRGEN_OK);
    float *x = malloc(FRAMES * MEL * sizeof *x), style[WIDTH], negative[WIDTH];
    int32_t text[FRAMES];
    uint64_t rng = t_seed;
    for (int i = 0; i < FRAMES * MEL; i++) x[i] = rng_uniform(&rng);
    for (int i = 0; i < WIDTH; i++) style[i] = rng_uniform(&rng), negative[i] = rng_uniform(&rng);
    for (int i = 0; i < FRAMES; i++) text[i] = (int32_t)(rng_split(&rng) % 41);
    dit_input in[2] = {{.text = text, .style = style, .duration = 1}, {.style = negative, .duration = 1, .null = 1}};
    velocities one, two, first, second;
    for (int i = 0; i < 2; i++) {
        one.v[i] = calloc(FRAMES * MEL, sizeof(float)), two.v[i] = calloc(FRAMES * MEL, sizeof(float));
        first.v[i] = calloc(FRAMES * MEL, sizeof(float)), second.v[i] = calloc(FRAMES * MEL, sizeof(float));
    }
    forward(d, in, 2, FRAMES, 1, x, &one);
    forward(d, in, 2, FRAMES, 2, x, &two);
    forward(d, in, 1, FRAMES, 2, x, &first);
    forward(d, in + 1, 1, FRAMES, 1, x, &second);
    for (int i = 0; i < 2; i++) CHECK(memcmp(one.v[i], two.v[i], FRAMES * MEL * sizeof(float)) == 0);
    CHECK(memcmp(one.v[0], first.v[0], FRAMES * MEL * sizeof(float)) == 0);
    CHECK(memcmp(one.v[1], second.v[0], FRAMES * MEL * sizeof(float)) == 0);
    CHECK(memcmp(one.v[0], one.v[1], FRAMES * MEL * sizeof(float)) != 0);
    for (int i = 0; i < 2; i++) free(one.v[i]), free(two.v[i]), free(first.v[i]), free(second.v[i]);
    free(x);
    dit_free(d);
    unpack(&p);
}
