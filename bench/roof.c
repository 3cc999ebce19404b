/* roof.c - see roof.h. Sixteen independent chains hide the latency of a multiply-add. */
#include "bench/roof.h"

#include <string.h>
#include <time.h>

double roof_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { CHAINS = 16, ROUNDS = 4000000 };

typedef struct {
    volatile float sink[256]; /* per thread, so that nothing is thrown away */
} roof_job;

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static void fma_avx512(void *arg, size_t task, int thread)
{
    roof_job *j = arg;
    __m512 s[CHAINS], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
    (void)thread;
    for (int i = 0; i < CHAINS; i++) s[i] = _mm512_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++) s[i] = _mm512_fmadd_ps(s[i], x, y);
    }
    for (int i = 1; i < CHAINS; i++) s[0] = _mm512_add_ps(s[0], s[i]);
    j->sink[task] = _mm512_reduce_add_ps(s[0]);
}

__attribute__((target("avx2,fma"))) static void fma_avx2(void *arg, size_t task, int thread)
{
    roof_job *j = arg;
    __m256 s[CHAINS - 4], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
    float out[8];
    (void)thread;
    for (int i = 0; i < CHAINS - 4; i++) s[i] = _mm256_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS - 4; i++) s[i] = _mm256_fmadd_ps(s[i], x, y);
    }
    for (int i = 1; i < CHAINS - 4; i++) s[0] = _mm256_add_ps(s[0], s[i]);
    _mm256_storeu_ps(out, s[0]);
    j->sink[task] = out[0];
}
#endif

double roof_fma(pool *p, const char *isa)
{
    double best = 0;
#if defined(__x86_64__)
    static const struct {
        const char *isa;
        pool_fn run;
        double flop; /* per round and thread */
    } loops[] = {{"avx512", fma_avx512, CHAINS * 32.0}, {"avx2", fma_avx2, (CHAINS - 4) * 16.0}};
    static roof_job j;
    size_t threads = (size_t)pool_threads(p);
    for (size_t l = 0; l < sizeof loops / sizeof loops[0]; l++) {
        if (strcmp(loops[l].isa, isa) != 0) continue;
        for (int k = 0; k < 5; k++) {
            double start = roof_now();
            pool_run(p, loops[l].run, &j, threads);
            double rate = (double)threads * ROUNDS * loops[l].flop / (roof_now() - start) * 1e-9;
            if (rate > best) best = rate;
        }
    }
#else
    (void)p;
    (void)isa;
#endif
    return best;
}
