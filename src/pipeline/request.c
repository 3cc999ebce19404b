/* request.c - see request.h. */
#include "pipeline/request.h"

#include <math.h>
#include <string.h>

#include "text/frames.h"

drgen_song drgen_song_default(void)
{
    return (drgen_song){.steps = 32, .guidance = 4.0f};
}

static drgen_status check_numbers(const drgen_song *s, drgen_err *err)
{
    if (s->steps < 2 || s->steps > 1000)
        return err_fail(err, DRGEN_ERR_ARG, "steps: %d is outside 2..1000; 32 is usual", s->steps);
    if (!(s->guidance >= 0.0f && s->guidance <= 100.0f))
        return err_fail(err, DRGEN_ERR_ARG, "guidance: %g is outside 0..100; 4 is usual, 0 turns it off",
                        (double)s->guidance);
    if (!(s->sway >= -1.0f && s->sway <= 1.0f))
        return err_fail(err, DRGEN_ERR_ARG, "sway: %g is outside -1..1; 0 is usual", (double)s->sway);
    return DRGEN_OK;
}

static int blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

static drgen_status check_style(const drgen_song *s, drgen_err *err)
{
    if (!s->prompt && !s->style_file)
        return err_fail(err, DRGEN_ERR_ARG, "style: none given; describe it in a prompt, or give a style file");
    if (s->prompt && s->style_file)
        return err_fail(err, DRGEN_ERR_ARG, "style: both a prompt and a style file are given; one of them is enough");
    if (s->prompt && blank(s->prompt))
        return err_fail(err, DRGEN_ERR_TEXT, "prompt: it is empty; describe a style, such as \"folk, warm guitar\"");
    return DRGEN_OK;
}

/* Seconds a model makes when nobody says: what the two released ones were trained for, else all it can. */
static double own_length(int max_frames)
{
    return max_frames == 2048 ? 95.0 : max_frames == 6144 ? 285.0 : floor((double)max_frames * 2048.0 / 44100.0);
}

drgen_status request_check(request *out, const model_cfg *cfg, const drgen_song *song, drgen_err *err)
{
    *out = (request){.song = song};
    ERR_TRY(check_numbers(song, err));
    ERR_TRY(check_style(song, err));
    out->seconds = song->seconds != 0.0 ? song->seconds : own_length(cfg->dit.max_frames);
    ERR_TRY(frames_count(cfg->dit.max_frames, out->seconds, &out->frames, err));
    out->duration = 1.0f;
    if (cfg->dit.duration_embed)
        out->duration = song->half_tables ? frames_duration(out->frames, cfg->dit.max_frames)
                                          : (float)out->frames / (float)cfg->dit.max_frames;
    out->branches = song->guidance >= 1e-5f ? 2 : 1; /* the sampler's own threshold */
    return DRGEN_OK;
}
