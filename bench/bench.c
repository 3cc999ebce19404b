/* bench.c - speeds as shares of this machine's own limit, in one run: matrix products of the transformer's shapes, the
 * meters, and with a model folder the audio tower. bench [MODELDIR] [--threads N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"
#include "bench/bench_meters.h"
#include "bench/roof.h"
#include "io/modeldir.h"
#include "kernels/gemm.h"
#include "model/config.h"
#include "model/muq.h"

typedef struct {
    pool *p;
    const kern_table *kern;
    double roof;
} bench;

static void result(const bench *b, const char *what, double gflop, double seconds)
{
    printf("%-44s %9.4f s %8.1f GFLOP/s %5.1f %%\n", what, seconds, gflop / seconds, b->roof > 0 ? 100 * gflop / seconds / b->roof : 0);
}

static void meters_result(void *user, const char *what, double sound, double seconds)
{
    (void)user;
    printf("%-44s %9.4f s %8.0f x real time\n", what, seconds, sound / seconds);
}

static void bench_gemm(const bench *b, size_t m, size_t n, size_t k)
{
    float *a = aligned_alloc(64, m * k * 4), *c = aligned_alloc(64, m * n * 4);
    uint16_t *w = aligned_alloc(64, n * k * 2);
    float *scratch = aligned_alloc(64, (gemm_scratch(b->kern, m, n, k) * 4 + 63) / 64 * 64);
    uint64_t rng = 1;
    double best = 1e9;
    char what[64];
    if (!a || !c || !w || !scratch) return;
    for (size_t i = 0; i < m * k; i++) a[i] = rng_uniform(&rng);
    for (size_t i = 0; i < n * k; i++) w[i] = half_to_f16(rng_uniform(&rng));
    gemm g = {.c = c, .ldc = n, .a = gemm_plain(a, k, k), .w = w, .ldw = k, .type = KERN_F16, .m = m, .n = n, .k = k};
    for (int r = 0; r < 5; r++) {
        double start = roof_now();
        gemm_run(b->p, b->kern, &g, scratch);
        double t = roof_now() - start;
        if (t < best) best = t;
    }
    snprintf(what, sizeof what, "product %zu x %zu x %zu, f16 weights", m, n, k);
    result(b, what, 2e-9 * (double)m * (double)n * (double)k, best);
    free(a), free(c), free(w), free(scratch);
}

/* 421 GFLOP a clip of ten seconds when every convolution is summed directly (spec mulan.md section 8). */
static int bench_audio(const bench *b, const char *path)
{
    drgen_err err = {0};
    modeldir dir;
    model_cfg cfg;
    st_file *f = NULL;
    muq *m = NULL;
    enum { FRAMES = 1000 };
    char *file = file_join(path, "mulan_audio.safetensors");
    float *mel = malloc(MUQ_BANDS * FRAMES * sizeof *mel), style[4096];
    uint64_t rng = 1;
    int ok = modeldir_open(&dir, path, &err) == DRGEN_OK && config_read(&dir, &cfg, &err) == DRGEN_OK && cfg.has_mulan_audio &&
             cfg.audio.dim_latent <= 4096 && st_open(&f, file, &err) == DRGEN_OK && muq_load(&m, &cfg.audio, f, &err) == DRGEN_OK;
    if (ok) {
        arena work = arena_measure();
        nn n = {b->kern, b->p, &work};
        double best = 1e9;
        muq_encode(m, &n, NULL, FRAMES, NULL, NULL, NULL);
        ok = arena_init(&work, work.peak, "bench", &err) == DRGEN_OK;
        for (size_t i = 0; i < MUQ_BANDS * FRAMES; i++) mel[i] = 20.0f * rng_uniform(&rng);
        for (int r = 0; r < 5 && ok; r++) {
            double start = roof_now();
            muq_encode(m, &n, mel, FRAMES, style, NULL, NULL);
            double t = roof_now() - start;
            if (t < best) best = t;
        }
        result(b, "audio tower, one clip, of its direct 421 GFLOP", 421, best);
        arena_free(&work);
    } else fprintf(stderr, "bench: %s\n", err.message[0] ? err.message : "no audio tower");
    muq_free(m);
    st_close(f);
    modeldir_close(&dir);
    free(mel);
    free(file);
    return ok;
}

int main(int argc, char **argv)
{
    bench b = {.kern = kern_best()};
    const char *model = NULL;
    int threads = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) threads = atoi(argv[++i]);
        else model = argv[i];
    }
    if (pool_open(&b.p, threads, NULL) != DRGEN_OK) return 1;
    b.roof = roof_fma(b.p, b.kern->isa);
    printf("kernels %s, %d threads; float32 multiply-add limit %.1f GFLOP/s\n", b.kern->isa, pool_threads(b.p), b.roof);
    bench_gemm(&b, 2048, 8192, 2048);
    bench_gemm(&b, 2048, 2048, 8192);
    bench_gemm(&b, 4096, 2048, 2048);
    bench_meters(b.kern, meters_result, NULL);
    int ok = !model || bench_audio(&b, model);
    pool_close(b.p);
    return ok ? 0 : 1;
}
