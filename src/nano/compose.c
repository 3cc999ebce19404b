/* compose.c - see compose.h. */
#include "nano/compose.h"

#include <string.h>

typedef enum { BACK, ROCK, FOUR, DISCO, TRAP, SWING, TRAIN, NO_DRUMS, METAL, FUNK, REGGAE } family;

#define REST "................"
/* Kick, snare, clap, hat, open hat, shaker; two variants. */
static const char *const drums[COMPOSE_FAMILIES][2][COMPOSE_DRUMS] = {
    [BACK] = {{"x.....x.x.......", "....x.......x...", REST, "x.x.x.x.x.x.x.x.", REST, REST},
              {"x.......x.x.....", "....x.......x...", REST, "x.x.x.x.x.x.x...", "..............x.", REST}},
    [ROCK] = {{"x.......x.x.....", "....x.......x...", REST, "x.x.x.x.x.x.x.x.", REST, REST},
              {"x.x.....x.......", "....x.......x..x", REST, "x...x...x...x...", REST, REST}},
    [FOUR] = {{"x...x...x...x...", REST, "....x.......x...", REST, "..x...x...x...x.", "x.x.x.x.x.x.x.x."},
              {"x...x...x...x...", REST, "....x.......x...", "xx.xxx.xxx.xxx.x", "..x...x...x...x.", REST}},
    [DISCO] = {{"x...x...x...x...", "....x.......x...", REST, "x.x.x.x.x.x.x.x.", "..x...x...x...x.", REST},
               {"x...x...x...x...", "....x.......x...", "....x.......x...", "xxxxxxxxxxxxxxxx", "..x...x...x...x.", REST}},
    [TRAP] = {{"x......x..x.....", "........x.......", REST, "x.x.x.x.x.xxx.x.", REST, REST},
              {"x.........x..x..", "........x.......", "........x.......", "xxx.x.x.x.x.xxxx", REST, REST}},
    [SWING] = {{"x.......x.......", REST, REST, "x...x..xx...x..x", REST, REST},
               {"x.........x.....", ".......x.......x", REST, "x...x..xx...x..x", REST, REST}},
    [TRAIN] = {{"x.......x.......", "....x.......x...", REST, REST, REST, "x.xxx.xxx.xxx.xx"},
               {"x...x...x...x...", "..x...x...x...x.", REST, REST, REST, "x.x.x.x.x.x.x.x."}},
    [NO_DRUMS] = {{REST, REST, REST, REST, REST, REST}, {REST, REST, REST, REST, REST, "x...x...x...x..."}},
    [METAL] = {{"x.x.x.x.x.x.x.x.", "....x.......x...", REST, "x...x...x...x...", REST, REST},
               {"x.xxx.xxx.xxx.xx", "....x.......x...", REST, "x...x...x...x...", REST, REST}},
    [FUNK] = {{"x..x..x...x..x..", "....x..x.x..x...", REST, "xxxxxxxxxxxxxxxx", REST, REST},
              {"x.x....x..x.....", "....x.......x..x", REST, "x.xxx.xxx.xxx.xx", "......x.........", REST}},
    [REGGAE] = {{"........x.......", "........x.......", REST, "..x...x...x...x.", REST, "x.x.x.x.x.x.x.x."},
                {"x.......x.......", "........x.......", REST, "..x..xx...x..xx.", REST, REST}},
};

/* r: the chord's root, f: its fifth. */
static const char *const bass_lines[] = {"r..r..r.r...f...", "r.r.r.r.r.r.r.r.", "..r...r...r...r.",
                                         "r...f...r...f...", "r.......f.......", "r.........r..r..",
                                         "r...............", "r..r..f...r.f...", "..r..r....f..r.."};
/* A digit: that tone of the chord; a: the lower three. */
static const char *const comping[] = {"0.1.2.1.3.2.1.2.", "0123012301230123", "0...1...2...1...", "a.a.a.a.a.a.a.a.",
                                      "a.....a...a.....", "a.......3...2...", "..a...a...a...a.", "....a.......a..."};

typedef struct {
    family drums;
    int bass, comp;
} genre_parts;

