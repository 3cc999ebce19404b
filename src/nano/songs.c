/* songs.c - see songs.h. */
#include "nano/songs.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nano/lines.h"

enum { HOLD_EVERY = 8, SHORTEST = 6, LONGEST = 70 };

/* In [from, to). */
static size_t between(uint64_t *state, size_t from, size_t to)
{
    return from + (size_t)(rng_split(state) % (to - from));
}

static drgen_status read_lines(nano_songs *s, g2p *g, drgen_err *err)
{
    for (size_t i = 0; i < s->line_count; i++) {
        const char *silent;
        ERR_TRY(g2p_line(g, lines_text(i), 0, &s->lines[i].ids, &s->lines[i].count, &silent, err));
        if (s->lines[i].count < SHORTEST || s->lines[i].count > LONGEST) s->lines[i].count = 0;
    }
    return DRGEN_OK;
}

drgen_status nano_songs_open(nano_songs **out, g2p *g, drgen_err *err)
{
    nano_songs *s = *out = calloc(1, sizeof *s);
    if (s) {
        s->table = malloc((WORDS_COUNT + 1) * WORDS_STYLE * sizeof *s->table);
        s->line_count = lines_count();
        s->lines = calloc(s->line_count, sizeof *s->lines);
        s->empty = 0.2;
    }
    drgen_status status = s && s->table && s->lines ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "songs: out of memory");
    if (status == DRGEN_OK) status = read_lines(s, g, err);
    if (status != DRGEN_OK) {
        nano_songs_close(s);
        *out = NULL;
        return status;
    }
    words_table(s->table);
    compose_sounds(&s->sounds);
    return status;
}

void nano_songs_close(nano_songs *s)
{
    if (!s) return;
    for (size_t i = 0; s->lines && i < s->line_count; i++) free(s->lines[i].ids);
    free(s->lines);
    free(s->table);
    free(s);
}

static const lyric_tokens *pick_line(const nano_songs *s, int held, uint64_t *state)
{
    for (;;) {
        size_t i = between(state, 0, s->line_count);
        if (s->lines[i].count && (i % HOLD_EVERY == 0) == held) return &s->lines[i];
    }
}

void nano_grid(const nano_songs *s, int held, int32_t *tokens, size_t frames, uint64_t *state)
{
    memset(tokens, 0, frames * sizeof *tokens);
    if (rng_unit(state) < s->empty) return;
    for (size_t at = between(state, 0, 130); at < frames;) {
        size_t count;
        if (!held && rng_unit(state) < 0.3) {
            count = between(state, SHORTEST, 40);
            for (size_t i = 0; i < count; i++) {
                int32_t id = (int32_t)between(state, 1, COMPOSE_TOKENS);
                if (at + i < frames) tokens[at + i] = id;
            }
        } else {
            const lyric_tokens *l = pick_line(s, held, state);
            count = l->count;
            for (size_t i = 0; i < count && at + i < frames; i++) tokens[at + i] = l->ids[i];
        }
        at += count + between(state, 12, 60);
        if (rng_unit(state) < 0.15) at += between(state, 40, 140);
    }
}

void nano_prompt(words *w, int held, uint64_t *state)
{
    int genres, moods;
    do {
        genres = moods = 0;
        words_draw(w, state);
        for (size_t i = 0; i < w->count; i++) {
            genres += w->id[i] < WORDS_MOOD0;
            moods += w->id[i] >= WORDS_MOOD0 && w->id[i] < WORDS_INSTRUMENT0;
        }
    } while (genres != 1 || moods != 1 || words_held_out(w) != held);
}

static drgen_status make_song(void *user, size_t index, int validation, uint64_t key, flow_batch *to, size_t slot,
                              drgen_err *err)
{
    const nano_songs *s = user;
    size_t frames = to->frames, cells = frames * ROLL_WIDTH;
    uint64_t state = key ^ (uint64_t)index * 0x9E3779B97F4A7C15u;
    int32_t *tokens = to->text + slot * frames;
    words w;
    unsigned char *roll = malloc(cells);
    if (!roll) return err_fail(err, DRGEN_ERR_NOMEM, "songs: out of memory");
    if (validation) nano_prompt(&w, 1, &state);
    else
        do words_draw(&w, &state);
        while (words_held_out(&w));
    nano_grid(s, validation, tokens, frames, &state);
    words_plan plan = words_read(&w);
    uint64_t bits = rng_split(&state);
    compose(roll, &plan, (compose_bits){(int)(bits >> 60 & 1), (int)(bits >> 61 & 1)}, tokens, frames, &s->sounds, NULL);
    compose_latent(to->latent + slot * cells, roll, cells);
    words_style(&w, s->table, to->style + slot * WORDS_STYLE);
    to->start[slot] = 0;
    to->duration[slot] = 1;
    to->length[slot] = frames;
    free(roll);
    return DRGEN_OK;
}

train_source nano_source(nano_songs *s, size_t validation)
{
    return (train_source){.count = 0, .validation = validation, .get = make_song, .user = s};
}
