/* roof.c - see roof.h. Enough independent chains hide the latency of an instruction. */
#include "bench/roof.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/kern.h"

double roof_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { CHAINS = 16, NARROW = 12, ROUNDS = 4000000, ROOF_THREADS = 256 };

typedef struct {
    volatile float sink[ROOF_THREADS]; /* per task, so that nothing is thrown away */
} roof_job;

typedef struct {
    const char *isa;
    pool_fn run;
    double work; /* operations per round and thread */
} roof_loop;

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
    __m256 s[NARROW], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
    float out[8];
    (void)thread;
#pragma GCC unroll 12
    for (int i = 0; i < NARROW; i++) s[i] = _mm256_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < NARROW; i++) s[i] = _mm256_fmadd_ps(s[i], x, y);
    }
#pragma GCC unroll 12
    for (int i = 1; i < NARROW; i++) s[0] = _mm256_add_ps(s[0], s[i]);
    _mm256_storeu_ps(out, s[0]);
    j->sink[task] = out[0];
}

/* Written as the instruction: the compiler's own form of it moves the sums through memory. */
__attribute__((target("avx512f,avx512vnni"))) static void int8_avx512(void *arg, size_t task, int thread)
{
    roof_job *j = arg;
    __m512i s[CHAINS], x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(5);
    (void)thread;
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++) s[i] = _mm512_set1_epi32(i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++) __asm__("vpdpbusd %2, %1, %0" : "+v"(s[i]) : "v"(x), "v"(y));
    }
#pragma GCC unroll 16
    for (int i = 1; i < CHAINS; i++) s[0] = _mm512_add_epi32(s[0], s[i]);
    j->sink[task] = (float)_mm512_reduce_add_epi32(s[0]);
}

__attribute__((target("avx2,avxvnni"))) static void int8_avxvnni(void *arg, size_t task, int thread)
{
    roof_job *j = arg;
    __m256i s[NARROW], x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(5);
    (void)thread;
#pragma GCC unroll 12
    for (int i = 0; i < NARROW; i++) s[i] = _mm256_set1_epi32(i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < NARROW; i++) s[i] = _mm256_dpbusd_avx_epi32(s[i], x, y);
        __asm__ volatile("" : "+x"(x));
    }
#pragma GCC unroll 12
    for (int i = 1; i < NARROW; i++) s[0] = _mm256_add_epi32(s[0], s[i]);
    j->sink[task] = (float)_mm256_extract_epi32(s[0], 0);
}

/* Without a dot product: two multiplications and an addition for 32 bytes, signs not counted. */
__attribute__((target("avx2"))) static void int8_avx2(void *arg, size_t task, int thread)
{
    roof_job *j = arg;
    __m256i s[NARROW], x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(5), one = _mm256_set1_epi16(1);
    (void)thread;
#pragma GCC unroll 12
    for (int i = 0; i < NARROW; i++) s[i] = _mm256_set1_epi32(i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < NARROW; i++) {
            __asm__ volatile("" : "+x"(x));
            s[i] = _mm256_add_epi32(s[i], _mm256_madd_epi16(_mm256_maddubs_epi16(x, y), one));
        }
    }
#pragma GCC unroll 12
    for (int i = 1; i < NARROW; i++) s[0] = _mm256_add_epi32(s[0], s[i]);
    j->sink[task] = (float)_mm256_extract_epi32(s[0], 0);
}

static const roof_loop fma_loops[] = {{"avx512", fma_avx512, CHAINS * 32.0}, {"avx2", fma_avx2, NARROW * 16.0}, {0}};
static const roof_loop int8_loops[] = {{"avx512vnni", int8_avx512, CHAINS * 128.0},
                                       {"avxvnni", int8_avxvnni, NARROW * 64.0},
                                       {"avx2", int8_avx2, NARROW * 64.0},
                                       {0}};
#else
static const roof_loop fma_loops[] = {{0}}, int8_loops[] = {{0}};
#endif

/* One burst of some ten milliseconds, not the best of many short ones: what the system and other programs take, they
 * take from the limit and from what is measured beside it alike. */
static double rate(pool *p, const roof_loop *loop, const char *isa)
{
    static roof_job j;
    size_t threads = (size_t)pool_threads(p);
    while (loop->isa && strcmp(loop->isa, isa) != 0) loop++;
    if (!loop->isa || threads > ROOF_THREADS) return 0;
    double start = roof_now();
    pool_run(p, loop->run, &j, threads);
    return (double)threads * ROUNDS * loop->work / (roof_now() - start) * 1e-9;
}

double roof_fma(pool *p, const char *isa)
{
    return rate(p, fma_loops, isa);
}

double roof_int8(pool *p, const char *isa)
{
    return rate(p, int8_loops, isa);
}

typedef struct {
    char *to, *from;
    size_t part;
    const kern_table *kern;
} stream_job;

static void copy_task(void *arg, size_t task, int thread)
{
    (void)thread;
    stream_job *j = arg;
    memcpy(j->to + task * j->part, j->from + task * j->part, j->part);
}

static void sum_task(void *arg, size_t task, int thread)
{
    (void)thread;
    stream_job *j = arg;
    j->kern->add((float *)(void *)(j->to + task * j->part), (const float *)(const void *)(j->from + task * j->part), j->part / 4);
}

/* 10^9 bytes a second over the bus. */
static double stream_rate(pool *p, stream_job *j, pool_fn fn, double passes)
{
    size_t tasks = (size_t)pool_threads(p);
    double start = roof_now();
    pool_run(p, fn, j, tasks);
    return 1e-9 * passes * (double)(j->part * tasks) / (roof_now() - start);
}

double roof_stream(pool *p)
{
    enum { BYTES = 128 << 20 };
    static char *memory; /* kept: fresh pages would be measured too */
    size_t threads = (size_t)pool_threads(p);
    if (!memory) {
        memory = malloc((size_t)2 * BYTES);
        if (!memory) return 0;
        memset(memory, 1, (size_t)2 * BYTES);
    }
    stream_job j = {memory, memory + BYTES, BYTES / threads / 64 * 64, kern_best()};
    double copied = stream_rate(p, &j, copy_task, 2), summed = stream_rate(p, &j, sum_task, 3);
    return copied > summed ? copied : summed;
}
