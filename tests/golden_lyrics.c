/* golden_lyrics.c - the lyrics front end against the original: parsed lines, cleaned text, phoneme pieces,
 * token ids and frame grids, all exact. A folder holds any of the files below, one JSON object a line. What needs
 * espeak-ng 1.51 is counted as skipped when the build has none or a later one. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/half.h"
#include "base/utf8.h"
#include "io/file.h"
#include "tests/golden.h"
#include "text/en.h"
#include "text/en_espeak.h"
#include "text/frames.h"
#include "text/g2p.h"
#include "text/lrc.h"
#include "text/segment.h"
#include "text/zh.h"

typedef struct {
    golden *g;
    const char *file;
    g2p *live;      /* NULL: no espeak-ng to compare with */
    int bad_text, bad_pieces, bad_ids, bad_raw, bad_live, bad_parse, bad_grid, bad_errors, bad_product, count,
        judged;
} tally;

static void complain(const tally *t, int *bad, const char *what, const char *text, const char *got)
{
    if (++*bad <= 3) printf("  %s: %s: \"%.80s\" gives \"%.200s\"\n", t->file, what, text, got);
}

/* ---- small helpers ---- */

static int same_ids(const json_node *want, const int32_t *ids, size_t count)
{
    if (json_count(want) != count) return 0;
    const json_node *n = json_first(want);
    for (size_t i = 0; i < count; i++, n = json_next(n))
        if ((int32_t)json_number(n, -1) != ids[i]) return 0;
    return 1;
}

static int live_ids_match(const tally *t, const char *text, int compat, const json_node *want)
{
    int32_t *ids;
    size_t count;
    const char *silent;
    drgen_status s = g2p_line(t->live, text, compat, &ids, &count, &silent, NULL);
    int same = s == DRGEN_OK && same_ids(want, ids, count);
    free(ids);
    return same;
}

static void put_str(void *to, const char *ipa)
{
    str_puts(to, ipa);
}

/* ---- en_lines.jsonl ---- */

/* Answers with the recorded pieces, in order; a piece that is not the recorded one is a mismatch. */
typedef struct {
    const json_node *next;
    int wrong;
} replay;

static drgen_status replay_piece(void *user, const char *piece, void (*put)(void *to, const char *ipa),
                                 void *to, drgen_err *err)
{
    (void)err;
    replay *r = user;
    const json_node *recorded = r->next ? json_first(r->next) : NULL;
    if (strcmp(json_string(recorded, "\n"), piece) != 0) r->wrong = 1;
    else put(to, json_string(json_next(recorded), ""));
    r->next = r->next ? json_next(r->next) : NULL;
    return DRGEN_OK;
}

static void check_clean(tally *t, const char *text, const json_node *segments, const json_node *clean)
{
    const json_node *s = json_first(segments), *c = json_first(clean);
    size_t left = strlen(text);
    for (const char *at = text; left; s = s ? json_next(s) : NULL, c = c ? json_next(c) : NULL) {
        segment got = segment_next(at, left);
        const char *want = json_string(json_first(s), "");
        if (strlen(want) != got.size || memcmp(want, got.text, got.size) != 0)
            complain(t, &t->bad_text, "segment", text, got.text);
        str words = {0}, out = {0};
        if (en_expand(&words, got.text, got.size, 1, NULL) == DRGEN_OK)
            en_clean(&out, str_text(&words), words.size);
        if (strcmp(json_string(c, "\n"), str_text(&out)) != 0)
            complain(t, &t->bad_text, "clean", text, str_text(&out));
        str_free(&words);
        str_free(&out);
        at += got.size;
        left -= got.size;
    }
    if (s || c) complain(t, &t->bad_text, "segments", text, "too few");
}

static void check_replay(tally *t, const char *text, const json_node *pieces, const json_node *ids_wanted)
{
    replay r = {json_first(pieces), 0};
    g2p_voice voice = {replay_piece, &r, ""};
    g2p *g = NULL;
    int32_t *ids = NULL;
    size_t count = 0;
    const char *silent;
    drgen_err err = {0};
    if (g2p_open_voice(&g, &voice, &err) != DRGEN_OK ||
        g2p_line(g, text, 1, &ids, &count, &silent, &err) != DRGEN_OK)
        complain(t, &t->bad_ids, "replay", text, err.message);
    else if (!same_ids(ids_wanted, ids, count)) complain(t, &t->bad_ids, "ids", text, "others");
    if (r.wrong || r.next) complain(t, &t->bad_pieces, "pieces", text, "others");
    free(ids);
    g2p_close(g);
}

