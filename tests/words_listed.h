/* words_listed.h - keywords written as a list, as golden files name them. */
#ifndef TESTS_WORDS_LISTED_H
#define TESTS_WORDS_LISTED_H

#include <string.h>

#include "nano/words.h"

/* "Pop,Happy" to words, in that order. */
static words listed(const char *text)
{
    words w = {.count = 0};
    while (*text) {
        size_t n = strcspn(text, ",");
        for (int i = 0; i < WORDS_COUNT; i++)
            if (strlen(words_name(i)) == n && strncmp(words_name(i), text, n) == 0) words_add(&w, i);
        text += n + (text[n] == ',');
    }
    return w;
}

#endif
