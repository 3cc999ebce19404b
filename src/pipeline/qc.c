/* qc.c - quality control: what was measured, judged line by line. Source: spec mastering.md B.16. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/figures.h"
#include "dsp/truepeak.h"
#include "io/file.h"
#include "pipeline/planar.h"
#include "text/prompt.h"

drgen_qc_options drgen_qc_default(void)
{
    return (drgen_qc_options){.target = -14, .ceiling = -1, .guidance = 4};
}

typedef struct {
    drgen_qc *qc;
    const drgen_qc_options *o;
} judge;

__attribute__((format(printf, 4, 5))) static drgen_check *add(judge *j, const char *name, int verdict, const char *limit, ...)
{
    drgen_check *c = &j->qc->check[j->qc->count++];
    va_list args;
    *c = (drgen_check){.name = name, .verdict = verdict};
    va_start(args, limit);
    vsnprintf(c->limit, sizeof c->limit, limit, args);
    va_end(args);
    return c;
}

#define VALUE(check, ...) snprintf((check)->value, sizeof(check)->value, __VA_ARGS__)

static int graded(double value, double pass, double warn)
{
    return value <= pass ? DRGEN_PASS : value <= warn ? DRGEN_WARN : DRGEN_FAIL;
}

/* ---- level */

static void judge_loudness(judge *j)
{
    const drgen_figures *f = &j->qc->figures;
    double i = f->loudness.integrated, off = fabs(i - j->o->target);
    int limited = j->o->master && j->o->master->status == DRGEN_MASTER_LIMITED, verdict = graded(off, 0.1, 0.5);
    if (verdict == DRGEN_FAIL && limited) verdict = DRGEN_WARN;
    drgen_check *c = add(j, "integrated loudness", verdict, "%.1f LUFS +-0.1", j->o->target);
    if (!isfinite(i)) VALUE(c, "none: silent or under 0.4 s");
    else VALUE(c, "%.2f LUFS%s", i, limited ? " (limited)" : "");
    int streaming = fabs(i + 14) <= 0.1;
    c = add(j, "streaming target", streaming ? DRGEN_PASS : DRGEN_WARN, "-14.0 LUFS +-0.1");
    if (!isfinite(i)) VALUE(c, "none");
    else if (streaming) VALUE(c, "%.2f LUFS", i);
    else if (i > -14) VALUE(c, "%.2f LUFS: services turn it down by %.1f dB", i, i + 14);
    else VALUE(c, "%.2f LUFS: softer than what plays beside it", i);
}

static void judge_peaks(judge *j)
{
    const drgen_figures *f = &j->qc->figures;
    double peak = j->qc->strict_peak;
    drgen_check *c = add(j, "true peak", peak <= j->o->ceiling ? DRGEN_PASS : DRGEN_FAIL, "at most %.2f dBTP", j->o->ceiling);
    if (isfinite(peak)) VALUE(c, "%.3f dBTP", peak);
    else VALUE(c, "silent");
    size_t clamped = j->o->master ? j->o->master->clamped : 0;
    int clips = f->clip_runs || clamped, before = j->o->input_clip_runs > 0;
    c = add(j, "clipping", clips ? DRGEN_FAIL : before ? DRGEN_WARN : DRGEN_PASS, "no 3 equal samples at full scale");
    if (clips) VALUE(c, "%zu runs, the longest %zu samples; %zu clamped", f->clip_runs, f->longest_clip, clamped);
    else if (before) VALUE(c, "none; %zu runs in the input", j->o->input_clip_runs);
    else VALUE(c, "none");
    double dc = 0;
    for (int i = 0; i < f->channels; i++) dc = fmax(dc, fabs(f->channel[i].dc));
    c = add(j, "DC", graded(dc, 1e-4, 1e-3), "at most 0.0001");
    VALUE(c, "%.6f", dc);
}

/* ---- image */

static void judge_image(judge *j)
{
    const drgen_figures *f = &j->qc->figures;
    if (f->channels != 2) return;
    drgen_check *c = add(j, "stereo balance", graded(fabs(f->balance), 1, 3), "within 1.0 LU");
    if (isfinite(f->balance)) VALUE(c, "%+.2f LU to the %s", fabs(f->balance), f->balance >= 0 ? "left" : "right");
    else VALUE(c, "the %s is silent", f->balance > 0 ? "right" : "left");
    c = add(j, "correlation", f->correlation >= 0.2 ? DRGEN_PASS : f->correlation >= 0 ? DRGEN_WARN : DRGEN_FAIL, "at least 0.20");
    VALUE(c, "%.3f", f->correlation);
    c = add(j, "mono loss", graded(-f->mono_loss, 3, 6), "at most 3 LU");
    if (isfinite(f->mono_loss)) VALUE(c, "%.2f LU", -f->mono_loss);
    else VALUE(c, "nothing is left in mono");
}

