/* words.c - see words.h. */
#include "nano/words.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

typedef struct {
    const char *name;
    int step;               /* frames of a sixteenth when no tempo is asked for */
    int colours[COLOURS];   /* when no instrument is: keys, guitar, strings, synth */
} genre_row;

static const genre_row genres[WORDS_GENRES] = {
    {"Pop", 3, {1, 0, 0, 1}},     {"Rock", 2, {0, 1, 0, 0}},  {"Electronic", 2, {0, 1, 0, 1}}, {"Blues", 4, {1, 1, 0, 0}},
    {"R&B", 4, {1, 0, 0, 1}},     {"Jazz", 3, {1, 0, 0, 0}},  {"Soul", 4, {1, 0, 1, 0}},       {"Country", 3, {0, 1, 0, 0}},
    {"Folk", 3, {0, 1, 0, 0}},    {"Dance", 2, {0, 1, 0, 1}}, {"Rap", 4, {1, 0, 0, 0}},        {"Classical", 3, {1, 0, 1, 0}},
    {"Hip-Hop", 4, {1, 0, 0, 1}}, {"Chinese", 4, {0, 1, 1, 0}}, {"House", 2, {1, 0, 0, 1}},    {"Punk", 2, {0, 1, 0, 0}},
    {"Metal", 2, {0, 1, 1, 0}},   {"Funk", 3, {0, 1, 0, 0}},  {"Reggae", 4, {0, 1, 0, 1}},     {"Disco", 3, {1, 0, 1, 0}},
};

static const char *const moods[WORDS_MOODS] = {
    "Romantic", "Nostalgic", "Heartfelt",   "Happy",      "Melancholic", "Love",    "Upbeat",  "Energetic",  "Uplifting",  "Carefree",
    "Fun",      "Emotional", "Heartbroken", "Reflective", "Mellow",      "Hopeful", "Relaxed", "Passionate", "Aggressive"};

typedef struct {
    const char *name;
    int colour; /* -1: in every song, or not a colour */
} instrument_row;

static const instrument_row instruments[WORDS_INSTRUMENTS] = {
    {"Piano", COLOUR_KEYS},      {"ElectricGuitar", COLOUR_GUITAR}, {"Drums", -1},           {"Synthesizer", COLOUR_SYNTH},
    {"Bass", -1},                {"Strings", COLOUR_STRINGS},       {"BassGuitar", -1},      {"AcousticGuitar", COLOUR_GUITAR},
    {"Guitar", COLOUR_GUITAR},   {"Trumpet", COLOUR_STRINGS},       {"Saxophone", COLOUR_STRINGS}, {"Violin", COLOUR_STRINGS},
    {"Organ", COLOUR_SYNTH},     {"Percussion", -1},                {"VocalSample", COLOUR_SYNTH}, {"Flute", COLOUR_STRINGS},
    {"Harmonica", COLOUR_SYNTH}, {"Banjo", COLOUR_GUITAR},          {"ElectricBass", -1},    {"Cello", COLOUR_STRINGS},
};
enum { PERCUSSION = 13, HAPPY = 3 };

static const char *const tempi[WORDS_TEMPI] = {"fast", "medium", "slow"};

const char *words_name(int id)
{
    if (id < WORDS_MOOD0) return genres[id].name;
    if (id < WORDS_INSTRUMENT0) return moods[id - WORDS_MOOD0];
    if (id < WORDS_TEMPO0) return instruments[id - WORDS_INSTRUMENT0].name;
    return tempi[id - WORDS_TEMPO0];
}

void words_add(words *w, int id)
{
    if (!memchr(w->id, id, w->count)) w->id[w->count++] = (unsigned char)id;
}

/* Blanks every place of word in low; 1 when there was one. */
static int take(char *low, const char *word)
{
    char lower[32];
    size_t n = strlen(word);
    int found = 0;
    for (size_t i = 0; i <= n; i++) lower[i] = (char)tolower((unsigned char)word[i]);
    for (char *at = low; (at = strstr(at, lower)); at += n, found = 1) memset(at, ' ', n);
    return found;
}

size_t words_find(const char *text, words *out)
{
    size_t size = strlen(text), longest = 0;
    char *low = malloc(size + 1);
    *out = (words){.count = 0};
    if (!low) return 0;
    for (size_t i = 0; i <= size; i++) low[i] = (char)tolower((unsigned char)text[i]);
    for (int i = 0; i < WORDS_COUNT; i++)
        if (strlen(words_name(i)) > longest) longest = strlen(words_name(i));
    for (size_t length = longest; length > 0; length--)
        for (int i = 0; i < WORDS_COUNT; i++)
            if (strlen(words_name(i)) == length && take(low, words_name(i))) words_add(out, i);
    free(low);
    return out->count;
}