static void check_library(tally *t, const char *text, const json_node *pieces)
{
    for (const json_node *p = json_first(pieces); p; p = json_next(p)) {
        str raw = {0};
        drgen_err err = {0};
        const json_node *piece = json_first(p);
        if (en_espeak_phonemes(NULL, json_string(piece, ""), put_str, &raw, &err) != DRGEN_OK)
            complain(t, &t->bad_raw, "espeak", text, err.message);
        else if (strcmp(str_text(&raw), json_string(json_next(piece), "\n")) != 0)
            complain(t, &t->bad_raw, "espeak", json_string(piece, ""), str_text(&raw));
        str_free(&raw);
    }
}

/* The original raises: an error in compatibility mode, nothing bad otherwise. Errors come before any phoneme
 * is asked for, so a voice without answers will do. */
static void check_raises(tally *t, const char *text)
{
    replay r = {NULL, 0};
    g2p_voice voice = {replay_piece, &r, ""};
    g2p *g = NULL;
    if (g2p_open_voice(&g, &voice, NULL) != DRGEN_OK) complain(t, &t->bad_errors, "open", text, "");
    for (int compat = 0; g && compat < 2; compat++) {
        int32_t *ids = NULL;
        size_t count = 0;
        const char *silent;
        drgen_err err = {0};
        drgen_status want = compat ? DRGEN_ERR_TEXT : DRGEN_OK;
        if (g2p_line(g, text, compat, &ids, &count, &silent, &err) != want)
            complain(t, &t->bad_errors, compat ? "compat" : "product", text, err.message);
        free(ids);
    }
    g2p_close(g);
}

static void check_en_line(tally *t, const json_node *root)
{
    const char *text = json_string(json_get(root, "text"), "");
    const json_node *ids = json_get(root, "ids"), *en = json_get(root, "en"),
                    *pieces = json_get(en, "espeak");
    t->judged++;
    if (!ids) {
        check_raises(t, text);
        return;
    }
    if (en) {
        check_clean(t, text, json_get(root, "segments"), json_get(en, "clean"));
        check_replay(t, text, pieces, ids);
        if (t->live) check_library(t, text, pieces);
    }
    if (!t->live) return;
    if (!live_ids_match(t, text, 1, ids)) complain(t, &t->bad_live, "library ids", text, "others");
    if (!live_ids_match(t, text, 0, ids)) complain(t, &t->bad_product, "product ids", text, "others");
}

/* ---- fuzz_lines.jsonl, zh_lines.jsonl: text and ids, and the Chinese stages where they are recorded ---- */

static void add_utf8(zh_text *t, const char *s)
{
    uint32_t cp;
    for (size_t left = strlen(s), n; left && (n = utf8_decode(s, left, &cp)); s += n, left -= n) zh_text_add(t, cp);
}

static int same_text(const char *want, const uint32_t *at, size_t size)
{
    zh_text w = {0};
    add_utf8(&w, want);
    int same = w.count == size && (!size || memcmp(w.at, at, size * sizeof *at) == 0);
    zh_text_free(&w);
    return same;
}

static int same_words(const json_node *want, const zh_words *w)
{
    const json_node *n = json_first(want);
    for (size_t i = 0; i < w->count; i++, n = n ? json_next(n) : NULL) {
        const uint32_t *at;
        size_t size = zh_word(w, i, &at);
        if (!n || !same_text(json_string(n, ""), at, size)) return 0;
    }
    return n == NULL;
}

