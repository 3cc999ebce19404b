/* bench_song.c - the whole program on one song, watched from outside: seconds by phase from its own progress lines, and
 * its peak resident memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/bench_model.h"
#include "bench/roof.h"

typedef struct {
    double first, sampled, decoded, whole; /* seconds since the start: first step begins, sampler done, sound done, exit */
    double peak;                           /* GiB */
    int ok;
} song_run;

static void watch(FILE *f, double start, song_run *r)
{
    char line[4096];
    while (fgets(line, sizeof line, f)) {
        double t = roof_now() - start;
        if (r->first == 0 && strstr(line, "\"phase\":\"song\"")) r->first = t;
        if (r->sampled == 0 && strstr(line, "\"phase\":\"sound\"")) r->sampled = t;
        if (strstr(line, "\"phase\":\"sound\"")) r->decoded = t;
    }
}

static song_run run_song(const bench *b, const char *model, const char *lyrics, const char *out)
{
    song_run r = {0};
    int ends[2], status = 1;
    char steps[16], threads[16];
    snprintf(steps, sizeof steps, "%d", b->steps);
    snprintf(threads, sizeof threads, "%d", pool_threads(b->pool));
    if (pipe(ends) != 0) return r;
    double start = roof_now();
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]), close(ends[1]);
        execl(b->program, b->program, "generate", "--model", model, "--steps", steps, "--threads", threads, "--seed", "1", "--json",
              "-l", lyrics, "-p", "folk, acoustic guitar, warm", "-o", out, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    if (f) watch(f, start, &r), fclose(f);
    struct rusage use = {0};
    if (child > 0 && wait4(child, &status, 0, &use) == child) r.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    r.whole = roof_now() - start;
    r.peak = (double)use.ru_maxrss / (1 << 20);
    return r;
}

static void put(bench *b, const char *type, const char *what, double seconds, double gflop, double roof, double peak)
{
    bench_row r = {.seconds = seconds, .median = seconds, .amount = gflop > 0 ? gflop : 1, .unit = gflop > 0 ? "GFLOP" : "times",
                   .roof = gflop > 0 ? roof : 0, .peak = peak};
    if (r.roof > 0) r.share = gflop / seconds / roof;
    snprintf(r.name, sizeof r.name, "song %s, %d steps: %s", type, b->steps, what);
    bench_put(b, &r);
}

static void one_model(bench *b, const char *model, const char *lyrics, const char *out)
{
    model_cfg cfg;
    if (!bench_model_config(model, &cfg)) return;
    double before = bench_roof(b, LIMIT_FMA);
    song_run r = run_song(b, model, lyrics, out);
    double roof = 0.5 * (before + bench_roof(b, LIMIT_FMA));
    size_t frames = cfg.dit.duration_embed ? 6144 : 2048;
    if (!r.ok) {
        fprintf(stderr, "bench: %s: no song\n", b->program);
        return;
    }
    put(b, cfg.dtype, "start to first step", r.first, 0, 0, 0);
    put(b, cfg.dtype, "sampling", r.sampled - r.first, 2 * (b->steps - 1) * bench_dit_gflop(&cfg.dit, (double)frames), roof, 0);
    put(b, cfg.dtype, "decoding", r.decoded - r.sampled, bench_vae_gflop(&cfg.vae, (double)frames), roof, 0);
    put(b, cfg.dtype, "whole program", r.whole, 0, 0, r.peak);
}

void bench_song(bench *b)
{
    char folder[] = "/tmp/drgen-bench-XXXXXX", lyrics[64], out[64];
    if (!b->model_count) return;
    if (access(b->program, X_OK) != 0 || !mkdtemp(folder)) {
        fprintf(stderr, "bench: %s: not there; make drgen\n", b->program);
        return;
    }
    snprintf(lyrics, sizeof lyrics, "%s/song.lrc", folder);
    snprintf(out, sizeof out, "%s/song.wav", folder);
    FILE *f = fopen(lyrics, "w");
    if (f) {
        fputs("[00:05.00]The river keeps the evening light\n[00:12.00]And carries it to sea\n", f);
        fclose(f);
        for (int i = 0; i < b->model_count; i++) one_model(b, b->models[i], lyrics, out);
    }
    unlink(lyrics), unlink(out), rmdir(folder);
}
