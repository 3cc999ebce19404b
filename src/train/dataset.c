/* dataset.c - songs prepared for training, mapped and checked. See dataset.h. */
#include "train/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dataset {
    dataset_manifest list;
    dataset_record *songs; /* [list.count] */
    dataset_info info;
};

enum { MANIFEST_MAX = 1 << 28 };

/* ---- one song */

/* The tensor of this name, type and shape; shape[0] == SIZE_MAX: of any length. */
static drgen_status need(const st_file *f, const char *name, st_type type, const size_t *shape, int dims,
                         const st_tensor **out, drgen_err *err)
{
    const st_tensor *t = *out = st_find(f, name);
    char wanted[64], found[64];
    if (!t)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: tensor %s is missing; prepare the song again", st_name(f), name);
    int same = t->type == type && t->dims == dims;
    for (int i = 0; i < dims && same; i++) same = shape[i] == t->shape[i] || (i == 0 && shape[i] == SIZE_MAX);
    if (!same)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: %s %s wanted, %s %s found", st_name(f), name,
                        st_type_name(type), st_shape_text(wanted, sizeof wanted, shape, dims), st_type_name(t->type),
                        st_shape_text(found, sizeof found, t->shape, t->dims));
    if (t->count && (uintptr_t)t->data % st_type_size(type))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: its data are not aligned; prepare the song again", st_name(f),
                        name);
    return DRGEN_OK;
}

static drgen_status check_finite(const st_file *f, const char *name, const float *x, size_t count, drgen_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: value %zu is not a finite number", st_name(f), name, i);
    return DRGEN_OK;
}

static drgen_status read_sound(dataset_record *r, const dataset_info *info, drgen_err *err)
{
    const st_file *f = r->file;
    const st_tensor *t;
    ERR_TRY(need(f, "mean", ST_F32, (const size_t[]){SIZE_MAX, info->latent_dim}, 2, &t, err));
    if (t->shape[0] == 0 || t->shape[0] > DATASET_MAX_FRAMES)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: mean: %zu frames; wanted 1..%d", st_name(f), t->shape[0],
                        DATASET_MAX_FRAMES);
    r->song.frames = t->shape[0];
    r->song.mean = t->data;
    if (st_find(f, "scale")) {
        ERR_TRY(need(f, "scale", ST_F32, (const size_t[]){r->song.frames, info->latent_dim}, 2, &t, err));
        r->song.scale = t->data;
    }
    ERR_TRY(need(f, "style", ST_F32, &info->style_dim, 1, &t, err));
    r->song.style = t->data;
    return check_finite(f, "style", t->data, t->count, err);
}

static drgen_status read_lines(dataset_record *r, drgen_err *err)
{
    const st_file *f = r->file;
    const st_tensor *seconds, *starts, *tokens;
    size_t any = SIZE_MAX;
    ERR_TRY(need(f, "line_seconds", ST_F64, &any, 1, &seconds, err));
    size_t count = seconds->count, more = count + 1;
    ERR_TRY(need(f, "line_start", ST_I32, &more, 1, &starts, err));
    ERR_TRY(need(f, "tokens", ST_I32, &any, 1, &tokens, err));
    const double *at = seconds->data;
    const int32_t *start = starts->data, *ids = tokens->data;
    if (tokens->count > DATASET_MAX_FRAMES || start[0] != 0 || start[count] < 0 ||
        (size_t)start[count] != tokens->count)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: line_start: does not span the %zu tokens", st_name(f),
                        tokens->count);
    r->lines = calloc(count + 1, sizeof *r->lines);
    if (!r->lines) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", st_name(f));
    for (size_t i = 0; i < count; i++) {
        if (start[i] > start[i + 1] || (size_t)start[i + 1] > tokens->count)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: line_start: line %zu ends before it begins", st_name(f), i);
        if (!(at[i] >= 0 && at[i] <= 1e9))
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: line_seconds: line %zu starts at %g s", st_name(f), i, at[i]);
        r->lines[i] = (dataset_line){at[i], ids + start[i], (size_t)(start[i + 1] - start[i])};
    }
    for (size_t i = 0; i < tokens->count; i++) {
        if (ids[i] < 1 || ids[i] > DATASET_MAX_ID)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: tokens: token %zu is %d", st_name(f), i, (int)ids[i]);
        if (ids[i] > r->max_id) r->max_id = ids[i];
    }
    r->song.lines = r->lines;
    r->song.line_count = count;
    r->tokens = tokens->count;
    return DRGEN_OK;
}

