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
        cfm_run run = {.steps = steps, .guidance = 2.0f, .to = 1, .velocity = constant, .user = &away};
        CHECK(cfm_sample(&run, y, 4, &(cfm_scratch){v, n, NULL}, NULL) == DRGEN_OK);
        for (int i = 0; i < 4; i++) { /* v + 2 (v - n), for one unit of time */
            float u = (float)i - 1.0f, want = (float)(i + 1) + u + 2.0f * (u - away);
            CHECKF(fabsf(y[i] - want) < 1e-5f, "steps %d: %g, want %g", steps, (double)y[i], (double)want);
        }
        float z[4] = {1, 2, 3, 4};
        run = (cfm_run){.steps = steps, .velocity = linear};
        CHECK(cfm_sample(&run, z, 4, &(cfm_scratch){.v = v}, NULL) == DRGEN_OK);
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
    CHECK(cfm_sample(&run, y, 1, &(cfm_scratch){.v = v}, &err) == DRGEN_ERR_MODEL && strstr(err.message, "step 6 of 10"));
}

/* A field that bends, different with and without guidance, and what was asked of it. */
typedef struct {
    int both, alone; /* evaluations with the null velocity and without */
    float first, last; /* times */
    int constant;
} field;

static drgen_status bending(void *user, const float *y, float t, float *v, float *n)
{
    field *f = user;
    if (f->both + f->alone == 0) f->first = t;
    f->last = t;
    if (n) f->both++;
    else f->alone++;
    for (int i = 0; i < 4; i++) {
        v[i] = f->constant ? (float)i - 1.5f : cosf(3.0f * t + (float)i) - 0.5f * y[i];
        if (n) n[i] = f->constant ? 0.25f : 0.3f * v[i] + t;
    }
    return DRGEN_OK;
}

static field sample(cfm_run run, int constant, float *y)
{
    field f = {.constant = constant};
    float v[4], n[4], last[4];
    for (int i = 0; i < 4; i++) y[i] = (float)(i + 1);
    run.velocity = bending;
    run.user = &f;
    CHECK(cfm_sample(&run, y, 4, &(cfm_scratch){v, n, last}, NULL) == DRGEN_OK);
    return f;
}

TEST(guidance_keeps_to_its_interval)
{
    float exact[4], plain[4], y[4];
    for (int steps = 2; steps < 60; steps += 7) {
        field f = sample((cfm_run){.steps = steps, .guidance = 2, .to = 1}, 0, exact);
        CHECK(f.both == steps - 1 && f.alone == 0);
        sample((cfm_run){.steps = steps}, 0, plain);
        CHECK(memcmp(exact, plain, sizeof exact) != 0);
        /* An interval without a grid point: the unguided sample. */
        cfm_run run = {.steps = steps, .guidance = 2, .from = 0.999f, .to = 0.9995f};
        f = sample(run, 0, y);
        CHECK(f.both == 0 && f.alone == steps - 1 && memcmp(y, plain, sizeof y) == 0 && cfm_guided_steps(&run) == 0);
    }
    cfm_run part = {.steps = 11, .guidance = 2, .from = 0.25f, .to = 0.65f}; /* 0.3 0.4 0.5 0.6 */
    field f = sample(part, 0, y);
    CHECKF(f.both == 4 && f.alone == 6 && cfm_guided_steps(&part) == 4, "%d guided, %d not", f.both, f.alone);
    sample((cfm_run){.steps = 11, .guidance = 2, .to = 1}, 0, exact);
    CHECK(memcmp(y, exact, sizeof y) != 0);
    part.from = part.to = 0; /* both ends belong to it */
    CHECK(cfm_guided_steps(&part) == 1);
    /* Constant fields: each guided update adds dt * guidance * (v - n) to what the others do. */
    part = (cfm_run){.steps = 11, .guidance = 2, .from = 0.25f, .to = 0.65f};
    sample(part, 1, y);
    for (int i = 0; i < 4; i++) {
        float v = (float)i - 1.5f, want = (float)(i + 1) + v + 0.4f * 2.0f * (v - 0.25f);
        CHECKF(fabsf(y[i] - want) < 1e-5f, "%g, want %g", (double)y[i], (double)want);
    }
}

