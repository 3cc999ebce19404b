/* t.c - see t.h. */
#include "t.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

uint64_t t_seed = 20240607;

static t_case *cases, **tail = &cases;
static const t_case *running;
static int failures, skipped;

void t_register(t_case *c)
{
    *tail = c;
    tail = &c->next;
}

void t_fail(const char *file, int line, const char *fmt, ...)
{
    if (++failures > 10) return; /* one broken loop must not bury the rest */
    printf("FAIL %s:%d (%s) ", file, line, running ? running->name : "?");
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

void t_skip(const char *fmt, ...)
{
    skipped = 1;
    printf("SKIP %s: ", running ? running->name : "?");
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

int main(int argc, char **argv)
{
    const char *seed = getenv("SEED");
    if (seed && *seed) t_seed = strtoull(seed, NULL, 10);
    int times = getenv("TIMES") != NULL;
    int ok = 0, bad = 0, skip = 0;
    for (const t_case *c = cases; c; c = c->next) {
        int wanted = argc < 2;
        for (int i = 1; i < argc; i++) wanted |= strstr(c->name, argv[i]) != NULL || strstr(c->file, argv[i]) != NULL;
        if (!wanted) continue;
        running = c;
        failures = skipped = 0;
        clock_t start = clock();
        c->run();
        if (times) printf("%8.2f s of processor time  %s\n", (double)(clock() - start) / CLOCKS_PER_SEC, c->name);
        if (failures) {
            printf("FAILED %s (%d checks, SEED=%llu)\n", c->name, failures, (unsigned long long)t_seed);
            bad++;
        } else if (skipped) skip++;
        else ok++;
        fflush(stdout);
    }
    printf("%d passed, %d failed, %d skipped\n", ok, bad, skip);
    return bad || !(ok + skip);
}