drgen_status dataset_record_open(dataset_record *out, st_file *file, const dataset_info *info, drgen_err *err)
{
    *out = (dataset_record){.file = file};
    drgen_status status = read_sound(out, info, err);
    if (status == DRGEN_OK) status = read_lines(out, err);
    if (status != DRGEN_OK) dataset_record_close(out);
    return status;
}

drgen_status dataset_record_look(dataset_record *r, const dataset_info *info, drgen_err *err)
{
    size_t count = r->song.frames * info->latent_dim;
    if (r->finite) return DRGEN_OK;
    ERR_TRY(check_finite(r->file, "mean", r->song.mean, count, err));
    if (r->song.scale) ERR_TRY(check_finite(r->file, "scale", r->song.scale, count, err));
    r->finite = 1;
    return DRGEN_OK;
}

void dataset_record_close(dataset_record *r)
{
    if (!r) return;
    st_close(r->file);
    free(r->lines);
    *r = (dataset_record){0};
}

/* ---- the folder */

static drgen_status open_song(dataset *d, const char *dir, size_t i, drgen_err *err)
{
    const dataset_entry *e = &d->list.entries[i];
    dataset_record *r = &d->songs[i];
    st_file *file = NULL;
    char *path = file_join(dir, e->file);
    if (!path) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    drgen_status status = st_open(&file, path, err);
    free(path);
    if (status != DRGEN_OK) return status;
    ERR_TRY(dataset_record_open(r, file, &d->info, err));
    if (r->song.frames != e->frames || r->song.line_count != e->lines || r->tokens != e->tokens)
        return err_fail(err, DRGEN_ERR_FORMAT,
                        "%s: %zu frames, %zu lines and %zu tokens, but dataset.jsonl says %zu, %zu and %zu; "
                        "prepare the song again",
                        st_name(r->file), r->song.frames, r->song.line_count, r->tokens, e->frames, e->lines,
                        e->tokens);
    r->song.name = e->name;
    d->info.frames += r->song.frames;
    if (r->max_id > d->info.max_id) d->info.max_id = r->max_id;
    return DRGEN_OK;
}

static drgen_status read_manifest(dataset_manifest *out, const char *dir, drgen_err *err)
{
    file_bytes bytes = {0};
    char *path = file_join(dir, "dataset.jsonl");
    drgen_status status =
        path ? file_map(&bytes, path, MANIFEST_MAX, err) : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status == DRGEN_OK) status = dataset_manifest_read(out, (const char *)bytes.data, bytes.size, path, err);
    file_close(&bytes);
    free(path);
    return status;
}

drgen_status dataset_open(dataset **out, const char *dir, drgen_err *err)
{
    *out = NULL;
    dataset *d = calloc(1, sizeof *d);
    if (!d) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    drgen_status status = read_manifest(&d->list, dir, err);
    d->info = d->list.info;
    if (status == DRGEN_OK && d->list.count == 0)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: a dataset without a song; add some with `drgen prepare`", dir);
    if (status == DRGEN_OK && !(d->songs = calloc(d->list.count, sizeof *d->songs)))
        status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    for (size_t i = 0; i < d->list.count && status == DRGEN_OK; i++) status = open_song(d, dir, i, err);
    if (status != DRGEN_OK) dataset_close(d);
    else *out = d;
    return status;
}

void dataset_close(dataset *d)
{
    if (!d) return;
    for (size_t i = 0; d->songs && i < d->list.count; i++) dataset_record_close(&d->songs[i]);
    free(d->songs);
    dataset_manifest_free(&d->list);
    free(d);
}

size_t dataset_count(const dataset *d)
{
    return d->list.count;
}

const dataset_info *dataset_get_info(const dataset *d)
{
    return &d->info;
}

drgen_status dataset_get(dataset *d, size_t i, dataset_song *out, drgen_err *err)
{
    ERR_TRY(dataset_record_look(&d->songs[i], &d->info, err));
    *out = d->songs[i].song;
    return DRGEN_OK;
}
