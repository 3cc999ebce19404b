/* frames.c - see frames.h. Source: DiffRhythm infer/infer_utils.py, get_lrc_token. */
#include "text/frames.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/half.h"
#include "text/phones.h"

enum { SHORT_FRAMES = 2048, LONG_FRAMES = 6144 };
static const double rate = 44100.0 / 2048; /* frames a second, exact */

void frames_lengths(int max_frames, double range[2])
{
    range[0] = max_frames == SHORT_FRAMES ? 95 : max_frames == LONG_FRAMES ? 96 : 1;
    range[1] = max_frames == SHORT_FRAMES ? 95 : max_frames == LONG_FRAMES ? 285 : max_frames / rate;
}

drgen_status frames_count(int max_frames, double seconds, size_t *out, drgen_err *err)
{
    *out = 0;
    if (max_frames == SHORT_FRAMES) {
        if (seconds != 95)
            return err_fail(err, DRGEN_ERR_ARG, "%g s: this model makes songs of exactly 95 s", seconds);
        *out = SHORT_FRAMES;
        return DRGEN_OK;
    }
    double range[2];
    frames_lengths(max_frames, range);
    if (!(seconds >= range[0] && seconds <= range[1]))
        return err_fail(err, DRGEN_ERR_ARG, "%g s: this model makes songs of %g to %g s", seconds, range[0], range[1]);
    size_t frames = (size_t)(seconds * rate);
    *out = frames < (size_t)max_frames ? frames : (size_t)max_frames;
    return DRGEN_OK;
}

float frames_duration(size_t frames, int max_frames)
{
    return half_from_f16(half_to_f16((float)((double)frames / max_frames)));
}

typedef struct {
    frames_note note;
    void *user;
} listener;

static void say(const listener *to, int line, const char *fmt, ...) ERR_PRINTF(3, 4);
static void say(const listener *to, int line, const char *fmt, ...)
{
    if (!to->note) return;
    char message[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    to->note(to->user, line, message);
}

/* Frame of a time, cut off, within 0..frames. A time that is not a number counts as the end. */
static size_t frame_of(double seconds, size_t frames)
{
    if (seconds <= 0) return 0;
    double at = seconds * 44100.0 / 2048;
    return at < (double)frames ? (size_t)at : frames;
}

/* The first n tokens of the line and its closing period; a period inside becomes a comma. */
static void put_line(int32_t *grid, frames_line *l, size_t start, size_t n)
{
    l->start = (long)start;
    l->placed = n;
    grid += start;
    for (size_t i = 0; i < n; i++) {
        int32_t id = i < l->count ? l->ids[i] : PHONES_PERIOD;
        grid[i] = i < l->count && id == PHONES_PERIOD ? PHONES_COMMA : id;
    }
}

/* Songs the model learned from fill 12 to 21 % of the time between two lines with tokens, and never more than
 * 39 %. */
static void judge_density(const listener *to, const frames_line *l, size_t start, size_t next)
{
    size_t gap = next > start ? next - start : 0, tokens = l->count + 1;
    if (tokens > gap)
        say(to, l->line,
            "has more sounds (%zu) than the time to the next line can hold (%zu frames of 46 ms): the next "
            "line starts late, and words will be lost",
            tokens, gap);
    else if (tokens * 2 > gap)
        say(to, l->line,
            "is dense: its sounds fill %zu %% of the time to the next line (usual: 12 to 21 %%); words may "
            "be lost",
            tokens * 100 / gap);
}

static void place_product(int32_t *grid, size_t frames, double seconds, frames_line *lines, size_t count,
                          const listener *to)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        frames_line *l = &lines[i];
        if (l->count == 0) continue;
        if (!(l->seconds < seconds)) {
            say(to, l->line, "left out: it starts after the end of the song");
            continue;
        }
        size_t wanted = frame_of(l->seconds, frames), start = wanted > at ? wanted : at;
        if (l->count > frames - start) { /* only its period may miss */
            say(to, l->line,
                "left out: it needs %zu frames of 46 ms, and %zu are left before the end of the song",
                l->count, frames - start);
            continue;
        }
        if (start > wanted)
            say(to, l->line, "starts %.1f s late: the line before it is not over",
                (double)(start - wanted) / rate);
        size_t n = l->count + (l->count < frames - start);
        put_line(grid, l, start, n);
        at = start + n;
        double next = i + 1 < count && lines[i + 1].seconds < seconds ? lines[i + 1].seconds : seconds;
        judge_density(to, l, start, frame_of(next, frames));
    }
}

/* The original: everything in the order of the file, its last line dropped in a short song. */
static void place_compat(int32_t *grid, size_t frames, int max_frames, double seconds, frames_line *lines,
                         size_t count, const listener *to)
{
    size_t last = count;
    for (size_t i = 0; i < count && max_frames == SHORT_FRAMES; i++)
        if (lines[i].seconds < seconds) last = i;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        frames_line *l = &lines[i];
        int late = !(l->seconds < seconds);
        if (late || i == last) {
            say(to, l->line,
                late ? "left out: it starts after the end of the song"
                     : "left out: the original drops the last line of a 95 s song");
            continue;
        }
        size_t wanted = frame_of(l->seconds, frames), start = wanted > at ? wanted : at;
        size_t n = l->count + 1 < frames - start ? l->count + 1 : frames - start;
        put_line(grid, l, start, n);
        at = start + n;
    }
}

void frames_place(int32_t *grid, size_t frames, int max_frames, double seconds, frames_line *lines,
                  size_t count, int compat, frames_note note, void *user)
{
    listener to = {note, user};
    for (size_t i = 0; i < frames; i++) grid[i] = 0;
    for (size_t i = 0; i < count; i++) {
        lines[i].start = -1;
        lines[i].placed = 0;
    }
    if (compat) place_compat(grid, frames, max_frames, seconds, lines, count, &to);
    else place_product(grid, frames, seconds, lines, count, &to);
}
