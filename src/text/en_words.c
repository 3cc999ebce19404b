/* en_words.c - English names of whole numbers of up to 36 digits. Source: inflect 7.5 (number_to_words,
 * ordinal) as the original calls it. */
#include <string.h>

#include "text/en.h"

enum { MOST_DIGITS = 36 };

static const char *const below_20[] = {"zero",    "one",     "two",       "three",    "four",
                                       "five",    "six",     "seven",     "eight",    "nine",
                                       "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                       "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[] = {"",      "",      "twenty",  "thirty", "forty",
                                   "fifty", "sixty", "seventy", "eighty", "ninety"};
static const char *const scales[] = {"",
                                     " thousand",
                                     " million",
                                     " billion",
                                     " trillion",
                                     " quadrillion",
                                     " quintillion",
                                     " sextillion",
                                     " septillion",
                                     " octillion",
                                     " nonillion",
                                     " decillion"};

static void skip_zeros(const char **digits, size_t *count)
{
    while (*count > 1 && **digits == '0') {
        (*digits)++;
        (*count)--;
    }
}

static void below_100(str *out, int n)
{
    if (n < 20) {
        str_puts(out, below_20[n]);
        return;
    }
    str_puts(out, tens[n / 10]);
    if (n % 10) {
        str_puts(out, "-");
        str_puts(out, below_20[n % 10]);
    }
}

static void below_1000(str *out, int n, int with_and)
{
    if (n >= 100) {
        str_puts(out, below_20[n / 100]);
        str_puts(out, " hundred");
        if (n % 100) str_puts(out, with_and ? " and " : " ");
    }
    if (n % 100) below_100(out, n % 100);
}

static void digit_by_digit(str *out, const char *digits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i) str_puts(out, " ");
        str_puts(out, below_20[digits[i] - '0']);
    }
}

int en_cardinal(str *out, const char *digits, size_t count, int with_and)
{
    skip_zeros(&digits, &count);
    if (count > MOST_DIGITS) {
        digit_by_digit(out, digits, count);
        return 0;
    }
    if (count == 1 && *digits == '0') {
        str_puts(out, below_20[0]);
        return 1;
    }
    int any = 0;
    for (size_t i = 0, group = 0; i < count; i++) {
        group = group * 10 + (size_t)(digits[i] - '0');
        size_t left = count - 1 - i;
        if (left % 3) continue; /* a group ends where a multiple of three digits is left */
        if (group) {
            if (any) str_puts(out, left || group > 99 ? ", " : with_and ? " and " : " ");
            below_1000(out, (int)group, with_and);
            str_puts(out, scales[left / 3]);
            any = 1;
        }
        group = 0;
    }
    return 1;
}

int en_ordinal(str *out, const char *digits, size_t count)
{
    static const struct {
        const char *ending, *instead;
    } rules[] = {{"ty", "tieth"},   {"one", "first"},    {"two", "second"}, {"three", "third"},
                 {"five", "fifth"}, {"eight", "eighth"}, {"nine", "ninth"}, {"twelve", "twelfth"}};
    int named = en_cardinal(out, digits, count, 1);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        size_t n = strlen(rules[i].ending);
        if (out->size < n || memcmp(out->data + out->size - n, rules[i].ending, n) != 0) continue;
        out->size -= n;
        str_puts(out, rules[i].instead);
        return named;
    }
    str_puts(out, "th");
    return named;
}

int en_spoken(str *out, const char *digits, size_t count)
{
    skip_zeros(&digits, &count);
    int n = 0;
    for (size_t i = 0; i < count && count <= 4; i++) n = n * 10 + (digits[i] - '0');
    if (n <= 1000 || n >= 3000) return en_cardinal(out, digits, count, 0);
    if (n == 2000) str_puts(out, "two thousand");
    else if (n > 2000 && n < 2010) {
        str_puts(out, "two thousand ");
        str_puts(out, below_20[n % 100]);
    } else {
        below_100(out, n / 100);
        str_puts(out, n % 100 == 0 ? " hundred" : n % 100 < 10 ? " oh " : " ");
        if (n % 100) below_100(out, n % 100);
    }
    return 1;
}
