/* pool.h - fork-join thread pool. A task writes its own outputs and no reduction crosses tasks, so results are the
 * same bits for any number of threads. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/err.h"

typedef struct pool pool;

/* task: 0..tasks-1; thread: 0..threads-1, for per-thread scratch only, never for results. */
typedef void (*pool_fn)(void *arg, size_t task, int thread);

/* threads 0: one per core this process may use. The calling thread is one of them. */
drgen_status pool_open(pool **out, int threads, drgen_err *err);
void pool_close(pool *p); /* NULL is fine */
int pool_threads(const pool *p); /* NULL: 1 */

/* Runs fn for every task and returns when all are done. p NULL: on the calling thread, in order. Not reentrant: fn
 * must not call pool_run on the same pool. */
void pool_run(pool *p, pool_fn fn, void *arg, size_t tasks);

#endif
