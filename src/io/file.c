/* file.c - see file.h. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

drgen_status file_map(file_bytes *out, const char *path, size_t max_size, drgen_err *err)
{
    *out = (file_bytes){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_fail(err, DRGEN_ERR_IO, "%s: %s", path, strerror(errno));
    struct stat st;
    drgen_status status = DRGEN_OK;
    if (fstat(fd, &st) != 0) status = err_fail(err, DRGEN_ERR_IO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode)) status = err_fail(err, DRGEN_ERR_IO, "%s: is a folder, a file is wanted", path);
    else if (!S_ISREG(st.st_mode)) status = err_fail(err, DRGEN_ERR_IO, "%s: not a regular file", path);
    else if ((uintmax_t)st.st_size > max_size)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: %jd bytes, at most %zu make sense here; is this the right file?",
                          path, (intmax_t)st.st_size, max_size);
    else if (st.st_size == 0) *out = file_borrow("", 0);
    else {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) status = err_fail(err, DRGEN_ERR_IO, "%s: cannot map: %s", path, strerror(errno));
        else *out = (file_bytes){p, (size_t)st.st_size, 1};
    }
    close(fd);
    return status;
}

void file_close(file_bytes *f)
{
    if (!f) return;
    if (f->mapped) munmap((void *)(uintptr_t)f->data, f->size);
    *f = (file_bytes){0};
}

file_bytes file_borrow(const void *data, size_t size)
{
    return (file_bytes){data, size, 0};
}

/* The text begins with word, whatever the case of its letters. */
static int begins(const uint8_t *p, size_t size, const char *word)
{
    size_t n = strlen(word);
    return size >= n && strncasecmp((const char *)p, word, n) == 0;
}

const char *file_mistake(file_bytes f)
{
    static const char bom[] = "\xEF\xBB\xBF";
    const uint8_t *p = f.data, *end = p + f.size;
    if (f.size == 0) return "is empty; get the file again";
    if (f.size > 3 && memcmp(p, bom, 3) == 0) p += 3;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) p++;
    size_t size = (size_t)(end - p);
    if (begins(p, size, "version https://git-lfs"))
        return "is a Git LFS pointer, not the file itself; fetch that with `git lfs pull`";
    if (begins(p, size, "<!doctype") || begins(p, size, "<html") || begins(p, size, "<head") || begins(p, size, "<?xml"))
        return "is a web page, not the file itself; download that (its \"raw\" or \"resolve\" address)";
    return NULL;
}

char *file_join(const char *dir, const char *name)
{
    size_t a = strlen(dir), b = strlen(name);
    char *out = malloc(a + b + 2);
    if (!out) return NULL;
    memcpy(out, dir, a);
    if (a && out[a - 1] != '/') out[a++] = '/';
    memcpy(out + a, name, b + 1);
    return out;
}

/* Creates path.PID-N. Not mkstemp, whose files are private: the result should be an ordinary file, and asking for the
 * umask means changing it for the whole process. */
static int open_new(const char *path, char *temp, size_t room)
{
    int fd = -1;
    for (int n = 0; n < 1000 && fd < 0; n++) {
        snprintf(temp, room, "%s.%ld-%d", path, (long)getpid(), n);
        fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    return fd;
}

drgen_status file_begin(file_writer *w, const char *path, drgen_err *err)
{
    *w = (file_writer){0};
    struct stat st;
    if (!*path) return err_fail(err, DRGEN_ERR_ARG, "output: the file name is empty");
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_fail(err, DRGEN_ERR_IO, "%s: not a regular file; give the name of a file to write", path);
    size_t size = strlen(path) + 32;
    w->path = strdup(path);
    w->temp = malloc(size);
    if (!w->path || !w->temp) {
        free(w->temp), w->temp = NULL; /* no file of that name yet */
        file_abort(w);
        return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    }
    int fd = open_new(path, w->temp, size);
    if (fd >= 0 && (w->f = fdopen(fd, "w+b"))) return DRGEN_OK;
    drgen_status status = err_fail(err, DRGEN_ERR_IO, "%s: cannot write here: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    else free(w->temp), w->temp = NULL;
    file_abort(w);
    return status;
}

drgen_status file_put(file_writer *w, const void *data, size_t size, drgen_err *err)
{
    if (size == 0 || fwrite(data, 1, size, w->f) == size) return DRGEN_OK;
    return err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", w->path, strerror(errno ? errno : EIO));
}

drgen_status file_commit(file_writer *w, drgen_err *err)
{
    drgen_status status = DRGEN_OK;
    errno = EIO; /* for an earlier failure that fflush does not meet again */
    if (ferror(w->f) || fflush(w->f) != 0 || fsync(fileno(w->f)) != 0)
        status = err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", w->path, strerror(errno));
    if (fclose(w->f) != 0 && status == DRGEN_OK)
        status = err_fail(err, DRGEN_ERR_IO, "%s: write failed: %s", w->path, strerror(errno));
    w->f = NULL;
    if (status == DRGEN_OK && rename(w->temp, w->path) != 0)
        status = err_fail(err, DRGEN_ERR_IO, "%s: cannot rename into place: %s", w->path, strerror(errno));
    if (status == DRGEN_OK) {
        free(w->temp);
        w->temp = NULL;
    }
    file_abort(w);
    return status;
}

void file_abort(file_writer *w)
{
    if (!w) return;
    if (w->f) fclose(w->f);
    if (w->temp) unlink(w->temp);
    free(w->temp);
    free(w->path);
    *w = (file_writer){0};
}
