/* prepared_pt.c - see prepared_pt.h. */
#include "weights_tools/prepared_pt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weights_tools/source.h"

enum { WIDTH_MAX = 65536, FRAMES_MAX = 1 << 24, LIST_MAX = 1 << 26, LINES_MAX = 1 << 16 };

/* ---- tensors */

static drgen_status only_tensor(const source *s, const source_tensor **out, drgen_err *err)
{
    if (source_count(s) != 1)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: one tensor is wanted, %zu found", source_name(s), source_count(s));
    *out = source_at(s, 0);
    return DRGEN_OK;
}

static drgen_status read_floats(const source *s, const source_tensor *t, float **out, drgen_err *err)
{
    *out = malloc((t->count + 1) * sizeof **out);
    if (!*out) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", source_name(s));
    drgen_status status = source_floats(s, t, 0, t->count, *out, err);
    for (size_t i = 0; i < t->count && status == DRGEN_OK; i++)
        if (!isfinite((*out)[i]))
            status = err_fail(err, DRGEN_ERR_FORMAT, "%s: value %zu is not finite", source_name(s), i);
    if (status != DRGEN_OK) free(*out), *out = NULL;
    return status;
}

static drgen_status read_latent(const source *s, prepared_floats *out, drgen_err *err)
{
    const source_tensor *t;
    float *x = NULL;
    char shape[96];
    ERR_TRY(only_tensor(s, &t, err));
    const size_t *axes = t->shape + (t->dims == 3);
    if ((t->dims != 2 && (t->dims != 3 || t->shape[0] != 1)) || axes[0] < 1 || axes[0] > WIDTH_MAX || axes[1] < 1 ||
        axes[1] > FRAMES_MAX)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: shape [1,width,frames] wanted, %s found", source_name(s),
                        st_shape_text(shape, sizeof shape, t->shape, t->dims));
    ERR_TRY(read_floats(s, t, &x, err));
    *out = (prepared_floats){malloc(t->count * sizeof *x), axes[1], axes[0]};
    for (size_t c = 0; c < out->cols && out->data; c++)
        for (size_t f = 0; f < out->rows; f++) out->data[f * out->cols + c] = x[c * out->rows + f];
    free(x);
    return out->data ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", source_name(s));
}

drgen_status prepared_latent(const char *path, prepared_floats *out, drgen_err *err)
{
    source *s = NULL;
    *out = (prepared_floats){0};
    ERR_TRY(source_open(&s, path, err));
    drgen_status status = read_latent(s, out, err);
    source_close(s);
    return status;
}

drgen_status prepared_style(const char *path, prepared_floats *out, drgen_err *err)
{
    source *s = NULL;
    const source_tensor *t;
    *out = (prepared_floats){0};
    ERR_TRY(source_open(&s, path, err));
    drgen_status status = only_tensor(s, &t, err);
    if (status == DRGEN_OK && (t->count < 1 || t->count > WIDTH_MAX))
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: a style of %zu values; 512 are usual", path, t->count);
    if (status == DRGEN_OK) status = read_floats(s, t, &out->data, err);
    if (status == DRGEN_OK) out->rows = 1, out->cols = t->count;
    source_close(s);
    return status;
}

/* ---- lyrics */

static drgen_status read_ids(const source *s, const source_tensor *t, int32_t *out, drgen_err *err)
{
    for (size_t i = 0; i < t->count; i++) {
        int64_t wide = 0;
        int32_t narrow = 0;
        ERR_TRY(source_raw(s, t, i, 1, t->type == ST_I64 ? (void *)&wide : (void *)&narrow, err));
        if (t->type == ST_I32) wide = narrow;
        if (wide < 1 || wide > 1 << 20)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: token %zu is %lld", source_name(s), t->name, i,
                            (long long)wide);
        out[i] = (int32_t)wide;
    }
    return DRGEN_OK;
}

/* Line i's tensor; NULL with DRGEN_OK behind the last one. */
static drgen_status find_line(const source *s, size_t i, const source_tensor **t, double *seconds, drgen_err *err)
{
    char name[48];
    snprintf(name, sizeof name, "time/%zu", i);
    int timed = source_number(s, name, seconds);
    snprintf(name, sizeof name, "lrc/%zu", i);
    *t = source_find(s, name);
    if (!*t && !timed) return DRGEN_OK;
    if (!*t || !timed)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: line %zu has %s", source_name(s), i + 1,
                        *t ? "no time" : "no tokens");
    if ((*t)->type != ST_I32 && (*t)->type != ST_I64)
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: %s: tokens are whole numbers, %s found", source_name(s), name,
                        st_type_name((*t)->type));
    if (!(*seconds >= 0 && *seconds <= 1e6))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: line %zu starts at %g s", source_name(s), i + 1, *seconds);
    return DRGEN_OK;
}

