/* bench_compare.c - two runs side by side. Where both know a row's share of its limit, that is what counts: the clock may
 * have changed between the runs, and with it every second. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "io/file.h"
#include "io/json.h"

static drgen_status read_run(json_doc **out, const char *path, drgen_err *err)
{
    file_bytes f;
    ERR_TRY(file_map(&f, path, 16u << 20, err));
    drgen_status status = json_parse(out, f.data, f.size, path, err);
    file_close(&f);
    return status;
}

static const json_node *find(const json_node *rows, const char *name)
{
    for (const json_node *r = json_first(rows); r; r = json_next(r))
        if (strcmp(json_string(json_get(r, "name"), ""), name) == 0) return r;
    return NULL;
}

int bench_compare(const char *a, const char *b, double bound)
{
    drgen_err err = {0};
    json_doc *old = NULL, *new = NULL;
    int slower = 0;
    if (read_run(&old, a, &err) != DRGEN_OK || read_run(&new, b, &err) != DRGEN_OK) {
        fprintf(stderr, "bench: %s\n", err.message);
        json_free(old);
        return 2;
    }
    const json_node *before = json_get(json_root(old), "results");
    printf("%-56s %10s %10s %8s %8s %8s\n", "", "before", "after", "share", "share", "speed-up");
    for (const json_node *r = json_first(json_get(json_root(new), "results")); r; r = json_next(r)) {
        const char *name = json_string(json_get(r, "name"), "");
        const json_node *past = find(before, name);
        double now = json_number(json_get(r, "seconds"), 0), then = json_number(json_get(past, "seconds"), 0);
        double share = json_number(json_get(r, "share"), 0), had = json_number(json_get(past, "share"), 0);
        if (now <= 0 || then <= 0) continue;
        double gain = share > 0 && had > 0 ? share / had : then / now;
        printf("%-56s %9.4fs %9.4fs ", name, then, now);
        if (share > 0 && had > 0) printf("%6.1f %% %6.1f %%", 100 * had, 100 * share);
        else printf("%8s %8s", "", "");
        printf(" %7.2fx%s\n", gain, gain * bound < 1 ? "  slower" : "");
        if (gain * bound < 1) slower = 1;
    }
    json_free(old);
    json_free(new);
    return slower;
}
