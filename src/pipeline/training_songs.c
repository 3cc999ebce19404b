/* training_songs.c - crops of prepared songs for the trainer. Differs from the original's loader: a crop is not ended at
 * its last line (the song goes on behind it), and a song without lines is music without words, not skipped. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "pipeline/training.h"

drgen_status training_songs_open(training_songs *out, const char *dir, const dit_cfg *cfg, size_t held, drgen_err *err)
{
    *out = (training_songs){.held = held, .max_frames = cfg->max_frames};
    ERR_TRY(dataset_open(&out->songs, dir, err));
    const dataset_info *i = dataset_get_info(out->songs);
    drgen_status status = DRGEN_OK;
    if (i->latent_dim != (size_t)cfg->mel_dim || i->style_dim != (size_t)cfg->cond_dim)
        status = err_fail(err, DRGEN_ERR_MODEL,
                          "%s: latents of %zu and styles of %zu values, the model has %d and %d; prepare the songs "
                          "with this model",
                          dir, i->latent_dim, i->style_dim, cfg->mel_dim, cfg->cond_dim);
    else if (i->max_id > cfg->text_num_embeds)
        status = err_fail(err, DRGEN_ERR_MODEL,
                          "%s: has token %d, the model knows 0..%d; prepare the songs with this model", dir,
                          (int)i->max_id, cfg->text_num_embeds);
    else if (held >= dataset_count(out->songs))
        status = err_fail(err, DRGEN_ERR_ARG, "%s: %zu songs, of which %zu are held back for validation: none is left",
                          dir, dataset_count(out->songs), held);
    for (size_t k = 0; k < dataset_count(out->songs) && status == DRGEN_OK; k++) {
        dataset_song song;
        status = dataset_get(out->songs, k, &song, err);
        if (status == DRGEN_OK && song.line_count > out->room_count) out->room_count = song.line_count;
    }
    if (status == DRGEN_OK && !(out->room = calloc(out->room_count + 1, sizeof *out->room)))
        status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status != DRGEN_OK) training_songs_close(out);
    return status;
}

void training_songs_close(training_songs *s)
{
    if (!s) return;
    dataset_close(s->songs);
    free(s->room);
    free(s->noise);
    *s = (training_songs){0};
}

/* Frames of the song from `from` on, drawn anew where mean and scale are known. */
static drgen_status put_latent(training_songs *s, const dataset_song *song, size_t from, size_t frames, uint64_t key,
                               float *out, drgen_err *err)
{
    size_t dim = dataset_get_info(s->songs)->latent_dim, count = frames * dim, at = from * dim;
    if (!song->scale) {
        memcpy(out, song->mean + at, count * sizeof *out);
        return DRGEN_OK;
    }
    if (s->noise_count < count) {
        float *grown = realloc(s->noise, count * sizeof *grown);
        if (!grown) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", song->name);
        s->noise = grown;
        s->noise_count = count;
    }
    rng_torch rng;
    rng_torch_seed(&rng, flow_seed(key, 1));
    rng_torch_normal(&rng, s->noise, count);
    vae_bottleneck(out, song->mean + at, song->scale + at, s->noise, count);
    return DRGEN_OK;
}

/* Lines that begin inside the crop, on its grid. */
static void put_lines(training_songs *s, const dataset_song *song, size_t from, size_t frames, int32_t *grid,
                      size_t room)
{
    const dataset_info *info = dataset_get_info(s->songs);
    double frame = (double)info->hop / (double)info->rate, start = (double)from * frame,
           length = (double)frames * frame;
    size_t count = 0;
    for (size_t i = 0; i < song->line_count; i++) {
        const dataset_line *l = &song->lines[i];
        double at = l->seconds - start;
        if (at >= 0 && at < length) s->room[count++] = (frames_line){.seconds = at, .ids = l->ids, .count = l->count};
    }
    frames_place(grid, room, 0, length, s->room, count, 1, NULL, NULL);
}

static drgen_status get(void *user, size_t index, int validation, uint64_t key, flow_batch *b, size_t slot,
                        drgen_err *err)
{
    training_songs *s = user;
    dataset_song song;
    uint64_t state = key;
    size_t count = dataset_count(s->songs);
    if (validation) index = s->held ? count - s->held + index % s->held : index % count;
    ERR_TRY(dataset_get(s->songs, index, &song, err));
    size_t length = song.frames < b->frames ? song.frames : b->frames,
           from = (size_t)(rng_split(&state) % (song.frames - length + 1));
    b->length[slot] = length;
    b->start[slot] = (float)((double)from / (double)song.frames);
    b->duration[slot] = (float)((double)length / (double)s->max_frames);
    memcpy(b->style + slot * b->style_dim, song.style, b->style_dim * sizeof *b->style);
    put_lines(s, &song, from, length, b->text + slot * b->frames, b->frames);
    return put_latent(s, &song, from, length, key, b->latent + slot * b->frames * b->mel, err);
}

train_source training_source(training_songs *s, size_t validate)
{
    return (train_source){
        .count = dataset_count(s->songs) - s->held, .validation = s->held ? s->held : validate, .get = get, .user = s};
}
