/* scratch.h - a folder for a test's files. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A fresh folder under TMPDIR, or the system's folder for such; path has 256 bytes. 0 when it cannot be made. */
static inline int scratch_make(char path[256])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/drgen-test-XXXXXX", base && *base ? base : P_tmpdir);
    return mkdtemp(path) != NULL;
}

/* dir/name in one of a few rotating buffers. */
static inline const char *scratch_path(const char *dir, const char *name)
{
    static _Thread_local char paths[8][512];
    static _Thread_local unsigned turn;
    char *p = paths[turn++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    return p;
}

/* Number of entries in a folder. */
static inline int scratch_count(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d) closedir(d);
    return n;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/* Removes a folder and all in it. */
static inline void scratch_remove(const char *dir)
{
    nftw(dir, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a whole file. 1 when that worked. */
static inline int scratch_write(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f) return 0;
    int ok = fwrite(data, 1, size, f) == size;
    return fclose(f) == 0 && ok;
}

#endif
