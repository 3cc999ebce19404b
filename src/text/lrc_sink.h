/* lrc_sink.h - between lrc.c and its two readers; nobody else includes it. */
#ifndef TEXT_LRC_SINK_H
#define TEXT_LRC_SINK_H

#include "text/lrc.h"

typedef struct {
    lrc *out;
    lrc_note note;
    void *user;
    drgen_err *err;
} lrc_sink;

drgen_status lrc_add(const lrc_sink *to, double seconds, const char *text, size_t size, int line);
void lrc_remark(const lrc_sink *to, int line, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Both take valid UTF-8 without zero bytes. */
drgen_status lrc_read_compat(const lrc_sink *to, const char *text, size_t size);
drgen_status lrc_read_plain(const lrc_sink *to, const char *text, size_t size);

#endif
