/* request.c - see request.h. */
#include "pipeline/request.h"

#include <math.h>
#include <string.h>

#include "pipeline/lyrics.h"
#include "text/frames.h"
#include "text/lrc.h"

drgen_song drgen_song_default(void)
{
    return (drgen_song){.guidance = NAN, .sway = NAN, .guidance_to = 1.0f};
}

static drgen_status check_numbers(const drgen_song *s, drgen_err *err)
{
    if (s->steps < 2 || s->steps > 1000)
        return err_fail(err, DRGEN_ERR_ARG, "steps: %d is outside 2..1000; 0 leaves them to the model", s->steps);
    if (!(s->guidance >= 0.0f && s->guidance <= 100.0f))
        return err_fail(err, DRGEN_ERR_ARG, "guidance: %g is outside 0..100; 4 is usual, 0 turns it off",
                        (double)s->guidance);
    if (!(s->sway >= -1.0f && s->sway <= 1.0f))
        return err_fail(err, DRGEN_ERR_ARG, "sway: %g is outside -1..1; 0 is usual", (double)s->sway);
    if (!(s->guidance_from >= 0.0f && s->guidance_from <= s->guidance_to && s->guidance_to <= 1.0f))
        return err_fail(err, DRGEN_ERR_ARG, "guidance interval: %g:%g is not rising within 0..1; 0:1 is usual",
                        (double)s->guidance_from, (double)s->guidance_to);
    if (!(s->cache >= 0.0f && s->cache <= 100.0f))
        return err_fail(err, DRGEN_ERR_ARG, "cache: %g is outside 0..100; 0 turns it off, 0.2 is little", (double)s->cache);
    return DRGEN_OK;
}

static int blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

static drgen_status check_part(const drgen_style *p, drgen_err *err)
{
    if ((p->prompt != NULL) + (p->audio != NULL) + (p->file != NULL) + (p->vector != NULL) != 1)
        return err_fail(err, DRGEN_ERR_ARG, "style: each part is one of a prompt, a recording, a style file and a vector");
    if (!(p->weight >= -100 && p->weight <= 100) || p->weight == 0)
        return err_fail(err, DRGEN_ERR_ARG, "style: weight %g is 0 or outside -100..100; 1 is usual", (double)p->weight);
    if (p->prompt && blank(p->prompt))
        return err_fail(err, DRGEN_ERR_TEXT, "prompt: it is empty; describe a style, such as \"folk, warm guitar\"");
    return DRGEN_OK;
}

static drgen_status check_vector(const float *v, size_t width, int wanted, drgen_err *err)
{
    if (!v) return DRGEN_OK;
    if (width != (size_t)wanted)
        return err_fail(err, DRGEN_ERR_ARG, "style: the vector has %zu floats, this model's have %d", width, wanted);
    for (size_t i = 0; i < width; i++)
        if (!isfinite(v[i])) return err_fail(err, DRGEN_ERR_ARG, "style: float %zu of the vector is not a number", i);
    return DRGEN_OK;
}

static drgen_status check_style(const drgen_song *s, int width, request *out, drgen_err *err)
{
    int kinds = (s->prompt != NULL) + (s->style_file != NULL) + (s->style_count > 0);
    if (!kinds) return err_fail(err, DRGEN_ERR_ARG, "style: none given; describe it in a prompt, or give a recording or a style file");
    if (kinds > 1) return err_fail(err, DRGEN_ERR_ARG, "style: given in more than one way; one of them is enough");
    out->single = (drgen_style){.prompt = s->prompt, .file = s->style_file, .weight = 1};
    out->parts = s->style_count ? s->styles : &out->single;
    out->part_count = s->style_count ? s->style_count : 1;
    for (size_t i = 0; i < out->part_count; i++) {
        ERR_TRY(check_part(&out->parts[i], err));
        ERR_TRY(check_vector(out->parts[i].vector, out->parts[i].width, width, err));
    }
    int against = (s->negative_prompt != NULL) + (s->negative_file != NULL) + (s->negative_vector != NULL);
    if (against > 1) return err_fail(err, DRGEN_ERR_ARG, "negative style: given in more than one way; one of them is enough");
    ERR_TRY(check_vector(s->negative_vector, s->negative_width, width, err));
    if (s->negative_prompt && blank(s->negative_prompt)) return err_fail(err, DRGEN_ERR_TEXT, "negative prompt: it is empty");
    if (s->vocals_only && against)
        return err_fail(err, DRGEN_ERR_ARG, "vocals only: the style given becomes the negative one; no other can be given");
    return DRGEN_OK;
}

/* Seconds a model makes when nobody says: what the two released ones were trained for, else all it can. */
static double own_length(int max_frames)
{
    return max_frames == 2048 ? 95.0 : max_frames == 6144 ? 285.0 : floor((double)max_frames * 2048.0 / 44100.0);
}

/* A model that makes songs of any length: its usual one, or as much more as timed lyrics need for their last line, up to
 * 95 s and what it can. Lyrics that cannot be read are reported elsewhere. */
static double length_for(const model_cfg *cfg, const char *lyrics)
{
    enum { MOST = 95, AFTER = 6 }; /* seconds; a line takes about three */
    lrc l;
    double range[2], last = 0, usual = cfg->defaults.seconds;
    if (!lyrics || !lyrics_is_timed(lyrics) || lrc_parse(&l, lyrics, strlen(lyrics), 0, NULL, NULL, NULL) != DRGEN_OK)
        return usual;
    frames_lengths(cfg->dit.max_frames, range);
    double most = fmin(MOST, floor(range[1]));
    for (size_t i = 0; i < l.count; i++)
        if (l.lines[i].text[0] && l.lines[i].seconds < most) last = fmax(last, l.lines[i].seconds);
    lrc_free(&l);
    return fmax(usual, fmin(most, ceil(last + AFTER)));
}

cfm_run request_sampler(const drgen_song *song)
{
    return (cfm_run){.steps = song->steps, .guidance = song->guidance, .from = song->guidance_from, .to = song->guidance_to,
                     .sway = song->sway, .threshold = song->cache};
}

drgen_song request_resolve(const model_cfg *cfg, const drgen_song *song)
{
    static const model_defaults usual = {.steps = 32, .guidance = 4};
    const model_defaults *own = cfg->defaults.steps ? &cfg->defaults : &usual;
    drgen_song s = *song;
    if (s.steps == 0) s.steps = own->steps;
    if (isnan(s.guidance)) s.guidance = (float)own->guidance;
    if (isnan(s.sway)) s.sway = (float)own->sway;
    if (s.seconds == 0.0) s.seconds = own->seconds > 0 ? length_for(cfg, s.lyrics) : own_length(cfg->dit.max_frames);
    return s;
}

drgen_status request_check(request *out, const model_cfg *cfg, const drgen_song *given, drgen_err *err)
{
    *out = (request){.song = request_resolve(cfg, given)};
    const drgen_song *song = &out->song;
    ERR_TRY(check_numbers(song, err));
    ERR_TRY(check_style(song, cfg->dit.cond_dim, out, err));
    out->seconds = song->seconds;
    ERR_TRY(frames_count(cfg->dit.max_frames, out->seconds, &out->frames, err));
    out->duration = 1.0f;
    if (cfg->dit.duration_embed)
        out->duration = song->half_tables ? frames_duration(out->frames, cfg->dit.max_frames)
                                          : (float)out->frames / (float)cfg->dit.max_frames;
    cfm_run run = request_sampler(song);
    out->branches = cfm_guided_steps(&run) > 0 ? 2 : 1;
    return DRGEN_OK;
}
