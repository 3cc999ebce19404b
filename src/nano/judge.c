/* judge.c - see judge.h. */
#include "nano/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(judge_scores, member)

const judge_score judge_table[JUDGE_SCORES] = {
    {"f1", AT(f1), 0.85, INFINITY},
    {"f1_drums", AT(drums), 0.9, INFINITY},
    {"f1_bass", AT(bass), -INFINITY, INFINITY},
    {"f1_plucks", AT(plucks), -INFINITY, INFINITY},
    {"f1_pads", AT(pads), -INFINITY, INFINITY},
    {"f1_lead", AT(lead), -INFINITY, INFINITY},
    {"f1_cons", AT(consonants), -INFINITY, INFINITY},
    {"grid", AT(grid), -INFINITY, INFINITY},
    {"tempo_ok", AT(tempo_ok), 0.95, INFINITY},
    {"genre_ok", AT(genre_ok), 0.95, INFINITY},
    {"harmony", AT(harmony), 0.97, INFINITY},
    {"lead_prec", AT(lead_prec), 0.9, INFINITY},
    {"lead_rec", AT(lead_rec), 0.9, INFINITY},
    {"lead_mono", AT(lead_mono), -INFINITY, INFINITY},
    {"lead_silent", AT(lead_silent), 0.98, INFINITY},
    {"dev_rms", AT(dev_rms), -INFINITY, 0.05},
    {"unsure", AT(unsure), -INFINITY, INFINITY},
    {"activity", AT(activity), 0.9, 1.1},
    {"heard_tempo", AT(heard_tempo), -INFINITY, INFINITY},
    {"heard_drums", AT(heard_drums), -INFINITY, INFINITY},
};

double judge_get(const judge_scores *s, int score)
{
    double v;
    memcpy(&v, (const char *)s + judge_table[score].at, sizeof v);
    return v;
}

void judge_add(judge_sums *sums, const judge_scores *song)
{
    for (int i = 0; i < JUDGE_SCORES; i++) {
        double v = judge_get(song, i);
        if (isnan(v)) continue;
        sums->sum[i] += v;
        sums->count[i]++;
    }
}

double judge_mean(const judge_sums *sums, int score)
{
    return sums->count[score] ? sums->sum[score] / (double)sums->count[score] : NAN;
}

/* One song on the bench. Rolls are [frames, ROLL_WIDTH] of 0 and 1. */
typedef struct {
    const float *latent;
    const int32_t *tokens;
    const token_sounds *sounds;
    words_plan plan;
    size_t frames;
    unsigned char *heard, *wanted;  /* the song; the composer's */
    int32_t *onsets;                /* [frames + 1] of the composer's lead */
    size_t onset_count;
    int32_t *found;                 /* [frames + 1] scratch */
} bench;

/* A cell's value: 0 is off, 1 is on. */
static float cell(const bench *b, size_t i)
{
    return b->latent[i] / 3.0f + 0.07f;
}

static void write_song(bench *b, int step, compose_bits bits)
{
    words_plan plan = b->plan;
    plan.step = step;
    b->onset_count = compose(b->wanted, &plan, bits, b->tokens, b->frames, b->sounds, b->onsets);
}

typedef struct {
    size_t both, heard, wanted;
} overlap;

/* Of the channels from..to - 1. */
static overlap compare(const bench *b, int from, int to)
{
    overlap o = {0};
    for (size_t f = 0; f < b->frames; f++)
        for (int c = from; c < to; c++) {
            size_t i = f * ROLL_WIDTH + (size_t)c;
            o.both += b->heard[i] & b->wanted[i];
            o.heard += b->heard[i];
            o.wanted += b->wanted[i];
        }
    return o;
}

static double f1_of(overlap o)
{
    return o.heard + o.wanted == 0 ? 1 : 2 * (double)o.both / (double)(o.heard + o.wanted);
}

/* The best that the composer's songs at this tempo reach; its bits go to best (may be NULL). */
static double nearest(bench *b, int step, int channels, compose_bits *best)
{
    double most = -1;
    for (int i = 0; i < 4; i++) {
        compose_bits bits = {i >> 1, i & 1};
        write_song(b, step, bits);
        double f1 = f1_of(compare(b, 0, channels));
        if (f1 <= most) continue;
        most = f1;
        if (best) *best = bits;
    }
    return most;
}

