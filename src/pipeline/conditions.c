/* conditions.c - see conditions.h. */
#include "pipeline/conditions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lyrics.h"
#include "text/lrc.h"

/* Notes on their way to the log; the first is kept to explain why nothing could be used. */
typedef struct {
    const drgen *g;
    char first[256];
} notes;

static void note(void *user, int line, const char *message)
{
    notes *n = user;
    if (!n->first[0]) snprintf(n->first, sizeof n->first, "line %d: %s", line, message);
    engine_log(n->g, DRGEN_LOG_WARNING, "line %d: %s", line, message);
}

/* The phonemes of every line; lines that say nothing stay, as marks in time. */
static drgen_status read_lines(drgen *g, const lrc *text, int compat, frames_line *lines, notes *n, drgen_err *err)
{
    size_t chinese = 0;
    for (size_t i = 0; i < text->count; i++) chinese += (size_t)g2p_is_chinese(text->lines[i].text);
    g2p_digits_in(g->g2p, chinese > 0);
    for (size_t i = 0; i < text->count; i++) {
        const lrc_line *from = &text->lines[i];
        int32_t *ids = NULL;
        const char *silent = NULL;
        drgen_err why = {0};
        drgen_status status = g2p_line(g->g2p, from->text, compat, &ids, &lines[i].count, &silent, &why);
        if (status == DRGEN_ERR_TEXT && !compat) note(n, from->line, why.message); /* one line never ends a song */
        else if (status != DRGEN_OK) return err_fail(err, status, "lyrics: line %d: %s", from->line, why.message);
        lines[i].seconds = from->seconds;
        lines[i].ids = ids;
        lines[i].line = from->line;
        if (silent) note(n, from->line, silent);
        for (size_t k = 0; k < lines[i].count; k++)
            if (ids[k] < 0 || ids[k] > g->cfg.dit.text_num_embeds)
                return err_fail(err, DRGEN_ERR_MODEL, "lyrics: line %d: phoneme %d is unknown to this model of %d",
                                from->line, (int)ids[k], g->cfg.dit.text_num_embeds);
    }
    return DRGEN_OK;
}

static drgen_status place_lines(drgen *g, const request *r, const lrc *text, frames_line *lines,
                                int32_t *tokens, notes *n, drgen_err *err)
{
    int compat = r->song.lyrics_compat;
    size_t tokens_all = 0, sung = 0;
    ERR_TRY(read_lines(g, text, compat, lines, n, err));
    for (size_t i = 0; i < text->count; i++) tokens_all += lines[i].count;
    if (tokens_all == 0)
        return err_fail(err, DRGEN_ERR_TEXT, "lyrics: no line can be sung%s%s; a line looks like [00:12.50]words",
                        n->first[0] ? "; " : "", n->first);
    if (g2p_espeak_warning(g->g2p)) engine_log(g, DRGEN_LOG_WARNING, "%s", g2p_espeak_warning(g->g2p));
    frames_place(tokens, r->frames, g->cfg.dit.max_frames, r->seconds, lines, text->count, compat, note, n);
    for (size_t t = 0; t < r->frames; t++) sung += tokens[t] != 0;
    if (sung == 0 && !compat)
        return err_fail(err, DRGEN_ERR_TEXT, "lyrics: no line starts within the song's %g seconds", r->seconds);
    return DRGEN_OK;
}

/* The song's lyrics as the LRC reader wants them, malloc'd: plain lines get times; for the original's reader lines end
 * as they do when Python opens a file. */
static drgen_status read_text(drgen *g, const request *r, char **out, drgen_err *err)
{
    const char *lyrics = r->song.lyrics;
    if (!r->song.lyrics_compat && !lyrics_is_timed(lyrics)) {
        ERR_TRY(lyrics_time(g->g2p, lyrics, r->seconds, r->song.bpm, out, err));
        engine_log(g, DRGEN_LOG_INFO, "the lyrics have no time stamps: their lines are spread over the song");
        return DRGEN_OK;
    }
    char *to = *out = strdup(lyrics);
    if (!to) return err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    if (!r->song.lyrics_compat) return DRGEN_OK;
    for (const char *from = lyrics; *from; from++)
        if (*from != '\r') *to++ = *from;
        else if (from[1] != '\n') *to++ = '\n';
    *to = '\0';
    return DRGEN_OK;
}

drgen_status conditions_lines(drgen *g, const char *timed, frames_line **lines, size_t *count, drgen_err *err)
{
    notes n = {.g = g};
    lrc text = {0};
    *lines = NULL;
    *count = 0;
    ERR_TRY(engine_need_g2p(g, err));
    ERR_TRY(lrc_parse(&text, timed, strlen(timed), 0, note, &n, err));
    frames_line *l = calloc(text.count + 1, sizeof *l);
    drgen_status status = l ? read_lines(g, &text, 0, l, &n, err) : err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    if (status == DRGEN_OK) {
        *lines = l;
        *count = text.count;
    } else if (l) conditions_free_lines(l, text.count);
    lrc_free(&text);
    return status;
}

void conditions_free_lines(frames_line *lines, size_t count)
{
    for (size_t i = 0; lines && i < count; i++) free((void *)(uintptr_t)lines[i].ids);
    free(lines);
}

drgen_status conditions_lyrics(drgen *g, const request *r, int32_t *tokens, drgen_err *err)
{
    memset(tokens, 0, r->frames * sizeof *tokens);
    if (!r->song.lyrics) return DRGEN_OK;
    ERR_TRY(engine_need_g2p(g, err));
    notes n = {.g = g};
    lrc text = {0};
    frames_line *lines = NULL;
    char *lyrics = NULL;
    drgen_status status = read_text(g, r, &lyrics, err);
    if (status == DRGEN_OK) status = lrc_parse(&text, lyrics, strlen(lyrics), r->song.lyrics_compat, note, &n, err);
    if (status != DRGEN_OK) goto done;
    lines = calloc(text.count + 1, sizeof *lines);
    if (!lines) status = err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    else status = place_lines(g, r, &text, lines, tokens, &n, err);
done:
    conditions_free_lines(lines, text.count);
    lrc_free(&text);
    free(lyrics);
    return status;
}
