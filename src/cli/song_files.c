/* song_files.c - see song_files.h. */
#include "cli/song_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 16, MAX_FILES = 1 << 20 };

typedef struct {
    song_files *to;
    const char *dir;
    struct stat except;
    int has_except, failed;
} search;

/* What lies beside songs without being one. Everything else is tried: libsndfile knows best what it can read. */
static int is_other(const char *name)
{
    static const char *const endings[] = {".lrc", ".txt",  ".npy",  ".json", ".jsonl", ".safetensors", ".pt",  ".scp",
                                          ".jpg", ".jpeg", ".png",  ".gif",  ".webp",  ".pdf",         ".md",  ".cue",
                                          ".log", ".m3u",  ".m3u8", ".nfo",  ".csv",   ".html",        ".xml", ".zip",
                                          ".db",  ".ini",  ".srt",  ".vtt",  ".py",    ".sh"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot, endings[i]) == 0) return 1;
    return 0;
}

static char *joined(const char *a, const char *between, const char *b, const char *end)
{
    size_t room = strlen(a) + strlen(between) + strlen(b) + strlen(end) + 1;
    char *out = malloc(room);
    if (out) snprintf(out, room, "%s%s%s%s", a, between, b, end);
    return out;
}

static void add_file(search *s, const char *path, const char *relative)
{
    song_files *f = s->to;
    const char *slash = strrchr(relative, '/'), *dot = strrchr(relative, '.');
    size_t size = dot && dot != relative && (!slash || dot > slash + 1) ? (size_t)(dot - relative) : strlen(relative);
    if ((f->count & (f->count - 1)) == 0) { /* full at powers of two */
        song_file *grown = realloc(f->files, (f->count ? 2 * f->count : 1) * sizeof *grown);
        if (!grown) {
            s->failed = 1;
            return;
        }
        f->files = grown;
    }
    song_file found = {strndup(relative, size), strdup(path)};
    if (found.name && found.path && f->count < MAX_FILES) f->files[f->count++] = found;
    else {
        free(found.name), free(found.path);
        s->failed = 1;
    }
}

static void visit(search *s, const char *dir, const char *relative, int depth)
{
    DIR *d = depth < MAX_DEPTH ? opendir(dir) : NULL;
    struct dirent *e;
    while (d && !s->failed && (e = readdir(d))) {
        struct stat st;
        if (e->d_name[0] == '.') continue;
        char *path = joined(dir, "/", e->d_name, ""), *name = joined(relative, *relative ? "/" : "", e->d_name, "");
        if (!path || !name) s->failed = 1;
        else if (stat(path, &st) == 0) {
            int except = s->has_except && st.st_dev == s->except.st_dev && st.st_ino == s->except.st_ino;
            if (S_ISDIR(st.st_mode) && !except) visit(s, path, name, depth + 1);
            else if (S_ISREG(st.st_mode) && !is_other(name)) add_file(s, path, name);
        }
        free(path), free(name);
    }
    if (d) closedir(d);
}

static int by_name(const void *a, const void *b)
{
    const song_file *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->path, y->path);
}

int song_files_find(song_files *out, const char *dir, const char *except, char *message, size_t room)
{
    *out = (song_files){0};
    search s = {.to = out, .dir = dir};
    DIR *d = opendir(dir);
    if (!d) {
        snprintf(message, room, "%s: %s%s", dir, strerror(errno),
                 errno == ENOTDIR ? "; give the folder that holds the songs" : "");
        return -1;
    }
    closedir(d);
    s.has_except = except && stat(except, &s.except) == 0;
    visit(&s, dir, "", 0);
    if (s.failed) {
        song_files_free(out);
        snprintf(message, room, "%s: out of memory", dir);
        return -1;
    }
    if (out->count) qsort(out->files, out->count, sizeof *out->files, by_name);
    return 0;
}

void song_files_free(song_files *f)
{
    if (!f) return;
    for (size_t i = 0; i < f->count; i++) {
        free(f->files[i].name);
        free(f->files[i].path);
    }
    free(f->files);
    *f = (song_files){0};
}

char *song_files_beside(const char *dir, const char *name, const char *ending)
{
    const char *last = strrchr(name, '/');
    char *path = dir ? joined(dir, "/", name, ending) : NULL;
    if (path && access(path, F_OK) == 0) return path;
    free(path);
    path = dir && last ? joined(dir, "", last, ending) : NULL;
    if (path && access(path, F_OK) == 0) return path;
    free(path);
    return NULL;
}
