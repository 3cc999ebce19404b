/* fuzz_words.c - any text as a prompt for keywords of the embedded model: each word once, a plan in range, a style of
 * length 1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nano/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float table[(WORDS_COUNT + 1) * WORDS_STYLE], style[WORDS_STYLE];
    words w = {0};
    double sum = 0;
    int seen[WORDS_COUNT] = {0};
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (words_find(text, &w) != w.count || w.count > WORDS_COUNT) abort();
    for (size_t i = 0; i < w.count; i++)
        if (w.id[i] >= WORDS_COUNT || seen[w.id[i]]++) abort();
    words_plan p = words_read(&w);
    if (p.step < 2 || p.step > 4) abort();
    if (table[0] == 0) words_table(table);
    words_style(&w, table, style);
    for (size_t i = 0; i < WORDS_STYLE; i++) sum += (double)style[i] * (double)style[i];
    if (w.count ? fabs(sum - 1) > 1e-4 : sum != 0) abort();
    words_held_out(&w);
    free(text);
    return 0;
}
