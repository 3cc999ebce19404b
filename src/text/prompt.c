/* prompt.c - see prompt.h. */
#include "text/prompt.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

static const char *const genres[] = {"Pop",  "Rock",    "Electronic", "Blues",   "R&B",   "Jazz", "Soul",  "Country", "Folk",   "Dance", "Rap",
                                     "Classical", "Hip-Hop", "Chinese",    "House",   "Punk",  "Metal", "Funk", "Reggae",  "Disco",  NULL};
static const char *const moods[] = {"Romantic", "Nostalgic", "Heartfelt", "Happy",       "Melancholic", "Love",    "Upbeat",
                                    "Energetic", "Uplifting", "Carefree",  "Fun",         "Emotional",   "Heartbroken", "Reflective",
                                    "Mellow",   "Hopeful",   "Relaxed",   "Passionate",  "Aggressive",  NULL};
static const char *const played[] = {"Piano",     "ElectricGuitar", "Drums",  "Synthesizer", "Bass",       "Strings",     "BassGuitar",
                                     "AcousticGuitar", "Guitar",     "Trumpet", "Saxophone",   "Violin",     "Organ",       "Percussion",
                                     "VocalSample", "Flute",         "Harmonica", "Banjo",     "ElectricBass", "Cello",     NULL};
static const char *const vocals[] = {"female", "male", "duet", "choir", "rap", "soft", "powerful", NULL};

static const char *const *const lists[PROMPT_LISTS] = {genres, moods, played, vocals};
static const char *const kinds[PROMPT_LISTS] = {"genre", "mood", "instrument", "vocals"};

/* What a genre usually sounds like. */
static const struct {
    const char *genre, *mood, *first, *second;
    int tempo;
    const char *vocals, *production;
} recipes[] = {
    {"Pop", "Upbeat", "Piano", "Synthesizer", 120, "female", "professional studio"},
    {"Rock", "Energetic", "ElectricGuitar", "Drums", 140, "male", "live band"},
    {"Electronic", "Energetic", "Synthesizer", "Drums", 128, "female", "club"},
    {"Blues", "Melancholic", "ElectricGuitar", "Harmonica", 76, "male", "vintage"},
    {"R&B", "Romantic", "Piano", "Bass", 84, "female", "smooth studio"},
    {"Jazz", "Relaxed", "Saxophone", "Piano", 110, "female", "small club"},
    {"Soul", "Heartfelt", "Organ", "Strings", 88, "female", "vintage"},
    {"Country", "Nostalgic", "AcousticGuitar", "Banjo", 104, "male", "warm studio"},
    {"Folk", "Reflective", "AcousticGuitar", "Violin", 96, "female", "intimate acoustic"},
    {"Dance", "Happy", "Synthesizer", "Drums", 124, "female", "club"},
    {"Rap", "Passionate", "Drums", "Bass", 90, "male", "hard-hitting studio"},
    {"Classical", "Emotional", "Strings", "Piano", 72, "choir", "concert hall"},
    {"Hip-Hop", "Fun", "Drums", "VocalSample", 92, "male", "hard-hitting studio"},
    {"Chinese", "Nostalgic", "Flute", "Strings", 80, "female", "cinematic"},
    {"House", "Uplifting", "Synthesizer", "Piano", 124, "female", "club"},
    {"Punk", "Aggressive", "ElectricGuitar", "BassGuitar", 176, "male", "raw garage"},
    {"Metal", "Aggressive", "ElectricGuitar", "Drums", 150, "male", "heavy"},
    {"Funk", "Fun", "BassGuitar", "Trumpet", 108, "male", "tight live band"},
    {"Reggae", "Carefree", "Guitar", "Organ", 76, "male", "sunny"},
    {"Disco", "Happy", "Strings", "ElectricBass", 118, "female", "polished vintage"},
};

const char *const *prompt_words(prompt_list list)
{
    return lists[list];
}

/* Letters, digits and '&' in lower case. */
static void plain(const char *word, char *out, size_t room)
{
    size_t n = 0;
    for (; *word && n + 1 < room; word++)
        if (isalnum((unsigned char)*word) || *word == '&') out[n++] = (char)tolower((unsigned char)*word);
    out[n] = '\0';
}

