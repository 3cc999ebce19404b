/* segment.c - see segment.h. */
#include "text/segment.h"

#include "base/utf8.h"

segment segment_next(const char *s, size_t size)
{
    segment out = {s, size, SEGMENT_OTHER};
    uint32_t cp = 0;
    for (size_t at = 0, n; at < size && (n = utf8_decode(s + at, size - at, &cp)); at += n) {
        segment_language l = utf8_is_han(cp) ? SEGMENT_ZH : utf8_is_letter(cp) ? SEGMENT_EN : SEGMENT_OTHER;
        if (l == SEGMENT_OTHER || l == out.language) continue;
        if (out.language != SEGMENT_OTHER) {
            out.size = at;
            break;
        }
        out.language = l;
    }
    return out;
}
