/* lines.h - lyric lines for training and judging the embedded model, English and Chinese. */
#ifndef NANO_LINES_H
#define NANO_LINES_H

#include <stddef.h>

size_t lines_count(void);
const char *lines_text(size_t i);

#endif
