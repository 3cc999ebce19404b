/* dataset_write.c - see dataset_write.h. */
#include "train/dataset_write.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strmap.h"
#include "base/utf8.h"
#include "io/json.h"

struct dataset_writer {
    char *dir;
    dataset_manifest list;
};

static drgen_status no_memory(const dataset_writer *w, drgen_err *err)
{
    return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", w->dir);
}

static drgen_status make_folder(const char *path, drgen_err *err)
{
    struct stat st;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_IO, "%s: cannot make this folder: %s", path, strerror(errno));
}

/* What is there already: its manifest, or nothing. A folder with other things in it is not made a dataset. */
static drgen_status read_old(dataset_writer *w, const dataset_info *info, drgen_err *err)
{
    char *path = file_join(w->dir, "dataset.jsonl"), *songs = file_join(w->dir, "songs");
    file_bytes bytes = {0};
    drgen_status status = path && songs ? make_folder(w->dir, err) : no_memory(w, err);
    if (status == DRGEN_OK) status = make_folder(songs, err);
    if (status == DRGEN_OK && access(path, F_OK) == 0) {
        status = file_map(&bytes, path, (size_t)1 << 28, err);
        if (status == DRGEN_OK)
            status = dataset_manifest_read(&w->list, (const char *)bytes.data, bytes.size, path, err);
        file_close(&bytes);
    }
    const dataset_info *old = &w->list.info;
    if (status == DRGEN_OK && old->latent_dim == 0) w->list.info = *info;
    else if (status == DRGEN_OK && info->latent_dim &&
             (old->latent_dim != info->latent_dim || old->style_dim != info->style_dim || old->hop != info->hop ||
              old->rate != info->rate))
        status = err_fail(err, DRGEN_ERR_ARG,
                          "%s: its songs have latents %zu and styles %zu wide, this model makes %zu and %zu; "
                          "give another folder",
                          w->dir, old->latent_dim, old->style_dim, info->latent_dim, info->style_dim);
    free(path), free(songs);
    return status;
}

drgen_status dataset_create(dataset_writer **out, const char *dir, const dataset_info *info, drgen_err *err)
{
    *out = NULL;
    dataset_writer *w = calloc(1, sizeof *w);
    if (w) w->dir = strdup(dir);
    drgen_status status =
        w && w->dir ? read_old(w, info, err) : err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", dir);
    if (status != DRGEN_OK) dataset_writer_close(w);
    else *out = w;
    return status;
}

void dataset_writer_close(dataset_writer *w)
{
    if (!w) return;
    dataset_manifest_free(&w->list);
    free(w->dir);
    free(w);
}

size_t dataset_writer_count(const dataset_writer *w)
{
    return w->list.count;
}

static dataset_entry *find(const dataset_writer *w, const char *name)
{
    for (size_t i = 0; i < w->list.count; i++)
        if (strcmp(w->list.entries[i].name, name) == 0) return &w->list.entries[i];
    return NULL;
}

/* Whether a song's file is there, whole, and says it came from this. */
static int is_made(const dataset_writer *w, const dataset_entry *e, const char *fingerprint)
{
    char *path = file_join(w->dir, e->file);
    st_file *file = NULL;
    dataset_record r = {0};
    int made = path && st_open(&file, path, NULL) == DRGEN_OK;
    if (made) {
        const char *of = st_metadata(file, "fingerprint");
        made = of && strcmp(of, fingerprint) == 0;
        if (!made) st_close(file);
    }
    if (made) made = dataset_record_open(&r, file, &w->list.info, NULL) == DRGEN_OK && r.song.frames == e->frames;
    dataset_record_close(&r);
    free(path);
    return made;
}

int dataset_has(const dataset_writer *w, const char *name, const char *fingerprint)
{
    const dataset_entry *e = find(w, name);
    return e && is_made(w, e, fingerprint);
}

/* ---- writing a song */

/* songs/NAME.safetensors with everything that file systems, train.scp or people stumble over replaced; a name that had
 * to change, or is long, gets its hash. malloc'd. */
static char *file_name(const char *name)
{
    enum { KEEP = 120 };
    size_t size = strlen(name), n = 0;
    char hex[65], *out = malloc(KEEP + 48);
    int changed = size > KEEP || *name == '.';
    if (!out) return NULL;
    memcpy(out, "songs/", 6);
    for (size_t i = 0; i < size && n < KEEP;) {
        uint32_t cp;
        size_t k = utf8_decode(name + i, size - i, &cp);
        if (n + k > KEEP) break;
        if (k == 0 || cp < 0x20 || cp == 0x7f || strchr("/\\|:*?\"<>", (int)(cp < 0x80 ? cp : 'a')) ||
            (i == 0 && cp == '.')) {
            out[6 + n++] = '_';
            changed = 1;
            i += k ? k : 1;
            continue;
        }
        memcpy(out + 6 + n, name + i, k);
        n += k;
        i += k;
    }
    file_sha256(name, size, hex);
    snprintf(out + 6 + n, 48, "%s%.*s.safetensors", changed ? "-" : "", changed ? 8 : 0, hex);
    return out;
}

