/* pool.c - see pool.h. Workers spin briefly between jobs, then sleep; an idle engine burns no CPU. A spin ends by the clock,
 * not by its turns: where other programs want the cores too, each turn (sched_yield) hands one of them a slice. For the same
 * reason a job waits for the workers inside it only: one that gets no core before the tasks are gone comes too late. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 256, SPIN_NS = 1000000, STACK_BYTES = 1 << 20 };

typedef struct {
    pool *owner;
    int index;
    pthread_t handle;
} worker;

struct pool {
    int threads, started;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    atomic_uint job;     /* grows by one per pool_run, and at the end */
    int stop;            /* under lock */
    int open;            /* the current job takes workers; under lock */
    int inside;          /* workers in it; under lock */
    pool_fn fn;
    void *arg;
    size_t tasks;
    atomic_size_t next;
    worker workers[MAX_THREADS];
};

static int cores(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void work(pool *p, int thread)
{
    for (;;) {
        size_t t = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (t >= p->tasks) return;
        p->fn(p->arg, t, thread);
    }
}

static void *worker_main(void *arg)
{
    worker *w = arg;
    pool *p = w->owner;
    unsigned seen = 0;
    for (;;) {
        long long end = now_ns() + SPIN_NS;
        while (atomic_load_explicit(&p->job, memory_order_relaxed) == seen && now_ns() < end) sched_yield();
        pthread_mutex_lock(&p->lock);
        while (atomic_load(&p->job) == seen && !p->stop) pthread_cond_wait(&p->wake, &p->lock);
        seen = atomic_load(&p->job);
        int stop = p->stop, open = p->open;
        p->inside += open;
        pthread_mutex_unlock(&p->lock);
        if (stop) return NULL;
        if (!open) continue;
        work(p, w->index);
        pthread_mutex_lock(&p->lock);
        if (--p->inside == 0) pthread_cond_signal(&p->idle);
        pthread_mutex_unlock(&p->lock);
    }
}

drgen_status pool_open(pool **out, int threads, drgen_err *err)
{
    *out = NULL;
    if (threads < 0 || threads > MAX_THREADS)
        return err_fail(err, DRGEN_ERR_ARG, "threads: %d is outside 0..%d", threads, MAX_THREADS);
    if (threads == 0) threads = cores();
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    pool *p = calloc(1, sizeof *p);
    if (!p) return err_fail(err, DRGEN_ERR_NOMEM, "thread pool: out of memory");
    p->threads = threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->idle, NULL);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES); /* musl's default is 128 KiB */
    for (int i = 1; i < threads; i++) {
        worker *w = &p->workers[i];
        w->owner = p;
        w->index = i;
        if (pthread_create(&w->handle, &attr, worker_main, w) != 0) break;
        p->started = i;
    }
    pthread_attr_destroy(&attr);
    if (p->started != threads - 1) {
        pool_close(p);
        return err_fail(err, DRGEN_ERR_NOMEM, "thread pool: cannot start %d threads; ask for fewer", threads);
    }
    *out = p;
    return DRGEN_OK;
}

void pool_close(pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = 1;
    atomic_fetch_add(&p->job, 1); /* ends their spins */
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i <= p->started; i++) pthread_join(p->workers[i].handle, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->idle);
    free(p);
}

int pool_threads(const pool *p)
{
    return p ? p->threads : 1;
}

void pool_run(pool *p, pool_fn fn, void *arg, size_t tasks)
{
    if (!p || p->threads == 1 || tasks == 1) {
        for (size_t t = 0; t < tasks; t++) fn(arg, t, 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->arg = arg;
    p->tasks = tasks;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->open = 1;
    atomic_fetch_add(&p->job, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    long long end = now_ns() + SPIN_NS;
    do { /* a short wait is usual: tasks are of one size */
        pthread_mutex_lock(&p->lock);
        p->open = 0;
        int inside = p->inside;
        pthread_mutex_unlock(&p->lock);
        if (!inside) return;
        sched_yield();
    } while (now_ns() < end);
    pthread_mutex_lock(&p->lock);
    while (p->inside) pthread_cond_wait(&p->idle, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
