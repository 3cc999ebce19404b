/* bench_audio.c - the tower that hears a recording: 421 GFLOP a clip of ten seconds when every convolution is summed
 * directly (spec mulan.md section 8). */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "bench/bench.h"
#include "io/modeldir.h"
#include "model/config.h"
#include "model/muq.h"

typedef struct {
    const muq *m;
    nn n;
    const float *mel;
    float style[4096];
} audio_job;

enum { FRAMES = 1000 };

static void run(void *arg)
{
    audio_job *j = arg;
    muq_encode(j->m, &j->n, j->mel, FRAMES, j->style, NULL, NULL);
}

void bench_audio(bench *b)
{
    drgen_err err = {0};
    modeldir dir;
    model_cfg cfg;
    st_file *f = NULL;
    muq *m = NULL;
    if (!b->model) return;
    char *file = file_join(b->model, "mulan_audio.safetensors");
    float *mel = bench_memory(MUQ_BANDS * FRAMES * sizeof *mel);
    uint64_t rng = 1;
    int ok = modeldir_open(&dir, b->model, &err) == DRGEN_OK && config_read(&dir, &cfg, &err) == DRGEN_OK && cfg.has_mulan_audio &&
             cfg.audio.dim_latent <= 4096 && st_open(&f, file, &err) == DRGEN_OK && muq_load(&m, &cfg.audio, f, &err) == DRGEN_OK;
    if (ok) {
        arena work = arena_measure();
        audio_job j = {m, {b->kern, b->pool, &work}, mel, {0}};
        muq_encode(m, &j.n, NULL, FRAMES, NULL, NULL, NULL);
        if (arena_init(&work, work.peak, "bench", &err) != DRGEN_OK) exit(1);
        for (size_t i = 0; i < MUQ_BANDS * FRAMES; i++) mel[i] = 20.0f * rng_uniform(&rng);
        bench_run(b, "audio tower, one clip, of its direct 421 GFLOP", 421, "GFLOP", LIMIT_FMA, run, &j, 3);
        arena_free(&work);
    } else fprintf(stderr, "bench: audio tower: %s\n", err.message[0] ? err.message : "this model has none");
    muq_free(m);
    st_close(f);
    modeldir_close(&dir);
    free(mel);
    free(file);
}
