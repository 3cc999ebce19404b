/* cmd_master.c - `drgen master`: a sound file in, a finished one out, with the proof beside it. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/delivery.h"
#include "cli/master_opts.h"
#include "cli/progress.h"
#include "cli/report.h"

typedef struct {
    master_opts o;
    drgen_audio_info info;
    drgen_audio audio;
    drgen_master_report done;
    drgen_qc_options ask;
    drgen_qc qc;
    drgen_err err;
    char message[600];
} session;

static int fail(int code, const char *message)
{
    fprintf(stderr, "drgen: %s\n", message);
    return code;
}

static int print_settings(const master_opts *o)
{
    drgen_err err = {0};
    char *text;
    if (o->compat) return fail(2, "--list shows the settings of presets, not of --compat");
    if (drgen_mastering_json(&o->set, &text, &err) != DRGEN_OK) return fail(1, err.message);
    puts(text);
    free(text);
    return 0;
}

static drgen_save save_settings(const session *s)
{
    drgen_save how = drgen_save_default();
    how.bits = s->o.bits;
    how.quality = s->o.quality;
    how.title = s->o.title ? s->o.title : s->info.title;
    how.artist = s->o.artist ? s->o.artist : s->info.artist;
    how.recipe = s->info.recipe; /* whatever was said of how the song was made stays true */
    return how;
}

/* Whether the result can be written, before any work. */
static int check_output(session *s)
{
    drgen_save how = save_settings(s);
    int channels = s->info.channels, rate = delivery_rate(s->o.output, s->o.rate, s->info.sample_rate);
    struct stat in, out;
    if (stat(s->o.input, &in) == 0 && stat(s->o.output, &out) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
        snprintf(s->message, sizeof s->message, "%s: the result would replace what it is made from; choose another name", s->o.output);
        return -1;
    }
    if (s->o.compat && rate != s->info.sample_rate) {
        snprintf(s->message, sizeof s->message, "--compat keeps the rate of %d Hz, %s needs %d", s->info.sample_rate, s->o.output, rate);
        return -1;
    }
    if (drgen_save_check(s->o.output, channels, rate, &how, &s->err) != DRGEN_OK) {
        snprintf(s->message, sizeof s->message, "%s", s->err.message);
        return -1;
    }
    const char *const files[] = {s->o.output, s->o.report, s->o.png};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i] && delivery_probe(files[i], s->message, sizeof s->message) != 0) return -1;
    return 0;
}

static drgen_status work(session *s)
{
    drgen_figures before;
    drgen_status status = drgen_audio_read(s->o.input, &s->audio, &s->err);
    if (status == DRGEN_OK && s->audio.frames == 0) {
        s->err = (drgen_err){.code = DRGEN_ERR_FORMAT};
        snprintf(s->err.message, sizeof s->err.message, "%s: there is no sound in it", s->o.input);
        return DRGEN_ERR_FORMAT;
    }
    if (status == DRGEN_OK) status = drgen_measure(&s->audio, &before, &s->err);
    if (status != DRGEN_OK) return status;
    s->ask = drgen_qc_default();
    s->ask.input_clip_runs = before.clip_runs;
    if (s->o.compat) {
        s->ask.planned_frames = s->audio.frames;
        return drgen_master_compat(&s->audio, s->o.compat, s->o.preset ? s->o.preset : "balanced", &s->err);
    }
    drgen_mastering *m = &s->o.set;
    int rate = delivery_rate(s->o.output, s->o.rate, s->audio.sample_rate);
    m->bits = delivery_bits(s->o.output, s->o.bits);
    m->rate = rate == s->audio.sample_rate ? 0 : rate;
    s->ask.target = m->target;
    s->ask.ceiling = m->ceiling;
    s->ask.master = &s->done;
    s->ask.settings = m;
    status = drgen_master(&s->audio, m, &s->done, &s->err);
    if (m->match_loudness && isfinite(s->done.lufs)) s->ask.target = s->done.lufs;
    return status;
}

