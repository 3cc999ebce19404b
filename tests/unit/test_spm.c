/* The prompt tokenizer on a small model made here: known segmentations from both file forms, damaged files, long texts. */
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "tests/spm_make.h"
#include "tests/t.h"
#include "text/spm.h"

static spm *load(spm_bytes b, drgen_err *err)
{
    spm *s = NULL;
    drgen_status status = spm_load(&s, b.data, b.size, "tok", err);
    CHECKF((status == DRGEN_OK) == (s != NULL), "status %d, but %s", status, s ? "a model" : "no model");
    return s;
}

static const struct {
    const char *text, *normal;
    int32_t ids[12];
    size_t count;
} cases[] = {
    {"", "", {0, 2}, 2},
    {" \t \xE3\x80\x80", "", {0, 2}, 2},
    {SPM_MARK, "", {0, 2}, 2},
    {"a", SPM_MARK "a", {0, 9, 2}, 3},
    {"  A\tb ", SPM_MARK "a" SPM_MARK "b", {0, 9, 4, 6, 2}, 5},
    {"b", SPM_MARK "b", {0, 4, 6, 2}, 4},
    {"baab", SPM_MARK "baab", {0, 4, 6, 8, 2}, 5},          /* a+ab ties with aab: the longer last piece wins */
    {"\xEF\xBD\x81", SPM_MARK "a", {0, 9, 2}, 3},           /* rule */
    {"\xEF\xBD\x81\xCC\x81", SPM_MARK "b", {0, 4, 6, 2}, 4}, /* the longer rule */
    {"\xEF\xBD\x81\xCC", SPM_MARK "a\xEF\xBF\xBD", {0, 9, 15, 2}, 4},
    {"a\x01 \x01 b", SPM_MARK "a" SPM_MARK "b", {0, 9, 4, 6, 2}, 5},
    {"\xC2\xA8", SPM_MARK "\xCC\x88", {0, 4, 3, 2}, 4},     /* the leading space of a rule is squeezed */
    {"xyz\xE9\xBC\x93q", SPM_MARK "xyz\xE9\xBC\x93q", {0, 4, 3, 13, 3, 2}, 6}, /* unknowns merge */
    {"\xFF\xFE", SPM_MARK "\xEF\xBF\xBD\xEF\xBF\xBD", {0, 4, 15, 15, 2}, 5},
    {"caaaaaaaa", SPM_MARK "caaaaaaaa", {0, 4, 10, 14, 2}, 5},
};

static void check_cases(const spm *s)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *normal = NULL;
        int32_t *ids = NULL;
        size_t size = 0, count = 0;
        CHECK(spm_normalize(s, cases[i].text, strlen(cases[i].text), &normal, &size, NULL) == DRGEN_OK);
        CHECKF(normal && size == strlen(normal) && strcmp(normal, cases[i].normal) == 0, "case %zu: normalised to \"%s\"", i,
               normal ? normal : "");
        CHECK(spm_encode(s, cases[i].text, strlen(cases[i].text), &ids, &count, NULL) == DRGEN_OK);
        CHECKF(count == cases[i].count, "case %zu: %zu ids, want %zu", i, count, cases[i].count);
        for (size_t k = 0; k < count && k < cases[i].count; k++)
            CHECKF(ids[k] == cases[i].ids[k], "case %zu: id %zu is %d, want %d", i, k, ids[k], cases[i].ids[k]);
        free(normal);
        free(ids);
    }
}

TEST(spm_segments_from_both_forms)
{
    spm_bytes forms[] = {spm_small_model(), spm_small_json()};
    for (size_t f = 0; f < COUNT(forms); f++) {
        drgen_err err = {0};
        spm *s = load(forms[f], &err);
        CHECKF(s != NULL, "%s", err.message);
        if (s) {
            CHECK(spm_vocab_size(s) == SPM_SMALL_PIECES + 5);
            check_cases(s);
        }
        spm_free(s);
        free(forms[f].data);
    }
    spm_free(NULL);
}

