/* styles.h - what a song should sound like: prompts, recordings and vectors to one style vector. Private to pipeline/. */
#ifndef PIPELINE_STYLES_H
#define PIPELINE_STYLES_H

#include "pipeline/engine.h"
#include "pipeline/request.h"

/* One part, read and checked but not yet encoded: exactly one of ids, mel, file and vector. */
typedef struct {
    int32_t *ids; /* owned */
    size_t count;
    float *mel;   /* owned, [MEL_BANDS][frames] */
    size_t frames;
    const char *file;
    const float *vector;
    float weight;
} style_part;

typedef struct {
    style_part *parts; /* owned */
    size_t count;
    style_part negative; /* from the song's negative prompt; empty otherwise */
    size_t longest_prompt, longest_mel; /* what encoding needs memory for */
} style_set;

/* Reads prompts into tokens and recordings into spectrograms; opens the towers they need. Free with styles_free. */
drgen_status styles_read(drgen *g, const drgen_style *parts, size_t count, const char *negative_prompt, style_set *out,
                         drgen_err *err);
void styles_free(style_set *s);

/* Counts the work memory of styles_encode (n measuring). */
void styles_measure(const drgen *g, nn *n, const style_set *s);

/* style [cond_dim]: the parts encoded, summed by weight, of length 1 when there are several. */
drgen_status styles_encode(drgen *g, nn *n, const style_set *s, float *style, drgen_err *err);

/* The two vectors a song runs on, rounded to half precision like the original's; negative only when r is guided. */
drgen_status styles_of_song(drgen *g, nn *n, const request *r, const style_set *s, float *style, float *negative,
                            drgen_err *err);

#endif
