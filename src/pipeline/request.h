/* request.h - a song as asked for, with its defaults and rules applied. Opens nothing. */
#ifndef PIPELINE_REQUEST_H
#define PIPELINE_REQUEST_H

#include "model/cfm.h"
#include "model/config.h"

typedef struct {
    drgen_song song;  /* as given, with the model's own numbers where it left them open */
    double seconds;   /* its length */
    size_t frames;    /* latent frames */
    float duration;   /* what the transformer is told: frames / max_frames, 1 for a 95 s model */
    int branches;     /* 2 when any step is guided, else 1 */
    const drgen_style *parts; /* of the style; part_count of them, at least one */
    size_t part_count;
    drgen_style single;       /* the only part, when the song names it directly */
} request;

/* The sampler a song asks for, without its callbacks. */
cfm_run request_sampler(const drgen_song *song);

/* The song with the model's own steps, guidance, sway and length in place of those left open. Length: the model's own; if
 * model.json gives it one, more when timed lyrics go on beyond, up to 95 s. */
drgen_song request_resolve(const model_cfg *cfg, const drgen_song *song);

/* ARG and TEXT errors that name the field, the value and what would do. What song points to must outlive out. */
drgen_status request_check(request *out, const model_cfg *cfg, const drgen_song *given, drgen_err *err);

#endif
