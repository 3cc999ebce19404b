/* test_lrc.c - timed lyrics: the forgiving grammar with its remarks, the original's columns, and broken
 * input. */
#include <stdlib.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "tests/t.h"
#include "text/lrc.h"

typedef struct {
    char text[1024]; /* "line: message\n"... */
    size_t count;
} notes;

static void take_note(void *user, int line, const char *message)
{
    notes *n = user;
    size_t used = strlen(n->text);
    snprintf(n->text + used, sizeof n->text - used, "%d: %s\n", line, message);
    n->count++;
}

/* "seconds text|seconds text" */
static void describe(const lrc *l, char *out, size_t room)
{
    out[0] = '\0';
    for (size_t i = 0; i < l->count; i++) {
        size_t used = strlen(out);
        snprintf(out + used, room - used, "%s%g %s", i ? "|" : "", l->lines[i].seconds, l->lines[i].text);
    }
}

typedef struct {
    const char *name, *lyrics, *want, *note; /* note: one expected remark; NULL: none at all */
} lrc_case;

static const lrc_case plain[] = {
    {"stamps", "[00:01]a\n[00:02.5]b\n[0:03.25]c\n[00:04.125]d\n[00:05:50]e\n[1:06,7]f\n[100:00.00]g",
     "1 a|2.5 b|3.25 c|4.125 d|5.5 e|66.7 f|6000 g", NULL},
    {"blanks", "  [ 0: 1.5 ]  a b \t\n\xE3\x80\x80[00:02.00]\xE3\x80\x80x\xE3\x80\x80", "1.5 a b|2 x", NULL},
    {"line ends", "[00:01.00]a\r\n[00:02.00]b\r[00:03.00]c\n\r\n[00:04.00]d\r", "1 a|2 b|3 c|4 d", NULL},
    {"byte order mark", "\xEF\xBB\xBF[00:01.00]a", "1 a", NULL},
    {"several stamps", "[00:05.00][00:01.00] [00:03.00]a\n[00:02.00]b", "1 a|2 b|3 a|5 a", NULL},
    {"the same stamp twice", "[00:05.00][00:05.00]a", "5 a", NULL},
    {"sorted, equal times stay", "[00:09.00]a\n[00:01.00]b\n[00:09.00]c\n[00:01.00]d", "1 b|1 d|9 a|9 c",
     NULL},
    {"word stamps", "[00:15.00]<00:15.20>word <00:15.60>by <00:16.00>word", "15 word by word", NULL},
    {"word stamps in square brackets", "[00:15.00]one [00:15.60]two", "15 one two", NULL},
    {"not word stamps", "[00:01.00]a <3 b <00:99> [x] <1:2:3:4>", "1 a <3 b  [x] <1:2:3:4>", NULL},
    {"later", "[offset:-500]\n[00:01.00]a", "1.5 a", NULL},
    {"earlier", "[00:01.00]a\n[OFFSET: +250 ]", "0.75 a", NULL},
    {"before the start", "[offset:2000]\n[00:01.00]a", "0 a", "2: the offset moves it before the start"},
    {"odd offset", "[offset:soon]\n[00:01.00]a", "1 a", "1: offset is not understood"},
    {"ID tags", "[ti:Song]\n[al:01:02]\n[re:x\n[length:03:20]\n[00:01.00]a", "1 a", NULL},
    {"comments and empty lines", "#hello\n\n   \n[00:01.00]a", "1 a", NULL},
    {"headers alone",
     "[Chorus]\n(Verse 1)\n[Pre-Chorus 2]\n[Guitar Solo]\n[Bridge: all]\n[Verse II]\n[00:01.00]a", "1 a",
     NULL},
    {"headers in front", "[00:01.00][Chorus] sing\n[00:02.00][Verse 2][Intro]\n[00:03.00](Outro x2)",
     "1 sing|2 |3 ", NULL},
    {"sung brackets",
     "[00:01.00](Whispered) hold me\n[00:02.00](break my heart)\n[00:03.00][Loud] go\n[00:04.00](end) of it",
     "1 (Whispered) hold me|2 (break my heart)|3 [Loud] go|4 (end) of it", NULL},
    {"stamp without text", "[00:01.00]a\n[00:05.00]\n[00:09.00]b", "1 a|5 |9 b", NULL},
    {"no stamp", "hello\n[00:01.00]a", "1 a", "1: left out: it has no time stamp"},
    {"no stamp but brackets", "[00:01.00]a\n[Loud]", "1 a", "2: left out: it has no time stamp"},
    {"broken stamp", "[00:01.00]a\n[00:1x.00]b", "1 a", "2: left out: its time stamp is not understood"},
    {"stamp without brackets", "00:50.00 Over", "", "1: left out: its time stamp is not understood"},
    {"four digits of minutes", "[1000:00.00]a", "", "1: left out: its time stamp is not understood"},
    {"open stamp", "[00:01.00", "", "1: left out: its time stamp is not understood"},
    {"75 seconds", "[00:75.00]a", "75 a", "1: more than 59 seconds"},
    {"nothing", "", "", NULL},
    {"white space", " \n\t\r\n\xE3\x80\x80\n", "", NULL},
    {"lone bracket", "[", "", "1: left out"},
    {"Chinese", "[00:01.00]你好", "1 你好", NULL},
};