/* Every Chinese segment: cleaned, cut, merged. */
static void check_stages(tally *t, const char *text, const json_node *root)
{
    static zh_dict d;
    const json_node *zh = json_get(root, "zh"), *norm = json_first(json_get(zh, "norm"));
    const json_node *cut = json_first(json_get(zh, "jieba")), *merged = json_first(json_get(zh, "merged"));
    if (!zh) return;
    if (zh_dict_open(&d, NULL) != DRGEN_OK) {
        complain(t, &t->bad_text, "dictionary", text, "does not open");
        return;
    }
    const char *at = text;
    for (size_t left = strlen(text); left;) {
        segment s = segment_next(at, left);
        at += s.size;
        left -= s.size;
        if (s.language != SEGMENT_ZH) continue;
        zh_text raw = {0}, counted = {0}, normal = {0};
        zh_words words = {0}, together = {0};
        uint32_t cp;
        for (size_t i = 0, n; i < s.size && (n = utf8_decode(s.text + i, s.size - i, &cp)); i += n) zh_text_add(&raw, cp);
        zh_numbers(&counted, raw.at, raw.count);
        zh_normalize(&normal, counted.at, counted.count);
        if (!norm || !same_text(json_string(norm, ""), normal.at, normal.count)) complain(t, &t->bad_text, "norm", text, "others");
        if (zh_segment(&d, normal.at, normal.count, &words, NULL) != DRGEN_OK || !same_words(cut, &words))
            complain(t, &t->bad_pieces, "words", text, "others");
        if (zh_merge(&words, &together, 0, NULL) != DRGEN_OK || !same_words(merged, &together))
            complain(t, &t->bad_pieces, "merged words", text, "others");
        zh_text_free(&raw), zh_text_free(&counted), zh_text_free(&normal);
        zh_words_free(&words), zh_words_free(&together);
        norm = norm ? json_next(norm) : NULL;
        cut = cut ? json_next(cut) : NULL;
        merged = merged ? json_next(merged) : NULL;
    }
}

static void check_line(tally *t, const json_node *root)
{
    const char *text = json_string(json_get(root, "text"), "");
    int raises = !json_get(root, "ids");
    t->judged += raises || t->live;
    check_stages(t, text, root);
    if (raises) check_raises(t, text);
    else if (t->live && !live_ids_match(t, text, 1, json_get(root, "ids")))
        complain(t, &t->bad_live, "library ids", text, "others");
}

/* ---- numbers.jsonl ---- */

static void check_number(tally *t, const json_node *root)
{
    static const char *const keys[] = {"cardinal_noand", "cardinal_and", "ordinal", "spoken"};
    const char *n = json_string(json_get(root, "n"), "");
    size_t size = strlen(n);
    t->judged += json_get(root, keys[0]) != NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *want = json_string(json_get(root, keys[i]), NULL);
        if (!want) continue;
        str got = {0};
        int named = i < 2    ? en_cardinal(&got, n, size, (int)i)
                    : i == 2 ? en_ordinal(&got, n, size)
                             : en_spoken(&got, n, size);
        if (!named || strcmp(str_text(&got), want) != 0)
            complain(t, &t->bad_text, keys[i], n, str_text(&got));
        str_free(&got);
    }
    const char *spoken = json_string(json_get(root, "an2cn"), NULL);
    if (spoken || json_get(root, "an2cn_error")) {
        zh_text got = {0}, number = {0};
        add_utf8(&number, n);
        int read = zh_number(&got, number.at, number.count);
        if (read != (spoken != NULL) || (read && !same_text(spoken, got.at, got.count))) complain(t, &t->bad_text, "an2cn", n, "another");
        t->judged += json_get(root, keys[0]) == NULL;
        zh_text_free(&got), zh_text_free(&number);
    }
}

/* ---- lrc_cases.jsonl ---- */

static int same_time(const json_node *want, double got)
{
    if (json_is_number(want)) return json_number(want, 0) == got;
    const char *name = json_string(want, ""); /* "inf", "-inf", "nan" */
    char text[16];
    snprintf(text, sizeof text, "%f", got);
    return strcmp(name, text) == 0;
}

static int same_lines(const json_node *want, const lrc *got)
{
    if (json_count(want) != got->count) return 0;
    const json_node *n = json_first(want);
    for (size_t i = 0; i < got->count; i++, n = json_next(n)) {
        const json_node *time = json_first(n);
        if (!same_time(time, got->lines[i].seconds)) return 0;
        if (strcmp(json_string(json_next(time), "\n"), got->lines[i].text) != 0) return 0;
    }
    return 1;
}

