/* planar.c - see planar.h. */
#include "pipeline/planar.h"

#include <stdint.h>
#include <stdlib.h>

drgen_status planar_open(sound *out, const drgen_audio *audio, drgen_err *err)
{
    *out = (sound){.frames = audio->frames, .channels = audio->channels, .rate = audio->sample_rate};
    if (audio->channels < 1 || audio->channels > DRGEN_MAX_CHANNELS)
        return err_fail(err, DRGEN_ERR_ARG, "a sound of %d channels; wanted 1..%d", audio->channels, DRGEN_MAX_CHANNELS);
    if (audio->sample_rate < 1 || (audio->frames && !audio->samples) || audio->frames > SIZE_MAX / 64)
        return err_fail(err, DRGEN_ERR_ARG, "a sound of %zu frames at %d Hz without samples", audio->frames,
                        audio->sample_rate);
    size_t channels = (size_t)audio->channels;
    for (size_t c = 0; c < channels; c++) {
        float *row = malloc((audio->frames + 1) * sizeof *row);
        if (!row) {
            planar_free(out);
            return err_fail(err, DRGEN_ERR_NOMEM, "out of memory: %zu bytes for %zu frames of %zu channels",
                            channels * audio->frames * sizeof *row, audio->frames, channels);
        }
        out->channel[c] = row;
        for (size_t i = 0; i < audio->frames; i++) row[i] = audio->samples[i * channels + c];
    }
    return DRGEN_OK;
}

void planar_free(sound *x)
{
    for (int c = 0; c < DRGEN_MAX_CHANNELS; c++) {
        free(x->channel[c]);
        x->channel[c] = NULL;
    }
}

drgen_status planar_back(drgen_audio *audio, sound *x, drgen_err *err)
{
    size_t channels = (size_t)x->channels;
    free(audio->samples);
    *audio = (drgen_audio){.channels = x->channels, .sample_rate = x->rate};
    audio->samples = malloc((x->frames * channels + 1) * sizeof *audio->samples);
    if (!audio->samples) {
        planar_free(x);
        return err_fail(err, DRGEN_ERR_NOMEM, "out of memory: %zu bytes for %zu frames", channels * x->frames * sizeof(float),
                        x->frames);
    }
    audio->frames = x->frames;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < x->frames; i++) audio->samples[i * channels + c] = x->channel[c][i];
        free(x->channel[c]);
        x->channel[c] = NULL;
    }
    return DRGEN_OK;
}