/* Signals wait while files land, so that each is whole or not there. */
static drgen_status write_all(session *s)
{
    sigset_t block, old;
    drgen_save how = save_settings(s);
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    sigprocmask(SIG_BLOCK, &block, &old);
    drgen_status status = drgen_audio_save(&s->audio, s->o.output, &how, &s->err);
    if (status == DRGEN_OK && s->o.png)
        status = drgen_picture_write(&s->audio, how.title, s->ask.target, s->o.png, &s->err);
    if (status == DRGEN_OK && s->o.report) status = drgen_qc_write(&s->qc, &s->ask, s->o.report, &s->err);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return status;
}

static int say(session *s, double seconds)
{
    char line[256];
    report_line(line, sizeof line, &s->qc, s->ask.master);
    if (!s->o.quiet) {
        fprintf(stderr, "%s\n", line);
        if (s->done.width_kept) fprintf(stderr, "the stereo image was not widened: its sides would have opposed each other\n");
        fprintf(stderr, "%.1f s of sound in %.2f s\n", s->qc.figures.seconds, seconds);
    }
    if (s->o.show && report_show(&s->audio, s->ask.target, s->message, sizeof s->message) != 0) return fail(1, s->message);
    if (s->o.json) return report_print(&s->qc, &s->ask, s->message, sizeof s->message) != 0 ? fail(1, s->message) : 0;
    puts(s->o.output);
    return 0;
}

/* Lossy formats move peaks after the limiter has set them: the file is read again, and said what it takes if it peaks
 * higher than was asked for. */
static void hear_again(session *s)
{
    drgen_figures f;
    drgen_err err = {0};
    if (s->o.quiet || s->o.compat || !delivery_lossy(s->o.output)) return;
    drgen_audio_free(&s->audio);
    if (drgen_audio_read(s->o.output, &s->audio, &err) != DRGEN_OK || drgen_measure(&s->audio, &f, &err) != DRGEN_OK) return;
    if (!(f.true_peak > s->o.set.ceiling)) return;
    fprintf(stderr, "as it is decoded from %s it peaks at %.1f dBTP; --ceiling %.1f leaves room for that\n", s->o.output, f.true_peak,
            s->o.set.ceiling - (f.true_peak - s->o.set.ceiling) - 0.1);
}

static int run(session *s)
{
    double start = progress_now();
    if (drgen_audio_describe(s->o.input, &s->info, &s->err) != DRGEN_OK) return fail(1, s->err.message);
    if (check_output(s) != 0) return fail(1, s->message);
    drgen_status status = work(s);
    if (status == DRGEN_OK) status = drgen_qc_run(&s->audio, &s->ask, &s->qc, &s->err);
    if (status == DRGEN_OK) status = write_all(s);
    if (status == DRGEN_OK) {
        int code = say(s, progress_now() - start);
        hear_again(s);
        return code;
    }
    const char *other = s->o.match ? s->o.match : s->o.input;
    int named = strncmp(s->err.message, s->o.input, strlen(s->o.input)) == 0 ||
                strncmp(s->err.message, other, strlen(other)) == 0 || strchr(s->err.message, '/') != NULL;
    snprintf(s->message, sizeof s->message, "%s%s%s", named ? "" : s->o.input, named ? "" : ": ", s->err.message);
    return fail(1, s->message);
}

int cmd_master(int argc, char **argv)
{
    session *s = calloc(1, sizeof *s);
    if (!s) return fail(1, "out of memory");
    int code;
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then a failed write like any other */
    if (master_opts_parse(&s->o, argc, argv, s->message, sizeof s->message) != 0) code = fail(2, s->message);
    else if (s->o.help) {
        master_opts_help(stdout);
        code = 0;
    } else code = s->o.list ? print_settings(&s->o) : run(s);
    drgen_audio_info_free(&s->info);
    drgen_audio_free(&s->audio);
    free(s);
    return fflush(stdout) != 0 && !code ? fail(1, "standard output: write failed") : code;
}