static int same_runs(const json_node *runs, const int32_t *grid, size_t frames)
{
    size_t at = 0;
    for (const json_node *r = json_first(runs); r; r = json_next(r)) {
        size_t first = (size_t)json_number(json_first(r), -1);
        for (; at < frames && at < first; at++)
            if (grid[at]) return 0;
        for (const json_node *id = json_first(json_next(json_first(r))); id; id = json_next(id))
            if (at >= frames || grid[at++] != (int32_t)json_number(id, -1)) return 0;
    }
    for (; at < frames; at++)
        if (grid[at]) return 0;
    return 1;
}

static int same_grid(const json_node *want, const int32_t *grid, size_t frames, int max_frames)
{
    size_t tokens = 0;
    uint8_t *bytes = malloc(frames * 4 + 1);
    for (size_t i = 0; bytes && i < frames; i++) {
        tokens += grid[i] != 0;
        for (int b = 0; b < 4; b++) bytes[4 * i + b] = (uint8_t)((uint32_t)grid[i] >> 8 * b);
    }
    char hex[65] = "";
    if (bytes) file_sha256(bytes, frames * 4, hex);
    free(bytes);
    float duration = frames_duration(frames, max_frames);
    return (size_t)json_number(json_get(want, "end_frame"), 0) == frames &&
           (size_t)json_number(json_get(want, "tokens"), -1) == tokens &&
           same_runs(json_get(want, "runs"), grid, frames) &&
           strcmp(hex, json_string(json_get(want, "sha256"), "")) == 0 &&
           (double)duration == json_number(json_get(want, "duration_f16"), -1) &&
           half_to_f16(duration) == (int)json_number(json_get(want, "duration_f16_bits"), -1);
}

/* Tokenises all lines; the status is the first error, like the original's exception. */
static drgen_status read_lines(const tally *t, const lrc *l, int compat, frames_line *out)
{
    for (size_t i = 0; i < l->count; i++) {
        int32_t *ids = NULL;
        const char *silent;
        drgen_status s = g2p_line(t->live, l->lines[i].text, compat, &ids, &out[i].count, &silent, NULL);
        if (s != DRGEN_OK) return s;
        out[i].ids = ids;
        out[i].seconds = l->lines[i].seconds;
        out[i].line = l->lines[i].line;
    }
    return DRGEN_OK;
}

static void free_lines(frames_line *lines, size_t count)
{
    for (size_t i = 0; lines && i < count; i++) free((void *)lines[i].ids);
    free(lines);
}

static void check_grids(tally *t, const char *name, const json_node *grids, const lrc *l, int compat)
{
    frames_line *lines = calloc(l->count + 1, sizeof *lines);
    drgen_status status = lines ? read_lines(t, l, compat, lines) : DRGEN_ERR_NOMEM;
    for (const json_node *g = json_first(grids); g; g = json_next(g)) {
        int max_frames = (int)json_number(json_get(g, "max_frames"), 0),
            raises = json_get(g, "error") != NULL;
        double seconds = json_number(json_get(g, "audio_length"), 0);
        size_t frames;
        int counted = frames_count(max_frames, seconds, &frames, NULL) == DRGEN_OK;
        int32_t *grid = counted ? malloc((frames + 1) * sizeof *grid) : NULL;
        if (!grid) complain(t, &t->bad_grid, "length", name, "refused");
        else if (status != DRGEN_OK && !(compat && raises))
            complain(t, &t->bad_errors, "lyrics", name, "an error");
        else if (status == DRGEN_OK) {
            frames_place(grid, frames, max_frames, seconds, lines, l->count, compat, NULL, NULL);
            if (compat && raises) complain(t, &t->bad_errors, "lyrics", name, "no error");
            else if (compat && !same_grid(g, grid, frames, max_frames))
                complain(t, &t->bad_grid, "grid", name, "another");
        }
        free(grid);
    }
    free_lines(lines, l->count);
}