static const genre_parts parts[WORDS_GENRES] = {
    {BACK, 0, 0},  {ROCK, 1, 3},     {FOUR, 2, 1}, {SWING, 3, 4},    {BACK, 0, 4}, {SWING, 3, 4}, {BACK, 0, 4},
    {TRAIN, 4, 2}, {TRAIN, 4, 2},    {FOUR, 2, 1}, {TRAP, 5, 5},     {NO_DRUMS, 6, 2}, {TRAP, 5, 5}, {NO_DRUMS, 6, 2},
    {FOUR, 2, 1},  {METAL, 1, 3},    {METAL, 1, 3}, {FUNK, 7, 6},    {REGGAE, 8, 7}, {DISCO, 2, 6},
};

typedef enum { C, F, G, AM, EM } chord;
typedef enum { BRIGHT, SAD, TENDER, DARK } mood_kind;

static const unsigned char kinds[WORDS_MOODS] = {TENDER, SAD,    TENDER, BRIGHT, SAD,    TENDER, BRIGHT, BRIGHT, BRIGHT, BRIGHT,
                                                 BRIGHT, SAD,    SAD,    SAD,    TENDER, BRIGHT, TENDER, DARK,   DARK};
static const unsigned char progressions[4][2][4] = {
    [BRIGHT] = {{C, G, AM, F}, {C, F, G, F}},
    [SAD] = {{AM, F, C, G}, {AM, EM, F, G}},
    [TENDER] = {{F, G, EM, AM}, {C, AM, F, G}},
    [DARK] = {{AM, G, F, EM}, {AM, AM, F, G}},
};
static const unsigned char bass_notes[COMPOSE_CHORDS][2] = {{5, 2}, {1, 5}, {2, 6}, {3, 0}, {0, 4}};
static const unsigned char tones[COMPOSE_CHORDS][4] = {{0, 2, 4, 7}, {3, 5, 7, 5}, {4, 6, 8, 6}, {5, 7, 9, 7}, {2, 4, 6, 9}};
static const unsigned char lead_notes[COMPOSE_CHORDS][5] = {
    {1, 2, 3, 5, 7}, {0, 1, 4, 5, 4}, {3, 3, 4, 6, 6}, {0, 1, 2, 4, 5}, {2, 2, 3, 7, 7}};

typedef struct {
    unsigned char *roll;
    const words_plan *plan;
    const genre_parts *parts;
    const char *const *drums;
    const unsigned char *chords; /* of four bars */
    size_t frames, bar, chorus;  /* frames, frames of a bar, bar where the chorus begins */
} score;

static void mark(const score *s, size_t frame, int channel)
{
    s->roll[frame * ROLL_WIDTH + (size_t)channel] = 1;
}

static void play_drums(const score *s, size_t frame, size_t step, int section, int fill)
{
    static const unsigned char body[] = {ROLL_KICK, ROLL_SNARE, ROLL_CLAP, ROLL_OPEN_HAT};
    family f = s->parts->drums;
    int late = fill && step >= 12;
    for (int i = 0; i < 4 && section > 0; i++)
        if (s->drums[body[i]][step] == 'x' && !(late && body[i] != ROLL_KICK)) mark(s, frame, body[i]);
    if (section == 2 && (f == BACK || f == ROCK || f == FUNK) && (step == 4 || step == 12)) mark(s, frame, ROLL_CLAP);
    if (s->drums[ROLL_HAT][step] == 'x' && (section > 0 || step % 2 == 0)) mark(s, frame, ROLL_HAT);
    if (s->drums[ROLL_SHAKER][step] == 'x' || (s->plan->percussion && step % 2 == 0)) mark(s, frame, ROLL_SHAKER);
    if (late && f != NO_DRUMS) mark(s, frame, ROLL_TOM);
}

static void play_chord(const score *s, size_t frame, size_t step, int section, chord c)
{
    const int *on = s->plan->colours;
    char b = bass_lines[s->parts->bass][step], q = comping[s->parts->comp][step];
    if (b != '.' && section > 0) mark(s, frame, ROLL_BASS + bass_notes[c][b == 'r' ? 0 : 1]);
    for (int guitar = 0; guitar < 2; guitar++) {
        int base = guitar ? ROLL_GUITAR : ROLL_KEYS;
        if (!on[guitar ? COLOUR_GUITAR : COLOUR_KEYS] || q == '.') continue;
        if (guitar && on[COLOUR_KEYS] && section < 2) continue; /* the guitar joins the keys in the chorus */
        if (q != 'a') mark(s, frame, base + tones[c][q - '0']);
        for (int i = 0; i < 3 && q == 'a'; i++) mark(s, frame, base + tones[c][i]);
    }
}

