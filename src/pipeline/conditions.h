/* conditions.h - what a song is conditioned on: lyrics to tokens on the frame grid, prompt or file to a style. */
#ifndef PIPELINE_CONDITIONS_H
#define PIPELINE_CONDITIONS_H

#include "pipeline/engine.h"
#include "pipeline/request.h"

/* tokens [r->frames]: the song's lyrics, or zeros when it has none. Lines that were dropped or moved go to the log.
 * TEXT errors name the line. */
drgen_status conditions_lyrics(drgen *g, const request *r, int32_t *tokens, drgen_err *err);

/* Ids of the song's prompt, malloc'd, checked against the text tower, which is opened. NULL: a style file is used. */
drgen_status conditions_prompt(drgen *g, const request *r, int32_t **ids, size_t *count, drgen_err *err);

/* style [cond_dim] from the ids, or from the song's style file when ids is NULL. */
drgen_status conditions_style(drgen *g, nn *n, const request *r, const int32_t *ids, size_t count, float *style,
                              drgen_err *err);

/* negative [cond_dim]: the song's file, else the model's own. Only for guided songs. */
drgen_status conditions_negative(drgen *g, const request *r, float *negative, drgen_err *err);

#endif
