/* arena, pool, errors and random numbers. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/rng.h"
#include "tests/t.h"

TEST(first_error_wins_and_stays_one_line)
{
    drgen_err e = {0};
    CHECK(err_fail(&e, DRGEN_ERR_IO, "a\nb%d", 7) == DRGEN_ERR_IO);
    CHECK(err_fail(&e, DRGEN_ERR_ARG, "later") == DRGEN_ERR_ARG);
    CHECK(e.code == DRGEN_ERR_IO && strcmp(e.message, "a?b7") == 0);
    CHECK(err_fail(NULL, DRGEN_ERR_ARG, "nowhere") == DRGEN_ERR_ARG);
}

static size_t layout(arena *a)
{
    size_t mark = arena_mark(a);
    float *x = arena_floats(a, 100), *y = arena_floats(a, 1);
    if (x) x[99] = y[0] = 1;
    arena_rewind(a, mark);
    CHECK(arena_floats(a, 7) == x);
    return a->peak;
}

TEST(arena_measures_what_it_takes)
{
    arena m = arena_measure(), a;
    size_t need = layout(&m);
    CHECK(arena_init(&a, need, "test", NULL) == DRGEN_OK);
    CHECK(layout(&a) == need);
    CHECK((uintptr_t)a.base % ARENA_ALIGN == 0);
    arena_free(&a);
    arena_free(&a);
}

static void count_task(void *arg, size_t task, int thread)
{
    (void)thread;
    atomic_fetch_add((atomic_size_t *)arg, task + 1);
}

TEST(pool_runs_every_task_once)
{
    for (int threads = 1; threads <= 4; threads++) {
        pool *p;
        CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
        for (size_t tasks = 0; tasks < 300; tasks += tasks < 5 ? 1 : 57) {
            atomic_size_t sum = 0;
            pool_run(p, count_task, &sum, tasks);
            CHECKF(atomic_load(&sum) == tasks * (tasks + 1) / 2, "%d threads, %zu tasks", threads, tasks);
        }
        pool_close(p);
    }
    pool *p;
    drgen_err e = {0};
    CHECK(pool_open(&p, -1, &e) == DRGEN_ERR_ARG && p == NULL);
}

/* A worker that comes too late for a job must not touch it: each job's data goes away with it. */
TEST(pool_jobs_follow_each_other)
{
    for (int threads = 2; threads <= 40; threads += threads < 3 ? 1 : 37) {
        pool *p;
        int wrong = 0;
        CHECK(pool_open(&p, threads, NULL) == DRGEN_OK);
        for (size_t job = 0; job < 3000; job++) {
            atomic_size_t *sum = calloc(1, sizeof *sum);
            size_t tasks = 2 + job % 7;
            pool_run(p, count_task, sum, tasks);
            wrong += atomic_load(sum) != tasks * (tasks + 1) / 2;
            free(sum);
        }
        CHECKF(wrong == 0, "%d threads: %d jobs are wrong", threads, wrong);
        pool_close(p);
    }
}

TEST(mersenne_twister_starts_as_published)
{
    static rng_torch r;
    rng_torch_seed(&r, 5489);
    CHECK(rng_torch_u32(&r) == 3499211612u && rng_torch_u32(&r) == 581869302u && rng_torch_u32(&r) == 3890346734u);
}

TEST(synth_depends_on_name_index_seed_only)
{
    float a[64], b[64];
    rng_synth(a, 0, 64, "layer.weight", 0.5, 2.0, 3);
    rng_synth(b, 10, 54, "layer.weight", 0.5, 2.0, 3);
    CHECK(memcmp(a + 10, b, 54 * sizeof *a) == 0);
    rng_synth(b, 0, 64, "layer.weight", 0.5, 2.0, 4);
    CHECK(memcmp(a, b, sizeof a) != 0);
    for (size_t i = 0; i < 64; i++) CHECK(a[i] >= -1.5f && a[i] < 2.5f);
}
