/* prompt.h - style prompts from keywords, in the wording DiffRhythm's users found to work. Knows no model. */
#ifndef TEXT_PROMPT_H
#define TEXT_PROMPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PROMPT_INSTRUMENTS = 8 };

typedef struct {
    const char *genre, *mood;                     /* NULL: not said */
    const char *instruments[PROMPT_INSTRUMENTS];  /* instrument_count of them */
    int instrument_count;
    int tempo;                                    /* beats per minute, 0: not said */
    const char *vocals, *production;              /* free words; NULL: not said */
} prompt_spec;

typedef enum { PROMPT_GENRES, PROMPT_MOODS, PROMPT_PLAYED, PROMPT_VOCALS, PROMPT_LISTS } prompt_list;

/* The known words of a kind, ending with NULL. */
const char *const *prompt_words(prompt_list list);

/* The known word that is meant (letter case, blanks and hyphens do not matter). TEXT error that names the nearest one
 * otherwise. */
drgen_status prompt_word(prompt_list list, const char *word, const char **out, drgen_err *err);

/* Genre, mood and instruments become known words; tempo 40..240. */
drgen_status prompt_check(prompt_spec *spec, drgen_err *err);

/* Fills what spec leaves open from the genre's recipe (Pop's when no genre is given). */
void prompt_recipe(prompt_spec *spec);

/* Every word drawn from the seed; what spec already says stays. */
void prompt_random(prompt_spec *spec, uint64_t seed);

/* "Pop music, upbeat, featuring Piano, Synthesizer, 120 BPM, female vocals, professional studio production" into out
 * (room bytes; ERR_ARG when it does not fit, or when nothing was said). */
drgen_status prompt_text(const prompt_spec *spec, char *out, size_t room, drgen_err *err);

#endif
