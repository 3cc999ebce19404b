/* bench.h - what every part of the benchmark shares: the machine under test, its measured limits, and the list of
 * results that becomes a table and JSON. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/pool.h"
#include "kernels/kern_q8.h"

typedef struct {
    char name[80];
    double seconds, amount; /* amount of work in unit, e.g. GFLOP */
    const char *unit;       /* "GFLOP", "GOP", "GB", "s of sound", ... */
    double limit;           /* unit per second this machine can do at most; 0: none named */
} bench_row;

typedef struct {
    pool *pool;
    const kern_table *kern;
    const kern_q8 *q8;
    double fma, int8, stream; /* measured limits: GFLOP/s, GOP/s, GB/s */
    const char *model;        /* model folder or NULL */
    bench_row *rows;
    int count, room;
} bench;

/* Prints and keeps one result. */
void bench_add(bench *b, const char *name, double amount, const char *unit, double seconds, double limit);

/* Runs fn(arg) at least `rounds` times and for 0.3 s; the fastest time in seconds. */
double bench_time(void (*fn)(void *arg), void *arg, int rounds);

/* 64-byte aligned memory that is not zero pages; exits when there is none. */
void *bench_memory(size_t bytes);

/* The parts. */
void bench_gemm(bench *b);      /* float32 products of the transformer's shapes */
void bench_q8(bench *b);        /* the same in int8, quantising included */
void bench_attention(bench *b);
void bench_kern(bench *b);      /* element-wise kernels against memory bandwidth */
void bench_audio(bench *b);     /* with a model: the audio tower */
void bench_meters(bench *b);    /* loudness and true peak of a song, one core */
void bench_master(bench *b);    /* mastering of a song, one core */
void bench_train(bench *b);     /* a step of an adapter, a small model from nothing */

/* Prints b against a, two JSON files of earlier runs; 1 when a row became slower than `bound` (1.1: ten percent). */
int bench_compare(const char *a, const char *b, double bound);

#endif
