/* roof.h - what this machine can do at most, measured now: the number every other one is a share of. The clock of a
 * shared machine drifts by a third within minutes, so that a limit is worth something only next to what it limits: each
 * call is a burst of some milliseconds, made before and after every round of a measurement. */
#ifndef BENCH_ROOF_H
#define BENCH_ROOF_H

#include "base/pool.h"

/* Seconds on a clock that only goes forward. */
double roof_now(void);

/* Float32 multiply-adds from registers on all threads of the pool, 10^9 operations a second (a multiply-add is two), with
 * the widest vectors of this kernel set ("avx512", "avx2"; 0 for others). */
double roof_fma(pool *p, const char *isa);

/* Multiply-adds of bytes into int32, the same way, for the int8 table of this name ("avx512vnni", "avxvnni", "avx2"). */
double roof_int8(pool *p, const char *isa);

/* Bytes over the bus between arrays far larger than any cache, GB/s, all threads: copying past the caches (read and written)
 * or a sum with ordinary stores (two read, one written), whichever moves more. */
double roof_stream(pool *p);

#endif
