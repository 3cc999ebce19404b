/* compat_limit.c - the limiters of both chains. The peak of a circular window of 5 ms - behind a frame in the seed,
 * ahead of it in the fork - is found block by block of the window's length: the largest from a frame to the end of its
 * block, and that from the start of the other block, three comparisons a frame whatever the length. */
#include <stdlib.h>

#include "dsp/compat_parts.h"

/* The window's length in frames, and magnitudes of two blocks of it. */
typedef struct {
    size_t window;
    double (*edge)[2];   /* [window] what wraps around the end of the sound, before anything is changed */
    double (*suffix)[2]; /* [window + 1] largest from here to the block's end; zeros at last */
} limiter;

static drgen_status open_limiter(limiter *l, int rate, drgen_err *err)
{
    l->window = (size_t)(5.0 * rate / 1000); /* the original truncates */
    if (!l->window) l->window = 1;
    l->edge = calloc(l->window, sizeof *l->edge);
    l->suffix = calloc(l->window + 1, sizeof *l->suffix);
    if (l->edge && l->suffix) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_NOMEM, "limiter with %zu frames: out of memory", l->window);
}

static void close_limiter(limiter *l)
{
    free(l->edge);
    free(l->suffix);
}

static void make_suffix(limiter *l)
{
    pair most = pair_all(0);
    for (size_t i = l->window; i-- > 0;) {
        most = pair_max(pair_load(l->suffix[i]), most);
        pair_store(l->suffix[i], most);
    }
}

/* Peaks of window frames up to and with this one; frames before the first are the last ones. */
drgen_status compat_seed_limit(compat_sound *x, double ceiling, drgen_err *err)
{
    limiter l = {0};
    const pair top = pair_all(pow(10, ceiling / 20)), attack = pair_all(compat_pole(0.001, 44100)),
               release = pair_all(compat_pole(0.1, 44100));
    pair smooth = pair_all(1);
    drgen_status status = open_limiter(&l, 44100, err);
    if (status != DRGEN_OK) goto done;
    for (size_t i = 0; i < l.window && x->frames; i++) {
        size_t back = (l.window - i) % x->frames; /* from the end; a short sound goes round more than once */
        pair_store(l.suffix[i], pair_abs(pair_load(x->frame[back ? x->frames - back : 0])));
    }
    make_suffix(&l);
    for (size_t at = 0; at < x->frames; at += l.window) {
        size_t n = x->frames - at < l.window ? x->frames - at : l.window;
        pair most = pair_all(0);
        for (size_t i = 0; i < n; i++) {
            pair v = pair_load(x->frame[at + i]);
            most = pair_max(pair_abs(v), most);
            pair gain = top / pair_max(pair_max(pair_load(l.suffix[i + 1]), most), top);
            pair k = pair_pick((pair_bits)(gain < smooth), attack, release);
            if (at + i) smooth = k * smooth + (1 - k) * gain;
            pair_store(l.suffix[i], pair_abs(v)); /* its place is free now, and this block the next one's past */
            pair_store(x->frame[at + i], v * smooth);
        }
        make_suffix(&l);
    }
done:
    close_limiter(&l);
    return status;
}

/* Magnitude at a frame; those after the last are the first ones as they were. */
static pair magnitude(const limiter *l, const compat_sound *x, size_t at)
{
    if (at < x->frames) return pair_abs(pair_load(x->frame[at]));
    size_t over = (at - x->frames) % x->frames;
    return over < l->window ? pair_load(l->edge[over]) : pair_all(0); /* further than any window reaches */
}

/* Peaks of window frames from this one on. */
drgen_status compat_fork_limit(compat_sound *x, double ceiling, drgen_err *err)
{
    limiter l = {0};
    const pair top = pair_all(pow(10, ceiling / 20)), release = pair_all(compat_pole(0.1, x->rate));
    pair smooth = pair_all(0);
    drgen_status status = open_limiter(&l, x->rate, err);
    if (status != DRGEN_OK) goto done;
    for (size_t i = 0; i < l.window && i < x->frames; i++) pair_store(l.edge[i], pair_abs(pair_load(x->frame[i])));
    for (size_t at = 0; at < x->frames; at += l.window) {
        size_t n = x->frames - at < l.window ? x->frames - at : l.window;
        pair most = pair_all(0);
        for (size_t i = 0; i < l.window; i++) pair_store(l.suffix[i], magnitude(&l, x, at + i));
        make_suffix(&l);
        for (size_t i = 0; i < n; i++) {
            if (i) most = pair_max(magnitude(&l, x, at + l.window + i - 1), most);
            pair v = pair_load(x->frame[at + i]);
            pair gain = top / pair_max(pair_max(pair_load(l.suffix[i]), most), top);
            pair slow = release * smooth + (1 - release) * gain;
            smooth = at + i ? pair_pick((pair_bits)(gain < smooth), gain, slow) : gain;
            pair_store(x->frame[at + i], v * smooth);
        }
    }
done:
    close_limiter(&l);
    return status;
}