TEST(velocities_are_reused_below_a_threshold)
{
    float exact[4], y[4];
    for (int steps = 2; steps < 60; steps += 7) {
        cfm_run run = {.steps = steps, .guidance = 2, .to = 1};
        field f = sample(run, 1, exact);
        run.threshold = 1e-6f;
        f = sample(run, 1, y); /* nothing changes: two evaluations to see that, and the last */
        CHECKF(f.both == (steps < 4 ? steps - 1 : 3) && memcmp(y, exact, sizeof y) == 0, "%d steps: %d evaluations", steps, f.both);
    }
    cfm_run run = {.steps = 33, .guidance = 2, .to = 1};
    float end = cfm_time(31, 33, 0);
    field f = sample(run, 0, exact);
    int before = f.both;
    double worse = 0;
    static const float thresholds[] = {1e-9f, 0.05f, 0.2f, 100};
    for (size_t k = 0; k < COUNT(thresholds); k++) {
        run.threshold = thresholds[k];
        f = sample(run, 0, y);
        double error = 0;
        for (int i = 0; i < 4; i++) error = fmax(error, fabs((double)y[i] - (double)exact[i]));
        if (k == 0) CHECKF(f.both == 32 && memcmp(y, exact, sizeof y) == 0, "%d evaluations", f.both);
        else CHECKF(f.both < before && error > worse, "threshold %g: %d evaluations, error %g", (double)thresholds[k], f.both, error);
        CHECK(f.first == 0 && f.last == end);
        before = f.both, worse = error;
    }
    CHECKF(before == 3, "%d", before); /* the first two, to know how fast it changes, and the last */
}

