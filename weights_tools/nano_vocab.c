/* nano_vocab.c - the vocabulary of the embedded model's tower: see nano.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strmap.h"
#include "base/utf8.h"
#include "weights_tools/nano.h"

enum { MOST = 96 };     /* bytes of a word or phrase */
enum { GUARDED = 6 };   /* words up to this long must not begin another; longer ones only have inflections */
enum { SLOWEST = 30, FASTEST = 300 }; /* beats a minute */

static const char mark[] = "\xE2\x96\x81";

typedef struct {
    nano_vocab *v;
    strmap known; /* texts to index */
    drgen_err *err;
    drgen_status status; /* first failure; later calls do nothing */
} builder;

static void no_memory(builder *b)
{
    if (b->status == DRGEN_OK) b->status = err_fail(b->err, DRGEN_ERR_NOMEM, "vocabulary: out of memory");
}

/* Adds a piece unless there is one of that text. share NULL: it means nothing. */
static void put(builder *b, const char *text, const float *share)
{
    nano_vocab *v = b->v;
    if (b->status != DRGEN_OK || strmap_get(&b->known, text, strlen(text), -1) >= 0) return;
    if (v->count == v->room) {
        size_t room = v->room ? 2 * v->room : 1024;
        nano_piece *grown = realloc(v->pieces, room * sizeof *grown);
        if (!grown) {
            no_memory(b);
            return;
        }
        v->pieces = grown;
        v->room = room;
    }
    nano_piece *p = &v->pieces[v->count];
    *p = (nano_piece){.text = strdup(text)};
    if (share) memcpy(p->share, share, sizeof p->share);
    if (!p->text) no_memory(b);
    else if (!strmap_put(&b->known, p->text, strlen(p->text), (int32_t)v->count++, 0)) no_memory(b);
}

static int is_latin(const char *word)
{
    return (unsigned char)word[0] < 0x80;
}

/* A word or phrase as a piece: marks for blanks. The character map makes every Chinese character a word. */
static void put_word(builder *b, const char *before, const char *word, const char *after, const float *share)
{
    char phrase[2 * MOST], text[8 * MOST];
    size_t n = 0;
    int begins = 1;
    snprintf(phrase, sizeof phrase, "%s%s%s", before, word, after);
    for (const char *c = phrase; *c;) {
        uint32_t cp;
        size_t width = utf8_decode(c, strlen(c), &cp);
        if (*c != ' ') {
            if (begins || cp >= 0x80) n += (size_t)snprintf(text + n, sizeof text - n, "%s", mark);
            memcpy(text + n, c, width);
            n += width;
        }
        begins = *c == ' ';
        c += width;
    }
    text[n] = '\0';
    put(b, text, share);
}

/* ---- keywords and synonyms */

/* "AcousticGuitar" to "acoustic guitar", or with joined to "acousticguitar"; "Hip-Hop" to "hip hop", "hiphop". */
static void spell(const char *name, int joined, char *out)
{
    size_t n = 0;
    for (const char *c = name; *c; c++) {
        int camel = c > name && isupper((unsigned char)*c) && islower((unsigned char)c[-1]);
        if (!joined && (camel || *c == '-')) out[n++] = ' ';
        if (*c != '-') out[n++] = (char)tolower((unsigned char)*c);
    }
    out[n] = '\0';
}

/* "Rock Mellow:0.5" as a row. */
static void read_means(builder *b, const nano_synonym *s, float share[WORDS_COUNT])
{
    char word[MOST];
    memset(share, 0, WORDS_COUNT * sizeof *share);
    for (const char *at = s->means; *at && b->status == DRGEN_OK;) {
        size_t n = strcspn(at, " :");
        int id = 0;
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        while (id < WORDS_COUNT && strcmp(words_name(id), word) != 0) id++;
        if (id == WORDS_COUNT) {
            b->status = err_fail(b->err, DRGEN_ERR_ARG, "synonyms: \"%.60s\": no keyword is called %.40s", s->words, word);
            return;
        }
        at += n;
        share[id] = *at == ':' ? strtof(at + 1, NULL) : 1;
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
}

/* Calls one for every word of a list with | in between. */
static void each(builder *b, const char *list, const float *share, void (*one)(builder *, const char *, const float *))
{
    char word[MOST];
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, "|");
        if (n == 0 || n >= sizeof word) {
            if (b->status == DRGEN_OK)
                b->status = err_fail(b->err, DRGEN_ERR_ARG, "synonyms: an entry is empty or too long: %.60s", at);
            return;
        }
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        one(b, word, share);
        at += n + (at[n] == '|');
    }
}