/* ---- drawing */

static int pick(uint64_t *state, int count)
{
    return (int)(rng_split(state) % (uint64_t)count);
}

void words_draw(words *w, uint64_t *state)
{
    *w = (words){.count = 0};
    if (rng_unit(state) < 0.95) words_add(w, pick(state, WORDS_GENRES));
    if (rng_unit(state) < 0.85) words_add(w, WORDS_MOOD0 + pick(state, WORDS_MOODS));
    double u = rng_unit(state);
    size_t more = w->count + (u < 0.3 ? 0 : u < 0.6 ? 1 : u < 0.85 ? 2 : 3);
    while (w->count < more) words_add(w, WORDS_INSTRUMENT0 + pick(state, WORDS_INSTRUMENTS));
    if (rng_unit(state) < 0.6) words_add(w, WORDS_TEMPO0 + pick(state, WORDS_TEMPI));
}

static uint64_t fnv1a(uint64_t h, const char *s)
{
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001B3u;
    return h;
}

int words_held_out(const words *w)
{
    const char *genre = NULL, *mood = NULL;
    int count = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->id[i] < WORDS_MOOD0) genre = words_name(w->id[i]), count++;
        else if (w->id[i] < WORDS_INSTRUMENT0) mood = words_name(w->id[i]), count++;
    }
    if (count != 2 || !genre || !mood) return 0;
    return fnv1a(fnv1a(fnv1a(0xCBF29CE484222325u, genre), "|"), mood) % 10 == 0;
}

/* ---- style */

/* Gram-Schmidt over made-up rows: keywords that do not lean on each other are read from their sum without error. */
void words_table(float *table)
{
    rng_synth(table, 0, (WORDS_COUNT + 1) * (size_t)WORDS_STYLE, "nano.style", 0.0, 1.0, 1);
    for (int i = 0; i <= WORDS_COUNT; i++) {
        float *row = table + i * WORDS_STYLE;
        double v[WORDS_STYLE], length = 0;
        for (int k = 0; k < WORDS_STYLE; k++) v[k] = (double)row[k];
        for (int j = 0; j < i; j++) {
            const float *other = table + j * WORDS_STYLE;
            double dot = 0;
            for (int k = 0; k < WORDS_STYLE; k++) dot += v[k] * (double)other[k];
            for (int k = 0; k < WORDS_STYLE; k++) v[k] -= dot * (double)other[k];
        }
        for (int k = 0; k < WORDS_STYLE; k++) length += v[k] * v[k];
        for (int k = 0; k < WORDS_STYLE; k++) row[k] = (float)(v[k] / sqrt(length));
    }
}

void words_style(const words *w, const float *table, float style[WORDS_STYLE])
{
    double length = 0;
    memset(style, 0, WORDS_STYLE * sizeof *style);
    for (size_t i = 0; i < w->count; i++)
        for (int k = 0; k < WORDS_STYLE; k++) style[k] += table[w->id[i] * WORDS_STYLE + k];
    for (int k = 0; k < WORDS_STYLE; k++) length += (double)style[k] * (double)style[k];
    for (int k = 0; k < WORDS_STYLE && length > 0; k++) style[k] = (float)((double)style[k] / sqrt(length));
}

words_plan words_read(const words *w)
{
    words_plan p = {.genre = -1, .mood = -1};
    int any = 0;
    for (size_t i = 0; i < w->count; i++) {
        int id = w->id[i];
        if (id < WORDS_MOOD0) {
            if (p.genre < 0) p.genre = id;
        } else if (id < WORDS_INSTRUMENT0) {
            if (p.mood < 0) p.mood = id - WORDS_MOOD0;
        } else if (id < WORDS_TEMPO0) {
            int c = instruments[id - WORDS_INSTRUMENT0].colour;
            if (c >= 0) p.colours[c] = any = 1;
            if (id == WORDS_INSTRUMENT0 + PERCUSSION) p.percussion = 1;
        } else if (!p.step) p.step = 2 + id - WORDS_TEMPO0;
    }
    if (p.genre < 0) p.genre = 0;
    if (p.mood < 0) p.mood = HAPPY;
    if (!p.step) p.step = genres[p.genre].step;
    if (!any) memcpy(p.colours, genres[p.genre].colours, sizeof p.colours);
    return p;
}