TEST(spm_takes_zero_bytes)
{
    spm_bytes b = spm_small_model();
    spm *s = load(b, NULL);
    char *normal = NULL;
    size_t size = 0;
    CHECK(s && spm_normalize(s, "a\0b", 3, &normal, &size, NULL) == DRGEN_OK && size == 6 && memcmp(normal, SPM_MARK "a\0b", 7) == 0);
    free(normal);
    spm_free(s);
    free(b.data);
}

/* Whatever a damaged file still loads as, it must work: ids in range, no read outside (the sanitizers watch). */
static void try_damaged(const unsigned char *data, size_t size, size_t *loaded)
{
    spm_bytes copy = {0};
    drgen_err err = {0};
    spm_put(&copy, data, size); /* exact size: a read past the end is seen */
    unsigned char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, copy.data, size);
    spm *s = load((spm_bytes){exact, size, size}, &err);
    if (s) {
        static const char text[] = "aab \xEF\xBD\x81\xCC\x81 bc\xC2\xA8\xFF q";
        int32_t *ids = NULL;
        size_t count = 0;
        CHECK(spm_encode(s, text, sizeof text - 1, &ids, &count, &err) == DRGEN_OK && count >= 2);
        for (size_t i = 0; i < count; i++) CHECK(ids[i] >= 0 && ids[i] < spm_vocab_size(s) - 1);
        free(ids);
        ++*loaded;
    } else CHECKF(err.code == DRGEN_ERR_FORMAT && strncmp(err.message, "tok: ", 5) == 0, "%d %s", err.code, err.message);
    spm_free(s);
    free(exact);
    free(copy.data);
}

TEST(spm_survives_damage)
{
    spm_bytes forms[] = {spm_small_model(), spm_small_json()};
    uint64_t rng = t_seed;
    size_t loaded = 0, tries = 0;
    for (size_t f = 0; f < COUNT(forms); f++) {
        spm_bytes *b = &forms[f];
        for (size_t size = 0; size < b->size; size += 1 + size / 64, tries++) try_damaged(b->data, size, &loaded);
        for (int i = 0; i < 1500; i++, tries++) {
            size_t at = (size_t)(rng_split(&rng) % (i % 2 ? b->size : 600));
            unsigned char old = b->data[at];
            b->data[at] ^= (unsigned char)(1 + rng_split(&rng) % 255);
            try_damaged(b->data, b->size, &loaded);
            b->data[at] = old;
        }
        free(b->data);
    }
    CHECKF(loaded > 0 && loaded < tries, "%zu of %zu damaged files loaded", loaded, tries);
}

typedef void (*damage)(spm_bytes *b);