static drgen_status check(const dataset_addition *a, const dataset_info *info, size_t *tokens, drgen_err *err)
{
    const dataset_song *s = &a->song;
    *tokens = 0;
    if (!s->name || !*s->name || utf8_valid(s->name, strlen(s->name)) != strlen(s->name))
        return err_fail(err, DRGEN_ERR_ARG, "dataset: a song's name is empty or not UTF-8");
    if (s->frames < 1 || s->frames > DATASET_MAX_FRAMES)
        return err_fail(err, DRGEN_ERR_ARG, "%s: %zu latent frames; wanted 1..%d", s->name, s->frames,
                        DATASET_MAX_FRAMES);
    for (size_t i = 0; i < s->frames * info->latent_dim; i++)
        if (!isfinite(s->mean[i]) || (s->scale && !isfinite(s->scale[i])))
            return err_fail(err, DRGEN_ERR_ARG, "%s: latent frame %zu is not finite", s->name, i / info->latent_dim);
    for (size_t i = 0; i < info->style_dim; i++)
        if (!isfinite(s->style[i])) return err_fail(err, DRGEN_ERR_ARG, "%s: its style is not finite", s->name);
    for (size_t i = 0; i < s->line_count; i++) {
        const dataset_line *l = &s->lines[i];
        if (!(l->seconds >= 0 && l->seconds <= 1e9))
            return err_fail(err, DRGEN_ERR_ARG, "%s: line %zu starts at %g s", s->name, i + 1, l->seconds);
        for (size_t k = 0; k < l->count; k++)
            if (l->ids[k] < 1 || l->ids[k] > DATASET_MAX_ID)
                return err_fail(err, DRGEN_ERR_ARG, "%s: line %zu: token %d", s->name, i + 1, (int)l->ids[k]);
        if (l->count > DATASET_MAX_FRAMES - *tokens)
            return err_fail(err, DRGEN_ERR_ARG, "%s: too many tokens", s->name);
        *tokens += l->count;
    }
    return DRGEN_OK;
}

static drgen_status declare(st_writer *f, const dataset_addition *a, const dataset_info *info, size_t tokens,
                            drgen_err *err)
{
    const dataset_song *s = &a->song;
    size_t latent[2] = {s->frames, info->latent_dim}, starts = s->line_count + 1;
    ERR_TRY(st_declare(f, "line_seconds", ST_F64, &s->line_count, 1, err));
    ERR_TRY(st_declare(f, "mean", ST_F32, latent, 2, err));
    if (s->scale) ERR_TRY(st_declare(f, "scale", ST_F32, latent, 2, err));
    ERR_TRY(st_declare(f, "style", ST_F32, &info->style_dim, 1, err));
    ERR_TRY(st_declare(f, "line_start", ST_I32, &starts, 1, err));
    ERR_TRY(st_declare(f, "tokens", ST_I32, &tokens, 1, err));
    ERR_TRY(st_set_metadata(f, "format", "drgen-song", err));
    ERR_TRY(st_set_metadata(f, "name", s->name, err));
    if (a->source) ERR_TRY(st_set_metadata(f, "source", a->source, err));
    if (a->fingerprint) ERR_TRY(st_set_metadata(f, "fingerprint", a->fingerprint, err));
    return DRGEN_OK;
}

static drgen_status put_all(st_writer *f, const dataset_addition *a, const dataset_info *info, drgen_err *err)
{
    const dataset_song *s = &a->song;
    size_t latent = s->frames * info->latent_dim * sizeof *s->mean;
    int32_t start = 0;
    for (size_t i = 0; i < s->line_count; i++) ERR_TRY(st_put(f, &s->lines[i].seconds, sizeof(double), err));
    ERR_TRY(st_put(f, s->mean, latent, err));
    if (s->scale) ERR_TRY(st_put(f, s->scale, latent, err));
    ERR_TRY(st_put(f, s->style, info->style_dim * sizeof *s->style, err));
    ERR_TRY(st_put(f, &start, sizeof start, err));
    for (size_t i = 0; i < s->line_count; i++) {
        start += (int32_t)s->lines[i].count;
        ERR_TRY(st_put(f, &start, sizeof start, err));
    }
    for (size_t i = 0; i < s->line_count; i++)
        if (s->lines[i].count) ERR_TRY(st_put(f, s->lines[i].ids, s->lines[i].count * sizeof(int32_t), err));
    return DRGEN_OK;
}

static drgen_status write_song(const dataset_writer *w, const char *file, const dataset_addition *a,
                               const dataset_info *info, size_t tokens, drgen_err *err)
{
    st_writer *f = NULL;
    char *path = file_join(w->dir, file);
    if (!path) return no_memory(w, err);
    drgen_status status = st_create(&f, path, err);
    free(path);
    if (status != DRGEN_OK) return status;
    status = declare(f, a, info, tokens, err);
    if (status == DRGEN_OK) status = put_all(f, a, info, err);
    if (status == DRGEN_OK) return st_finish(f, err);
    st_cancel(f);
    return status;
}

/* ---- writing the lists */