static drgen_status read_lyrics(const source *s, prepared_lyrics *out, drgen_err *err)
{
    const source_tensor *t;
    double seconds = 0;
    size_t tokens = 0;
    for (size_t i = 0;; i++) {
        ERR_TRY(find_line(s, i, &t, &seconds, err));
        if (!t) break;
        if (out->count == LINES_MAX || t->count > FRAMES_MAX - tokens)
            return err_fail(err, DRGEN_ERR_FORMAT, "%s: an absurd number of lines or tokens", source_name(s));
        tokens += t->count;
        out->count++;
    }
    if (out->count == 0 && !source_find(s, "lrc") && source_count(s))
        return err_fail(err, DRGEN_ERR_FORMAT, "%s: no lists \"time\" and \"lrc\" in it: not the original's lyrics",
                        source_name(s));
    out->lines = calloc(out->count + 1, sizeof *out->lines);
    out->ids = malloc((tokens + 1) * sizeof *out->ids);
    if (!out->lines || !out->ids) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", source_name(s));
    tokens = 0;
    for (size_t i = 0; i < out->count; i++) {
        ERR_TRY(find_line(s, i, &t, &seconds, err));
        ERR_TRY(read_ids(s, t, out->ids + tokens, err));
        out->lines[i] = (drgen_token_line){seconds, out->ids + tokens, t->count};
        tokens += t->count;
    }
    return DRGEN_OK;
}

drgen_status prepared_lyrics_read(const char *path, prepared_lyrics *out, drgen_err *err)
{
    source *s = NULL;
    *out = (prepared_lyrics){0};
    ERR_TRY(source_open(&s, path, err));
    drgen_status status = read_lyrics(s, out, err);
    source_close(s);
    if (status != DRGEN_OK) prepared_lyrics_free(out);
    return status;
}

void prepared_lyrics_free(prepared_lyrics *l)
{
    if (!l) return;
    free(l->lines);
    free(l->ids);
    *l = (prepared_lyrics){0};
}

/* ---- the list */

static drgen_status read_song(const char *path, char *text, int line, prepared_song *out, drgen_err *err)
{
    char **const to[] = {&out->name, &out->lyrics, &out->latent, &out->style};
    int parts = 0;
    *out = (prepared_song){.line = line};
    for (char *at = text; at;) {
        char *bar = strchr(at, '|');
        if (bar) *bar = '\0';
        at += strspn(at, " \t");
        size_t size = strlen(at);
        while (size && strchr(" \t", at[size - 1])) size--;
        if (parts < 4 && size && !(*to[parts] = strndup(at, size)))
            return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
        parts += size > 0 ? 1 : 8;
        at = bar ? bar + 1 : NULL;
    }
    if (parts == 4) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_FORMAT, "%s: line %d: name|lrc.pt|latent.pt|style.pt wanted", path, line);
}

static void free_song(prepared_song *s)
{
    free(s->name), free(s->lyrics), free(s->latent), free(s->style);
}

static drgen_status add_line(const char *path, const char *text, size_t size, int line, prepared_list *out,
                             drgen_err *err)
{
    while (size && strchr(" \t\r", text[size - 1])) size--;
    if (size == 0 || *text == '#') return DRGEN_OK;
    if (memchr(text, 0, size)) return err_fail(err, DRGEN_ERR_FORMAT, "%s: line %d: zero bytes in it", path, line);
    prepared_song *grown = realloc(out->songs, (out->count + 1) * sizeof *grown);
    char *copy = strndup(text, size);
    if (grown) out->songs = grown;
    if (!grown || !copy) {
        free(copy);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    }
    drgen_status status = read_song(path, copy, line, &out->songs[out->count], err);
    free(copy);
    if (status == DRGEN_OK) out->count++;
    else free_song(&out->songs[out->count]);
    return status;
}

drgen_status prepared_list_read(const char *path, prepared_list *out, drgen_err *err)
{
    file_bytes bytes;
    int line = 0;
    *out = (prepared_list){0};
    ERR_TRY(file_map(&bytes, path, LIST_MAX, err));
    const char *text = (const char *)bytes.data;
    drgen_status status = DRGEN_OK;
    for (size_t at = 0; at < bytes.size && status == DRGEN_OK;) {
        const char *end = memchr(text + at, '\n', bytes.size - at);
        size_t size = end ? (size_t)(end - text) - at : bytes.size - at;
        status = add_line(path, text + at, size, ++line, out, err);
        at += size + 1;
    }
    file_close(&bytes);
    if (status != DRGEN_OK) prepared_list_free(out);
    return status;
}

void prepared_list_free(prepared_list *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->count; i++) free_song(&l->songs[i]);
    free(l->songs);
    *l = (prepared_list){0};
}

drgen_status prepared_fingerprint(const char *lyrics, const char *latent, const char *style, char hex[65],
                                  drgen_err *err)
{
    const char *const paths[] = {lyrics, latent, style};
    char all[3 * 64];
    for (int i = 0; i < 3; i++) {
        file_bytes bytes;
        ERR_TRY(file_map(&bytes, paths[i], SIZE_MAX, err));
        file_sha256(bytes.data, bytes.size, hex);
        file_close(&bytes);
        memcpy(all + 64 * i, hex, 64);
    }
    file_sha256(all, sizeof all, hex);
    return DRGEN_OK;
}

char *prepared_path(const char *list, const char *path)
{
    const char *slash = strrchr(list, '/');
    if (*path == '/' || access(path, F_OK) == 0) return strdup(path);
    char *dir = slash ? strndup(list, (size_t)(slash - list) + 1) : strdup("./");
    char *near = dir ? file_join(dir, path) : NULL, *above = dir ? file_join(dir, "..") : NULL;
    char *there = above ? file_join(above, path) : NULL, *out = NULL;
    if (near && access(near, F_OK) == 0) out = strdup(near);
    else if (there && access(there, F_OK) == 0) out = strdup(there);
    else out = strdup(path);
    free(dir), free(near), free(above), free(there);
    return out;
}
