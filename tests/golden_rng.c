/* golden_rng.c - torch.manual_seed and successive torch.randn calls: entries seed.<s>.call<i>. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "io/weights.h"
#include "tests/golden.h"

static int match(const golden *g)
{
    return !g->root && g->expected && st_count(g->expected) && strncmp(st_at(g->expected, 0)->name, "seed.", 5) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const st_tensor *const *)a)->name, (*(const st_tensor *const *)b)->name);
}

static void run(golden *g)
{
    size_t count = st_count(g->expected);
    const st_tensor **t = malloc(count * sizeof *t);
    for (size_t i = 0; i < count; i++) t[i] = st_at(g->expected, i);
    qsort(t, count, sizeof *t, by_name); /* calls of one seed follow each other on one generator */
    rng_torch r;
    uint64_t current = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t seed = strtoull(t[i]->name + 5, NULL, 10);
        if (i == 0 || seed != current) rng_torch_seed(&r, current = seed);
        float *got = malloc((t[i]->count + 1) * sizeof *got);
        rng_torch_normal(&r, got, t[i]->count);
        double worst = 0;
        for (size_t k = 0; k < t[i]->count; k++) {
            double e = fabs((double)got[k] - (double)weights_value(t[i], k));
            if (!(e <= worst)) worst = e;
        }
        golden_report(g, t[i]->name, "randn", worst, 1e-6);
        free(got);
    }
    free(t);
}

const golden_kind golden_rng = {"rng", match, run};