/* ---- course */

static void judge_course(judge *j)
{
    const drgen_figures *f = &j->qc->figures;
    double range = f->loudness.range;
    int longs = f->seconds >= 60;
    drgen_check *c = add(j, "loudness range", !longs ? DRGEN_SKIP : range >= 2 && range <= 18 ? DRGEN_PASS : DRGEN_WARN, "2..18 LU");
    VALUE(c, "%.1f LU%s", range, longs ? "" : " (unstable: under 60 s)");
    int verdict = f->silent ? DRGEN_FAIL : f->head_silence <= 1 && f->tail_silence <= 3 ? DRGEN_PASS : DRGEN_WARN;
    c = add(j, "silence", verdict, "head to 1 s, tail to 3 s");
    if (f->silent) VALUE(c, "silent throughout");
    else VALUE(c, "head %.2f s, tail %.2f s", f->head_silence, f->tail_silence);
    int planned = !j->o->planned_frames || j->o->planned_frames == f->frames;
    c = add(j, "samples", f->bad_samples || !planned ? DRGEN_FAIL : DRGEN_PASS, "all finite, as many as planned");
    if (f->bad_samples) VALUE(c, "%zu not finite, the first in frame %zu", f->bad_samples, f->first_bad_frame);
    else if (!planned) VALUE(c, "%zu frames, %zu planned", f->frames, j->o->planned_frames);
    else VALUE(c, "%zu frames", f->frames);
}

/* ---- making */

/* Whether a prompt holds one of the words of a list, as the prompt builder knows them. */
static int holds(const char *prompt, int kind)
{
    const char *const *words = drgen_prompt_words(kind);
    for (; words && *words; words++)
        if (strcasestr(prompt, *words)) return 1;
    return 0;
}

static int speaks_of_sound(const char *prompt)
{
    static const char *const words[] = {"quality", "production", "mix", "master", "studio", "recorded", "lo-fi", "lofi",
                                        "polished", "warm", "clean", "crisp", "reverb", "wide", "analog", "vintage"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(prompt, words[i])) return 1;
    return 0;
}

static void judge_settings(judge *j)
{
    const drgen_song *s = j->o->song;
    const char *prompt = NULL;
    char missing[80] = "";
    if (!s) return;
    prompt = s->prompt;
    for (size_t i = 0; i < s->style_count && !prompt; i++) prompt = s->styles[i].prompt;
    static const char *const parts[] = {"genre", "mood", "instrument"};
    for (int k = 0; prompt && k < 3; k++)
        if (!holds(prompt, k)) snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " no %s", parts[k]);
    if (prompt && !speaks_of_sound(prompt)) snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " no production");
    /* What is left to the model is what it is meant to run with. */
    double own = j->o->guidance;
    int steps = s->steps == 0 || s->steps >= 16, guided = isnan(s->guidance) || fabs((double)s->guidance - own) <= 1;
    int fine = steps && guided && !missing[0];
    char count[32] = "the model's", cfg[32] = "the model's";
    if (s->steps) snprintf(count, sizeof count, "%d", s->steps);
    if (!isnan(s->guidance)) snprintf(cfg, sizeof cfg, "%g", (double)s->guidance);
    drgen_check *c = add(j, "generation", fine ? DRGEN_PASS : DRGEN_WARN, "16 steps, cfg %g..%g, a full prompt",
                          fmax(0, own - 1), own + 1);
    VALUE(c, "%s steps, cfg %s%s%s", count, cfg, missing[0] ? "; prompt:" : "", missing);
}

drgen_status drgen_qc_run(const drgen_audio *audio, const drgen_qc_options *options, drgen_qc *out, drgen_err *err)
{
    const drgen_qc_options usual = drgen_qc_default();
    judge j = {out, options ? options : &usual};
    sound x = {0};
    err_clear(err);
    *out = (drgen_qc){0};
    ERR_TRY(planar_open(&x, audio, err));
    drgen_status status = figures_measure(&out->figures, &x, kern_best(), err);
    if (status == DRGEN_OK) {
        double peak = tp_verify(&x, NULL, 1, kern_best());
        out->strict_peak = peak > 0 ? 20 * log10(peak) : -INFINITY;
        file_sha256(audio->samples ? (const void *)audio->samples : "", audio->frames * (size_t)audio->channels * sizeof(float),
                    out->sha256);
        judge_loudness(&j);
        judge_peaks(&j);
        judge_image(&j);
        judge_course(&j);
        judge_settings(&j);
        for (int i = 0; i < out->count; i++)
            if (out->check[i].verdict != DRGEN_SKIP && out->check[i].verdict > out->verdict) out->verdict = out->check[i].verdict;
    }
    planar_free(&x);
    return status;
}