static const lrc_case columns[] = {
    {"plain", "[00:10.00]abc\n[00:01.00]b", "10 abc|1 b", NULL},
    {"three decimals", "[00:10.129]abc", "10.12 ]abc", NULL},
    {"short minutes", "[0:10.123]x", "10.123 x", NULL},
    {"dropped", "[00:10]x\n[00:10.5]x\n[00:10:50]x\n[00:10,50]x\n[1:02.34]ab", "", "3: left out"},
    {"any delimiters", "(00:10.00)x\nx00:11.00yz\n00:12.00 Over", "10 x|11 z|12 ver", NULL},
    {"second tag is sung", "[00:05.00][00:45.00]x", "5 [00:45.00]x", NULL},
    {"lone CR", "[00:05.00]a\rb", "5 a\rb", NULL},
    {"infinite", "[000:+inf]a\n[000:-INF]b\n[0:infini]c", "inf a|-inf b", "3: left out"},
    {"not a number", "[0000:nan]a", "nan a", NULL},
    {"signs, blanks, underscores",
     "[ 1: 2.50]a\n[-1:10.00]b\n[00:-5.00]c\n[00:3_0.0]d\n[0:1__0.0]e\n[0:_10.00]f\n[00:10_.0]g",
     "62.5 a|-50 b|-5 c|30 d", "5: left out"},
    {"exponents", "[0:1.00e1]a\n[0:1e9999]b\n[0:1e-999]c\n[0:5.e000]d\n[00000:.5]e\n[0:0000e.]f",
     "10 a|inf b|0 c|5 d|0.5 e", "6: left out"},
    {"other scripts' digits", "[０１:05.00]a\n[١:٢.\xD9\xA3\xD9\xA4\xC2\xA0 ]b", "65 a|62.34 b", NULL},
    {"control characters are no blanks",
     "[\x1C"
     "1:10.00]a\n[1:10.00\x1F]b",
     "", "1: left out"},
    {"leading empty lines count", "\n\n [00:01.00]a\nx", "1 a", "4: left out"},
    {"stamp only", "[00:09.00]", "9 ", NULL},
    {"short lines", "[00:09.0\n[00:09.00\n:\n::", "9 |9 ", "3: left out"},
};

static void check_cases(const lrc_case *cases, size_t count, int compat)
{
    for (size_t i = 0; i < count; i++) {
        lrc l;
        notes n = {{0}, 0};
        drgen_err err = {0};
        char got[512];
        CHECKF(lrc_parse(&l, cases[i].lyrics, strlen(cases[i].lyrics), compat, take_note, &n, &err) ==
                   DRGEN_OK,
               "%s: %s", cases[i].name, err.message);
        describe(&l, got, sizeof got);
        CHECKF(strcmp(got, cases[i].want) == 0, "%s: got \"%s\", want \"%s\"", cases[i].name, got,
               cases[i].want);
        if (cases[i].note)
            CHECKF(strstr(n.text, cases[i].note) != NULL, "%s: remarks: %s", cases[i].name, n.text);
        else CHECKF(n.count == 0, "%s: unexpected remarks: %s", cases[i].name, n.text);
        lrc_free(&l);
        lrc_free(&l);
    }
}

TEST(lrc_product_grammar)
{
    check_cases(plain, COUNT(plain), 0);
}

TEST(lrc_original_columns)
{
    check_cases(columns, COUNT(columns), 1);
}

