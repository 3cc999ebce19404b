/* conditions.h - what a song is conditioned on: lyrics to tokens on the frame grid, prompt or file to a style. */
#ifndef PIPELINE_CONDITIONS_H
#define PIPELINE_CONDITIONS_H

#include "pipeline/engine.h"
#include "pipeline/request.h"

/* tokens [r->frames]: the song's lyrics, or zeros when it has none. Lines that were dropped or moved go to the log.
 * TEXT errors name the line. */
drgen_status conditions_lyrics(drgen *g, const request *r, int32_t *tokens, drgen_err *err);

#endif
