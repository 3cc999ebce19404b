/* bench_likeness.c - how near a shortcut comes to the exact sample: cosine and root mean square error of the final latents,
 * relative to theirs, and evaluations of the transformer. With one model folder: guidance in an interval and reuse of
 * velocities, against that model's own exact sample. With several: the exact sample of each against the first's, which says
 * what the weights' type costs. The same noise, lyrics and styles everywhere; 256 frames, guidance 4, --steps N. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "bench/bench.h"
#include "bench/bench_model.h"
#include "bench/roof.h"
#include "io/file.h"
#include "model/cfm.h"
#include "model/dit.h"

enum { FRAMES = 256, TOKENS_AT = 8, TOKENS = 24, LINE = 64 }; /* each LINE frames: so many tokens from there on */

typedef struct {
    nn n;
    dit_work w;
    int evaluations;
} sampler;

/* A model and what is sampled from. */
typedef struct {
    const bench *b;
    model_cfg cfg;
    st_file *file;
    dit *dit;
    float *style[2];
    int32_t text[FRAMES];
    size_t count; /* of latents */
} subject;

static int subject_open(subject *s, const bench *b, const char *folder)
{
    drgen_err err = {0};
    *s = (subject){.b = b};
    if (!bench_model_config(folder, &s->cfg) || s->cfg.dit.max_frames < FRAMES) return 0;
    char *path = file_join(folder, "dit.safetensors");
    if (!path) exit(1);
    drgen_status status = st_open(&s->file, path, &err);
    if (status == DRGEN_OK) status = dit_load(&s->dit, &s->cfg.dit, s->file, &err);
    free(path);
    if (status != DRGEN_OK) {
        st_close(s->file);
        fprintf(stderr, "bench: %s\n", err.message);
        return 0;
    }
    size_t width = (size_t)s->cfg.dit.cond_dim;
    uint64_t rng = 11;
    s->count = (size_t)FRAMES * (size_t)s->cfg.dit.mel_dim;
    for (int i = 0; i < 2; i++) { /* unit vectors, as styles are */
        double square = 0;
        s->style[i] = bench_memory(width * sizeof(float));
        for (size_t k = 0; k < width; k++) s->style[i][k] = rng_uniform(&rng);
        for (size_t k = 0; k < width; k++) square += (double)s->style[i][k] * (double)s->style[i][k];
        for (size_t k = 0; k < width; k++) s->style[i][k] /= (float)sqrt(square);
    }
    for (int t = 0; t < FRAMES; t++)
        if (t % LINE >= TOKENS_AT && t % LINE < TOKENS_AT + TOKENS)
            s->text[t] = 1 + (int32_t)(rng_split(&rng) % (uint64_t)s->cfg.dit.text_num_embeds);
    return 1;
}

static void subject_close(subject *s)
{
    dit_free(s->dit);
    st_close(s->file);
    free(s->style[0]), free(s->style[1]);
}

static drgen_status velocity(void *user, const float *y, float t, float *v, float *n)
{
    sampler *s = user;
    s->evaluations += n ? 2 : 1;
    if (n) dit_forward(&s->w, &s->n, y, t, (float *const[]){v, n}, NULL, NULL);
    else dit_forward_first(&s->w, &s->n, y, t, v, NULL, NULL);
    return DRGEN_OK;
}

/* The final latents, malloc'd. */
static float *sample(const subject *s, cfm_run run, int *evaluations, double *seconds)
{
    float *y = bench_memory(4 * s->count * sizeof *y), *v = y + s->count, *n = v + s->count, *last = n + s->count;
    dit_input in[2] = {{.text = s->text, .style = s->style[0], .duration = 1}, {.style = s->style[1], .duration = 1, .null = 1}};
    arena work = arena_measure();
    sampler a = {.n = {s->b->kern, s->b->pool, &work}};
    rng_torch rng;
    rng_torch_seed(&rng, 5);
    rng_torch_normal(&rng, y, s->count);
    for (int dry = 1; dry >= 0; dry--) {
        dit_prepare(&a.w, s->dit, &a.n, in, 2, FRAMES, 0, NULL, NULL);
        if (dry) {
            dit_forward(&a.w, &a.n, NULL, 0, NULL, NULL, NULL);
            dit_forward_first(&a.w, &a.n, NULL, 0, NULL, NULL, NULL);
            if (arena_init(&work, work.peak, "bench", NULL) != DRGEN_OK) exit(1);
        }
    }
    drgen_err err = {0};
    double start = roof_now();
    run.steps = s->b->steps, run.guidance = 4, run.velocity = velocity, run.user = &a;
    if (cfm_sample(&run, y, s->count, &(cfm_scratch){v, n, last}, &err) != DRGEN_OK) fprintf(stderr, "bench: %s\n", err.message);
    *seconds = roof_now() - start;
    *evaluations = a.evaluations;
    arena_free(&work);
    return y;
}

static void put(const subject *s, const char *what, const float *y, const float *exact, int evaluations, double seconds)
{
    double dot = 0, yy = 0, ee = 0, error = 0;
    for (size_t k = 0; k < s->count; k++) {
        double a = (double)y[k], e = (double)exact[k];
        dot += a * e, yy += a * a, ee += e * e, error += (a - e) * (a - e);
    }
    printf("likeness, %s, %d steps: %-36s cosine %.6f, rms error %.5f, evaluations %d of %d, %.2f s\n", s->cfg.dtype, s->b->steps,
           what, dot / sqrt(yy * ee), sqrt(error / ee), evaluations, 2 * (s->b->steps - 1), seconds);
    fflush(stdout);
}

static void shortcuts(const subject *s)
{
    static const struct {
        const char *name;
        cfm_run run;
    } rows[] = {
        {"--cfg-interval 0.1:0.9", {.from = 0.1f, .to = 0.9f}}, {"--cfg-interval 0:0.6", {.to = 0.6f}},
        {"--cfg-interval 0.3:0.7", {.from = 0.3f, .to = 0.7f}}, {"--cache 0.2", {.to = 1, .threshold = 0.2f}},
        {"--cache 0.3", {.to = 1, .threshold = 0.3f}},          {"--cache 0.5", {.to = 1, .threshold = 0.5f}},
        {"--cfg-interval 0.1:0.9 --cache 0.3", {.from = 0.1f, .to = 0.9f, .threshold = 0.3f}},
    };
    int evaluations;
    double seconds;
    float *exact = sample(s, (cfm_run){.to = 1}, &evaluations, &seconds);
    put(s, "exact", exact, exact, evaluations, seconds);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float *y = sample(s, rows[i].run, &evaluations, &seconds);
        put(s, rows[i].name, y, exact, evaluations, seconds);
        free(y);
    }
    free(exact);
}

void bench_likeness(bench *b)
{
    float *first = NULL;
    size_t count = 0;
    for (int i = 0; i < b->model_count; i++) {
        subject s;
        int evaluations;
        double seconds;
        if (!subject_open(&s, b, b->models[i])) continue;
        if (b->model_count == 1) shortcuts(&s);
        else {
            float *y = sample(&s, (cfm_run){.to = 1}, &evaluations, &seconds);
            if (!first) first = y, count = s.count;
            if (count == s.count) put(&s, y == first ? "the first" : "against the first", y, first, evaluations, seconds);
            else fprintf(stderr, "bench: %s: another width of latents than the first model's\n", b->models[i]);
            if (y != first) free(y);
        }
        subject_close(&s);
    }
    free(first);
}
