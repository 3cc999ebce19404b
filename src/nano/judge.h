/* judge.h - how near a song's latents come to what the composer would have written for its words and phonemes.
 * Source: spec nano.md section 7. */
#ifndef NANO_JUDGE_H
#define NANO_JUDGE_H

#include "base/err.h"
#include "nano/compose.h"

/* NaN: does not apply to this song. Up to activity as in the specification. */
typedef struct {
    double f1;                                          /* cells, against the nearest of the composer's four songs */
    double drums, bass, plucks, pads, lead, consonants; /* the same by channels; NaN where nothing is, and should be */
    double grid;        /* onsets on the asked tempo's sixteenths: 0 as by chance, 1 all */
    double tempo_ok;    /* 1: no other tempo's song is nearer */
    double genre_ok;    /* 1: the drums' bars are nearest to the asked family's; NaN without a whole bar after the intro */
    double harmony;     /* bass, plucks and pads in the chord that fits their bar best */
    double lead_prec;   /* onsets of the lead at a vowel; this and the next two: NaN without vowels */
    double lead_rec;    /* expected onsets that came */
    double lead_mono;   /* frames with one note of the lead at most */
    double lead_silent; /* frames without lead; NaN with vowels */
    double dev_rms;     /* of the cells from 0 and 1 */
    double unsure;      /* cells between 0.25 and 0.75, of active ones */
    double activity;    /* active cells, of those there should be */
    double heard_tempo, heard_drums; /* NaN here: 1 when the sound alone shows the tempo and the drums asked for */
} judge_scores;

/* The scores by name, with what a model worth having reaches; no bar: -INFINITY, INFINITY. */
typedef struct {
    const char *name;
    size_t at; /* of the member */
    double least, most;
} judge_score;
enum { JUDGE_SCORES = 20 };
extern const judge_score judge_table[JUDGE_SCORES];
double judge_get(const judge_scores *s, int score);

/* latent [frames, ROLL_WIDTH], tokens [frames]. NOMEM only. */
drgen_status judge_song(judge_scores *out, const float *latent, size_t frames, const words *w, const int32_t *tokens,
                        const token_sounds *sounds, drgen_err *err);

/* Means of each score over the songs it applies to. Start from zeros. */
typedef struct {
    double sum[JUDGE_SCORES];
    size_t count[JUDGE_SCORES];
} judge_sums;
void judge_add(judge_sums *sums, const judge_scores *song);
double judge_mean(const judge_sums *sums, int score); /* NaN: of none */

#endif
