/* timing.c - see timing.h. */
#include "text/timing.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double frames_per_second = 44100.0 / 2048.0;

static drgen_status add(timing *t, timing_line line, drgen_err *err)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 32;
        timing_line *grown = realloc(t->lines, room * sizeof *grown);
        if (!grown) return err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
        t->lines = grown;
        t->room = room;
    }
    t->lines[t->count++] = line;
    return DRGEN_OK;
}

/* "Verse 1:" and the like: a known word, perhaps a number, perhaps a colon. */
static int is_section(const char *s, size_t n)
{
    static const char *const words[] = {"intro", "verse", "pre-chorus", "prechorus", "chorus", "hook", "bridge", "interlude",
                                        "instrumental", "solo", "break", "refrain", "outro", "coda", "end"};
    if (n >= 2 && ((s[0] == '[' && s[n - 1] == ']') || (s[0] == '(' && s[n - 1] == ')'))) {
        s++;
        n -= 2;
    } else if (n < 2 || s[n - 1] != ':') return 0;
    else n--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t k = strlen(words[i]), m = 0;
        while (m < k && m < n && tolower((unsigned char)s[m]) == words[i][m]) m++;
        if (m == k && (n == k || !isalpha((unsigned char)s[k]))) return 1;
    }
    return 0;
}

drgen_status timing_read(timing *out, const char *text, size_t size, drgen_err *err)
{
    const char *at = text, *end = text + size;
    int number = 0;
    *out = (timing){0};
    if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    while (at < end) {
        const char *stop = at;
        while (stop < end && *stop != '\n' && *stop != '\r') stop++;
        const char *a = at, *b = stop;
        while (a < b && isspace((unsigned char)*a)) a++;
        while (b > a && isspace((unsigned char)b[-1])) b--;
        timing_line line = {.text = a, .size = (size_t)(b - a), .line = ++number};
        line.kind = a == b ? TIMING_BLANK : is_section(a, line.size) ? TIMING_SECTION : TIMING_SUNG;
        drgen_status status = add(out, line, err);
        if (status != DRGEN_OK) {
            timing_free(out);
            return status;
        }
        at = stop + (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n' ? 2 : 1);
    }
    return DRGEN_OK;
}

void timing_free(timing *t)
{
    free(t->lines);
    *t = (timing){0};
}

/* Seconds a line of n tokens likes until the next, and the least it can do with. */
static double wish(size_t tokens)
{
    return (43.0 + 2.63 * (double)(tokens + 1)) / frames_per_second;
}

static double need(size_t tokens)
{
    return (double)(tokens + 2) / frames_per_second;
}

drgen_status timing_place(timing *t, double seconds, double bpm, double *density, drgen_err *err)
{
    double bar = 4 * 60.0 / (bpm > 0 ? bpm : 110.0), sung = 0, least = 0, pauses = 0;
    size_t lines = 0;
    int started = 0, paused = 0; /* pauses do not add up, and none comes before the first line: that is the intro */
    for (size_t i = 0; i < t->count; i++) {
        const timing_line *l = &t->lines[i];
        if (l->kind == TIMING_SUNG) {
            sung += wish(l->tokens);
            least += need(l->tokens);
            lines++;
            started = 1;
            paused = 0;
        } else if (started) {
            int bars = l->kind == TIMING_SECTION ? 2 : 1;
            if (bars > paused) pauses += (bars - paused) * bar;
            paused = bars > paused ? bars : paused;
        }
    }
    if (!lines) return err_fail(err, DRGEN_ERR_TEXT, "lyrics: no line to sing");
    double intro = seconds >= 60 ? 4 * bar : 2 * bar, rest = intro + pauses + bar;
    if (intro > 0.12 * seconds) rest -= intro - 0.12 * seconds, intro = 0.12 * seconds;
    double pause_scale = fmin(1, seconds / (rest + sung)), room = seconds - rest * pause_scale;
    if (room < least) pause_scale = fmax(0, (seconds - least) / rest), room = fmax(seconds - rest * pause_scale, 0);
    double stretch = fmin(room / sung, 1.35), at = intro * pause_scale, beat = bar / 4;
    started = paused = 0;
    for (size_t i = 0; i < t->count; i++) {
        timing_line *l = &t->lines[i];
        if (l->kind == TIMING_SUNG) {
            double start = bpm > 0 && stretch > 0.6 ? floor(at / beat + 0.5) * beat : at;
            l->seconds = fmin(start, seconds);
            at += fmax(wish(l->tokens) * stretch, fmin(need(l->tokens), wish(l->tokens)) * fmin(1, room / least));
            started = 1;
            paused = 0;
        } else if (started) {
            int bars = l->kind == TIMING_SECTION ? 2 : 1;
            if (bars > paused) at += (bars - paused) * bar * pause_scale;
            paused = bars > paused ? bars : paused;
        }
    }
    *density = 0;
    const timing_line *before = NULL;
    for (size_t i = 0; i <= t->count; i++) {
        const timing_line *l = i < t->count ? &t->lines[i] : NULL;
        if (l && l->kind != TIMING_SUNG) continue;
        if (before) {
            double frames = ((l ? l->seconds : seconds) - before->seconds) * frames_per_second;
            double fill = frames > 0 ? (double)(before->tokens + 1) / frames : 10;
            *density = fmax(*density, fill);
        }
        before = l;
    }
    return DRGEN_OK;
}
