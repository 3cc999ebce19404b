/* lyrics.h - plain lyrics for the engine. Private to pipeline/. */
#ifndef PIPELINE_LYRICS_H
#define PIPELINE_LYRICS_H

#include "text/g2p.h"

/* 1 when the text is meant as LRC: some line begins with a time stamp or an ID tag, good or bad; also when it is empty. */
int lyrics_is_timed(const char *text);

/* The lyrics reader, with the user's lexicon when there is one. */
drgen_status lyrics_reader(g2p **out, const char *espeak_data, const char *zh_lexicon, drgen_err *err);

/* Plain text to LRC with times for a song of so many seconds; *out is malloc'd. */
drgen_status lyrics_time(g2p *g, const char *text, double seconds, double bpm, char **out, drgen_err *err);

#endif
