/* audio_tags.c - see audio.h: title, artist, software and a comment in sound files. libsndfile keeps them in FLAC and OGG.
 * In WAV it drops texts above 2 KiB and in MP3 it takes UTF-8 for Latin-1, so there they are written here: a LIST INFO
 * chunk (Microsoft, Multimedia Programming Interface 1.0) behind the sound, an ID3v2.4 tag (id3.org) before it. */
#include "io/audio_io.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* ---- WAV */

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Bytes of a text as a chunk: its zero counts, a byte makes it even. */
static size_t info_size(const char *text)
{
    return text ? 8 + ((strlen(text) + 2) & ~(size_t)1) : 0;
}

static int put_info(FILE *f, const char *id, const char *text)
{
    if (!text) return 0;
    uint8_t head[8];
    size_t size = strlen(text) + 1;
    memcpy(head, id, 4);
    put32(head + 4, (uint32_t)size);
    return fwrite(head, 1, 8, f) != 8 || fwrite(text, 1, size, f) != size || ((size & 1) && fputc(0, f) == EOF);
}

int audio_put_info(FILE *f, const audio_words *w)
{
    size_t size = 4 + info_size(w->title) + info_size(w->artist) + info_size(w->software) + info_size(w->comment);
    uint8_t head[12] = "LIST....INFO", total[4];
    if (size == 4) return 0;
    put32(head + 4, (uint32_t)size);
    if (fseeko(f, 0, SEEK_END) != 0) return -1;
    off_t end = ftello(f);
    if (end < 12 || ((end & 1) && fputc(0, f) == EOF) || fwrite(head, 1, sizeof head, f) != sizeof head) return -1;
    if (put_info(f, "INAM", w->title) || put_info(f, "IART", w->artist) || put_info(f, "ISFT", w->software) ||
        put_info(f, "ICMT", w->comment))
        return -1;
    put32(total, (uint32_t)((uint64_t)ftello(f) - 8));
    return fseeko(f, 4, SEEK_SET) != 0 || fwrite(total, 1, 4, f) != 4 || fseeko(f, 0, SEEK_END) != 0;
}

/* 1 when the next chunk's head (name and size) was read and its data begins at *at; the chunk before ended at *at. */
static int next_chunk(FILE *f, off_t *at, uint8_t head[8])
{
    if (fseeko(f, *at, SEEK_SET) != 0 || fread(head, 1, 8, f) != 8) return 0;
    *at += 8;
    return 1;
}

static off_t after(off_t at, const uint8_t head[8])
{
    uint32_t size = get32(head + 4);
    return at + (off_t)size + (off_t)(size & 1);
}

static int is_wav(FILE *f)
{
    uint8_t head[12];
    return fseeko(f, 0, SEEK_SET) == 0 && fread(head, 1, 12, f) == 12 && memcmp(head, "RIFF", 4) == 0 &&
           memcmp(head + 8, "WAVE", 4) == 0;
}

uint64_t audio_missing(FILE *f)
{
    uint64_t missing = 0;
    off_t back = ftello(f), at = 12, end;
    uint8_t head[8];
    if (back < 0 || fseeko(f, 0, SEEK_END) != 0) return 0;
    end = ftello(f);
    for (int i = 0; is_wav(f) && i < 1000 && next_chunk(f, &at, head); i++, at = after(at, head)) {
        if (memcmp(head, "data", 4) != 0) continue;
        uint32_t size = get32(head + 4); /* 0xffffffff: written to a pipe, nobody knew */
        if (size != UINT32_MAX && (uint64_t)size > (uint64_t)(end - at)) missing = size - (uint64_t)(end - at);
        break;
    }
    fseeko(f, back, SEEK_SET);
    return missing;
}

static drgen_status read_info_text(audio_file *f, uint32_t size, char **out, drgen_err *err)
{
    if (*out || size > AUDIO_TEXT_MAX) return DRGEN_OK;
    char *text = malloc((size_t)size + 1);
    if (!text) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", f->name);
    text[fread(text, 1, size, f->io.f)] = '\0';
    *out = text;
    return DRGEN_OK;
}

/* The texts of a LIST chunk whose data begins at at and ends at end. */
static drgen_status read_list(audio_file *f, off_t at, off_t end, audio_tags *out, drgen_err *err)
{
    uint8_t head[8];
    if (fread(head, 1, 4, f->io.f) != 4 || memcmp(head, "INFO", 4) != 0) return DRGEN_OK;
    at += 4;
    for (int i = 0; i < 1000 && at < end && next_chunk(f->io.f, &at, head); i++, at = after(at, head)) {
        char **to = memcmp(head, "INAM", 4) == 0   ? &out->title
                    : memcmp(head, "IART", 4) == 0 ? &out->artist
                    : memcmp(head, "ISFT", 4) == 0 ? &out->software
                    : memcmp(head, "ICMT", 4) == 0 ? &out->comment
                                                   : NULL;
        if (to) ERR_TRY(read_info_text(f, get32(head + 4), to, err));
    }
    return DRGEN_OK;
}

