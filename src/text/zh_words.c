/* zh_words.c - cutting Chinese text into words, and the merges after it. Source: spec lyrics.md 4.3 and 4.4 (jieba's
 * dictionary graph with a hidden Markov model for unknown words). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/zh.h"

size_t zh_word(const zh_words *w, size_t i, const uint32_t **at)
{
    size_t from = i ? w->ends[i - 1] : 0;
    *at = w->text.at + from;
    return w->ends[i] - from;
}

/* Ends the word that was added to w->text. */
static void end_word(zh_words *w)
{
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 32, *grown = w->failed ? NULL : realloc(w->ends, room * sizeof *grown);
        if (!grown) {
            w->failed = 1;
            return;
        }
        w->ends = grown;
        w->room = room;
    }
    w->ends[w->count++] = w->text.count;
}

void zh_words_add(zh_words *w, const uint32_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++) zh_text_add(&w->text, at[i]);
    end_word(w);
}

void zh_words_free(zh_words *w)
{
    zh_text_free(&w->text);
    free(w->ends);
    *w = (zh_words){0};
}

static drgen_status memory(drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_NOMEM, "out of memory for Chinese lyrics");
}

static int is_han(uint32_t cp)
{
    return cp >= 0x4E00 && cp <= 0x9FD5;
}

/* Characters that stay together for the segmenter. */
static int in_block(uint32_t cp)
{
    return is_han(cp) || (cp < 128 && cp && (strchr("+#&._%-", (int)cp) || (cp >= '0' && cp <= '9') || ((cp | 32) >= 'a' && (cp | 32) <= 'z')));
}

/* ---- unknown words: begin, end, middle or single, by the likeliest path. States in the order of their letters, so that
 * the larger index wins ties like the larger letter does. */
enum { B, E, M, S };

static void cut_unknown(const zh_dict *d, const uint32_t *at, size_t size, double (*score)[4], unsigned char (*from)[4], zh_words *out)
{
    static const int before[4][2] = {[B] = {E, S}, [M] = {B, M}, [S] = {E, S}, [E] = {B, M}};
    for (int y = 0; y < 4; y++) score[0][y] = zh_dict_start(d, y) + zh_dict_emit(d, y, at[0]);
    for (size_t t = 1; t < size; t++)
        for (int y = 0; y < 4; y++) {
            double emit = zh_dict_emit(d, y, at[t]);
            double a = score[t - 1][before[y][0]] + zh_dict_trans(d, before[y][0], y) + emit;
            double b = score[t - 1][before[y][1]] + zh_dict_trans(d, before[y][1], y) + emit;
            score[t][y] = b >= a ? b : a; /* before[y] is sorted: a tie goes to the second */
            from[t][y] = (unsigned char)before[y][b >= a];
        }
    unsigned char state = score[size - 1][S] >= score[size - 1][E] ? S : E;
    for (size_t t = size; t-- > 0;) {
        unsigned char earlier = t ? from[t][state] : 0;
        from[t][0] = state; /* the path takes the place of the links it came by */
        state = earlier;
    }
    size_t begin = 0, done = 0;
    for (size_t t = 0; t < size; t++) {
        if (from[t][0] == B) begin = t;
        else if (from[t][0] == E) zh_words_add(out, at + begin, t + 1 - begin), done = t + 1;
        else if (from[t][0] == S) zh_words_add(out, at + t, 1), done = t + 1;
    }
    if (done < size) zh_words_add(out, at + done, size - done);
}

/* Single characters that no longer word covers. */
static void flush(const zh_dict *d, const uint32_t *at, size_t size, double (*score)[4], unsigned char (*from)[4], zh_words *out)
{
    int more;
    if (size == 1 || zh_dict_frequency(d, at, size, &more) > 0) {
        for (size_t i = 0; i < size; i++) zh_words_add(out, at + i, 1);
        return;
    }
    for (size_t i = 0; i < size;) {
        size_t n = 1;
        while (i + n < size && is_han(at[i + n]) == is_han(at[i])) n++;
        if (is_han(at[i])) cut_unknown(d, at + i, n, score, from, out);
        else zh_words_add(out, at + i, n); /* dots and underscores only: letters and digits were read out before */
        i += n;
    }
}

typedef struct {
    double *best;  /* of the rest from here */
    size_t *next;  /* end of the word that starts here */
    double (*score)[4];
    unsigned char (*from)[4];
} workspace;

static void cut_block(const zh_dict *d, const uint32_t *at, size_t size, workspace *w, zh_words *out)
{
    w->best[size] = 0;
    for (size_t k = size; k-- > 0;) {
        int found = 0, more = 1;
        for (size_t n = 1; k + n <= size && more; n++) {
            int32_t f = zh_dict_frequency(d, at + k, n, &more);
            if (!more || f <= 0) continue;
            double v = log((double)f) - d->total_log + w->best[k + n];
            if (!found || v >= w->best[k]) w->best[k] = v, w->next[k] = k + n;
            found = 1;
        }
        if (!found) w->best[k] = log(1.0) - d->total_log + w->best[k + 1], w->next[k] = k + 1;
    }
    size_t held = 0; /* single characters waiting before x */
    for (size_t x = 0; x < size; x = w->next[x]) {
        if (w->next[x] == x + 1) {
            held++;
            continue;
        }
        if (held) flush(d, at + x - held, held, w->score, w->from, out);
        held = 0;
        zh_words_add(out, at + x, w->next[x] - x);
    }
    if (held) flush(d, at + size - held, held, w->score, w->from, out);
}

