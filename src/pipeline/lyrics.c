/* lyrics.c - lyrics and prompts without a song: what would be sung where, times for plain text, prompts from keywords. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/engine.h"
#include "pipeline/lyrics.h"
#include "pipeline/request.h"
#include "text/frames.h"
#include "text/g2p.h"
#include "text/lrc.h"
#include "text/prompt.h"
#include "text/timing.h"

/* ---- remarks */

typedef struct {
    drgen_lyrics *to;
    int failed;
} remarks;

static void remark(void *user, int line, const char *message)
{
    remarks *r = user;
    size_t size = strlen(message) + 24;
    char *text = malloc(size);
    char **grown = text ? realloc(r->to->remarks, (r->to->remark_count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(text);
        r->failed = 1;
        return;
    }
    snprintf(text, size, "line %d: %s", line, message);
    r->to->remarks = grown;
    r->to->remarks[r->to->remark_count++] = text;
}

drgen_status lyrics_reader(g2p **out, const char *espeak_data, const char *zh_lexicon, drgen_err *err)
{
    ERR_TRY(g2p_open(out, espeak_data, err));
    drgen_status status = zh_lexicon ? g2p_set_lexicon(*out, zh_lexicon, err) : DRGEN_OK;
    if (status != DRGEN_OK) {
        g2p_close(*out);
        *out = NULL;
    }
    return status;
}

static drgen_status open_reader(g2p **out, const drgen_config *config, drgen_err *err)
{
    return lyrics_reader(out, config ? config->espeak_data : NULL, config ? config->zh_lexicon : NULL, err);
}

/* ---- times for plain text */

/* A line that begins like "[00:12" or "[ti:": somebody meant LRC. */
static int looks_timed(const char *line)
{
    line += strspn(line, " \t\xef\xbb\xbf");
    if (*line++ != '[') return 0;
    size_t digits = strspn(line, "0123456789"), letters = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ#");
    return (digits && line[digits] == ':') || (letters && line[letters] == ':');
}

int lyrics_is_timed(const char *text)
{
    int words = 0;
    for (const char *line = text; *line; line += strcspn(line, "\r\n"), line += strspn(line, "\r\n")) {
        if (looks_timed(line)) return 1;
        words |= line[strspn(line, " \t")] != '\0';
    }
    return !words; /* nothing to time either */
}

static drgen_status count_tokens(g2p *g, timing *t, drgen_err *err)
{
    for (size_t i = 0; i < t->count; i++) {
        timing_line *l = &t->lines[i];
        int32_t *ids = NULL;
        const char *silent = NULL;
        if (l->kind != TIMING_SUNG) continue;
        char *text = strndup(l->text, l->size);
        if (!text) return err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
        drgen_err why = {0};
        drgen_status status = g2p_line(g, text, 0, &ids, &l->tokens, &silent, &why);
        free(ids);
        free(text);
        if (status == DRGEN_ERR_NOMEM) return err_fail(err, status, "%s", why.message);
        if (status != DRGEN_OK) l->tokens = 0; /* it is reported when the line is read for the song */
    }
    return DRGEN_OK;
}

drgen_status lyrics_time(g2p *g, const char *text, double seconds, double bpm, char **out, drgen_err *err)
{
    timing t;
    double density;
    *out = NULL;
    if (bpm != 0 && !(bpm >= 30 && bpm <= 300))
        return err_fail(err, DRGEN_ERR_ARG, "bpm: %g is outside 30..300", bpm);
    if (!(seconds >= 1 && seconds <= 3600)) return err_fail(err, DRGEN_ERR_ARG, "length: %g s is outside 1..3600", seconds);
    ERR_TRY(timing_read(&t, text, strlen(text), err));
    drgen_status status = count_tokens(g, &t, err);
    if (status == DRGEN_OK) status = timing_place(&t, seconds, bpm, &density, err);
    size_t room = 64, used = 0;
    for (size_t i = 0; i < t.count; i++) room += t.lines[i].size + 32;
    char *lrc_text = status == DRGEN_OK ? malloc(room) : NULL;
    if (status == DRGEN_OK && !lrc_text) status = err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    for (size_t i = 0; i < t.count && status == DRGEN_OK; i++) {
        const timing_line *l = &t.lines[i];
        int cs = (int)(l->seconds * 100);
        if (l->kind == TIMING_BLANK) continue;
        if (l->kind == TIMING_SUNG) used += (size_t)snprintf(lrc_text + used, room - used, "[%02d:%02d.%02d]", cs / 6000, cs / 100 % 60, cs % 100);
        memcpy(lrc_text + used, l->text, l->size);
        used += l->size;
        lrc_text[used++] = '\n';
    }
    if (lrc_text) lrc_text[used] = '\0';
    timing_free(&t);
    *out = lrc_text;
    return status;
}

/* ---- what would be sung */

static char *phoneme_text(const int32_t *ids, size_t count)
{
    size_t room = 1, used = 0;
    for (size_t i = 0; i < count; i++) room += strlen(g2p_symbol(ids[i]) ? g2p_symbol(ids[i]) : "?") + 1;
    char *out = malloc(room);
    for (size_t i = 0; out && i < count; i++)
        used += (size_t)snprintf(out + used, room - used, "%s%s", i ? " " : "", g2p_symbol(ids[i]) ? g2p_symbol(ids[i]) : "?");
    if (out) out[used] = '\0';
    return out;
}

/* The remark about this line that frames_place or the reader made last, or "". */
static const char *last_remark(const drgen_lyrics *l, int line)
{
    char prefix[24];
    int n = snprintf(prefix, sizeof prefix, "line %d: ", line);
    for (size_t i = l->remark_count; i-- > 0;)
        if (strncmp(l->remarks[i], prefix, (size_t)n) == 0) return l->remarks[i] + n;
    return "";
}

static drgen_status read_lines(g2p *g, const lrc *text, int compat, frames_line *lines, remarks *r, drgen_err *err)
{
    size_t chinese = 0;
    for (size_t i = 0; i < text->count; i++) chinese += (size_t)g2p_is_chinese(text->lines[i].text);
    g2p_digits_in(g, chinese > 0);
    for (size_t i = 0; i < text->count; i++) {
        const char *silent = NULL;
        int32_t *ids = NULL;
        drgen_err why = {0};
        drgen_status status = g2p_line(g, text->lines[i].text, compat, &ids, &lines[i].count, &silent, &why);
        lines[i].seconds = text->lines[i].seconds;
        lines[i].line = text->lines[i].line;
        lines[i].ids = ids;
        if (status == DRGEN_ERR_NOMEM) return err_fail(err, status, "%s", why.message);
        if (status != DRGEN_OK) lines[i].count = 0;
        if (status != DRGEN_OK || silent) remark(r, lines[i].line, status != DRGEN_OK ? why.message : silent);
    }
    return DRGEN_OK;
}

static drgen_status fill(drgen_lyrics *out, const lrc *text, const frames_line *lines, size_t frames, double seconds,
                         drgen_err *err)
{
    const double rate = 44100.0 / 2048;
    out->lines = calloc(text->count + 1, sizeof *out->lines);
    if (!out->lines) return err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    for (size_t i = 0; i < text->count; i++) {
        const frames_line *l = &lines[i];
        drgen_lyric *to = &out->lines[out->line_count++];
        double next = i + 1 < text->count && lines[i + 1].seconds < seconds ? lines[i + 1].seconds : seconds;
        size_t placed = l->placed > l->count ? l->count : l->placed; /* a missing end mark is no lost word */
        to->line = l->line;
        to->seconds = l->seconds;
        to->starts = l->start < 0 ? -1 : (double)l->start / rate;
        to->tokens = l->count ? (int)l->count + 1 : 0;
        to->frames = next > l->seconds ? (int)((next - l->seconds) * rate) : 0;
        if (to->frames > (int)frames) to->frames = (int)frames;
        to->lost = (int)(l->count - placed);
        out->lost += to->lost;
        to->text = strdup(text->lines[i].text);
        to->phonemes = phoneme_text(l->ids, l->count);
        to->remark = last_remark(out, l->line);
        if (!to->text || !to->phonemes) return err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    }
    return DRGEN_OK;
}

/* Size of the model's songs, and their length for these lyrics when *seconds is 0; ARG error for one it does not make. */
static drgen_status fit_model(const drgen_config *config, const char *text, double *seconds, int *max_frames, drgen_err *err)
{
    modeldir dir = {0};
    model_cfg cfg = {0};
    drgen_song song = drgen_song_default();
    size_t frames;
    drgen_err why = {0};
    drgen_status status = engine_open_folder(config ? config->model_dir : NULL, &dir, &cfg, err);
    if (status == DRGEN_OK) {
        song.lyrics = text;
        song.seconds = *seconds;
        *seconds = request_resolve(&cfg, &song).seconds;
        *max_frames = cfg.dit.max_frames;
        if (frames_count(*max_frames, *seconds, &frames, &why) != DRGEN_OK)
            status = err_fail(err, DRGEN_ERR_ARG, "length: %s", why.message);
    }
    modeldir_close(&dir);
    return status;
}

static drgen_status check(g2p *g, const char *text, double seconds, int max_frames, int compat, drgen_lyrics *out,
                          drgen_err *err)
{
    lrc timed = {0};
    frames_line *lines = NULL;
    int32_t *grid = NULL;
    remarks r = {out, 0};
    size_t frames = 0;
    ERR_TRY(frames_count(max_frames, seconds, &frames, err));
    drgen_status status = lrc_parse(&timed, text, strlen(text), compat, remark, &r, err);
    if (status != DRGEN_OK) return status;
    lines = calloc(timed.count + 1, sizeof *lines);
    grid = calloc(frames, sizeof *grid);
    if (!lines || !grid) status = err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory");
    else status = read_lines(g, &timed, compat, lines, &r, err);
    if (status == DRGEN_OK) {
        frames_place(grid, frames, max_frames, seconds, lines, timed.count, compat, remark, &r);
        status = r.failed ? err_fail(err, DRGEN_ERR_NOMEM, "lyrics: out of memory")
                          : fill(out, &timed, lines, frames, seconds, err);
    }
    for (size_t i = 0; lines && i < timed.count; i++) free((void *)(uintptr_t)lines[i].ids);
    free(lines);
    free(grid);
    lrc_free(&timed);
    return status;
}

drgen_status drgen_lyrics_check(const drgen_config *config, const char *text, double seconds, double bpm, int compat,
                                drgen_lyrics *out, drgen_err *err)
{
    g2p *g = NULL;
    char *made = NULL;
    err_clear(err);
    *out = (drgen_lyrics){.timed = 1};
    int max_frames = 0;
    ERR_TRY(fit_model(config, text, &seconds, &max_frames, err));
    drgen_status status = open_reader(&g, config, err);
    if (status == DRGEN_OK && !compat && !lyrics_is_timed(text)) {
        out->timed = 0;
        status = lyrics_time(g, text, seconds, bpm, &made, err);
    }
    if (status == DRGEN_OK) status = check(g, made ? made : text, seconds, max_frames, compat, out, err);
    free(made);
    g2p_close(g);
    if (status != DRGEN_OK) drgen_lyrics_free(out);
    return status;
}

void drgen_lyrics_free(drgen_lyrics *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->line_count; i++) {
        free((char *)(uintptr_t)l->lines[i].text);
        free((char *)(uintptr_t)l->lines[i].phonemes);
    }
    for (size_t i = 0; i < l->remark_count; i++) free(l->remarks[i]);
    free(l->lines);
    free(l->remarks);
    *l = (drgen_lyrics){0};
}

