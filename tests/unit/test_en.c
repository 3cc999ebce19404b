/* test_en.c - English lyrics stage by stage, the front door, and the library behind it. */
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "io/file.h"
#include "tests/t.h"
#include "text/en.h"
#include "text/segment.h"

typedef struct {
    const char *text, *want;
} pair;

static char *expanded(const char *text, int strict, drgen_status *status)
{
    str out = {0};
    *status = en_expand(&out, text, strlen(text), strict, NULL);
    char *copy = strdup(str_text(&out));
    str_free(&out);
    return copy;
}

TEST(en_expands)
{
    static const pair cases[] = {
        {"", ""},
        {"Mr. X and MRS Y", "mister. X and misess Y"},
        {"st. 1st stone st", "saint.  first  stone saint"},
        {"dr_ éco co\xCC\x81 etc,btw", "dr_ éco company\xCC\x81 et cetera,by the way"},
        {"drs Jr LT ſt", "doctors junior lieutenant saint"},
        {"1,2,3", " one hundred twenty-three "},
        {",1,,2,", ", twelve ,"},
        {"£5 £1,000", " five  pounds  one thousand  pounds"},
        {"£,5 £ 5", ", five  pounds £  five "},
        {"$5", "  five  dollars "},
        {"$1", "  one  dollar "},
        {"$0.01", "  one  cent "},
        {"$5.5", "  five  dollars,  five  cents "},
        {"$001.10", "  one  dollar,  ten  cents "},
        {"$0", " zero dollars "},
        {"$.5", "  five  cents "},
        {"$1.2.3", "  one  point  two . three  dollars "},
        {"$", "$"},
        {"$.", "$."},
        {"1/2 1/4 3/2 3/4 2/3 24/7",
         " one half   one quarter   three halves   three quarters   two third   twenty-four seventh "},
        {"01/02 101/1/2", " one half   one hundred and one first / two "},
        {"1/ /2", " one / / two "},
        {"3.14 1.2.3 5.", " three  point  fourteen   one  point  two . three   five ."},
        {"5% 3.5% %", " five  percent   three  point  five  percent  %"},
        {"11st 2nd 103rd 4TH 5thx", " eleventh   second   one hundred and third   four TH  fifth x"},
        {"1000 1001 1100 1984 1905 2000 2001 2009 2010 2999 3000",
         " one thousand   ten oh one   eleven hundred   nineteen eighty-four   nineteen oh five   two thousand   two thousand "
         "one   two thousand nine   twenty ten   twenty-nine ninety-nine   three thousand "},
        {"00 007", " zero   seven "},
        {"999999999999999999999999999999999999", NULL},
        {"1000000000000000000000000000000000000", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        drgen_status status;
        char *got = expanded(cases[i].text, 0, &status);
        CHECK(status == DRGEN_OK);
        if (cases[i].want) CHECKF(strcmp(got, cases[i].want) == 0, "\"%s\" gives \"%s\"", cases[i].text, got);
        free(got);
    }
}

TEST(en_refuses_what_the_original_refuses)
{
    static const char *const bad[] = {"$,5", "$5,.5 $1,.5", "1000000000000000000000000000000000000",
                                      "9999999999999999999999999999999999999th",
                                      "1/2000000000000000000000000000000000000"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        drgen_status strict, plain;
        free(expanded(bad[i], 1, &strict));
        free(expanded(bad[i], 0, &plain));
        CHECKF(strict == DRGEN_ERR_TEXT && plain == DRGEN_OK, "%s", bad[i]);
    }
    drgen_status status;
    char *got = expanded("0000999999999999999999999999999999999999", 1, &status); /* 36 digits that count */
    CHECK(status == DRGEN_OK && strstr(got, " nine hundred ninety-nine decillion, ") == got);
    free(got);
    got = expanded("$,5", 0, &status);
    CHECK(strcmp(got, "$, five ") == 0);
    free(got);
    got = expanded("1000000000000000000000000000000000002nd", 0, &status);
    CHECKF(strstr(got, " one zero zero ") == got && strstr(got, " zero second ") != NULL, "%s", got);
    free(got);
}

TEST(en_cleans)
{
    static const pair cases[] = {
        {"", ""},
        {"  a  b\t\nc ", "a b c"},
        {"，。！？；：、‘’⋯", ",.!?;:,''…"},
        {"a... b....c 。。。 d..", "a…b….c…d.."},
        {"a···b·· ・・・・c", "a…b…c"},
        {"twenty-one \"love—hate\" [x] (y) AC/DC @#&*", "twentyone lovehate x y ACDC "},
        {"don 't , 'x' !", "don't,'x'!"},
        {"🎵 note 🎵", " note "},
        {"re\xCC\x81sume\xCC\x81 café ½", "resume café ½"},
        {"- a", " a"},
        {"a - , - b", "a,b"},
        {".- -.", ".."},
        {"\xEF\xBB\xBF"
         "a",
         "a"},
        {"a_b", "a_b"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str out = {0}, again = {0};
        en_clean(&out, cases[i].text, strlen(cases[i].text));
        CHECKF(strcmp(str_text(&out), cases[i].want) == 0, "\"%s\" gives \"%s\"", cases[i].text,
               str_text(&out));
        str_free(&out);
        str_free(&again);
    }
}

TEST(en_pieces)
{
    static const pair cases[] = {
        {"", ""},
        {" \n ", ""},
        {"h_ˈa_ˌb c_d ", "h|a|b|_|c|d"},
        {"a__b___c_ d__ e", "a|b|c|_|d|_|e"},
        {"a  b   c\nd", "a|_|b|_||_|c|_|d"},
        {"(ko)_x_(en-us) y", "|x||_|y"},
        {"a () (b) c", "a|_||_|c"},
        {"a (b", "a|_|(b"},
        {"a(b)c((d)e)", "ace)"},
        {"don't-x", "dontx"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str out = {0};
        en_piece_phonemes(&out, cases[i].text, strlen(cases[i].text));
        CHECKF(strcmp(str_text(&out), cases[i].want) == 0, "\"%s\" gives \"%s\"", cases[i].text,
               str_text(&out));
        str_free(&out);
    }
}

/* Tokens by name, "?" for an unknown phoneme. */
static void name_tokens(const en_tokens *t, char *out, size_t room)
{
    out[0] = '\0';
    for (size_t i = 0; i < t->count; i++) {
        size_t used = strlen(out);
        const char *s = phones_symbol(t->ids[i]);
        snprintf(out + used, room - used, "%s%s", i ? " " : "", s ? s : "?");
    }
}

TEST(en_joins)
{
    static const pair cases[] = {
        {"t|ɹ|d|ɹ|t|s|d|z|z", "tɹ dɹ ts dz z"},
        {"t|t|s|_|t|_|s|d", "t ts _ t _ s d"},
        {"ɪ|ɹ|oː|ɹ|oː|d", "ɪɹ oːɹ oː d"},
        {"ɐ|ᵻ|əl|x|ɬ|ʔ|n\xCC\xA9|d", "ɚ ɪ l k l t n d"},
        {"ᵻ|ɹ|ʔ|ɹ", "ɪ ɹ t ɹ _"},   /* no merge after renaming */
        {"h|ə|l|oʊ", "h ə l oʊ _"}, /* ends in a vowel: a gap */
        {"w|ɜː|l|d", "w ɜː l d"},
        {"|,|a|,|", ", a ,"},
        {"a|qq|s", "a ? s _"},
        {"t|qq|s|d", "t ? s d"},
        {"s", "s _"},
        {"ts`ʰ", "ts`ʰ _"},
        {"ɚ", "ɚ"},
        {"v", "v"},
        {"…", "…"},
        {"", ""},
        {"|||", ""},
    };
    phones p;
    CHECK(phones_open(&p, NULL) == DRGEN_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        en_tokens t = {0};
        char got[256];
        CHECK(en_join(&t, &p, cases[i].text, strlen(cases[i].text), 0, NULL) == DRGEN_OK);
        name_tokens(&t, got, sizeof got);
        CHECKF(strcmp(got, cases[i].want) == 0, "\"%s\" gives \"%s\"", cases[i].text, got);
        free(t.ids);
        t = (en_tokens){0};
        CHECK((en_join(&t, &p, cases[i].text, strlen(cases[i].text), 1, NULL) == DRGEN_OK) ==
              (*cases[i].want != 0));
        free(t.ids);
    }
    CHECK(phones_id(&p, "ç", 2) == 69 && phones_id(&p, "c\xCC\xA7", 3) == 324); /* one and two code points */
    CHECK(phones_id(&p, "g", 1) == 328 && phones_id(&p, "ɡ", 2) == 33 && phones_id(&p, "", 0) == 0);
    CHECK(!phones_symbol(0) && !phones_symbol(364) && !phones_symbol(-1) &&
          strcmp(phones_symbol(363), "…") == 0);
    for (int32_t id = 1; id <= PHONES_COUNT; id++)
        CHECK(phones_id(&p, phones_symbol(id), strlen(phones_symbol(id))) == id);
    phones_close(&p);
    phones_close(&p);
}

TEST(en_segments)
{
    static const struct {
        const char *text;
        size_t sizes[4];
        segment_language languages[4];
    } cases[] = {
        {"hello", {5}, {SEGMENT_EN}},
        {"123 ♪", {7}, {SEGMENT_OTHER}},
        {"1 a 2", {5}, {SEGMENT_EN}},
        {"在2am", {4, 2}, {SEGMENT_ZH, SEGMENT_EN}},
        {"- a 你 b", {4, 4, 1}, {SEGMENT_EN, SEGMENT_ZH, SEGMENT_EN}},
        {"龦 a", {5}, {SEGMENT_EN}}, /* U+9FA6 is no Chinese here */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *s = cases[i].text;
        size_t left = strlen(s);
        for (int k = 0; left; k++) {
            segment got = segment_next(s, left);
            CHECKF(k < 4 && got.size == cases[i].sizes[k] && got.language == cases[i].languages[k],
                   "case %zu part %d: %zu bytes of language %d", i, k, got.size, (int)got.language);
            s += got.size;
            left -= got.size;
        }
    }
}

/* A voice that spells: every letter is its own phoneme, words end at blanks; counts its calls. */
static drgen_status spell(void *user, const char *piece, void (*put)(void *to, const char *ipa), void *to,
                          drgen_err *err)
{
    (void)err;
    ++*(int *)user;
    for (const char *c = piece; *c; c++) {
        char one[3] = {*c, c[1] && c[1] != ' ' && *c != ' ' ? '_' : '\0', '\0'};
        put(to, one);
    }
    return DRGEN_OK;
}

TEST(g2p_front_door)
{
    static const struct {
        const char *line, *want, *silent; /* want NULL: a TEXT error; outside compatibility mode */
        int compat_ok;
    } cases[] = {
        {"sad bee", "s a d _ b e e", NULL, 1},
        {"a,b.", "a , b .", NULL, 1},
        {"so", "s o", NULL, 1}, /* the gap behind a last English segment goes */
        {"7", "s e v e n", NULL, 0},
        {" 7 ! ", "s e v e n !", NULL, 0},
        {"", "", NULL, 0},
        {"  \xE3\x80\x80", "", NULL, 0},
        {"...", "", "no letters", 0},
        {"♪ ♪", "", "no letters", 0},
        {"さくら 7", "", "kana", 0},
        {"안녕", "", "Hangul", 0},
        {"мир", "", "Cyrillic", 0},
        {"\xE1\x82\xA0", "", "script", 0}, /* Georgian: no word for it here */
        {"７", "", "no letters", 0}, /* a full-width digit */
        {"a\xFF", NULL, NULL, 0},
        {"你好", "n i↑ x ɑʊ↓↑", NULL, 1},
        {"so 你", "s o _ n i↓↑", NULL, 1},
        {"不", "p⁼ u↓", NULL, -1}, /* the original loses it */
    };
    int calls = 0;
    g2p_voice voice = {spell, &calls, "1.51"};
    g2p *g;
    CHECK(g2p_open_voice(&g, &voice, NULL) == DRGEN_OK);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int compat = 0; compat < 2; compat++) {
            en_tokens t = {0};
            const char *silent;
            drgen_err err = {0};
            drgen_status s = g2p_line(g, cases[i].line, compat, &t.ids, &t.count, &silent, &err);
            if (compat && cases[i].compat_ok < 0) {
                CHECK(s == DRGEN_OK && t.count == 0);
                continue;
            }
            int ok = compat ? cases[i].compat_ok : cases[i].want != NULL;
            CHECKF(s == (ok ? DRGEN_OK : DRGEN_ERR_TEXT), "\"%s\" compat %d: %s", cases[i].line, compat,
                   err.message);
            CHECK((t.ids != NULL) == (t.count > 0) && (s == DRGEN_OK || (t.count == 0 && *err.message)));
            if (ok) {
                char got[128];
                name_tokens(&t, got, sizeof got);
                CHECKF(strcmp(got, cases[i].want) == 0, "\"%s\" gives \"%s\"", cases[i].line, got);
                CHECKF(cases[i].silent ? silent && strstr(silent, cases[i].silent) : !silent, "\"%s\": %s",
                       cases[i].line, silent ? silent : "-");
            }
            free(t.ids);
        }
    CHECK(calls > 0 && strcmp(g2p_symbol(38), "s") == 0 && !g2p_symbol(999));
    g2p_close(g);
    g2p_close(NULL);
}

TEST(g2p_version_warning)
{
    static const struct {
        const char *version;
        int warns;
    } cases[] = {{"", 0},         {"1.49.2", 0}, {"1.51", 0}, {"1.51.1", 0}, {"1.52.0", 1},
                 {"1.52-dev", 1}, {"1.100", 1},  {"2.0", 1},  {"2", 1},      {"x", 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        g2p_voice voice = {NULL, NULL, cases[i].version};
        g2p *g;
        CHECK(g2p_open_voice(&g, &voice, NULL) == DRGEN_OK);
        CHECKF((g2p_espeak_warning(g) != NULL) == cases[i].warns, "%s", cases[i].version);
        CHECK(strcmp(g2p_espeak_version(g), cases[i].version) == 0);
        g2p_close(g);
    }
}

/* Numbers, commas, signs and marks in every order: the stages keep valid UTF-8, leave no digit and no white
 * space but single blanks, and strict mode only differs by refusing. */
TEST(en_stages_survive_anything)
{
    static const char *const bits[] = {"1",
                                       "0",
                                       "23",
                                       ",",
                                       ".",
                                       "$",
                                       "£",
                                       "/",
                                       "%",
                                       "st",
                                       "th",
                                       " ",
                                       "mr",
                                       "é",
                                       "'",
                                       "-",
                                       "a",
                                       "…",
                                       "。",
                                       "_",
                                       "\t",
                                       "·",
                                       "99999999999999999999"};
    uint64_t rng = t_seed;
    for (int round = 0; round < 20000; round++) {
        str text = {0}, words = {0}, strict = {0}, clean = {0};
        for (uint64_t n = rng_split(&rng) % 14; n; n--) str_puts(&text, bits[rng_split(&rng) % COUNT(bits)]);
        CHECK(en_expand(&words, str_text(&text), text.size, 0, NULL) == DRGEN_OK);
        if (en_expand(&strict, str_text(&text), text.size, 1, NULL) == DRGEN_OK)
            CHECKF(strcmp(str_text(&words), str_text(&strict)) == 0, "\"%s\"", str_text(&text));
        CHECKF(!strpbrk(str_text(&words), "0123456789"), "\"%s\" gives \"%s\"", str_text(&text),
               str_text(&words));
        en_clean(&clean, str_text(&words), words.size);
        const char *c = str_text(&clean);
        CHECKF(utf8_valid(c, clean.size) == clean.size && !strpbrk(c, "\t-$/%") && !strstr(c, "  ") &&
                   !strstr(c, ". ") && !strstr(c, " ,"),
               "\"%s\" gives \"%s\"", str_text(&text), c);
        str_free(&text), str_free(&words), str_free(&strict), str_free(&clean);
    }
}

TEST(en_long_texts)
{
    enum { SIZE = T_SANITIZED ? 1 << 18 : 1 << 20 };
    char *text = malloc(SIZE + 1);
    static const char fill[] = {'9', ',', '$', '(', '.', 'x', '_', '/'};
    for (size_t i = 0; i < sizeof fill; i++) {
        memset(text, fill[i], SIZE);
        text[SIZE] = '\0';
        drgen_status status;
        char *words = expanded(text, 0, &status);
        str clean = {0}, phonemes = {0};
        en_clean(&clean, words, strlen(words));
        en_piece_phonemes(&phonemes, text, SIZE);
        CHECK(status == DRGEN_OK && !clean.failed && !phonemes.failed);
        free(words);
        str_free(&clean);
        str_free(&phonemes);
    }
    free(text);
}

/* ---- the library ---- */

static const char sentence[] = "Streetlights hum along the café wall, don't they?";

static int read_sentence(g2p *g, int32_t **ids, size_t *count, drgen_err *err)
{
    const char *silent;
    return g2p_line(g, sentence, 0, ids, count, &silent, err) == DRGEN_OK;
}

static int same_sentence(g2p *g, const en_tokens *want)
{
    en_tokens t = {0};
    int same = read_sentence(g, &t.ids, &t.count, NULL) && t.count == want->count &&
               memcmp(t.ids, want->ids, t.count * sizeof *t.ids) == 0;
    free(t.ids);
    return same;
}

static void *reader_thread(void *arg)
{
    int good = 1;
    for (int i = 0; i < 20; i++) {
        g2p *g;
        if (g2p_open(&g, NULL, NULL) != DRGEN_OK) return arg;
        good &= same_sentence(g, arg);
        g2p_close(g);
    }
    return good ? NULL : arg;
}

/* Scripts mixed as 1.51 cannot stand (it then reads freed memory), and words past its limits. */
TEST(espeak_survives_hard_text)
{
    static const char *const bits[] = {"a", "the", " ",  " ",  "안", "ϗ", "م", "ক", "क",
                                       "Ⴄ", "ᄀ",  "さ", "Ｗ", "𝕫",  "м", "é", "_", "ⱨ"};
    g2p *g;
    CHECK(g2p_open(&g, NULL, NULL) == DRGEN_OK);
    int with = *g2p_espeak_version(g) != 0;
    uint64_t rng = t_seed;
    for (int round = 0; round < 400 && with; round++) {
        str line = {0};
        str_puts(&line, "x");
        int long_word = round % 50 == 0;
        for (uint64_t n = long_word ? 5000 : rng_split(&rng) % 30; n; n--)
            str_puts(&line, bits[long_word ? 1 : rng_split(&rng) % COUNT(bits)]);
        en_tokens t = {0};
        const char *silent;
        drgen_err err = {0};
        CHECKF(g2p_line(g, str_text(&line), 0, &t.ids, &t.count, &silent, &err) == DRGEN_OK, "\"%s\": %s",
               str_text(&line), err.message);

        free(t.ids);
        str_free(&line);
    }
    if (!with) t_skip("built without espeak-ng");
    g2p_close(g);
}

TEST(espeak_is_a_quiet_guest)
{
    g2p *g;
    CHECK(g2p_open(&g, NULL, NULL) == DRGEN_OK);
    en_tokens want = {0};
    drgen_err err = {0};
    if (!*g2p_espeak_version(g)) {
        CHECK(!read_sentence(g, &want.ids, &want.count, &err) && err.code == DRGEN_ERR_TEXT &&
              strstr(err.message, "without espeak-ng"));
        g2p_close(g);
        t_skip("built without espeak-ng");
        return;
    }
    char before[64];
    snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    CHECKF(read_sentence(g, &want.ids, &want.count, &err) && want.count > 30, "%s", err.message);
    CHECKF(strcmp(before, setlocale(LC_ALL, NULL)) == 0, "the locale became %s", setlocale(LC_ALL, NULL));

    pthread_t thread[2];
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&thread[i], NULL, reader_thread, &want) == 0);
    for (int i = 0; i < 2; i++) {
        void *failed = NULL;
        CHECK(pthread_join(thread[i], &failed) == 0 && !failed);
    }

    /* Folders without data, or with broken data, are refused by name; other handles go on. */
    char dir[] = "/tmp/drgen-test-XXXXXX";
    CHECK(mkdtemp(dir) != NULL);
    char *table = file_join(dir, "phontab");
    for (int broken = 0; broken < 2; broken++) {
        FILE *f = broken ? fopen(table, "w") : NULL;
        if (f) fclose(f);
        g2p *lost;
        en_tokens got = {0};
        err_clear(&err);
        CHECK(g2p_open(&lost, dir, NULL) == DRGEN_OK);
        CHECK(!read_sentence(lost, &got.ids, &got.count, &err) && err.code == DRGEN_ERR_IO && !got.ids);
        CHECKF(strstr(err.message, dir) != NULL, "%s", err.message);
        g2p_close(lost);
        CHECK(same_sentence(g, &want));
    }
    unlink(table);
    rmdir(dir);
    free(table);
    free(want.ids);
    g2p_close(g);
}
