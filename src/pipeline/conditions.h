/* conditions.h - what a song is conditioned on: lyrics to tokens on the frame grid, prompt or file to a style. */
#ifndef PIPELINE_CONDITIONS_H
#define PIPELINE_CONDITIONS_H

#include "pipeline/engine.h"
#include "pipeline/request.h"
#include "text/frames.h"

/* tokens [r->frames]: the song's lyrics, or zeros when it has none. Lines that were dropped or moved go to the log.
 * TEXT errors name the line. */
drgen_status conditions_lyrics(drgen *g, const request *r, int32_t *tokens, drgen_err *err);

/* The lines of LRC text in order of time, with their tokens; lines that say nothing stay, as marks in time. What was
 * dropped goes to the log. Free with conditions_free_lines. */
drgen_status conditions_lines(drgen *g, const char *timed, frames_line **lines, size_t *count, drgen_err *err);
void conditions_free_lines(frames_line *lines, size_t count); /* NULL-safe */

#endif