drgen_status zh_segment(const zh_dict *d, const uint32_t *at, size_t size, zh_words *out, drgen_err *err)
{
    workspace w = {malloc((size + 1) * sizeof *w.best), malloc((size + 1) * sizeof *w.next), malloc((size + 1) * sizeof *w.score),
                   malloc((size + 1) * sizeof *w.from)};
    int ok = w.best && w.next && w.score && w.from;
    for (size_t i = 0; i < size && ok;) {
        size_t n = 0;
        while (i + n < size && in_block(at[i + n])) n++;
        if (n) cut_block(d, at + i, n, &w, out);
        else zh_words_add(out, at + i, 1);
        i += n ? n : 1;
    }
    free(w.best), free(w.next), free(w.score), free(w.from);
    return ok && !out->failed && !out->text.failed ? DRGEN_OK : memory(err);
}

/* ---- merges */

enum { YI = 0x4E00, BU = 0x4E0D, ER = 0x513F };

static int is_only(const zh_words *w, size_t i, uint32_t cp)
{
    const uint32_t *at;
    return zh_word(w, i, &at) == 1 && *at == cp;
}

static int same(const zh_words *w, size_t i, size_t k)
{
    const uint32_t *a, *b;
    size_t n = zh_word(w, i, &a);
    return n == zh_word(w, k, &b) && memcmp(a, b, n * sizeof *a) == 0;
}

static void copy(zh_words *to, const zh_words *w, size_t i)
{
    const uint32_t *at;
    size_t n = zh_word(w, i, &at);
    zh_words_add(to, at, n);
}

/* X 一 X becomes one word - by index into the output, as the original does, which is off once something was merged. */
static void merge_yi_between(const zh_words *in, zh_words *out)
{
    zh_words made = {0};                     /* texts of words that were replaced */
    size_t n = 0, *use = calloc(in->count + 1, sizeof *use); /* output word: index into `in`, or count + index into made */
    if (!use) {
        out->failed = 1;
        return;
    }
    for (size_t i = 0; i < in->count; i++) {
        if (i > 0 && i + 1 < in->count && is_only(in, i, YI) && same(in, i - 1, i + 1)) {
            if (i - 1 < n) {
                const uint32_t *at;
                size_t k = use[i - 1], size = k < in->count ? zh_word(in, k, &at) : zh_word(&made, k - in->count, &at);
                zh_text text = {0};
                for (size_t c = 0; c < size; c++) zh_text_add(&text, at[c]);
                zh_text_add(&text, YI);
                for (size_t c = 0; c < size; c++) zh_text_add(&text, at[c]);
                zh_words_add(&made, text.at, text.count);
                out->failed |= text.failed;
                zh_text_free(&text);
                use[i - 1] = in->count + made.count - 1;
            } else if (n + 1 < in->count + 1) {
                use[n++] = i;
                if (n < in->count + 1) use[n++] = i + 1;
            }
        } else if (!(i >= 2 && is_only(in, i - 1, YI) && same(in, i - 2, i)) && n < in->count + 1) use[n++] = i;
    }
    for (size_t i = 0; i < n && !made.failed; i++) {
        if (use[i] < in->count) copy(out, in, use[i]);
        else copy(out, &made, use[i] - in->count);
    }
    out->failed |= made.failed | made.text.failed;
    zh_words_free(&made);
    free(use);
}

/* The next word joins one that is exactly 一. */
static void merge_yi_next(const zh_words *in, zh_words *out)
{
    for (size_t i = 0; i < in->count; i++) {
        const uint32_t *at;
        size_t n = zh_word(in, i, &at);
        int join = out->count && is_only(out, out->count - 1, YI);
        if (join) out->count--;
        zh_words_add(out, at, n);
    }
}

static void merge_bu(const zh_words *in, zh_words *out, int keep)
{
    static const uint32_t bu = BU;
    int waiting = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (is_only(in, i, BU)) {
            if (waiting && keep) zh_words_add(out, &bu, 1); /* Differs: the original sings only the last of 不不 */
            waiting = 1;
            continue;
        }
        if (waiting) zh_text_add(&out->text, BU);
        waiting = 0;
        copy(out, in, i);
    }
    if (waiting && keep) zh_words_add(out, &bu, 1); /* Differs: the original loses a final 不 */
}

static void merge_er(const zh_words *in, zh_words *out)
{
    for (size_t i = 0; i < in->count; i++) {
        if (i && out->count && is_only(in, i, ER)) out->count--;
        copy(out, in, i);
    }
}

drgen_status zh_merge(const zh_words *in, zh_words *out, int keep, drgen_err *err)
{
    zh_words a = {0}, b = {0}, c = {0};
    merge_yi_between(in, &a);
    merge_yi_next(&a, &b);
    merge_bu(&b, &c, keep);
    merge_er(&c, out);
    int failed = a.failed | b.failed | c.failed | out->failed | a.text.failed | b.text.failed | c.text.failed | out->text.failed;
    zh_words_free(&a);
    zh_words_free(&b);
    zh_words_free(&c);
    return failed ? memory(err) : DRGEN_OK;
}
