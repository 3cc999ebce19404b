/* pictures.c - pictures of sounds through the public face. */
#include <stdlib.h>

#include "dsp/picture.h"
#include "io/file.h"
#include "pipeline/planar.h"

drgen_status drgen_picture_write(const drgen_audio *audio, const char *title, double target, const char *path,
                                 drgen_err *err)
{
    sound x = {0};
    unsigned char *png = NULL;
    size_t size;
    file_writer w;
    err_clear(err);
    ERR_TRY(planar_open(&x, audio, err));
    picture_source source = {.audio = &x, .title = title, .target = target, .kern = kern_best()};
    drgen_status status = picture_make(&source, NULL, &png, &size, err);
    planar_free(&x);
    if (status == DRGEN_OK) status = file_begin(&w, path, err);
    if (status == DRGEN_OK) {
        status = file_put(&w, png, size, err);
        if (status == DRGEN_OK) status = file_commit(&w, err);
        else file_abort(&w);
    }
    free(png);
    return status;
}

drgen_status drgen_picture_text(const drgen_audio *audio, double target, int columns, int colour, char **out,
                                drgen_err *err)
{
    sound x = {0};
    err_clear(err);
    *out = NULL;
    ERR_TRY(planar_open(&x, audio, err));
    picture_source source = {.audio = &x, .target = target, .kern = kern_best()};
    drgen_status status = picture_text(&source, columns, colour, out, err);
    planar_free(&x);
    return status;
}
