/* bench.h - what every part of the benchmark shares: the machine under test, its measured limits, and the list of
 * results that becomes a table and JSON. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/pool.h"
#include "kernels/kern_q8.h"

/* What bounds a row. */
typedef enum { LIMIT_NONE, LIMIT_FMA, LIMIT_INT8, LIMIT_STREAM } bench_limit;

typedef struct {
    char name[80];
    double seconds, median; /* fastest and middle round */
    double amount;          /* amount of work in unit, e.g. GFLOP */
    const char *unit;       /* "GFLOP", "GOP", "GB", "s of sound", ... */
    double roof;            /* unit per second this machine could do at most beside these rounds; 0: none named */
    double share;           /* of it: the middle one of the rounds' shares, each of the limit just before and after */
    double peak;            /* resident memory in GiB; 0: not measured */
} bench_row;

enum { BENCH_MODELS = 4 };

typedef struct {
    pool *pool;
    const kern_table *kern;
    const kern_q8 *q8;
    double fma, int8, stream; /* limits at the start: GFLOP/s, GOP/s, GB/s */
    const char *models[BENCH_MODELS]; /* folders */
    int model_count;
    const char *model;        /* the first of them or NULL */
    const char *program;      /* drgen beside this benchmark: the part "song" runs it */
    int steps;                /* of that song */
    bench_row *rows;
    int count, room;
} bench;

/* Runs fn(arg) at least `rounds` times and for 0.3 s, the limit measured before and after every round; prints and keeps
 * the row. Returns the fastest time in seconds. */
double bench_run(bench *b, const char *name, double amount, const char *unit, bench_limit limit, void (*fn)(void *arg),
                 void *arg, int rounds);

/* The limit of the moment in units a second, 0 for LIMIT_NONE. */
double bench_roof(const bench *b, bench_limit limit);

/* Prints and keeps a result that was measured otherwise. */
void bench_put(bench *b, const bench_row *row);
void bench_add(bench *b, const char *name, double amount, const char *unit, double seconds, double limit);

/* The same time alone: for what has no limit to be measured beside it. */
double bench_time(void (*fn)(void *arg), void *arg, int rounds);

/* 64-byte aligned memory that is not zero pages; exits when there is none. */
void *bench_memory(size_t bytes);

/* The parts. */
void bench_gemm(bench *b);      /* float32 products of the transformer's shapes */
void bench_q8(bench *b);        /* the same in int8, quantising included */
void bench_blas(bench *b);      /* own products and OpenBLAS in turn, shape by shape */
void bench_attention(bench *b);
void bench_layers(bench *b);    /* the transformer's layers at their real sizes, memory and threads included */
void bench_position(bench *b);  /* of these, with models: the position convolutions */
void bench_dit(bench *b);       /* with models: one forward at three lengths */
void bench_vae(bench *b);       /* with models: 128 latent frames to sound */
void bench_song(bench *b);      /* with models: the whole program, seconds by phase and peak memory */
void bench_likeness(bench *b);  /* with models: shortcuts in sampling and weights' types against the exact sample */
void bench_kern(bench *b);      /* element-wise kernels against memory bandwidth */
void bench_audio(bench *b);     /* with a model: the audio tower */
void bench_conv(bench *b);      /* residual units of the autoencoder */
void bench_meters(bench *b);    /* loudness and true peak of a song, one core */
void bench_master(bench *b);    /* mastering of a song, one core */
void bench_train(bench *b);     /* a step of an adapter, a small model from nothing */

/* Prints b against a, two JSON files of earlier runs; 1 when a row became slower than `bound` (1.1: ten percent). */
int bench_compare(const char *a, const char *b, double bound);

#endif
