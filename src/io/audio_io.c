/* audio_io.c - see audio_io.h: the stream under libsndfile. */
#include "io/audio_io.h"

static sf_count_t on_length(void *user)
{
    const audio_io *io = user;
    off_t at = ftello(io->f), end;
    if (at < 0 || fseeko(io->f, 0, SEEK_END) != 0) return -1;
    end = ftello(io->f);
    return fseeko(io->f, at, SEEK_SET) == 0 ? (sf_count_t)(end - io->base) : -1;
}

static sf_count_t on_tell(void *user)
{
    const audio_io *io = user;
    return (sf_count_t)(ftello(io->f) - io->base);
}

static sf_count_t on_seek(sf_count_t offset, int whence, void *user)
{
    const audio_io *io = user;
    off_t to = whence == SEEK_SET ? (off_t)offset + io->base : (off_t)offset;
    return fseeko(io->f, to, whence) == 0 ? on_tell(user) : -1;
}

static sf_count_t on_read(void *data, sf_count_t size, void *user)
{
    const audio_io *io = user;
    return (sf_count_t)fread(data, 1, (size_t)size, io->f);
}

static sf_count_t on_write(const void *data, sf_count_t size, void *user)
{
    const audio_io *io = user;
    return (sf_count_t)fwrite(data, 1, (size_t)size, io->f);
}

SF_VIRTUAL_IO audio_io_calls(void)
{
    return (SF_VIRTUAL_IO){on_length, on_seek, on_read, on_write, on_tell};
}
