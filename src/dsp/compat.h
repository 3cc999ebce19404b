/* compat.h - two historic mastering chains, kept so that their results can be made again: "seed" and "fork". They are
 * not what the product recommends. Their source is spec mastering.md A, which also lists what is wrong with them. All
 * arithmetic is in double. */
#ifndef DSP_COMPAT_H
#define DSP_COMPAT_H

#include <stddef.h>

#include "base/err.h"
#include "dsp/sound.h"

typedef enum { COMPAT_SEED, COMPAT_FORK } compat_chain;

typedef struct {
    const char *name;
    int multiband;   /* 1: the band compressor (fork: after four equalisers) */
    double exciter;  /* amount, 0: none */
    double width;    /* factor of the side signal */
    double ceiling;  /* of the limiter, dBFS */
    double loudness; /* LUFS as the fork reckons it, 0: left as it is */
} compat_preset;

/* Index of a preset: subtle, balanced, loud, broadcast. Any other name is -1 for the fork, which knows an error for it,
 * and COMPAT_SEED_OTHER for the seed, which quietly has a row for all other names. */
enum { COMPAT_SEED_OTHER = 4 };

int compat_find(compat_chain chain, const char *name);
const compat_preset *compat_preset_at(compat_chain chain, int index); /* NULL: there is none */

/* Masters x in place. DRGEN_ERR_ARG: an unknown preset (fork), other than 1 or 2 channels, a sample that is no finite
 * number, or a rate too low for the chain's filters (fork; the seed ignores the rate); DRGEN_ERR_NOMEM. x is untouched
 * then. A sound without frames is fine. */
drgen_status compat_master(sound *x, compat_chain chain, const char *preset, drgen_err *err);

/* ---- the parts, in place on doubles */

/* Frames of two lanes, left and right; a mono sound has zeros in the second. */
typedef struct {
    double (*frame)[2];
    size_t frames;
    int channels, rate; /* 1 or 2; Hz */
} compat_sound;

/* Everything after another, and the same bits as the stages one by one. preset as compat_preset_at gives it.
 * DRGEN_ERR_NOMEM. */
drgen_status compat_run(compat_sound *x, compat_chain chain, const compat_preset *preset, drgen_err *err);

/* y = (b0 x + b1 x' + b2 x'') / ..., a0 = 1. */
typedef struct {
    double b[3], a[3];
} compat_section;

enum { COMPAT_MAX_SECTIONS = 4 };

typedef struct {
    compat_section section[COMPAT_MAX_SECTIONS];
    int sections;
    double state[COMPAT_MAX_SECTIONS][2][2]; /* of a section: both sums, each with two lanes */
} compat_filter;

/* Butterworth order 2, and the band-pass of prototype order 4 (four sections), by the bilinear transform; the
 * cookbook's peaking equaliser. Hz below rate / 2, dB. State zero. */
void compat_high_pass(compat_filter *f, double hz, int rate);
void compat_low_pass(compat_filter *f, double hz, int rate);
void compat_band_pass(compat_filter *f, double low, double high, int rate);
void compat_peaking(compat_filter *f, double hz, double gain, double q, int rate);
/* n frames more, in place; transposed direct form II. */
void compat_filter_run(compat_filter *f, double (*x)[2], size_t n);

/* Bands of the compressors: Hz, Hz, dBFS, ratio; the fork's detector has attack and release (ms). */
typedef struct {
    double low, high, threshold, ratio, attack, release;
} compat_band;

enum { COMPAT_SEED_BANDS = 4, COMPAT_FORK_BANDS = 5 };

extern const compat_band compat_seed_bands[COMPAT_SEED_BANDS], compat_fork_bands[COMPAT_FORK_BANDS];

/* Stages of the seed, filters for 44.1 kHz. Width leaves a mono sound alone. */
void compat_seed_high_pass(compat_sound *x);
void compat_seed_multiband(compat_sound *x);
void compat_seed_exciter(compat_sound *x, double amount);
void compat_seed_width(compat_sound *x, double width);
drgen_status compat_seed_limit(compat_sound *x, double ceiling, drgen_err *err); /* dBFS; DRGEN_ERR_NOMEM */
void compat_seed_normalise(compat_sound *x);

/* Stages of the fork. */
void compat_fork_high_pass(compat_sound *x); /* after taking away each channel's mean */
void compat_fork_equalise(compat_sound *x);
void compat_fork_multiband(compat_sound *x);
void compat_fork_exciter(compat_sound *x, double amount);
void compat_fork_width(compat_sound *x, double width);
void compat_fork_loudness(compat_sound *x, double lufs);
drgen_status compat_fork_limit(compat_sound *x, double ceiling, drgen_err *err); /* dBFS; DRGEN_ERR_NOMEM */

#endif