static double tempo_ok(bench *b)
{
    double by[WORDS_TEMPI], most = 0;
    for (int i = 0; i < WORDS_TEMPI; i++) {
        by[i] = nearest(b, 2 + i, ROLL_AH, NULL);
        if (by[i] > most) most = by[i];
    }
    return by[b->plan.step - 2] == most && most > 0.1;
}

static void by_group(const bench *b, judge_scores *s)
{
    const struct {
        int from, to;
        double *out;
    } groups[] = {{0, ROLL_BASS, &s->drums},
                  {ROLL_BASS, ROLL_KEYS, &s->bass},
                  {ROLL_KEYS, ROLL_STRINGS, &s->plucks},
                  {ROLL_STRINGS, ROLL_AH, &s->pads},
                  {ROLL_AH, ROLL_SIBILANT, &s->lead},
                  {ROLL_SIBILANT, ROLL_WIDTH, &s->consonants}};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        overlap o = compare(b, groups[i].from, groups[i].to);
        if (o.heard + o.wanted) *groups[i].out = f1_of(o);
    }
}

static double grid(const bench *b)
{
    size_t events = 0, on = 0, step = (size_t)b->plan.step;
    for (size_t f = 0; f < b->frames; f++)
        for (int c = 0; c < ROLL_STRINGS; c++) {
            events += b->heard[f * ROLL_WIDTH + (size_t)c];
            on += b->heard[f * ROLL_WIDTH + (size_t)c] && f % step == 0;
        }
    double chance = 1 / (double)step;
    return events ? ((double)on / (double)events - chance) / (1 - chance) : 0;
}

/* The family whose bar the drums after the intro are like. */
static double genre_ok(const bench *b)
{
    size_t step = (size_t)b->plan.step, bar = COMPOSE_STEPS * step, from = (step < 4 ? 2 : 1) * bar;
    size_t bars = b->frames > from ? (b->frames - from) / bar : 0;
    size_t fold[COMPOSE_DRUMS][COMPOSE_STEPS] = {{0}}, least = SIZE_MAX;
    int best = 0;
    if (!bars) return NAN;
    for (size_t n = 0; n < bars; n++)
        for (size_t s = 0; s < COMPOSE_STEPS; s++)
            for (int d = 0; d < COMPOSE_DRUMS; d++)
                fold[d][s] += b->heard[(from + n * bar + s * step) * ROLL_WIDTH + (size_t)d];
    for (int family = 0; family < COMPOSE_FAMILIES; family++)
        for (int variant = 0; variant < 2; variant++) {
            size_t distance = 0;
            for (int d = 0; d < COMPOSE_DRUMS; d++)
                for (size_t s = 0; s < COMPOSE_STEPS; s++)
                    distance += compose_pattern(family, variant, d)[s] == 'x' ? bars - fold[d][s] : fold[d][s];
            if (distance < least) {
                least = distance;
                best = family;
            }
        }
    return best == compose_family(b->plan.genre);
}

static double harmony(const bench *b)
{
    size_t bar = COMPOSE_STEPS * (size_t)b->plan.step, good = 0, all = 0;
    for (size_t start = 0; start + bar <= b->frames; start += bar) {
        size_t fits[COMPOSE_CHORDS] = {0}, most = 0;
        for (size_t f = start; f < start + bar; f++)
            for (int c = ROLL_BASS; c < ROLL_AH; c++) {
                if (!b->heard[f * ROLL_WIDTH + (size_t)c]) continue;
                all++;
                for (int k = 0; k < COMPOSE_CHORDS; k++) fits[k] += (size_t)compose_in_chord(c, k);
            }
        for (int k = 0; k < COMPOSE_CHORDS; k++)
            if (fits[k] > most) most = fits[k];
        good += most;
    }
    return all ? (double)good / (double)all : 0;
}

/* ---- the lead */

static int is_vowel(const bench *b, size_t frame)
{
    sound k = (sound)b->sounds->kind[b->tokens[frame]];
    return k == SOUND_AH || k == SOUND_EE;
}

