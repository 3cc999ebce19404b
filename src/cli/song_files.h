/* song_files.h - the recordings in a folder and what belongs to them. */
#ifndef CLI_SONG_FILES_H
#define CLI_SONG_FILES_H

#include <stddef.h>

typedef struct {
    char *name; /* path from the folder, without its ending */
    char *path;
} song_file;

typedef struct {
    song_file *files; /* by name */
    size_t count;
} song_files;

/* Every file below dir that is not known to be something else (lyrics, pictures, vectors, lists...), without hidden
 * ones and the folder `except` (may be NULL). -1 with one line in message when dir cannot be read. */
int song_files_find(song_files *out, const char *dir, const char *except, char *message, size_t room);
void song_files_free(song_files *f); /* NULL-safe, idempotent */

/* dir/NAMEending, or with the last part of the name only, if such a file is there; malloc'd, else NULL. dir may be
 * NULL: not there. */
char *song_files_beside(const char *dir, const char *name, const char *ending);

#endif
