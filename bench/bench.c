/* bench.c - speeds as shares of this machine's own limits, all measured in one run.
 *
 *     benchmark [PART...] [--model DIR] [--threads N] [--json FILE]
 *     benchmark compare BEFORE.json AFTER.json [BOUND] */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/roof.h"
#include "io/json.h"
#include "kernels/gemm.h"

static const struct {
    const char *name;
    void (*run)(bench *b);
} parts[] = {
    {"gemm", bench_gemm}, {"q8", bench_q8}, {"attention", bench_attention}, {"kernels", bench_kern}, {"audio", bench_audio},
    {"meters", bench_meters}, {"master", bench_master}, {"train", bench_train},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void *bench_memory(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!p) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    memset(p, 0, bytes);
    return p;
}

double bench_time(void (*fn)(void *arg), void *arg, int rounds)
{
    double best = 1e30, spent = 0;
    for (int i = 0; i < rounds || (spent < 0.3 && i < 1000); i++) {
        double start = roof_now();
        fn(arg);
        double t = roof_now() - start;
        spent += t;
        if (t < best) best = t;
    }
    return best;
}

void bench_add(bench *b, const char *name, double amount, const char *unit, double seconds, double limit)
{
    if (b->count == b->room) {
        b->room = b->room ? 2 * b->room : 64;
        b->rows = realloc(b->rows, (size_t)b->room * sizeof *b->rows);
        if (!b->rows) exit(1);
    }
    bench_row *r = &b->rows[b->count++];
    *r = (bench_row){.seconds = seconds, .amount = amount, .unit = unit, .limit = limit};
    snprintf(r->name, sizeof r->name, "%s", name);
    printf("%-56s %9.4f s %9.1f %s/s", name, seconds, amount / seconds, unit);
    if (limit > 0) printf(" %6.1f %%", 100 * amount / seconds / limit);
    printf("\n");
    fflush(stdout);
}

static void put_number(json_out *o, const char *key, double v, const char *after)
{
    json_out_string(o, key);
    json_out_raw(o, ": ");
    json_out_number(o, v);
    json_out_raw(o, after);
}

static int write_json(const bench *b, const char *path)
{
    json_out o = {0};
    json_out_raw(&o, "{\"kernels\": ");
    json_out_string(&o, b->kern->isa);
    json_out_raw(&o, ", \"int8\": ");
    json_out_string(&o, b->q8->isa);
    json_out_raw(&o, ", ");
    put_number(&o, "threads", pool_threads(b->pool), ", ");
    put_number(&o, "fma_gflops", b->fma, ", ");
    put_number(&o, "int8_gops", b->int8, ", ");
    put_number(&o, "stream_gbs", b->stream, ",\n\"results\": [");
    for (int i = 0; i < b->count; i++) {
        const bench_row *r = &b->rows[i];
        json_out_raw(&o, i ? ",\n{\"name\": " : "\n{\"name\": ");
        json_out_string(&o, r->name);
        json_out_raw(&o, ", \"unit\": ");
        json_out_string(&o, r->unit);
        json_out_raw(&o, ", ");
        put_number(&o, "amount", r->amount, ", ");
        put_number(&o, "seconds", r->seconds, r->limit > 0 ? ", " : "");
        if (r->limit > 0) put_number(&o, "share", r->amount / r->seconds / r->limit, "");
        json_out_raw(&o, "}");
    }
    json_out_raw(&o, "\n]}\n");
    FILE *f = o.failed ? NULL : fopen(path, "w");
    int bad = !f || fputs(o.text, f) < 0;
    if (f && fclose(f) != 0) bad = 1;
    json_out_free(&o);
    if (bad) fprintf(stderr, "bench: %s: cannot be written\n", path);
    return bad;
}

static int known(const char *part)
{
    for (size_t i = 0; i < COUNT(parts); i++)
        if (strcmp(parts[i].name, part) == 0) return 1;
    fprintf(stderr, "bench: no part \"%s\"; there are:", part);
    for (size_t i = 0; i < COUNT(parts); i++) fprintf(stderr, " %s", parts[i].name);
    fprintf(stderr, "\n");
    return 0;
}

int main(int argc, char **argv)
{
    bench b = {.kern = kern_best(), .model = NULL};
    const char *json = NULL, *wanted[16];
    int threads = 0, wanted_count = 0, bad = 0;
    if (argc >= 4 && strcmp(argv[1], "compare") == 0) return bench_compare(argv[2], argv[3], argc > 4 ? atof(argv[4]) : 1.1);
    for (int i = 1; i < argc; i++) {
        int more = i + 1 < argc;
        if (more && strcmp(argv[i], "--threads") == 0) threads = atoi(argv[++i]);
        else if (more && strcmp(argv[i], "--model") == 0) b.model = argv[++i];
        else if (more && strcmp(argv[i], "--json") == 0) json = argv[++i];
        else if (wanted_count < 16 && known(argv[i])) wanted[wanted_count++] = argv[i];
        else return 2;
    }
    if (pool_open(&b.pool, threads, NULL) != DRGEN_OK) return 1;
    b.q8 = kern_q8_of(b.kern);
    b.fma = roof_fma(b.pool, b.kern->isa);
    b.int8 = roof_int8(b.pool, b.q8->isa);
    b.stream = roof_stream(b.pool);
    printf("kernels %s, int8 %s, products %s, %d threads\n", b.kern->isa, b.q8->isa, gemm_backend(), pool_threads(b.pool));
    printf("this machine's limits: float32 multiply-add %.1f GFLOP/s, int8 %.1f GOP/s, copying %.1f GB/s\n", b.fma, b.int8, b.stream);
    for (size_t i = 0; i < COUNT(parts); i++) {
        int run = wanted_count == 0;
        for (int k = 0; k < wanted_count; k++) run |= strcmp(wanted[k], parts[i].name) == 0;
        if (run) parts[i].run(&b);
    }
    if (json) bad = write_json(&b, json);
    free(b.rows);
    pool_close(b.pool);
    return bad;
}