static drgen_status read_riff(audio_file *f, audio_tags *out, drgen_err *err)
{
    off_t at = 12;
    uint8_t head[8];
    for (int i = 0; i < 1000 && next_chunk(f->io.f, &at, head); i++, at = after(at, head))
        if (memcmp(head, "LIST", 4) == 0) ERR_TRY(read_list(f, at, after(at, head), out, err));
    return DRGEN_OK;
}

/* ---- MP3 */

/* Sizes of ID3v2.4: seven bits a byte, most significant first. */
static void put_safe(uint8_t *p, size_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 7 * (3 - i) & 0x7f);
}

/* The frame's own fields before its text: UTF-8; for a comment also no language and no description. */
static size_t id3_lead(const char *id)
{
    return strcmp(id, "COMM") == 0 ? 5 : 1;
}

static size_t id3_size(const char *id, const char *text)
{
    return text ? 10 + id3_lead(id) + strlen(text) : 0;
}

static int put_frame(FILE *f, const char *id, const char *text)
{
    if (!text) return 0;
    static const uint8_t lead[] = {3, 'X', 'X', 'X', 0};
    uint8_t head[10] = {0};
    size_t size = strlen(text);
    memcpy(head, id, 4);
    put_safe(head + 4, id3_lead(id) + size);
    return fwrite(head, 1, 10, f) != 10 || fwrite(lead, 1, id3_lead(id), f) != id3_lead(id) || fwrite(text, 1, size, f) != size;
}

int audio_put_id3(FILE *f, const audio_words *w)
{
    size_t size = id3_size("TIT2", w->title) + id3_size("TPE1", w->artist) + id3_size("TSSE", w->software) +
                  id3_size("COMM", w->comment);
    uint8_t head[10] = "ID3\4";
    if (!size) return 0;
    put_safe(head + 6, size);
    return fwrite(head, 1, 10, f) != 10 || put_frame(f, "TIT2", w->title) || put_frame(f, "TPE1", w->artist) ||
           put_frame(f, "TSSE", w->software) || put_frame(f, "COMM", w->comment);
}

/* ---- all formats */

static drgen_status keep(const char *text, char **out, drgen_err *err)
{
    if (!text || !*text || strlen(text) > AUDIO_TEXT_MAX) return DRGEN_OK;
    *out = strdup(text);
    return *out ? DRGEN_OK : err_fail(err, DRGEN_ERR_NOMEM, "words in a sound file: out of memory");
}

static drgen_status read_strings(audio_file *f, audio_tags *out, drgen_err *err)
{
    ERR_TRY(keep(sf_get_string(f->f, SF_STR_TITLE), &out->title, err));
    ERR_TRY(keep(sf_get_string(f->f, SF_STR_ARTIST), &out->artist, err));
    ERR_TRY(keep(sf_get_string(f->f, SF_STR_SOFTWARE), &out->software, err));
    return keep(sf_get_string(f->f, SF_STR_COMMENT), &out->comment, err);
}

/* Bytes that are no UTF-8 become question marks, and texts without anything none at all. */
static void clean(char **text)
{
    if (!*text) return;
    size_t size = strlen(*text);
    for (size_t at = utf8_valid(*text, size); at < size; at += utf8_valid(*text + at, size - at)) (*text)[at] = '?';
    if (size) return;
    free(*text);
    *text = NULL;
}

drgen_status audio_tags_read(audio_file *f, audio_tags *out, drgen_err *err)
{
    *out = (audio_tags){0};
    off_t back = ftello(f->io.f); /* libsndfile reads on from there */
    drgen_status status = is_wav(f->io.f) ? read_riff(f, out, err) : DRGEN_OK;
    fseeko(f->io.f, back, SEEK_SET);
    if (status == DRGEN_OK && !out->title && !out->artist && !out->software && !out->comment) status = read_strings(f, out, err);
    if (status != DRGEN_OK) {
        audio_tags_free(out);
        return status;
    }
    char *mark = out->software ? strstr(out->software, " (libsndfile-") : NULL;
    if (mark) *mark = '\0'; /* it signs what it writes */
    clean(&out->title);
    clean(&out->artist);
    clean(&out->software);
    clean(&out->comment);
    return DRGEN_OK;
}

void audio_tags_free(audio_tags *t)
{
    if (!t) return;
    free(t->title);
    free(t->artist);
    free(t->software);
    free(t->comment);
    *t = (audio_tags){0};
}
