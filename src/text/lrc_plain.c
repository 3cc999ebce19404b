/* lrc_plain.c - reads timed lyrics by the forgiving grammar of lrc.h. */
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "text/lrc_sink.h"
#include "text/str.h"

typedef struct {
    const lrc_sink *to;
    double offset_ms; /* subtracted from every time */
    str lyric;        /* scratch */
} reader;

static size_t blanks(const char *s, size_t size)
{
    size_t n = 0;
    while (n < size && (s[n] == ' ' || s[n] == '\t')) n++;
    return n;
}

/* Between 1 and most digits: returns how many, 0 for none or more. */
static size_t digits(const char *s, size_t size, size_t most, unsigned *value)
{
    size_t n = 0;
    *value = 0;
    for (; n < size && s[n] >= '0' && s[n] <= '9'; n++)
        if (n < most) *value = *value * 10 + (unsigned)(s[n] - '0');
    return n <= most ? n : 0;
}

/* A stamp between the given brackets at s: its length in bytes and its time, or 0. */
static size_t read_stamp(const char *s, size_t size, char open, char close, double *seconds, int *over_59)
{
    static const unsigned tens[] = {1, 10, 100, 1000};
    if (size == 0 || s[0] != open) return 0;
    size_t at = 1, n;
    unsigned minutes, whole, part = 0;
    at += blanks(s + at, size - at);
    if (!(n = digits(s + at, size - at, 3, &minutes))) return 0;
    at += n;
    if (at == size || s[at] != ':') return 0;
    at++;
    at += blanks(s + at, size - at);
    if (!(n = digits(s + at, size - at, 2, &whole))) return 0;
    at += n;
    n = 0;
    if (at < size && (s[at] == '.' || s[at] == ':' || s[at] == ',')) {
        at++;
        if (!(n = digits(s + at, size - at, 3, &part))) return 0;
        at += n;
    }
    at += blanks(s + at, size - at);
    if (at == size || s[at] != close) return 0;
    *over_59 = whole > 59;
    /* In this order of roundings a stamp of two decimals is the original's time to the bit. */
    *seconds = minutes * 60.0 + (double)(whole * tens[n] + part) / tens[n];
    return at + 1;
}

/* Lower-case words of a header's inside, cut at blanks and hyphens; a colon ends them. */
enum { HEADER_MOST = 48, HEADER_WORDS = 6, HEADER_WORD = 16 };

static int header_words(const char *s, size_t size, char word[HEADER_WORDS][HEADER_WORD])
{
    int words = 0;
    size_t length = 0;
    for (size_t i = 0; i <= size; i++) {
        int end = i == size || s[i] == ':';
        if (end || s[i] == ' ' || s[i] == '-') {
            if (length) word[words++][length] = '\0';
            length = 0;
            if (end) break;
            continue;
        }
        if (words == HEADER_WORDS || length == HEADER_WORD - 1) return 0;
        word[words][length++] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] - 'A' + 'a' : s[i]);
    }
    return words;
}

static int listed(const char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0) list++;
    return *list != NULL;
}

/* "2", "ii", "b", "x2", "2x" */
static int is_count(const char *word)
{
    static const char *const roman[] = {"i", "ii", "iii", "iv", "v", "vi", NULL};
    size_t n = strspn(word, "0123456789x");
    return listed(roman, word) || !word[n] || (!word[1] && word[0] >= 'a' && word[0] <= 'z');
}

/* Length in bytes of a section header at s, or 0. Round brackets may also hold sung words: only a whole text
 * of them is a header. */
static size_t header_length(const char *s, size_t size)
{
    static const char *const before[] = {
        "pre",  "post", "final", "last",  "first", "second", "third", "repeat", "guitar",  "piano", "drum",
        "bass", "sax",  "organ", "short", "long",  "double", "half",  "main",   "musical", "vocal", NULL};
    static const char *const names[] = {
        "verse",   "chorus",    "prechorus", "postchorus", "bridge",    "intro", "outro", "hook",
        "refrain", "interlude", "solo",      "break",      "breakdown", "drop",  "coda",  "instrumental",
        "inst",    "ending",    "end",       "start",      "fade",      NULL};
    if (size < 2 || (s[0] != '[' && s[0] != '(')) return 0;
    const char *close = memchr(s, s[0] == '[' ? ']' : ')', size < HEADER_MOST ? size : HEADER_MOST);
    if (!close || (s[0] == '(' && close != s + size - 1)) return 0;
    char word[HEADER_WORDS][HEADER_WORD];
    int words = header_words(s + 1, (size_t)(close - s - 1), word), i = 0;
    while (i < words && listed(before, word[i])) i++;
    if (i == words || !listed(names, word[i])) return 0;
    for (i++; i < words; i++)
        if (!is_count(word[i]) && !listed(names, word[i])) return 0;
    return (size_t)(close - s) + 1;
}

