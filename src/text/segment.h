/* segment.h - splits a lyric into stretches of one language. Source: DiffRhythm g2p, LangSegment; spec
 * lyrics.md 2. */
#ifndef TEXT_SEGMENT_H
#define TEXT_SEGMENT_H

#include <stddef.h>

typedef enum { SEGMENT_OTHER, SEGMENT_EN, SEGMENT_ZH, SEGMENT_LANGUAGES } segment_language;

typedef struct {
    const char *text; /* inside the lyric */
    size_t size;
    segment_language language;
} segment;

/* The segment that starts at s[0..size), valid UTF-8, size > 0. Anything but Chinese and Latin letters
 * belongs to the segment before it, at the start to the first; SEGMENT_OTHER only when the whole text holds
 * no such letter. */
segment segment_next(const char *s, size_t size);

#endif
