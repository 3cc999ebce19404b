/* progress.c - see progress.h. */
#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const phase_name[] = {
    [DRGEN_TEXT] = "lyrics", [DRGEN_STYLE] = "style", [DRGEN_SAMPLE] = "song", [DRGEN_DECODE] = "sound",
    [DRGEN_MASTER] = "master", [DRGEN_ENCODE] = "latents",
};

double progress_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

progress progress_init(progress_mode mode)
{
    return (progress){.mode = mode, .terminal = isatty(STDERR_FILENO)};
}

void progress_clear(progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = 0;
}

static void say(progress *p, const char *fmt, va_list args)
{
    progress_clear(p);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void progress_say(progress *p, const char *fmt, ...)
{
    if (p->mode != PROGRESS_HUMAN) return;
    va_list args;
    va_start(args, fmt);
    say(p, fmt, args);
    va_end(args);
}

void progress_insist(progress *p, const char *fmt, ...)
{
    if (p->mode == PROGRESS_JSON) return;
    va_list args;
    va_start(args, fmt);
    say(p, fmt, args);
    va_end(args);
}

void progress_json_text(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if (*c < 0x20) printf("\\u%04x", *c);
        else putchar(*c);
    }
    putchar('"');
}

/* "song  step 3/31  1.92 s/step  0:54 left" */
static void status(char *out, size_t room, const progress *p, int done, int total)
{
    double spent = p->done_at - p->began; /* a step is only measured when it is over */
    int n = snprintf(out, room, "%s  ", phase_name[p->phase]);
    if (p->phase == DRGEN_SAMPLE) n += snprintf(out + n, room - (size_t)n, "step %d/%d", done, total);
    else n += snprintf(out + n, room - (size_t)n, "%d %%", 100 * done / total);
    if (done == 0) return;
    double ahead = spent / done * (total - done) - (progress_now() - p->done_at);
    int left = ahead > 0 ? (int)(ahead + 0.5) : 0;
    if (p->phase == DRGEN_SAMPLE) n += snprintf(out + n, room - (size_t)n, "  %.2f s/step", spent / done);
    snprintf(out + n, room - (size_t)n, "  %d:%02d left", left / 60, left % 60);
}

static void update_json(const progress *p, int done, int total)
{
    printf("{\"event\":\"progress\",\"phase\":\"%s\",\"done\":%d,\"total\":%d,\"seconds\":%.3f}\n",
           phase_name[p->phase], done, total, progress_now() - p->began);
    fflush(stdout);
}

void progress_update(progress *p, drgen_phase phase, int done, int total)
{
    double t = progress_now();
    int fresh = !p->started || p->phase != phase;
    if (fresh) {
        p->started = 1;
        p->phase = phase;
        p->began = t;
        p->tenth = 0;
    }
    if (fresh || done != p->done) {
        p->done = done;
        p->done_at = t;
    }
    if (p->mode == PROGRESS_QUIET || total <= 0 || (phase != DRGEN_SAMPLE && phase != DRGEN_DECODE && phase != DRGEN_ENCODE)) return;
    int tenth = 10 * done / total, moved = tenth > p->tenth;
    p->tenth = tenth;
    if (p->mode == PROGRESS_JSON) {
        if (fresh || moved) update_json(p, done, total);
        return;
    }
    char line[128];
    if (p->terminal ? !(fresh || t - p->printed >= 0.1) : !moved) return;
    p->printed = t;
    status(line, sizeof line, p, done, total);
    if (p->terminal) fprintf(stderr, "\r%s\033[K", line);
    else fprintf(stderr, "%s\n", line);
    p->shown = p->terminal;
}
