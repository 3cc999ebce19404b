/* sounds.c - which phonemes are sung, and how high: a vowel's first letter decides. */
#include <string.h>

#include "base/utf8.h"
#include "nano/compose.h"
#include "text/phones.h"

/* Closed vowels lie low in the tune, open ones high. */
static const char *const vowels[5] = {"uʊɯɥ", "aɑæʌɐ", "əɚɜeɛø", "oɔœɵɒ", "iɪy"};
static const char consonants[] = "pbtdkɡgfvθðszʃʒhmnŋjwɹlrxçɾqʁɲ";
static const char sibilants[] = "szʃʒfθhxçɕʑɸ", nasals[] = "mnŋɲɴlɹrwj", marks[] = "':;…";

static int letter_in(const char *set, const char *letter, size_t size)
{
    for (const char *at = set; *at;) {
        uint32_t cp;
        size_t n = utf8_decode(at, 4, &cp);
        if (n == size && memcmp(at, letter, n) == 0) return 1;
        at += n;
    }
    return 0;
}

static int rank_of(const char *letter, size_t size)
{
    for (int r = 0; r < 5; r++)
        if (letter_in(vowels[r], letter, size)) return r;
    return -1;
}

static int starts_with_one_of(const char *symbol, const char *const *pairs)
{
    for (; *pairs; pairs++)
        if (strncmp(symbol, *pairs, strlen(*pairs)) == 0) return 1;
    return 0;
}

static void classify(token_sounds *out, int32_t id, const char *symbol)
{
    static const char *const affricates[] = {"ts", "tʃ", "dʒ", "dz", NULL};
    size_t size = strlen(symbol), first = 0;
    int rank = -1, hisses = 0;
    for (size_t at = 0, n; at < size; at += n) {
        uint32_t cp;
        n = utf8_decode(symbol + at, size - at, &cp);
        if (!n) return;
        if (!first) first = n;
        if (rank < 0) rank = rank_of(symbol + at, n);
        hisses |= letter_in(sibilants, symbol + at, n);
    }
    if (rank >= 0 && !letter_in(marks, symbol, first)) {
        out->rank[id] = (unsigned char)rank;
        out->kind[id] = rank == 1 || rank == 3 ? SOUND_AH : SOUND_EE;
    } else if ((rank < 0 && letter_in(consonants, symbol, first)) || starts_with_one_of(symbol, affricates)) {
        out->kind[id] = hisses ? SOUND_SIBILANT : letter_in(nasals, symbol, first) ? SOUND_NASAL : SOUND_PLOSIVE;
    }
}

void compose_sounds(token_sounds *out)
{
    memset(out, 0, sizeof *out);
    for (int32_t id = 1; id < COMPOSE_TOKENS; id++) {
        const char *symbol = phones_symbol(id);
        if (symbol) classify(out, id, symbol);
    }
}
