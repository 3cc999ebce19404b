/* bench_meters.h - speed of the meters on the test song, 95 s of stereo, on one core. */
#ifndef BENCH_METERS_H
#define BENCH_METERS_H

#include "kernels/kern.h"

/* Gets each result: seconds of sound in how many seconds. */
typedef void (*bench_meters_result)(void *user, const char *name, double sound, double seconds);

void bench_meters(const kern_table *kern, bench_meters_result result, void *user);

#endif
