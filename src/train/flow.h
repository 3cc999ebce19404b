/* flow.h - conditional flow matching: what is drawn for a batch, and the loss. Source: spec training.md section 2. */
#ifndef TRAIN_FLOW_H
#define TRAIN_FLOW_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    FLOW_LOGIT_NORMAL, /* t = 1 / (1 + e^-normal), as the original */
    FLOW_EARLY /* 0.15 u and 1 - cos(pi u / 2), 35 times of a hundred each, else u; u spread evenly over the batch: for models
                  that have everything to learn about the beginning, where the words alone decide */
} flow_time;

typedef struct {
    flow_time time;
    int span; /* 1: a span of 70 to 100 % is hidden and judged, the rest shown (the paper); 0: everything
                                  is hidden, as the released code has it */
    double drop_cond, drop_text, drop_style; /* chance a batch is trained without it; style becomes zeros */
    double drop_prompt;    /* chance a song is trained as guidance's other branch: no text and the negative style */
    const float *negative; /* [style_dim]; NULL: zeros */
} flow_how;

/* Songs of equal length; arrays are the caller's. */
typedef struct {
    size_t songs, frames, mel, style_dim;
    float *latent;           /* [songs, frames, mel] in: the data, zero behind each song's end */
    size_t *length;          /* [songs] in: frames that are real, 1..frames */
    int32_t *text;           /* [songs, frames] in; cleared where text is dropped */
    float *style;            /* [songs, style_dim] in; changed where it is dropped */
    float *start, *duration; /* [songs] in: where in its song this begins, and its length, as the model is told */
    float *noise, *x, *cond; /* [songs, frames, mel] out: x0, (1 - t) x0 + t x1, what is shown of the data */
    float *t;                /* [songs] out, unless fixed */
    size_t *from, *to;       /* [songs] out: frames that are judged */
} flow_batch;

/* Draws everything from key alone: noise as torch draws it from a seed per song, so that any step can be made again. */
void flow_draw(flow_batch *b, const flow_how *how, uint64_t key);
/* For validation: the same without dropouts and spans, t evenly spread over the songs from first on, of all; or time for
 * every song, unless it is negative. */
void flow_fix(flow_batch *b, uint64_t key, size_t first, size_t all, double time);

/* Mean square of v - (x1 - x0) over the judged frames of all songs; dv (may be v, or NULL) its gradient times weight. */
double flow_loss(const flow_batch *b, const float *v, float *dv, double weight);

/* The seed of song i's noise. */
uint64_t flow_seed(uint64_t key, size_t i);

#endif
