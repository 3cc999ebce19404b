/* master.c - mastering and measuring through the public face: the caller's samples to rows, the reference to match, and
 * back. */
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/compat.h"
#include "dsp/deliver.h"
#include "dsp/figures.h"
#include "dsp/master.h"
#include "io/audio.h"
#include "pipeline/planar.h"

drgen_status drgen_mastering_preset(const char *name, drgen_mastering *out, drgen_err *err)
{
    err_clear(err);
    return master_preset(name, out, err);
}

const char *drgen_mastering_name(int index)
{
    return master_preset_name(index);
}

/* The recording whose colour, and perhaps loudness, is wanted; more than two channels are mixed to one. */
static drgen_status read_reference(const char *path, match_curve **out, double *lufs, drgen_err *err)
{
    drgen_audio audio = {0};
    sound x = {0};
    loudness_figures f;
    *out = malloc(sizeof **out);
    if (!*out) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    drgen_status status = audio_read_all(path, &audio, err);
    if (status == DRGEN_OK) status = planar_open(&x, &audio, err);
    drgen_audio_free(&audio);
    for (size_t i = 0; status == DRGEN_OK && x.channels > 2 && i < x.frames; i++) {
        double sum = 0;
        for (int c = 0; c < x.channels; c++) sum += (double)x.channel[c][i];
        x.channel[0][i] = (float)(sum / x.channels);
    }
    if (x.channels > 2) x.channels = 1;
    if (status == DRGEN_OK) status = match_measure(*out, &x, err);
    if (status == DRGEN_OK) status = loudness_measure(&f, &x, kern_best(), err);
    *lufs = status == DRGEN_OK ? f.integrated : -INFINITY;
    planar_free(&x);
    if (status != DRGEN_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

/* Memory the system could give now, in bytes (Linux: MemAvailable); SIZE_MAX where it does not tell. */
static size_t available_memory(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    unsigned long long kib, found = ULLONG_MAX;
    char line[128];
    while (f && found == ULLONG_MAX && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) found = kib;
    if (f) fclose(f);
    return found > SIZE_MAX / 1024 ? SIZE_MAX : (size_t)found * 1024;
}

/* A sound too long for this machine is refused before the work, not in the middle of it. */
static drgen_status check_memory(const drgen_audio *audio, int rate, drgen_err *err)
{
    double grown = rate > audio->sample_rate ? (double)rate / audio->sample_rate : 1;
    size_t bytes = audio->frames * (size_t)audio->channels * sizeof(float), room = available_memory();
    double need = 2.2 * grown * (double)bytes + 16e6;
    if (need <= (double)room) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_NOMEM, "mastering %.0f minutes takes %.0f bytes of memory besides the sound, %zu are free; "
                    "master it in parts", (double)audio->frames / audio->sample_rate / 60, need, room);
}

/* What would be an error later, before anything is touched. */
static drgen_status check_sound(const drgen_audio *audio, drgen_err *err)
{
    if (audio->channels < 1 || audio->channels > 2)
        return err_fail(err, DRGEN_ERR_ARG, "a sound of %d channels; mono and stereo can be mastered: mix it down first",
                        audio->channels);
    size_t channels = (size_t)audio->channels;
    for (size_t i = 0; i < audio->frames * channels; i++)
        if (!isfinite(audio->samples[i]))
            return err_fail(err, DRGEN_ERR_ARG, "frame %zu (%.3f s), channel %zu: not a finite number; nothing sensible can "
                            "be made of this sound", i / channels, (double)(i / channels) / audio->sample_rate,
                            i % channels + 1);
    return DRGEN_OK;
}

drgen_status drgen_master(drgen_audio *audio, const drgen_mastering *how, drgen_master_report *report, drgen_err *err)
{
    drgen_master_report unread;
    match_curve *reference = NULL;
    double lufs = -INFINITY;
    sound x = {0};
    err_clear(err);
    ERR_TRY(master_check(how, audio->sample_rate, err));
    ERR_TRY(check_sound(audio, err));
    ERR_TRY(check_memory(audio, how->rate, err));
    if (how->match) ERR_TRY(read_reference(how->match, &reference, &lufs, err));
    drgen_status status = planar_open(&x, audio, err);
    if (status == DRGEN_OK) {
        drgen_audio_free(audio);
        status = master_run(&x, how, reference, lufs, report ? report : &unread, err);
        if (status == DRGEN_OK) status = planar_back(audio, &x, err);
    }
    planar_free(&x);
    free(reference);
    return status;
}

drgen_status drgen_master_compat(drgen_audio *audio, const char *chain, const char *preset, drgen_err *err)
{
    int seed = strcmp(chain, "seed") == 0;
    sound x = {0};
    err_clear(err);
    if (!seed && strcmp(chain, "fork") != 0)
        return err_fail(err, DRGEN_ERR_ARG, "historic chain '%s' is unknown; there are seed and fork", chain);
    ERR_TRY(check_sound(audio, err));
    drgen_status status = planar_open(&x, audio, err);
    if (status == DRGEN_OK) status = compat_master(&x, seed ? COMPAT_SEED : COMPAT_FORK, preset, err);
    if (status == DRGEN_OK) status = planar_back(audio, &x, err);
    planar_free(&x);
    return status;
}

drgen_status drgen_resample(drgen_audio *audio, int rate, drgen_err *err)
{
    sound x = {0}, y = {0};
    err_clear(err);
    if (rate == audio->sample_rate) return DRGEN_OK;
    drgen_status status = planar_open(&x, audio, err);
    if (status == DRGEN_OK) status = deliver_run(&y, &x, rate, kern_best(), err);
    planar_free(&x);
    if (status == DRGEN_OK) status = planar_back(audio, &y, err);
    planar_free(&y);
    return status;
}

drgen_status drgen_measure(const drgen_audio *audio, drgen_figures *out, drgen_err *err)
{
    sound x = {0};
    err_clear(err);
    *out = (drgen_figures){0};
    drgen_status status = planar_open(&x, audio, err);
    if (status == DRGEN_OK) status = figures_measure(out, &x, kern_best(), err);
    planar_free(&x);
    return status;
}
