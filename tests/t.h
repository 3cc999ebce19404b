/* t.h - the test harness: TEST(name) { CHECK(...); CHECKF(cond, fmt, ...); }. One program links any number of test
 * files. Arguments filter by substring; SEED=n in the environment replays random cases, TIMES=1 tells what each test cost.
 * Prints one line per failure and "N passed, N failed, N skipped" at the end; exits 1 when anything failed or nothing ran. */
#ifndef T_H
#define T_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct t_case {
    const char *file, *name;
    void (*run)(void);
    struct t_case *next;
} t_case;

extern uint64_t t_seed; /* changes between runs only when SEED does */

void t_register(t_case *c);
void t_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void t_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* marks the running test skipped, with why */

#define TEST(id)                                                                                   \
    static void test_##id(void);                                                                   \
    __attribute__((constructor)) static void test_register_##id(void)                              \
    {                                                                                              \
        static t_case c = {__FILE__, #id, test_##id, NULL};                                        \
        t_register(&c);                                                                            \
    }                                                                                              \
    static void test_##id(void)

#define CHECK(cond)                                                        \
    do {                                                                   \
        if (!(cond)) t_fail(__FILE__, __LINE__, "%s", #cond);              \
    } while (0)
#define CHECKF(cond, ...)                                                  \
    do {                                                                   \
        if (!(cond)) t_fail(__FILE__, __LINE__, __VA_ARGS__);              \
    } while (0)
/* 1 under a sanitizer, which looks for stray reads and writes, not for numbers: the release build runs every test as well,
 * so repetitions that visit no new code may be fewer here. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { T_SANITIZED = 1 };
#else
enum { T_SANITIZED = 0 };
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