static void member(json_out *o, const char *key, double value)
{
    json_out_raw(o, ",");
    json_out_string(o, key);
    json_out_raw(o, ":");
    json_out_number(o, value);
}

static drgen_status put_text(const dataset_writer *w, const char *name, const json_out *o, drgen_err *err)
{
    file_writer f;
    char *path = file_join(w->dir, name);
    if (!path || o->failed) {
        free(path);
        return no_memory(w, err);
    }
    drgen_status status = file_begin(&f, path, err);
    free(path);
    if (status != DRGEN_OK) return status;
    status = file_put(&f, o->text, o->size, err);
    if (status == DRGEN_OK) return file_commit(&f, err);
    file_abort(&f);
    return status;
}

/* name|lyrics|latent|style of every song: all three are in one file here. A name may hold what separates them. */
static void scp_line(json_out *o, const dataset_entry *e)
{
    char *name = strdup(e->name);
    if (!name) {
        o->failed = 1;
        return;
    }
    for (char *c = name; *c; c++)
        if (*c == '|' || (unsigned char)*c < 0x20) *c = '_';
    const char *parts[] = {name, "|", e->file, "|", e->file, "|", e->file, "\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) json_out_raw(o, parts[i]);
    free(name);
}

static drgen_status write_lists(const dataset_writer *w, drgen_err *err)
{
    const dataset_info *info = &w->list.info;
    json_out list = {0}, scp = {0};
    json_out_raw(&list, "{\"format\":\"drgen-dataset\",\"version\":1");
    member(&list, "latent_dim", (double)info->latent_dim);
    member(&list, "style_dim", (double)info->style_dim);
    member(&list, "hop", (double)info->hop);
    member(&list, "rate", (double)info->rate);
    json_out_raw(&list, "}\n");
    for (size_t i = 0; i < w->list.count; i++) {
        json_out_raw(&list, w->list.entries[i].line);
        json_out_raw(&list, "\n");
        scp_line(&scp, &w->list.entries[i]);
    }
    drgen_status status = put_text(w, "train.scp", &scp, err);
    if (status == DRGEN_OK) status = put_text(w, "dataset.jsonl", &list, err);
    json_out_free(&list);
    json_out_free(&scp);
    return status;
}

static char *entry_line(const dataset_entry *e, const dataset_addition *a)
{
    json_out o = {0};
    const char *const keys[] = {"name", "file", "source", "fingerprint"};
    const char *const texts[] = {e->name, e->file, a->source, a->fingerprint};
    for (size_t i = 0; i < 4; i++) {
        if (!texts[i]) continue;
        json_out_raw(&o, i ? "," : "{");
        json_out_string(&o, keys[i]);
        json_out_raw(&o, ":");
        json_out_string(&o, texts[i]);
    }
    member(&o, "frames", (double)e->frames);
    member(&o, "lines", (double)e->lines);
    member(&o, "tokens", (double)e->tokens);
    member(&o, "seconds", a->seconds);
    json_out_raw(&o, "}");
    return o.text; /* NULL when out of memory */
}

/* The song's place in the list, new or old; its texts are replaced. */
static drgen_status put_entry(dataset_writer *w, dataset_entry *e, drgen_err *err)
{
    dataset_entry *old = find(w, e->name);
    if (!old) {
        if (w->list.count == DATASET_MAX_SONGS)
            return err_fail(err, DRGEN_ERR_ARG, "%s: more than %d songs; begin another dataset", w->dir,
                            DATASET_MAX_SONGS);
        dataset_entry *grown = realloc(w->list.entries, (w->list.count + 1) * sizeof *grown);
        if (!grown) return no_memory(w, err);
        w->list.entries = grown;
        old = &grown[w->list.count++];
        *old = (dataset_entry){0};
    }
    free(old->name), free(old->file), free(old->line);
    *old = *e;
    *e = (dataset_entry){0};
    return DRGEN_OK;
}

drgen_status dataset_add(dataset_writer *w, const dataset_addition *a, const dataset_info *info, drgen_err *err)
{
    const dataset_info *all = &w->list.info;
    size_t tokens;
    if (all->latent_dim == 0) w->list.info = *info;
    if (all->latent_dim != info->latent_dim || all->style_dim != info->style_dim || all->hop != info->hop ||
        all->rate != info->rate)
        return err_fail(err, DRGEN_ERR_ARG, "%s: latents %zu and styles %zu wide; the dataset's are %zu and %zu",
                        a->song.name, info->latent_dim, info->style_dim, all->latent_dim, all->style_dim);
    ERR_TRY(check(a, info, &tokens, err));
    dataset_entry e = {.name = strdup(a->song.name),
                       .file = file_name(a->song.name),
                       .frames = a->song.frames,
                       .lines = a->song.line_count,
                       .tokens = tokens};
    drgen_status status = e.name && e.file ? write_song(w, e.file, a, info, tokens, err) : no_memory(w, err);
    if (status == DRGEN_OK && !(e.line = entry_line(&e, a))) status = no_memory(w, err);
    if (status == DRGEN_OK) status = put_entry(w, &e, err);
    if (status == DRGEN_OK) status = write_lists(w, err);
    free(e.name), free(e.file), free(e.line);
    return status;
}
