/* cmd_qc.c - `drgen qc`: is this sound fit to be published? */
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "cli/report.h"

typedef struct {
    const char *path, *png, *report;
    double target, ceiling;
    int json, strict, show, help;
} command;

#define AT(member) offsetof(command, member)

static const opt table[] = {
    {"target-lufs", NULL, 0, OPT_REAL, AT(target), -60, 0, "LUFS", "loudness it should have (default: -14)"},
    {"ceiling", NULL, 0, OPT_REAL, AT(ceiling), -40, 40, "DBTP", "true peak it should keep (default: -1)"},
    {"strict", NULL, 0, OPT_FLAG, AT(strict), 0, 0, NULL, "exit with 3 when a check fails"},
    {"json", NULL, 0, OPT_FLAG, AT(json), 0, 0, NULL, "figures and checks as JSON"},
    {"report", NULL, 0, OPT_TEXT, AT(report), 0, 0, "FILE", "write that JSON into a file"},
    {"png", NULL, 0, OPT_TEXT, AT(png), 0, 0, "FILE", "write a picture: waveform, spectrogram, loudness"},
    {"show", NULL, 0, OPT_FLAG, AT(show), 0, 0, NULL, "print a picture"},
    {"help", NULL, 'h', OPT_FLAG, AT(help), 0, 0, NULL, "this text"},
};

enum { FAILED_CHECK = 3 };

static int fail(int code, const char *message)
{
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

/* What the file says it was made from is judged too. */
static drgen_recipe *open_recipe(const char *path)
{
    drgen_audio_info info;
    drgen_recipe *r = NULL;
    if (drgen_audio_describe(path, &info, NULL) != DRGEN_OK) return NULL;
    if (info.recipe) drgen_recipe_read(&r, info.recipe, strlen(info.recipe), path, NULL);
    drgen_audio_info_free(&info);
    return r;
}

static int judge(const command *c, const drgen_audio *audio, const drgen_qc_options *ask, drgen_qc *qc)
{
    drgen_err err = {0};
    char message[600];
    if (drgen_qc_run(audio, ask, qc, &err) != DRGEN_OK) {
        snprintf(message, sizeof message, "%s: %s", c->path, err.message);
        return fail(1, message);
    }
    if (c->png && drgen_picture_write(audio, c->path, ask->target, c->png, &err) != DRGEN_OK) return fail(1, err.message);
    if (c->report && drgen_qc_write(qc, ask, c->report, &err) != DRGEN_OK) return fail(1, err.message);
    if (c->show && report_show(audio, ask->target, message, sizeof message) != 0) return fail(1, message);
    if (!c->json) report_table(stdout, qc, NULL);
    else if (report_print(qc, ask, message, sizeof message) != 0) return fail(1, message);
    return c->strict && qc->verdict == DRGEN_FAIL ? FAILED_CHECK : 0;
}

int cmd_qc(int argc, char **argv)
{
    command c = {.target = -14, .ceiling = -1};
    opts o = {.table = table, .count = sizeof table / sizeof table[0], .word = &c.path};
    drgen_audio audio = {0};
    drgen_err err = {0};
    if (opts_parse(&o, argc, argv, &c) != 0) return fail(2, o.message);
    if (c.help) {
        printf("usage: drgen qc FILE [options]\nMeasures a sound and says whether it is fit to be published. Exit code 0, or 3 when a "
               "check fails and --strict is given.\n");
        opts_help(&o, stdout);
        return 0;
    }
    if (!c.path) return fail(2, "qc: which file? see drgen qc --help");
    if (drgen_audio_read(c.path, &audio, &err) != DRGEN_OK) return fail(1, err.message);
    drgen_recipe *recipe = open_recipe(c.path);
    drgen_qc *qc = malloc(sizeof *qc);
    drgen_qc_options ask = drgen_qc_default();
    ask.target = c.target;
    ask.ceiling = c.ceiling;
    if (recipe) {
        ask.song = drgen_recipe_song(recipe);
        ask.guidance = drgen_recipe_get_notes(recipe)->guidance;
    }
    int code = qc ? judge(&c, &audio, &ask, qc) : fail(1, "out of memory");
    free(qc);
    drgen_recipe_free(recipe);
    drgen_audio_free(&audio);
    return fflush(stdout) != 0 && code != 1 ? fail(1, "standard output: write failed") : code;
}