static void put_plain(builder *b, const char *word, const float *share)
{
    put_word(b, "", word, "", share);
}

static int means_nothing(const float share[WORDS_COUNT])
{
    for (int i = 0; i < WORDS_COUNT; i++)
        if (share[i] < 0 || share[i] > 0) return 0;
    return 1;
}

/* Refused words are heard as nothing; "not" alone would leave the word behind it to be heard. */
static void put_refused(builder *b, const char *word, const float *share)
{
    static const char *const before[] = {"no ", "not ", "without "};
    static const char *const chinese[] = {"不", "没有", "无", "不要"};
    if (means_nothing(share)) return;
    for (size_t i = 0; is_latin(word) && i < sizeof before / sizeof *before; i++) put_word(b, before[i], word, "", NULL);
    for (size_t i = 0; !is_latin(word) && i < sizeof chinese / sizeof *chinese; i++) put_word(b, chinese[i], word, "", NULL);
}

static void put_guards(builder *b, const char *word, const float *share)
{
    if (!is_latin(word) || strlen(word) > GUARDED || means_nothing(share)) return;
    for (char c = 'a'; c <= 'z'; c++) put_word(b, "", word, (const char[]){c, '\0'}, NULL);
}

/* 120 bpm, 120bpm: the tempo word nearest by ratio. The composer's tempi are 80.7, 107.7 and 161.5 beats a minute. */
static void put_tempi(builder *b)
{
    static const char *const units[] = {" bpm", "bpm", " beats per minute"};
    for (int bpm = SLOWEST; bpm <= FASTEST; bpm++) {
        float share[WORDS_COUNT] = {0};
        char number[16];
        share[WORDS_TEMPO0 + (bpm > 131 ? 0 : bpm > 93 ? 1 : 2)] = 1;
        snprintf(number, sizeof number, "%d", bpm);
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) put_word(b, "", number, units[i], share);
    }
}

static void over_keywords(builder *b, void (*one)(builder *, const char *, const float *))
{
    char word[MOST];
    for (int id = 0; id < WORDS_COUNT; id++)
        for (int joined = 0; joined < 2; joined++) {
            float share[WORDS_COUNT] = {0};
            share[id] = 1;
            spell(words_name(id), joined, word);
            one(b, word, share);
        }
}

static void over_synonyms(builder *b, void (*one)(builder *, const char *, const float *))
{
    for (size_t i = 0; i < nano_synonym_count; i++) {
        float share[WORDS_COUNT];
        read_means(b, &nano_synonyms[i], share);
        each(b, nano_synonyms[i].words, share, one);
    }
}

drgen_status nano_vocab_make(nano_vocab *out, drgen_err *err)
{
    builder b = {.v = out, .err = err};
    *out = (nano_vocab){0};
    over_keywords(&b, put_plain);
    over_synonyms(&b, put_plain);
    put_tempi(&b);
    over_keywords(&b, put_refused);
    over_synonyms(&b, put_refused);
    over_keywords(&b, put_guards);
    over_synonyms(&b, put_guards);
    strmap_free(&b.known);
    if (b.status != DRGEN_OK) nano_vocab_free(out);
    return b.status;
}

void nano_vocab_free(nano_vocab *v)
{
    for (size_t i = 0; i < v->count; i++) free(v->pieces[i].text);
    free(v->pieces);
    *v = (nano_vocab){0};
}
