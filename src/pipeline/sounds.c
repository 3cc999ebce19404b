/* sounds.c - sound files through the public face: checks of the caller's structs around io/audio. */
#include <stdlib.h>
#include <string.h>

#include "io/audio.h"
#include "pipeline/recipe.h"

drgen_save drgen_save_default(void)
{
    return (drgen_save){.quality = -1};
}

static drgen_status check(const char *path, int channels, int rate, const drgen_save *how, audio_format *format, drgen_err *err)
{
    ERR_TRY(audio_format_of(path, format, err));
    return audio_check(path, *format, channels, rate, how, err);
}

drgen_status drgen_save_check(const char *path, int channels, int sample_rate, const drgen_save *how, drgen_err *err)
{
    const drgen_save usual = drgen_save_default();
    audio_format format;
    err_clear(err);
    return check(path, channels, sample_rate, how ? how : &usual, &format, err);
}

drgen_status drgen_audio_save(const drgen_audio *audio, const char *path, const drgen_save *how, drgen_err *err)
{
    const drgen_save usual = drgen_save_default();
    audio_format format;
    char software[64] = "drgen ";
    err_clear(err);
    if (!audio->samples || audio->frames == 0 || audio->channels < 1)
        return err_fail(err, DRGEN_ERR_ARG, "%s: there is no sound to write", path);
    if (!how) how = &usual;
    ERR_TRY(check(path, audio->channels, audio->sample_rate, how, &format, err));
    strncat(software, drgen_version(), sizeof software - 8);
    return audio_write(path, format, audio, how, software, err);
}

drgen_status drgen_audio_read(const char *path, drgen_audio *out, drgen_err *err)
{
    err_clear(err);
    return audio_read_all(path, out, err);
}

drgen_status drgen_audio_describe(const char *path, drgen_audio_info *out, drgen_err *err)
{
    audio_file *f = NULL;
    audio_info info;
    audio_tags tags;
    err_clear(err);
    *out = (drgen_audio_info){0};
    ERR_TRY(audio_open(&f, path, &info, err));
    drgen_status status = audio_tags_read(f, &tags, err);
    audio_close(f);
    if (status != DRGEN_OK) return status;
    *out = (drgen_audio_info){.format = info.format, .channels = info.channels, .sample_rate = info.rate, .bits = info.bits,
                              .real = info.real, .frames = info.frames, .seconds = info.seconds, .title = tags.title,
                              .artist = tags.artist, .software = tags.software, .comment = tags.comment};
    if (out->comment) status = recipe_recognise(out->comment, &out->recipe, err);
    if (status != DRGEN_OK) drgen_audio_info_free(out);
    if (out->recipe) {
        free(out->comment);
        out->comment = NULL;
    }
    return status;
}

void drgen_audio_info_free(drgen_audio_info *info)
{
    if (!info) return;
    free(info->title);
    free(info->artist);
    free(info->software);
    free(info->comment);
    free(info->recipe);
    *info = (drgen_audio_info){0};
}
