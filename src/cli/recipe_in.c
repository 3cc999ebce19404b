/* recipe_in.c - see recipe_in.h. */
#include "cli/recipe_in.h"

#include <stdlib.h>
#include <string.h>

/* Standard input up to a size no recipe has, malloc'd; NULL with a message. */
static char *read_input(size_t *size, const char **why)
{
    enum { MOST = 1 << 23 };
    size_t room = 1 << 16;
    char *text = malloc(room);
    *size = 0;
    while (text) {
        size_t n = fread(text + *size, 1, room - *size, stdin);
        *size += n;
        if (n == 0) {
            if (!ferror(stdin)) return text;
            *why = "cannot be read";
            break;
        }
        if (*size > MOST) {
            *why = "larger than 8 MiB; this is no recipe";
            break;
        }
        if (*size < room) continue;
        char *grown = realloc(text, room *= 2);
        if (!grown) break;
        text = grown;
    }
    free(text);
    return NULL;
}

drgen_recipe *recipe_in_open(const char *path, drgen_err *err)
{
    drgen_recipe *r = NULL;
    size_t size;
    const char *why = "out of memory";
    if (strcmp(path, "-") != 0) {
        drgen_recipe_open(&r, path, err);
        return r;
    }
    char *text = read_input(&size, &why);
    if (!text) {
        err->code = DRGEN_ERR_IO;
        snprintf(err->message, sizeof err->message, "standard input: %s", why);
        return NULL;
    }
    drgen_recipe_read(&r, text, size, "standard input", err);
    free(text);
    return r;
}

void recipe_in_apply(const drgen_recipe *r, generate_opts *o)
{
    const drgen_song *s = drgen_recipe_song(r);
    const drgen_recipe_notes *n = drgen_recipe_get_notes(r);
    int preset = o->preset != NULL;
    if (!generate_opts_given(o, "length")) o->length = s->seconds;
    if (!preset && !generate_opts_given(o, "steps")) o->steps = s->steps;
    if (!preset && !generate_opts_given(o, "cfg")) o->cfg = (double)s->guidance;
    if (!generate_opts_given(o, "sway")) o->sway = (double)s->sway;
    if (!o->cfg_interval) {
        o->cfg_from = (double)s->guidance_from;
        o->cfg_to = (double)s->guidance_to;
    }
    if (!generate_opts_given(o, "cache")) o->cache = (double)s->cache;
    if (!o->seed_given) o->seed = s->seed;
    o->seed_given = 1;
    if (!generate_opts_given(o, "bpm") && !o->words.tempo) o->bpm = s->bpm;
    o->vocals_only |= s->vocals_only;
    o->lyrics_compat |= s->lyrics_compat;
    o->half_tables |= s->half_tables;
    if (!o->title) o->title = n->title;
    if (!o->artist) o->artist = n->artist;
    if (!o->rate && (n->sample_rate == 44100 || n->sample_rate == 48000)) o->rate = n->sample_rate;
}

void recipe_in_apply_format(const drgen_recipe *r, generate_opts *o)
{
    const drgen_recipe_notes *n = drgen_recipe_get_notes(r);
    if (!o->bits) o->bits = n->bits;
    if (o->quality < 0) o->quality = n->quality;
}

const char *recipe_in_format(const drgen_recipe *r)
{
    static const char *const known[] = {"wav", "flac", "ogg", "opus", "mp3"};
    const char *format = drgen_recipe_get_notes(r)->format;
    for (size_t i = 0; format && i < sizeof known / sizeof *known; i++)
        if (strcmp(format, known[i]) == 0) return known[i];
    return "wav";
}