/* Edit distance (insert, delete, replace) between short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);
    for (size_t i = 0; i <= n; i++) row[i] = i;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t k = 1; k <= n; k++) {
            size_t best = corner + (a[i - 1] != b[k - 1]);
            corner = row[k];
            if (row[k] + 1 < best) best = row[k] + 1;
            if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
            row[k] = best;
        }
    }
    return row[n];
}

drgen_status prompt_word(prompt_list list, const char *word, const char **out, drgen_err *err)
{
    char wish[48], known[48];
    const char *near = NULL;
    size_t least = 48;
    plain(word, wish, sizeof wish);
    for (const char *const *w = lists[list]; *w; w++) {
        plain(*w, known, sizeof known);
        size_t d = distance(wish, known);
        if (d == 0) {
            *out = *w;
            return DRGEN_OK;
        }
        if (d < least) {
            least = d;
            near = *w;
        }
    }
    if (near && least <= 1 + strlen(wish) / 3)
        return err_fail(err, DRGEN_ERR_TEXT, "%s: \"%s\" is not known; did you mean %s?", kinds[list], word, near);
    return err_fail(err, DRGEN_ERR_TEXT, "%s: \"%s\" is not known; `drgen prompt --list` shows all", kinds[list], word);
}

drgen_status prompt_check(prompt_spec *s, drgen_err *err)
{
    if (s->genre) ERR_TRY(prompt_word(PROMPT_GENRES, s->genre, &s->genre, err));
    if (s->mood) ERR_TRY(prompt_word(PROMPT_MOODS, s->mood, &s->mood, err));
    for (int i = 0; i < s->instrument_count; i++)
        ERR_TRY(prompt_word(PROMPT_PLAYED, s->instruments[i], &s->instruments[i], err));
    if (s->tempo && (s->tempo < 40 || s->tempo > 240))
        return err_fail(err, DRGEN_ERR_ARG, "tempo: %d is outside 40..240 beats per minute", s->tempo);
    return DRGEN_OK;
}

void prompt_recipe(prompt_spec *s)
{
    size_t r = 0;
    for (size_t i = 0; s->genre && i < sizeof recipes / sizeof recipes[0]; i++)
        if (strcmp(recipes[i].genre, s->genre) == 0) r = i;
    s->genre = recipes[r].genre;
    if (!s->mood) s->mood = recipes[r].mood;
    if (!s->instrument_count) {
        s->instruments[0] = recipes[r].first;
        s->instruments[1] = recipes[r].second;
        s->instrument_count = 2;
    }
    if (!s->tempo) s->tempo = recipes[r].tempo;
    if (!s->vocals) s->vocals = recipes[r].vocals;
    if (!s->production) s->production = recipes[r].production;
}

static const char *draw(prompt_list list, uint64_t *rng)
{
    size_t n = 0;
    while (lists[list][n]) n++;
    return lists[list][rng_split(rng) % n];
}

void prompt_random(prompt_spec *s, uint64_t seed)
{
    uint64_t rng = seed;
    if (!s->genre) s->genre = draw(PROMPT_GENRES, &rng);
    if (!s->mood) s->mood = draw(PROMPT_MOODS, &rng);
    int wanted = 1 + (int)(rng_split(&rng) % 3);
    for (int tries = 0; s->instrument_count < wanted && tries < 50; tries++) {
        const char *i = draw(PROMPT_PLAYED, &rng);
        int there = 0;
        for (int k = 0; k < s->instrument_count; k++) there |= strcmp(s->instruments[k], i) == 0;
        if (!there) s->instruments[s->instrument_count++] = i;
    }
    int tempo = 60 + 2 * (int)(rng_split(&rng) % 61);
    if (!s->tempo) s->tempo = tempo;
    const char *voice = draw(PROMPT_VOCALS, &rng);
    if (!s->vocals) s->vocals = voice;
}

/* Adds a part, after ", " if there is one before; 0 when the room is used up. */
static int add(char *out, size_t room, const char *before, const char *text, const char *after)
{
    size_t n = strlen(out), used = (size_t)snprintf(out + n, room - n, "%s%s%s%s", n ? ", " : "", before, text, after);
    return used < room - n;
}

drgen_status prompt_text(const prompt_spec *s, char *out, size_t room, drgen_err *err)
{
    char text[64];
    int fits = 1;
    size_t n = 0;
    out[0] = '\0';
    if (s->genre) fits &= add(out, room, "", s->genre, " music");
    if (s->mood) {
        for (; s->mood[n] && n + 1 < sizeof text; n++) text[n] = (char)tolower((unsigned char)s->mood[n]);
        text[n] = '\0';
        fits &= add(out, room, "", text, "");
    }
    for (int i = 0; i < s->instrument_count && fits; i++) fits &= add(out, room, i ? "" : "featuring ", s->instruments[i], "");
    snprintf(text, sizeof text, "%d", s->tempo);
    if (s->tempo && fits) fits &= add(out, room, "", text, " BPM");
    if (s->vocals && fits) fits &= add(out, room, "", s->vocals, " vocals");
    if (s->production && fits) fits &= add(out, room, "", s->production, " production");
    if (!fits) return err_fail(err, DRGEN_ERR_ARG, "prompt: longer than %zu bytes; use fewer or shorter words", room - 1);
    if (!*out) return err_fail(err, DRGEN_ERR_ARG, "prompt: nothing was said; give a genre, a mood or an instrument");
    return DRGEN_OK;
}
