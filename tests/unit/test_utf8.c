/* test_utf8.c - strict UTF-8 and the character classes of lyrics. */
#include "base/rng.h"
#include "base/utf8.h"
#include "tests/t.h"

TEST(utf8_every_code_point_comes_back)
{
    for (uint32_t cp = 0; cp < 0x120000; cp++) {
        char bytes[4];
        uint32_t back = ~cp;
        size_t n = utf8_encode(cp, bytes);
        int legal = cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF);
        CHECKF((n > 0) == legal, "U+%04X: %zu bytes", cp, n);
        if (!n) continue;
        CHECKF(utf8_decode(bytes, n, &back) == n && back == cp, "U+%04X gives U+%04X", cp, back);
        for (size_t cut = 0; cut < n; cut++)
            CHECKF(utf8_decode(bytes, cut, &back) == 0, "U+%04X cut to %zu", cp, cut);
    }
}

TEST(utf8_refuses_what_is_not_utf8)
{
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xC2",
        "\xE4\xB8",
        "\xF0\x9F\x98",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC2\x41",
        "\xE4\x41\x80",
        "\xF8\x88\x80\x80\x80",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint32_t cp;
        CHECKF(utf8_decode(bad[i], strlen(bad[i]), &cp) == 0, "case %zu is taken", i);
        char text[16] = "ab";
        memcpy(text + 2, bad[i], strlen(bad[i]));
        CHECKF(utf8_valid(text, 2 + strlen(bad[i])) == 2, "case %zu is valid", i);
    }
}

/* Whatever the bytes, decoding stays inside and valid text is exactly what encodes back to itself. */
TEST(utf8_random_bytes)
{
    uint64_t rng = t_seed;
    for (int round = 0; round < 20000; round++) {
        char text[12];
        uint64_t r = rng_split(&rng);
        size_t size = (size_t)(r % 12), at = 0;
        for (size_t i = 0; i < size; i++) {
            r = rng_split(&rng);
            text[i] = (char)(r & 256 ? r & 0xFF : 0x80 | (r & 0x3F));
        }
        uint32_t cp;
        for (size_t n; (n = utf8_decode(text + at, size - at, &cp)) != 0; at += n) {
            char again[4];
            CHECK(utf8_encode(cp, again) == n && memcmp(again, text + at, n) == 0);
        }
        CHECK(at <= size && utf8_valid(text, size) == at);
    }
}

TEST(utf8_classes)
{
    static const struct {
        uint32_t cp;
        int han, letter, word, space, decimal;
    } cases[] = {
        {0x4DFF, 0, 0, 0, 0, -1},  {0x4E00, 1, 0, 1, 0, -1},   {0x9FA5, 1, 0, 1, 0, -1},
        {0x9FA6, 0, 0, 1, 0, -1},  {0x3007, 0, 0, 1, 0, -1},   {0x3400, 0, 0, 1, 0, -1},
        {'a', 0, 1, 1, 0, -1},     {'Z', 0, 1, 1, 0, -1},      {'@', 0, 0, 0, 0, -1},
        {'[', 0, 0, 0, 0, -1},     {'`', 0, 0, 0, 0, -1},      {'{', 0, 0, 0, 0, -1},
        {'_', 0, 0, 1, 0, -1},     {'0', 0, 0, 1, 0, 0},       {'9', 0, 0, 1, 0, 9},
        {0xE9, 0, 0, 1, 0, -1},    {0x301, 0, 0, 0, 0, -1},    {0xBD, 0, 0, 1, 0, -1},
        {0xB2, 0, 0, 1, 0, -1},    {0x3000, 0, 0, 0, 1, -1},   {0xA0, 0, 0, 0, 1, -1},
        {0x200B, 0, 0, 0, 0, -1},  {0xFEFF, 0, 0, 0, 0, -1},   {0x85, 0, 0, 0, 1, -1},
        {0x1C, 0, 0, 0, 1, -1},    {0x1B, 0, 0, 0, 0, -1},     {0x20, 0, 0, 0, 1, -1},
        {0x2028, 0, 0, 0, 1, -1},  {0xFF11, 0, 0, 1, 0, 1},    {0x0663, 0, 0, 1, 0, 3},
        {0x096F, 0, 0, 1, 0, 9},   {0x1D7FF, 0, 0, 1, 0, 9},   {0x1FBF9, 0, 0, 1, 0, 9},
        {0x1FBFA, 0, 0, 0, 0, -1}, {0x10FFFF, 0, 0, 0, 0, -1}, {0xAC00, 0, 0, 1, 0, -1},
        {0x1F600, 0, 0, 0, 0, -1}, {0x323AF, 0, 0, 0, 0, -1},  {0x3134A, 0, 0, 1, 0, -1},
        {0, 0, 0, 0, 0, -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t cp = cases[i].cp;
        CHECKF(utf8_is_han(cp) == cases[i].han, "U+%04X Chinese", cp);
        CHECKF(utf8_is_letter(cp) == cases[i].letter, "U+%04X letter", cp);
        CHECKF(utf8_is_word(cp) == cases[i].word, "U+%04X word", cp);
        CHECKF(utf8_is_space(cp) == cases[i].space, "U+%04X space", cp);
        CHECKF(utf8_decimal(cp) == cases[i].decimal, "U+%04X digit %d", cp, utf8_decimal(cp));
    }
    int words = 0, spaces = 0, decimals = 0;
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        words += utf8_is_word(cp);
        spaces += utf8_is_space(cp);
        decimals += utf8_decimal(cp) >= 0;
    }
    CHECKF(words == 133548 && spaces == 29 && decimals == 660, "%d word characters, %d spaces, %d digits",
           words, spaces, decimals);
}

TEST(utf8_trims)
{
    static const struct {
        const char *text, *want;
    } cases[] = {{"", ""},
                 {" ", ""},
                 {"a", "a"},
                 {" \t a b\r\n", "a b"},
                 {"\xE3\x80\x80x\xE3\x80\x80", "x"},
                 {"\xC2\xA0\xC2\x85", ""},
                 {"\xEF\xBB\xBF x", "\xEF\xBB\xBF x"},
                 {"x\xE2\x80\x8B", "x\xE2\x80\x8B"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size = strlen(cases[i].text);
        const char *got = utf8_trim(cases[i].text, &size);
        CHECKF(size == strlen(cases[i].want) && memcmp(got, cases[i].want, size) == 0, "case %zu gives %.*s",
               i, (int)size, got);
    }
}