/* The lyric behind the stamps, without headers and word stamps, into r->lyric. */
static void take_lyric(reader *r, const char *s, size_t size)
{
    str_clear(&r->lyric);
    s = utf8_trim(s, &size);
    for (size_t n; (n = header_length(s, size)) != 0;) {
        size -= n;
        s = utf8_trim(s + n, &size);
    }
    size_t from = 0, at = 0;
    while (at < size) {
        double seconds;
        int over_59;
        size_t n = s[at] == '<'   ? read_stamp(s + at, size - at, '<', '>', &seconds, &over_59)
                   : s[at] == '[' ? read_stamp(s + at, size - at, '[', ']', &seconds, &over_59)
                                  : 0;
        if (n) {
            str_add(&r->lyric, s + from, at - from);
            from = at + n;
        }
        at += n ? n : 1;
    }
    str_add(&r->lyric, s + from, size - from);
}

/* "[key:value]" on a line without stamps: 1 when it is one. */
static int read_tag(reader *r, const char *s, size_t size, int line)
{
    size_t key = 1;
    while (key < size && s[key] != ':' && s[key] != ']') key++;
    if (s[0] != '[' || size < 2 || !utf8_is_letter((unsigned char)s[1]) || key == size || s[key] != ':')
        return 0;
    if (key != 7 || strncasecmp(s + 1, "offset", 6) != 0) return 1;
    size_t at = key + 1;
    at += blanks(s + at, size - at);
    int sign = at < size && s[at] == '-' ? -1 : 1;
    if (at < size && (s[at] == '-' || s[at] == '+')) at++;
    unsigned ms;
    size_t n = digits(s + at, size - at, 7, &ms);
    at += n;
    at += blanks(s + at, size - at);
    if (n && at + 1 == size && s[at] == ']') r->offset_ms = sign * (double)ms;
    else lrc_remark(r->to, line, "offset is not understood and ignored: write [offset:+250] (milliseconds)");
    return 1;
}

static void remark_untimed(const reader *r, const char *s, size_t size, int line)
{
    const char *colon = memchr(s, ':', size < 12 ? size : 12);
    int like_stamp = colon && colon > s && colon[-1] >= '0' && colon[-1] <= '9';
    lrc_remark(r->to, line,
               like_stamp ? "left out: its time stamp is not understood; write [mm:ss.xx]"
                          : "left out: it has no time stamp [mm:ss.xx]");
}

static drgen_status read_line(reader *r, const char *s, size_t size, int line)
{
    s = utf8_trim(s, &size);
    if (size == 0 || s[0] == '#') return DRGEN_OK;
    double seconds[LRC_MAX_STAMPS], t;
    size_t stamps = 0, extra = 0, at = 0;
    int over_59, late = 0;
    for (size_t n; (n = read_stamp(s + at, size - at, '[', ']', &t, &over_59)) != 0;) {
        size_t i = 0;
        while (i < stamps && seconds[i] != t) i++;
        if (i == LRC_MAX_STAMPS) extra++;
        else if (i == stamps) seconds[stamps++] = t;
        late |= over_59;
        at += n;
        at += blanks(s + at, size - at);
    }
    if (stamps == 0) {
        if (!read_tag(r, s, size, line) && header_length(s, size) != size) remark_untimed(r, s, size, line);
        return DRGEN_OK;
    }
    if (late) lrc_remark(r->to, line, "more than 59 seconds in a time stamp");
    if (extra) lrc_remark(r->to, line, "only its first %d time stamps count", LRC_MAX_STAMPS);
    take_lyric(r, s + at, size - at);
    ERR_TRY(str_check(&r->lyric, r->to->err));
    size_t length = r->lyric.size;
    const char *lyric = utf8_trim(str_text(&r->lyric), &length);
    for (size_t i = 0; i < stamps; i++) ERR_TRY(lrc_add(r->to, seconds[i], lyric, length, line));
    return DRGEN_OK;
}

static void apply_offset(const reader *r)
{
    if (r->offset_ms == 0) return;
    lrc *l = r->to->out;
    for (size_t i = 0; i < l->count; i++) {
        double t = l->lines[i].seconds - r->offset_ms / 1000;
        if (t < 0)
            lrc_remark(r->to, l->lines[i].line, "the offset moves it before the start; it starts at 0");
        l->lines[i].seconds = t < 0 ? 0 : t;
    }
}

drgen_status lrc_read_plain(const lrc_sink *to, const char *text, size_t size)
{
    reader r = {.to = to};
    drgen_status status = DRGEN_OK;
    size_t at = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (int line = 1; at < size && status == DRGEN_OK; line += line < INT_MAX) {
        size_t stop = at;
        while (stop < size && text[stop] != '\n' && text[stop] != '\r') stop++;
        status = read_line(&r, text + at, stop - at, line);
        at = stop + 1 + (stop + 1 < size && text[stop] == '\r' && text[stop + 1] == '\n');
    }
    apply_offset(&r);
    str_free(&r.lyric);
    return status;
}
