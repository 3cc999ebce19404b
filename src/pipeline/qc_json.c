/* qc_json.c - a quality report as JSON. */
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/json.h"

typedef struct {
    json_out o;
    int begun; /* a member stands before */
} writer;

static void key(writer *w, const char *name)
{
    if (w->begun) json_out_raw(&w->o, ",");
    json_out_string(&w->o, name);
    json_out_raw(&w->o, ":");
    w->begun = 1;
}

static void put(writer *w, const char *name, double v)
{
    key(w, name);
    json_out_number(&w->o, v);
}

static void open_object(writer *w, const char *name)
{
    key(w, name);
    json_out_raw(&w->o, "{");
    w->begun = 0;
}

static void close_object(writer *w)
{
    json_out_raw(&w->o, "}");
    w->begun = 1;
}

static void put_channels(writer *w, const drgen_figures *f)
{
    key(w, "channel");
    json_out_raw(&w->o, "[");
    for (int c = 0; c < f->channels; c++) {
        const drgen_channel_figures *k = &f->channel[c];
        json_out_raw(&w->o, c ? ",{" : "{");
        w->begun = 0;
        put(w, "true_peak", k->true_peak);
        put(w, "true_peak_frame", (double)k->true_peak_frame);
        put(w, "sample_peak", k->sample_peak);
        put(w, "sample_peak_frame", (double)k->sample_peak_frame);
        put(w, "rms", k->rms);
        put(w, "crest", k->crest);
        put(w, "dc", k->dc);
        put(w, "integrated", k->integrated);
        json_out_raw(&w->o, "}");
    }
    json_out_raw(&w->o, "]");
    w->begun = 1;
}

static void put_figures(writer *w, const drgen_figures *f)
{
    put(w, "frames", (double)f->frames);
    put(w, "rate", f->rate);
    put(w, "channels", f->channels);
    put(w, "seconds", f->seconds);
    put(w, "integrated", f->loudness.integrated);
    put(w, "relative_gate", f->loudness.relative_gate);
    put(w, "lra", f->loudness.range);
    put(w, "lra_1s_hop", f->loudness.range_1s_hop);
    put(w, "max_momentary", f->loudness.max_momentary);
    put(w, "max_short_term", f->loudness.max_short_term);
    put(w, "true_peak", f->true_peak);
    put(w, "sample_peak", f->sample_peak);
    put(w, "rms", f->rms);
    put(w, "crest", f->crest);
    put(w, "plr", f->plr);
    put(w, "correlation", f->correlation);
    put(w, "min_correlation", f->min_correlation);
    put(w, "balance", f->balance);
    put(w, "side_mid", f->side_mid);
    put(w, "mono_loss", f->mono_loss);
    put(w, "head_silence", f->head_silence);
    put(w, "tail_silence", f->tail_silence);
    put(w, "clip_runs", (double)f->clip_runs);
    put(w, "longest_clip", (double)f->longest_clip);
    put(w, "over", (double)f->over);
    put(w, "bad_samples", (double)f->bad_samples);
    put_channels(w, f);
}

static void put_master(writer *w, const drgen_master_report *r)
{
    static const char *const status[] = {"ok", "limited", "silent"};
    open_object(w, "master");
    key(w, "status");
    json_out_string(&w->o, status[r->status]);
    put(w, "input_integrated", r->input_lufs);
    put(w, "align_gain", r->align_gain);
    put(w, "drive", r->drive);
    put(w, "threshold", r->threshold);
    put(w, "trim", r->trim);
    put(w, "max_reduction", r->max_reduction);
    put(w, "mean_reduction", r->mean_reduction);
    key(w, "reduction_histogram");
    for (int i = 0; i < DRGEN_REDUCTION_STEPS; i++) {
        json_out_raw(&w->o, i ? "," : "[");
        json_out_number(&w->o, (double)r->reduction[i]);
    }
    json_out_raw(&w->o, "]");
    key(w, "band_reduction");
    for (int i = 0; i < DRGEN_BANDS; i++) {
        json_out_raw(&w->o, i ? "," : "[");
        json_out_number(&w->o, r->band_reduction[i]);
    }
    json_out_raw(&w->o, "]");
    put(w, "width_kept", r->width_kept);
    put(w, "trials", r->trials);
    put(w, "clamped", (double)r->clamped);
    close_object(w);
}

/* What it was told, in the form of settings files: the report alone makes the same master again. */
static drgen_status put_settings(writer *w, const drgen_mastering *m, drgen_err *err)
{
    char *text;
    ERR_TRY(drgen_mastering_json(m, &text, err));
    key(w, "settings");
    json_out_raw(&w->o, text);
    free(text);
    return DRGEN_OK;
}

drgen_status drgen_qc_json(const drgen_qc *qc, const drgen_qc_options *options, char **out, drgen_err *err)
{
    static const char *const verdict[] = {"pass", "warn", "fail", "skipped"};
    writer w = {0};
    err_clear(err);
    json_out_raw(&w.o, "{");
    key(&w, "verdict");
    json_out_string(&w.o, verdict[qc->verdict]);
    if (options) {
        put(&w, "target", options->target);
        put(&w, "ceiling", options->ceiling);
    }
    key(&w, "checks");
    for (int i = 0; i < qc->count; i++) {
        const drgen_check *c = &qc->check[i];
        json_out_raw(&w.o, i ? ",{" : "[{");
        w.begun = 0;
        key(&w, "name");
        json_out_string(&w.o, c->name);
        key(&w, "verdict");
        json_out_string(&w.o, verdict[c->verdict]);
        key(&w, "value");
        json_out_string(&w.o, c->value);
        key(&w, "limit");
        json_out_string(&w.o, c->limit);
        json_out_raw(&w.o, "}");
    }
    json_out_raw(&w.o, qc->count ? "]" : "[]");
    w.begun = 1;
    open_object(&w, "figures");
    put_figures(&w, &qc->figures);
    put(&w, "strict_true_peak", qc->strict_peak);
    key(&w, "sha256");
    json_out_string(&w.o, qc->sha256);
    close_object(&w);
    if (options && options->master) put_master(&w, options->master);
    drgen_status status = options && options->settings ? put_settings(&w, options->settings, err) : DRGEN_OK;
    json_out_raw(&w.o, "}");
    if (status == DRGEN_OK && w.o.failed) status = err_fail(err, DRGEN_ERR_NOMEM, "report: out of memory");
    *out = status == DRGEN_OK ? w.o.text : NULL;
    if (status != DRGEN_OK && !w.o.failed) free(w.o.text);
    return status;
}

drgen_status drgen_qc_write(const drgen_qc *qc, const drgen_qc_options *options, const char *path, drgen_err *err)
{
    char *text;
    file_writer w;
    ERR_TRY(drgen_qc_json(qc, options, &text, err));
    drgen_status status = file_begin(&w, path, err);
    if (status == DRGEN_OK) {
        status = file_put(&w, text, strlen(text), err);
        if (status == DRGEN_OK) status = file_put(&w, "\n", 1, err);
        if (status == DRGEN_OK) status = file_commit(&w, err);
        else file_abort(&w);
    }
    free(text);
    return status;
}