TEST(nothing_is_reused_across_the_interval)
{
    float y[4];
    cfm_run run = {.steps = 11, .guidance = 2, .from = 0.25f, .to = 0.65f, .threshold = 100};
    field f = sample(run, 0, y); /* two at the start of each of the three parts, and the last */
    CHECKF(f.both == 2 && f.alone == 5, "%d guided, %d not", f.both, f.alone);
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
static float *decode_with(const kern_table *kern, const vae *v, const float *z, size_t frames, size_t tile, int threads)
{
    size_t samples = frames * (size_t)vae_config(v)->ratio;
    float *pcm = malloc(2 * samples * sizeof *pcm);
    pool *p;
    arena work = arena_measure();
    CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
    nn n = {kern, p, &work};
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

static float *decode(const vae *v, const float *z, size_t frames, size_t tile, int threads)
{
    return decode_with(kern_best(), v, z, frames, tile, threads);
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

/* Which rows stand on marked ones: a kernel of seven, so many rows apart. */
static void spread(char **rows, char **spare, long count, long apart)
{
    for (long t = 0; t < count; t++) {
        (*spare)[t] = 0;
        for (long at = t - 3 * apart; at <= t + 3 * apart; at += apart)
            if (at >= 0 && at < count) (*spare)[t] |= (*rows)[at];
    }
    char *swap = *rows;
    *rows = *spare, *spare = swap;
}

/* How many frames before and after a latent its decoder's samples still stand on it, the larger: by the layers' definitions,
 * without numbers. */
static size_t reach(const vae_cfg *c)
{
    const long frames = 61, mid = 30;
    long count = frames, far = 0;
    char *rows = calloc((size_t)(frames * c->ratio), 1), *spare = calloc((size_t)(frames * c->ratio), 1);
    rows[mid] = 1;
    spread(&rows, &spare, count, 1);
    for (int i = c->levels - 1; i >= 0; i--) {
        long stride = c->strides[i];
        memset(spare, 0, (size_t)(count * stride));
        for (long m = 0; m < count; m++)
            for (long k = 0; rows[m] && k < 2 * stride; k++) {
                long t = m * stride + k - stride / 2;
                if (t >= 0 && t < count * stride) spare[t] = 1;
            }
        char *swap = rows;
        rows = spare, spare = swap;
        count *= stride;
        for (long apart = 1; apart <= 9; apart *= 3) spread(&rows, &spare, count, apart);
    }
    spread(&rows, &spare, count, 1);
    CHECK(!rows[0] && !rows[count - 1]);
    for (long t = 0; t < count; t++)
        if (rows[t] && labs(t / c->ratio - mid) > far) far = labs(t / c->ratio - mid);
    free(rows), free(spare);
    return (size_t)far;
}

TEST(decoder_reach_is_what_vae_halo_says)
{
    static const vae_cfg others[] = {{.levels = 5, .strides = {2, 4, 4, 8, 8}, .ratio = 2048},
                                     {.levels = 1, .strides = {2048}, .ratio = 2048},
                                     {.levels = 2, .strides = {6, 2}, .ratio = 12},
                                     {.levels = 1, .strides = {2}, .ratio = 2}};
    packed p;
    vae *v = load_vae(&p);
    enum { FRAMES = 41, MID = 20, LATENT = 6 };
    float z[FRAMES * LATENT] = {0}, hit[FRAMES * LATENT] = {0};
    for (int k = 0; k < LATENT; k++) hit[MID * LATENT + k] = 3.0f;
    size_t ratio = (size_t)vae_config(v)->ratio, halo = vae_halo(vae_config(v)), tables;
    CHECKF(halo == reach(vae_config(v)), "halo %zu, reach %zu", halo, reach(vae_config(v)));
    for (size_t i = 0; i < COUNT(others); i++)
        CHECKF(vae_halo(&others[i]) == reach(&others[i]), "%zu: halo %zu, reach %zu", i, vae_halo(&others[i]),
               reach(&others[i]));
    CHECK(vae_halo(&others[0]) == 10);
    /* The decoder itself: its convolutions go in tiles of six rows, in plain C too, so rows out of reach may change by
     * rounding, and what arrives from the outermost frame may be less than that. */
    const kern_table *const *table = kern_available(&tables);
    for (size_t t = 0; t < tables; t++) {
        size_t first = FRAMES, last = 0;
        float *a = decode_with(table[t], v, z, FRAMES, 0, 1), *b = decode_with(table[t], v, hit, FRAMES, 0, 1);
        for (size_t i = 0; i < 2 * FRAMES * ratio; i++)
            if (fabsf(a[i] - b[i]) > 1e-6f) {
                if (!last) first = i / (2 * ratio);
                last = i / (2 * ratio) + 1;
            }
        CHECKF(first >= MID - halo && last <= MID + 1 + halo, "%s: frames %zu..%zu change, halo %zu", table[t]->isa, first,
               last, halo);
        CHECKF(first <= MID - halo + 1 && last >= MID + halo, "%s: halo %zu is wider than the reach %zu..%zu", table[t]->isa,
               halo, first, last);
        free(a), free(b);
    }
    vae_free(v);
    unpack(&p);
}

/* ---- transformer */

typedef struct {
    float *v[2], *alone; /* of all branches at once; of the first alone */
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
        CHECK(dit_forward_first(&w, &n, x, 0.3f, dry ? NULL : out->alone, NULL, NULL) == 1);
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
    velocities one, two, first, second, *const all[] = {&one, &two, &first, &second};
    for (int i = 0; i < 4; i++) all[i]->alone = calloc(FRAMES * MEL, sizeof(float));
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
    for (int i = 0; i < 4; i++) CHECKF(memcmp(all[i]->v[0], all[i]->alone, FRAMES * MEL * sizeof(float)) == 0, "%d", i);
    for (int i = 0; i < 4; i++) free(all[i]->alone);
    for (int i = 0; i < 2; i++) free(one.v[i]), free(two.v[i]), free(first.v[i]), free(second.v[i]);
    free(x);
    dit_free(d);
    unpack(&p);
}