static void check_lrc(tally *t, const json_node *root)
{
    const char *name = json_string(json_get(root, "name"), "?"),
               *text = json_string(json_get(root, "lrc"), "");
    t->judged++;
    for (int compat = 0; compat < 2; compat++) {
        lrc l;
        drgen_err err = {0};
        if (lrc_parse(&l, text, strlen(text), compat, NULL, NULL, &err) != DRGEN_OK)
            complain(t, &t->bad_parse, compat ? "compat" : "product", name, err.message);
        if (compat && !same_lines(json_get(root, "parsed"), &l))
            complain(t, &t->bad_parse, "parsed", name, "others");
        if (t->live) check_grids(t, name, json_get(root, "grids"), &l, compat);
        lrc_free(&l);
    }
}

/* ---- the kind ---- */

static const struct {
    const char *file;
    void (*check)(tally *t, const json_node *root);
    const char *without; /* what a missing espeak-ng leaves unchecked */
} files[] = {
    {"en_lines.jsonl", check_en_line, "espeak-ng's own output"},
    {"numbers.jsonl", check_number, NULL},
    {"lrc_cases.jsonl", check_lrc, "frame grids"},
    {"zh_lines.jsonl", check_line, "mixed lines"},
    {"fuzz_lines.jsonl", check_line, "English lines"},
};
enum { FILES = sizeof files / sizeof *files };

static int present(const golden *g, const char *file)
{
    char *path = golden_path(g, file);
    int found = path && access(path, R_OK) == 0;
    free(path);
    return found;
}

static int match(const golden *g)
{
    int found = 0;
    for (size_t i = 0; i < FILES; i++) found |= present(g, files[i].file);
    return found;
}

static void report(const tally *t, const char *without)
{
    const struct {
        const char *name;
        int bad;
    } rows[] = {{"text", t->bad_text},  {"pieces", t->bad_pieces},    {"ids", t->bad_ids},
                {"espeak", t->bad_raw}, {"library ids", t->bad_live}, {"parsed", t->bad_parse},
                {"grids", t->bad_grid}, {"errors", t->bad_errors},    {"product", t->bad_product}};
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bad += rows[i].bad;
        if (rows[i].bad) golden_report(t->g, t->file, rows[i].name, rows[i].bad, 0);
    }
    char what[64];
    snprintf(what, sizeof what, "%d cases", t->judged);
    if (!bad && t->judged) golden_report(t->g, t->file, what, 0, 0);
    if (!t->live && without) golden_skip(t->g, t->file, without);
}

static void run_file(golden *g, size_t index, g2p *live)
{
    tally t = {.g = g, .file = files[index].file, .live = live};
    file_bytes bytes = {0};
    drgen_err err = {0};
    char *path = golden_path(g, t.file);
    if (file_map(&bytes, path, 64u << 20, &err) != DRGEN_OK) golden_broken(g, t.file, err.message);
    for (const char *s = (const char *)bytes.data, *end = s + bytes.size; s < end;) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        if (!stop) stop = end;
        json_doc *doc = NULL;
        if (stop > s && json_parse(&doc, s, (size_t)(stop - s), t.file, &err) != DRGEN_OK) {
            golden_broken(g, t.file, err.message);
            break;
        }
        if (doc) {
            files[index].check(&t, json_root(doc));
            t.count++;
        }
        json_free(doc);
        s = stop + (stop < end);
    }
    if (bytes.size && t.count == 0) golden_broken(g, t.file, "no case in it");
    if (t.count) report(&t, files[index].without);
    file_close(&bytes);
    free(path);
}

static void run(golden *g)
{
    g2p *live = NULL;
    drgen_err err = {0};
    if (g2p_open(&live, NULL, &err) != DRGEN_OK) {
        golden_broken(g, "g2p", err.message);
        return;
    }
    int usable = *g2p_espeak_version(live) && !g2p_espeak_warning(live);
    if (!usable)
        printf("  espeak-ng 1.51 is needed for all of it; this build has \"%s\"\n", g2p_espeak_version(live));
    for (size_t i = 0; i < FILES; i++)
        if (present(g, files[i].file) && golden_wanted(g, files[i].file))
            run_file(g, i, usable ? live : NULL);
    g2p_close(live);
}

const golden_kind golden_lyrics = {"lyrics", match, run};