drgen_status drgen_lyrics_time(const drgen_config *config, const char *text, double seconds, double bpm, char **out,
                               drgen_err *err)
{
    g2p *g = NULL;
    err_clear(err);
    *out = NULL;
    int max_frames = 0;
    ERR_TRY(fit_model(config, text, &seconds, &max_frames, err));
    ERR_TRY(open_reader(&g, config, err));
    drgen_status status = lyrics_time(g, text, seconds, bpm, out, err);
    g2p_close(g);
    return status;
}

drgen_status drgen_phonemes(const drgen_config *config, const char *text, char **out, drgen_err *err)
{
    g2p *g = NULL;
    int32_t *ids = NULL;
    size_t count = 0;
    const char *silent = NULL;
    err_clear(err);
    *out = NULL;
    ERR_TRY(open_reader(&g, config, err));
    drgen_status status = g2p_line(g, text, 0, &ids, &count, &silent, err);
    if (status == DRGEN_OK && silent) status = err_fail(err, DRGEN_ERR_TEXT, "text: %s", silent);
    if (status == DRGEN_OK && !(*out = phoneme_text(ids, count))) status = err_fail(err, DRGEN_ERR_NOMEM, "text: out of memory");
    free(ids);
    g2p_close(g);
    return status;
}

/* ---- prompts */

drgen_status drgen_prompt_text(const drgen_prompt *p, char *out, size_t room, drgen_err *err)
{
    err_clear(err);
    prompt_spec s = {.genre = p->genre, .mood = p->mood, .instrument_count = p->instrument_count, .tempo = p->tempo,
                     .vocals = p->vocals, .production = p->production};
    if (p->instrument_count < 0 || p->instrument_count > PROMPT_INSTRUMENTS)
        return err_fail(err, DRGEN_ERR_ARG, "prompt: at most %d instruments", PROMPT_INSTRUMENTS);
    memcpy(s.instruments, p->instruments, sizeof s.instruments);
    ERR_TRY(prompt_check(&s, err));
    if (p->random) prompt_random(&s, p->seed);
    if (p->recipe) prompt_recipe(&s);
    return prompt_text(&s, out, room, err);
}

const char *const *drgen_prompt_words(int kind)
{
    return kind >= 0 && kind < PROMPT_LISTS ? prompt_words((prompt_list)kind) : NULL;
}
