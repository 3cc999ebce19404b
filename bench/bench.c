/* bench.c - speeds as shares of this machine's own limits, all measured in one run.
 *
 *     benchmark [PART...] [--model DIR]... [--threads N] [--steps N] [--json FILE]
 *     benchmark compare BEFORE.json AFTER.json [BOUND] */
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/roof.h"
#include "io/json.h"
#include "kernels/gemm.h"

static const struct {
    const char *name;
    void (*run)(bench *b);
} parts[] = {
    {"gemm", bench_gemm}, {"q8", bench_q8}, {"blas", bench_blas}, {"attention", bench_attention}, {"kernels", bench_kern},
    {"layers", bench_layers}, {"dit", bench_dit}, {"vae", bench_vae}, {"song", bench_song}, {"audio", bench_audio},
    {"meters", bench_meters}, {"master", bench_master}, {"conv", bench_conv}, {"train", bench_train},
    {"likeness", bench_likeness},
};

/* How far a limit may move during a round, and seconds after which a row has taken long enough. */
static const double STEADY = 0.05, LONG = 20;

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

double bench_roof(const bench *b, bench_limit limit)
{
    if (limit == LIMIT_FMA) return roof_fma(b->pool, b->kern->isa);
    if (limit == LIMIT_INT8) return roof_int8(b->pool, b->q8->isa);
    return limit == LIMIT_STREAM ? roof_stream(b->pool) : 0;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts v. */
static double middle(double *v, int count)
{
    qsort(v, (size_t)count, sizeof *v, by_size);
    return count % 2 ? v[count / 2] : 0.5 * (v[count / 2 - 1] + v[count / 2]);
}

double bench_run(bench *b, const char *name, double amount, const char *unit, bench_limit limit, void (*fn)(void *arg),
                 void *arg, int rounds)
{
    enum { MOST = 64 };
    double t[MOST], roof[MOST], share[MOST], spent = 0;
    int n = 0, tries = 0;
    double before = bench_roof(b, limit);
    while (n < MOST && (n < rounds || spent < 0.3) && (n == 0 || spent < LONG)) {
        double start = roof_now();
        fn(arg);
        t[n] = roof_now() - start;
        spent += t[n];
        double after = bench_roof(b, limit);
        roof[n] = 0.5 * (before + after);
        share[n] = roof[n] > 0 ? amount / t[n] / roof[n] : 0;
        int steady = fabs(after - before) <= STEADY * roof[n];
        before = after;
        if (steady || ++tries > 2 * rounds || spent > LONG) n++; /* a round during which the machine changed its pace says nothing */
    }
    bench_row r = {.amount = amount, .unit = unit, .median = middle(t, n), .seconds = t[0], .roof = middle(roof, n),
                   .share = middle(share, n)};
    r.seconds = t[0]; /* sorted by now */
    snprintf(r.name, sizeof r.name, "%s", name);
    bench_put(b, &r);
    return r.seconds;
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

void bench_put(bench *b, const bench_row *r)
{
    if (b->count == b->room) {
        b->room = b->room ? 2 * b->room : 64;
        b->rows = realloc(b->rows, (size_t)b->room * sizeof *b->rows);
        if (!b->rows) exit(1);
    }
    b->rows[b->count++] = *r;
    printf("%-56s %9.4f s (middle %9.4f) %9.1f %s/s", r->name, r->seconds, r->median, r->amount / r->seconds, r->unit);
    if (r->roof > 0) printf(" %6.1f %% of %.1f", 100 * r->share, r->roof);
    if (r->peak > 0) printf(" peak %.2f GiB", r->peak);
    printf("\n");
    fflush(stdout);
}

void bench_add(bench *b, const char *name, double amount, const char *unit, double seconds, double limit)
{
    bench_row r = {.seconds = seconds, .median = seconds, .amount = amount, .unit = unit, .roof = limit,
                   .share = limit > 0 ? amount / seconds / limit : 0};
    snprintf(r.name, sizeof r.name, "%s", name);
    bench_put(b, &r);
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
        put_number(&o, "seconds", r->seconds, ", ");
        put_number(&o, "median", r->median, r->roof > 0 || r->peak > 0 ? ", " : "");
        if (r->peak > 0) put_number(&o, "peak_gib", r->peak, r->roof > 0 ? ", " : "");
        if (r->roof > 0) {
            put_number(&o, "roof", r->roof, ", ");
            put_number(&o, "share", r->share, "");
        }
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

/* The limits of every instruction set here, those of the one in use kept. */
static void print_limits(bench *b)
{
    size_t count;
    const kern_table *const *tables = kern_available(&count);
    const char *last = "";
    b->fma = bench_roof(b, LIMIT_FMA);
    b->int8 = bench_roof(b, LIMIT_INT8);
    b->stream = bench_roof(b, LIMIT_STREAM);
    printf("kernels %s, int8 %s, products %s, %d threads\n", b->kern->isa, b->q8->isa, gemm_backend(), pool_threads(b->pool));
    for (size_t i = count; i-- > 0;) {
        double fma = roof_fma(b->pool, tables[i]->isa);
        if (fma > 0) printf("limit now: float32 multiply-add, %s: %.1f GFLOP/s\n", tables[i]->isa, fma);
    }
    for (size_t i = count; i-- > 0;) {
        const char *isa = kern_q8_of(tables[i])->isa;
        double dot = strcmp(isa, last) != 0 ? roof_int8(b->pool, isa) : 0;
        if (dot > 0) printf("limit now: int8 products, %s: %.1f GOP/s\n", isa, dot);
        last = isa;
    }
    printf("limit now: memory %.1f GB/s. Each row's share is of the limit measured beside it.\n", b->stream);
}

/* The program in the benchmark's folder. */
static const char *beside(char *out, size_t room, const char *self)
{
    const char *slash = strrchr(self, '/');
    snprintf(out, room, "%.*sdrgen", slash ? (int)(slash - self + 1) : 0, self);
    return out;
}

int main(int argc, char **argv)
{
    bench b = {.kern = kern_best(), .steps = 32};
    char program[4096];
    const char *json = NULL, *wanted[16];
    int threads = 0, wanted_count = 0, bad = 0;
    if (argc >= 4 && strcmp(argv[1], "compare") == 0) return bench_compare(argv[2], argv[3], argc > 4 ? atof(argv[4]) : 1.1);
    for (int i = 1; i < argc; i++) {
        int more = i + 1 < argc;
        if (more && strcmp(argv[i], "--threads") == 0) threads = atoi(argv[++i]);
        else if (more && strcmp(argv[i], "--steps") == 0) b.steps = atoi(argv[++i]);
        else if (more && strcmp(argv[i], "--model") == 0 && b.model_count < BENCH_MODELS) b.models[b.model_count++] = argv[++i];
        else if (more && strcmp(argv[i], "--json") == 0) json = argv[++i];
        else if (wanted_count < 16 && known(argv[i])) wanted[wanted_count++] = argv[i];
        else return 2;
    }
    if (strcmp(b.kern->isa, "avx512") == 0 && !getenv("OPENBLAS_CORETYPE")) { /* OpenBLAS at its best */
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
        execv("/proc/self/exe", argv);
    }
    if (pool_open(&b.pool, threads, NULL) != DRGEN_OK) return 1;
    b.q8 = kern_q8_of(b.kern);
    b.model = b.models[0];
    b.program = beside(program, sizeof program, argv[0]);
    print_limits(&b);
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