static void no_pieces(spm_bytes *b)
{
    b->size = 0;
}
static void same_piece(spm_bytes *b)
{
    spm_put_piece(b, "ab", -3, 1);
}
static void empty_piece(spm_bytes *b)
{
    spm_put_piece(b, "", -3, 1);
}
static void broken_text(spm_bytes *b)
{
    spm_put_piece(b, "\xC3", -3, 1);
}
static void no_score(spm_bytes *b)
{
    spm_put_piece(b, "nan", NAN, 1);
}
static void byte_piece(spm_bytes *b)
{
    spm_put_piece(b, "<0x00>", -3, 6);
}
static void word_model(spm_bytes *b)
{
    spm_put_bytes(b, 2, "\x18\x03", 2);
}
static void byte_fallback(spm_bytes *b)
{
    spm_put_bytes(b, 2, "\x98\x02\x01", 3);
}
static void no_squeeze(spm_bytes *b)
{
    spm_put_bytes(b, 3, "\x20\x00", 2);
}
static void second_map(spm_bytes *b)
{
    spm_put_bytes(b, 3, "\x12\x09\x04\0\0\0abcd", 11);
}
static void cut_length(spm_bytes *b)
{
    spm_put(b, "\x0A\x7F", 2);
}
static void endless_number(spm_bytes *b)
{
    spm_put(b, "\x20\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12);
}
static void web_page(spm_bytes *b)
{
    b->size = 0;
    spm_put_text(b, "<!DOCTYPE html><html>");
}

TEST(spm_names_what_is_wrong)
{
    static const struct {
        damage apply;
        const char *say;
    } list[] = {{no_pieces, "no pieces"},         {same_piece, "ids 7 and 16 are the same"}, {empty_piece, "id 16 is empty"},
                {broken_text, "not UTF-8"},       {no_score, "no finite score"},             {byte_piece, "type 6, 1 wanted"},
                {word_model, "trainer setting 3"}, {byte_fallback, "trainer setting 35"},    {no_squeeze, "normaliser setting 4"},
                {second_map, "two character maps"}, {cut_length, "length past the end"},     {endless_number, "cut number"},
                {web_page, "not a SentencePiece model"}};
    for (size_t i = 0; i < COUNT(list); i++) {
        spm_bytes b = spm_small_model();
        drgen_err err = {0};
        list[i].apply(&b);
        spm *s = load(b, &err);
        CHECKF(!s && strstr(err.message, list[i].say), "wanted \"%s\", got \"%s\"", list[i].say, err.message);
        spm_free(s);
        free(b.data);
    }
}

TEST(spm_names_what_is_wrong_in_json)
{
    static const struct {
        const char *find, *put, *say; /* of equal length */
    } list[] = {{"\"unk_id\": 3", "\"unk_id\": 2", "unk_id 3"}, {"Unigram", "BPE    ", "Unigram model"},
                {"<pad>", "<bad>", "ids 0..3"},                {"<mask>", "<musk>", "<mask>"},
                {"Precompiled", "Lowercaseaa", "no precompiled_charsmap"}, {"charsmap\": \"", "charsmap\": \"*", "no base64"},
                {"[\"a\", ", "[\"b\", ", "are the same"},      {"\"b\", ", "1234, ", "no [text, score]"},
                {"\"vocab\"", "\"focab\"", "list of pieces"}};
    for (size_t i = 0; i < COUNT(list); i++) {
        spm_bytes b = spm_small_json();
        drgen_err err = {0};
        spm_put(&b, "", 1);
        char *at = strstr((char *)b.data, list[i].find);
        CHECKF(at != NULL, "%s is not in the file", list[i].find);
        if (at) memcpy(at, list[i].put, strlen(list[i].put));
        b.size--;
        spm *s = load(b, &err);
        CHECKF(!s && strstr(err.message, list[i].say), "wanted \"%s\", got \"%s\"", list[i].say, err.message);
        spm_free(s);
        free(b.data);
    }
}

/* Seconds to encode n bytes, best of three. */
static double seconds(const spm *s, const char *text, size_t n)
{
    double best = 1e9;
    for (int i = 0; i < 3; i++) {
        int32_t *ids = NULL;
        size_t count = 0;
        clock_t start = clock();
        CHECK(spm_encode(s, text, n, &ids, &count, NULL) == DRGEN_OK && count > n / 10);
        double t = (double)(clock() - start) / CLOCKS_PER_SEC;
        if (t < best) best = t;
        free(ids);
    }
    return best;
}

TEST(spm_is_linear_in_the_prompt)
{
    enum { LONG = 400000, SHORT = LONG / 32 };
    spm_bytes b = spm_small_model();
    spm *s = load(b, NULL);
    char *text = malloc(LONG);
    memset(text, 'a', LONG);
    for (size_t i = 0; i < LONG; i += 9) text[i] = ' ';
    double brief = seconds(s, text, SHORT), whole = seconds(s, text, LONG);
    CHECKF(whole < 0.002 + 128 * brief, "%g s for %d bytes, %g s for %d", whole, LONG, brief, SHORT);
    free(text);
    spm_free(s);
    free(b.data);
}
