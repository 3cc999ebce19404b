/* audio_io.h - libsndfile on a stdio stream, and the words it does not write well itself. Private to audio_*.c. */
#ifndef IO_AUDIO_IO_H
#define IO_AUDIO_IO_H

#include <sndfile.h>
#include <sys/types.h>

#include "io/audio.h"

/* libsndfile reads and writes through a stream: the atomic writer's, so that a failure leaves nothing behind, or the one
 * of a file that was checked. What lies before base is not its business. */
typedef struct {
    FILE *f;
    off_t base;
} audio_io;
SF_VIRTUAL_IO audio_io_calls(void); /* their user pointer is an audio_io */

struct audio_file {
    char *name;
    audio_io io;
    SNDFILE *f;
    SF_INFO info;
    uint64_t at; /* frame the decoder stands at */
};

enum { AUDIO_TEXT_MAX = 1 << 22 }; /* bytes of one text in a file */

/* Words to write; NULL: none. */
typedef struct {
    const char *title, *artist, *software, *comment;
} audio_words;

/* Puts a LIST INFO chunk behind a finished WAV file and corrects the size in its header. Non-zero when a write failed. */
int audio_put_info(FILE *f, const audio_words *w);
/* Puts an ID3v2.4 tag where the stream stands. */
int audio_put_id3(FILE *f, const audio_words *w);
/* Bytes the data chunk of a WAV file announces beyond the end of the file; 0 for whole files and other formats. */
uint64_t audio_missing(FILE *f);

#endif