/* Two decimals: both readers give the same bits. */
TEST(lrc_times_are_the_originals)
{
    for (int cs = 0; cs < 60 * 6000; cs += 7) {
        char text[32];
        snprintf(text, sizeof text, "[%02d:%02d.%02d]x", cs / 6000, cs / 100 % 60, cs % 100);
        lrc a, b;
        CHECK(lrc_parse(&a, text, strlen(text), 0, NULL, NULL, NULL) == DRGEN_OK && a.count == 1);
        CHECK(lrc_parse(&b, text, strlen(text), 1, NULL, NULL, NULL) == DRGEN_OK && b.count == 1);
        if (a.count && b.count)
            CHECKF(a.lines[0].seconds == b.lines[0].seconds, "%s: %.17g, original %.17g", text,
                   a.lines[0].seconds, b.lines[0].seconds);
        lrc_free(&a);
        lrc_free(&b);
    }
}

TEST(lrc_line_numbers)
{
    static const char text[] = "# one\r\n[00:03.00]two\rthree\n\n[00:01.00][00:09.00]five\n";
    lrc l;
    notes n = {{0}, 0};
    CHECK(lrc_parse(&l, text, sizeof text - 1, 0, take_note, &n, NULL) == DRGEN_OK);
    CHECK(l.count == 3 && l.lines[0].line == 5 && l.lines[1].line == 2 && l.lines[2].line == 5);
    CHECKF(strncmp(n.text, "3: ", 3) == 0, "%s", n.text);
    lrc_free(&l);
}

TEST(lrc_refuses_what_is_no_text)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {{"[00:01.00]a\n\xFFx", 14, "line 2: byte 0xff"},
                 {"[00:01.00]caf\xE9", 14, "line 1: byte 0xe9"},
                 {"a\r\nb\rc\0d", 8, "line 3: byte 0x00"},
                 {"\xFF\xFE[\0", 4, "UTF-16"},
                 {"\xED\xA0\x80", 3, "line 1: byte 0xed"}};
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int compat = 0; compat < 2; compat++) {
            lrc l;
            drgen_err err = {0};
            CHECK(lrc_parse(&l, cases[i].bytes, cases[i].size, compat, NULL, NULL, &err) == DRGEN_ERR_TEXT);
            CHECKF(strstr(err.message, cases[i].message) != NULL, "case %zu: %s", i, err.message);
            CHECK(l.count == 0 && l.lines == NULL);
        }
}

TEST(lrc_many_stamps_and_long_lines)
{
    enum { STAMPS = 500, LETTERS = 300000 };
    char *text = malloc(STAMPS * 10 + LETTERS);
    size_t size = 0;
    for (int i = 0; i < STAMPS; i++) size += (size_t)sprintf(text + size, "[%02d:%02d.00]", i / 60, i % 60);
    memset(text + size, 'x', LETTERS);
    lrc l;
    notes n = {{0}, 0};
    CHECK(lrc_parse(&l, text, size + LETTERS, 0, take_note, &n, NULL) == DRGEN_OK);
    CHECK(l.count == LRC_MAX_STAMPS && strlen(l.lines[0].text) == LETTERS && n.count == 1);
    lrc_free(&l);
    free(text);
}

/* Mutations of a real text: no crash, times in order and not negative, texts valid, lines within the file. */
TEST(lrc_survives_mutation)
{
    static const char base[] =
        "[ti:x]\n[offset:-10]\n[00:01.00][00:02.5]a <00:03.00>b\r\n[Chorus]\n[1:02,345](Verse 1)\n é[";
    static const char alphabet[] = "[]<>():.,0123456789+- \n\r\tabx#\xC3\xA9\xE3\x80\x80_e";
    uint64_t rng = t_seed;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof base];
        memcpy(text, base, sizeof base);
        size_t size = sizeof base - 1 - (size_t)(rng_split(&rng) % 20);
        for (uint64_t edits = rng_split(&rng) % 6 + 1; edits; edits--) {
            uint64_t r = rng_split(&rng);
            text[r % size] = alphabet[(r >> 32) % (sizeof alphabet - 1)];
        }
        for (int compat = 0; compat < 2; compat++) {
            lrc l;
            notes n = {{0}, 0};
            drgen_status s = lrc_parse(&l, text, size, compat, take_note, &n, NULL);
            CHECK((s == DRGEN_OK) == (utf8_valid(text, size) == size));
            for (size_t i = 0; i < l.count; i++) {
                const char *t = l.lines[i].text;
                CHECK(utf8_valid(t, strlen(t)) == strlen(t) && l.lines[i].line >= 1 &&
                      l.lines[i].line <= (int)size);
                if (!compat)
                    CHECK(l.lines[i].seconds >= 0 &&
                          (i == 0 || l.lines[i].seconds >= l.lines[i - 1].seconds));
            }
            lrc_free(&l);
        }
    }
}
