/* bench_compare.c - two runs side by side. */
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
    printf("%-56s %10s %10s %8s\n", "", "before", "after", "speed-up");
    for (const json_node *r = json_first(json_get(json_root(new), "results")); r; r = json_next(r)) {
        const char *name = json_string(json_get(r, "name"), "");
        double now = json_number(json_get(r, "seconds"), 0), then = json_number(json_get(find(before, name), "seconds"), 0);
        if (now <= 0 || then <= 0) continue;
        printf("%-56s %9.4fs %9.4fs %7.2fx%s\n", name, then, now, then / now, now > then * bound ? "  slower" : "");
        if (now > then * bound) slower = 1;
    }
    json_free(old);
    json_free(new);
    return slower;
}
