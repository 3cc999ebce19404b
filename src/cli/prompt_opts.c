/* prompt_opts.c - see prompt_opts.h. */
#include "cli/prompt_opts.h"

#include <string.h>

int prompt_opts_given(const prompt_opts *o)
{
    return o->genre || o->mood || o->vocals || o->production || o->instruments.count || o->tempo || o->recipe || o->random;
}

drgen_status prompt_opts_text(const prompt_opts *o, uint64_t seed, char *out, size_t room, drgen_err *err)
{
    drgen_prompt p = {.genre = o->genre, .mood = o->mood, .instrument_count = o->instruments.count, .tempo = o->tempo,
                      .vocals = o->vocals, .production = o->production, .recipe = o->recipe, .random = o->random, .seed = seed};
    _Static_assert((int)OPTS_LIST_MAX == (int)DRGEN_PROMPT_INSTRUMENTS, "every --instrument has a place");
    memcpy(p.instruments, o->instruments.item, sizeof p.instruments);
    return drgen_prompt_text(&p, out, room, err);
}
