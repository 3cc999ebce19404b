/* begin.h - the embedded model's start: weights drawn for it, then a text encoder that has learned to count. Source: spec
 * nano.md section 5. */
#ifndef NANO_BEGIN_H
#define NANO_BEGIN_H

#include "nano/songs.h"
#include "train/dit_grad.h"

/* Fills weights (dit_floats of them): matrices normal with variance 1 / fan in, half of that deviation where a block writes
 * to the stream, zeros for biases and the last layers; the style's columns larger, since a vector of length 1 has small
 * entries. NOMEM. */
drgen_status nano_init(const dit_cfg *cfg, uint64_t seed, float *weights, drgen_err *err);

enum {
    METRONOME_WAVES = 29,
    METRONOME_ROUND = 768,  /* frames after which all that the composer plays comes again: 24, 16 or 12 bars */
    METRONOME_KNOWN = 1024, /* the fewest from which it can be counted on: a beginning, and a round */
    METRONOME_LONGEST = 6144, /* 285 s: as far as there are songs */
};
/* cos and sin of a frame's number at the periods that the music has: out [METRONOME_WAVES]. */
void metronome_waves(size_t frame, float *out);

typedef struct {
    pool *pool;
    const kern_table *kern;
    long updates, warmup;
    double rate;
    size_t longest; /* frames it learns to count to: a multiple of 12; most songs have a twelfth of that */
    size_t known;   /* 0, or the frames to which it keeps the beat already, METRONOME_KNOWN or more and at most longest: it counts on from there */
    uint64_t seed;
    /* Called with the relative squared error after some updates; non-zero stops (CANCELLED). May be NULL. */
    int (*progress)(void *user, long done, long total, double error);
    void *user;
} metronome_how;

/* Teaches the text encoder inside weights to add a fixed mix of the metronome's waves to what it said before: without it the
 * flow takes thousands of updates to find the beat. With known, to say beyond those frames what it says a round before, as if
 * the song had begun later. *error: mean of the last hundred updates. NOMEM, CANCELLED. */
drgen_status metronome_train(float *weights, const dit_cfg *cfg, const nano_songs *songs, const metronome_how *how,
                             double *error, drgen_err *err);

#endif
