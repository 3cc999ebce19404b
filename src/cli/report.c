/* report.c - see report.h. */
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const verdicts[] = {"pass", "warn", "FAIL", "-"};

void report_line(char *out, size_t room, const drgen_qc *qc, const drgen_master_report *master)
{
    const drgen_figures *f = &qc->figures;
    if (!isfinite(f->loudness.integrated)) {
        snprintf(out, room, "no loudness to speak of: silent, or under 0.4 s");
        return;
    }
    int n = snprintf(out, room, "%.1f LUFS, %.2f dBTP, LRA %.1f LU, %.1f dB between peak and loudness", f->loudness.integrated,
                     qc->strict_peak, f->loudness.range, f->plr);
    if (master && n > 0 && (size_t)n < room)
        n += snprintf(out + n, room - (size_t)n, ", limited by up to %.1f dB%s", master->max_reduction,
                      master->status == DRGEN_MASTER_LIMITED ? " (more was asked for)" : "");
}

static void number(FILE *out, const char *name, double v, const char *unit)
{
    if (isfinite(v)) fprintf(out, "%-22s%9.2f %s\n", name, v, unit);
    else fprintf(out, "%-22s%9s\n", name, "-");
}

void report_table(FILE *out, const drgen_qc *qc, const drgen_master_report *master)
{
    const drgen_figures *f = &qc->figures;
    fprintf(out, "%d Hz, %d channel%s, %.3f s\n\n", f->rate, f->channels, f->channels == 1 ? "" : "s", f->seconds);
    number(out, "integrated", f->loudness.integrated, "LUFS");
    number(out, "momentary, largest", f->loudness.max_momentary, "LUFS");
    number(out, "short-term, largest", f->loudness.max_short_term, "LUFS");
    number(out, "loudness range", f->loudness.range, "LU");
    number(out, "true peak", qc->strict_peak, "dBTP");
    number(out, "sample peak", f->sample_peak, "dBFS");
    number(out, "peak to loudness", f->plr, "dB");
    number(out, "crest", f->crest, "dB");
    if (f->channels == 2) {
        number(out, "correlation", f->correlation, "");
        number(out, "balance, left", f->balance, "LU");
        number(out, "side to middle", f->side_mid, "dB");
    }
    if (master) {
        number(out, "drive", master->drive, "dB");
        number(out, "reduction, largest", master->max_reduction, "dB");
        number(out, "reduction, mean", master->mean_reduction, "dB");
    }
    fputc('\n', out);
    for (int i = 0; i < qc->count; i++) {
        const drgen_check *c = &qc->check[i];
        fprintf(out, "%-5s %-20s %-44s %s\n", verdicts[c->verdict], c->name, c->value, c->limit);
    }
    fprintf(out, "\n%s\n", qc->verdict == DRGEN_FAIL ? "FAIL" : verdicts[qc->verdict]);
}

static int put(FILE *f, const char *text)
{
    return fputs(text, f) >= 0 && fputc('\n', f) != EOF ? 0 : -1;
}

int report_print(const drgen_qc *qc, const drgen_qc_options *options, char *message, size_t room)
{
    char *text = NULL;
    drgen_err err = {0};
    if (drgen_qc_json(qc, options, &text, &err) != DRGEN_OK) {
        snprintf(message, room, "%s", err.message);
        return -1;
    }
    int bad = put(stdout, text);
    free(text);
    if (bad) snprintf(message, room, "standard output: write failed");
    return bad;
}

int report_show(const drgen_audio *audio, double target, char *message, size_t room)
{
    struct winsize w;
    drgen_err err = {0};
    char *text;
    int terminal = isatty(STDOUT_FILENO), columns = 80;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) columns = w.ws_col;
    if (drgen_picture_text(audio, target, columns, terminal, &text, &err) != DRGEN_OK) {
        snprintf(message, room, "%s", err.message);
        return -1;
    }
    fputs(text, stdout);
    free(text);
    return 0;
}
