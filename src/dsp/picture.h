/* picture.h - a sound at a glance: waveform above spectrogram above short-term loudness, as a PNG file or as text for a
 * terminal. Source: spec mastering.md B.16. Both depend on nothing but what they are given: the same bytes on every run
 * and for any number of threads. */
#ifndef DSP_PICTURE_H
#define DSP_PICTURE_H

#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"
#include "dsp/sound.h"
#include "kernels/kern.h"

typedef struct {
    const sound *audio;      /* any number of frames */
    const char *title;       /* one line, or NULL */
    const float *short_term; /* LUFS as loudness_series gives them, or NULL: measured here with kern */
    size_t short_term_count;
    double target;           /* LUFS, drawn beside the loudness; NAN or an infinite one: none */
    const kern_table *kern;
} picture_source;

/* Pixels of the panels: 1200 columns, waveform and spectrogram 300 rows. */
enum { PICTURE_PLOT_WIDTH = 1200, PICTURE_PLOT_HEIGHT = 300 };

/* *png (malloc'd) gets *size bytes, a whole file. threads may be NULL. DRGEN_ERR_ARG: a rate or channel count that the
 * loudness meter refuses; DRGEN_ERR_NOMEM. */
drgen_status picture_make(const picture_source *p, pool *threads, unsigned char **png, size_t *size, drgen_err *err);

enum { PICTURE_MIN_COLUMNS = 40, PICTURE_MAX_COLUMNS = 500 };

/* *text (malloc'd): lines of UTF-8 of at most `columns` characters (brought into PICTURE_MIN_COLUMNS ..
 * PICTURE_MAX_COLUMNS), each ended by a newline. colour 1: with escape sequences for terminals of 256 colours, all
 * undone at the end of each line. Errors as above. */
drgen_status picture_text(const picture_source *p, int columns, int colour, char **text, drgen_err *err);

#endif