static void play_bar(const score *s, size_t bar, int section)
{
    size_t start = bar * s->bar;
    chord c = (chord)s->chords[bar % 4];
    int fill = bar + 1 == s->chorus;
    for (size_t step = 0; step < COMPOSE_STEPS; step++) {
        size_t frame = start + step * (size_t)s->plan->step;
        if (frame >= s->frames) break;
        play_drums(s, frame, step, section, fill);
        play_chord(s, frame, step, section, c);
    }
    if (section == 2 && (bar - s->chorus) % 4 == 0 && s->parts->drums != NO_DRUMS) mark(s, start, ROLL_CRASH);
    for (int synth = 0; synth < 2; synth++)
        for (size_t f = start; s->plan->colours[synth ? COLOUR_SYNTH : COLOUR_STRINGS] && f < start + s->bar - 1; f++)
            if (f < s->frames) mark(s, f, (synth ? ROLL_SYNTH : ROLL_STRINGS) + (int)c);
}

/* A note from q to the frame before the next one; no longer than three sixteenths, six before a pause. */
static void sing(const score *s, size_t q, size_t next, int32_t token, const token_sounds *t)
{
    size_t step = (size_t)s->plan->step, end = q + (next - q > 3 * step ? 6 : 3) * step;
    chord c = (chord)s->chords[q / s->bar % 4];
    int base = t->kind[token] == SOUND_AH ? ROLL_AH : ROLL_EE;
    if (q >= s->frames) return;
    if (end > next) end = next;
    if (end - 1 < q + 1) end = q + 2;
    for (size_t f = q; f < end - 1 && f < s->frames; f++) mark(s, f, base + lead_notes[c][t->rank[token]]);
}

static size_t play_lead(const score *s, const int32_t *tokens, const token_sounds *t, int32_t *onsets)
{
    size_t step = (size_t)s->plan->step, count = 0, last = 0;
    int32_t held = 0; /* the token of the note at `last` */
    for (size_t f = 0; f < s->frames; f++) {
        int32_t token = tokens[f];
        sound kind = (sound)t->kind[token];
        if (kind > SOUND_EE) mark(s, f, ROLL_SIBILANT + (int)kind - SOUND_SIBILANT);
        if (kind == SOUND_NONE || kind > SOUND_EE) continue;
        size_t q = (2 * f + step) / (2 * step) * step;
        if (count && q != last) sing(s, last, q, held, t);
        if (!count || q != last) {
            if (onsets) onsets[count] = (int32_t)q;
            count++;
        }
        last = q;
        held = token;
    }
    if (count && last < s->frames) sing(s, last, s->frames, held, t);
    return count;
}

size_t compose(unsigned char *roll, const words_plan *plan, compose_bits bits, const int32_t *tokens, size_t frames,
               const token_sounds *sounds, int32_t *onsets)
{
    const genre_parts *p = &parts[plan->genre];
    score s = {.roll = roll,
               .plan = plan,
               .parts = p,
               .drums = drums[p->drums][bits.pattern],
               .chords = progressions[kinds[plan->mood]][bits.progression],
               .frames = frames,
               .bar = COMPOSE_STEPS * (size_t)plan->step,
               .chorus = plan->step == 2 ? 8 : plan->step == 3 ? 6 : 4};
    size_t intro = plan->step < 4 ? 2 : 1;
    memset(roll, 0, frames * ROLL_WIDTH);
    for (size_t bar = 0; bar * s.bar < frames; bar++) play_bar(&s, bar, bar < intro ? 0 : bar < s.chorus ? 1 : 2);
    return play_lead(&s, tokens, sounds, onsets);
}

void compose_latent(float *latent, const unsigned char *roll, size_t count)
{
    for (size_t i = 0; i < count; i++) latent[i] = 3.0f * ((float)roll[i] - 0.07f);
}

int compose_family(int genre)
{
    return (int)parts[genre].drums;
}

const char *compose_pattern(int f, int variant, int drum)
{
    return drums[f][variant][drum];
}

int compose_in_chord(int channel, int c)
{
    if (channel >= ROLL_STRINGS) return channel < ROLL_AH && (channel - ROLL_STRINGS) % COMPOSE_CHORDS == c;
    if (channel >= ROLL_KEYS) return memchr(tones[c], (channel - ROLL_KEYS) % 10, 4) != NULL;
    return channel >= ROLL_BASS && memchr(bass_notes[c], channel - ROLL_BASS, 2) != NULL;
}