/* The share of a's frames that have one of b's within reach. */
static double share_near(const int32_t *a, size_t count, const int32_t *b, size_t others, int reach)
{
    size_t near = 0;
    for (size_t i = 0; i < count; i++) {
        int found = 0;
        for (size_t k = 0; k < others && !found; k++) found = abs(a[i] - b[k]) <= reach;
        near += (size_t)found;
    }
    return count && others ? (double)near / (double)count : 0;
}

/* Frames where a note of the lead begins, into out; those with at most one note, and those with none, are counted. */
static size_t lead_onsets(const bench *b, int32_t *out, size_t *single, size_t *silent)
{
    size_t count = 0;
    *single = *silent = 0;
    for (size_t f = 0; f < b->frames; f++) {
        const unsigned char *row = b->heard + f * ROLL_WIDTH;
        int notes = 0, fresh = 0;
        for (int c = ROLL_AH; c < ROLL_SIBILANT; c++) {
            notes += row[c];
            fresh |= row[c] && (f == 0 || !row[c - ROLL_WIDTH]);
        }
        if (fresh) out[count++] = (int32_t)f;
        *single += notes <= 1;
        *silent += notes == 0;
    }
    return count;
}

static drgen_status judge_lead(const bench *b, judge_scores *s, drgen_err *err)
{
    size_t single, silent, vowels = 0, onsets = lead_onsets(b, b->found, &single, &silent);
    int32_t *at = malloc((b->frames + 1) * sizeof *at);
    if (!at) return err_fail(err, DRGEN_ERR_NOMEM, "judge: out of memory");
    for (size_t f = 0; f < b->frames; f++)
        if (is_vowel(b, f)) at[vowels++] = (int32_t)f;
    if (vowels) {
        s->lead_prec = share_near(b->found, onsets, at, vowels, b->plan.step < 4 ? 1 : 2);
        s->lead_rec = share_near(b->onsets, b->onset_count, b->found, onsets, 1);
        s->lead_mono = (double)single / (double)b->frames;
    } else s->lead_silent = (double)silent / (double)b->frames;
    free(at);
    return DRGEN_OK;
}

/* ---- cells */

static void judge_cells(const bench *b, judge_scores *s)
{
    size_t unsure = 0, count = b->frames * ROLL_WIDTH;
    double off = 0;
    for (size_t i = 0; i < count; i++) {
        float y = cell(b, i), d = fminf(fabsf(y), fabsf(y - 1.0f));
        off += (double)d * (double)d;
        unsure += y > 0.25f && y < 0.75f;
    }
    overlap o = compare(b, 0, ROLL_WIDTH);
    s->dev_rms = sqrt(off / (double)count);
    s->unsure = (double)unsure / (double)(o.heard ? o.heard : 1);
    s->activity = o.wanted ? (double)o.heard / (double)o.wanted : (double)o.heard / (double)count / 1e-9;
}

drgen_status judge_song(judge_scores *out, const float *latent, size_t frames, const words *w, const int32_t *tokens,
                        const token_sounds *sounds, drgen_err *err)
{
    size_t count = frames * ROLL_WIDTH;
    compose_bits best = {0, 0};
    bench b = {.latent = latent, .tokens = tokens, .sounds = sounds, .plan = words_read(w), .frames = frames};
    for (int i = 0; i < JUDGE_SCORES; i++) memcpy((char *)out + judge_table[i].at, &(double){NAN}, sizeof(double));
    b.heard = malloc(count + 1);
    b.wanted = malloc(count + 1);
    b.onsets = malloc((frames + 1) * sizeof *b.onsets);
    b.found = malloc((frames + 1) * sizeof *b.found);
    drgen_status status = DRGEN_OK;
    if (!b.heard || !b.wanted || !b.onsets || !b.found) {
        status = err_fail(err, DRGEN_ERR_NOMEM, "judge: out of memory");
        goto done;
    }
    for (size_t i = 0; i < count; i++) b.heard[i] = cell(&b, i) > 0.5f;
    out->tempo_ok = tempo_ok(&b);
    out->f1 = nearest(&b, b.plan.step, ROLL_WIDTH, &best);
    write_song(&b, b.plan.step, best);
    by_group(&b, out);
    out->grid = grid(&b);
    out->genre_ok = genre_ok(&b);
    out->harmony = harmony(&b);
    judge_cells(&b, out);
    status = judge_lead(&b, out, err);
done:
    free(b.heard), free(b.wanted), free(b.onsets), free(b.found);
    return status;
}
