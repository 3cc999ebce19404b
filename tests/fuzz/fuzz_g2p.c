/* fuzz_g2p.c - any bytes as a lyric line, and any bytes as espeak's answer to its pieces: up to the first
 * zero byte the line, behind it the answer. espeak-ng itself is not called. */
#include <stdlib.h>
#include <string.h>

#include "text/g2p.h"

static drgen_status answer(void *user, const char *piece, void (*put)(void *to, const char *ipa), void *to,
                           drgen_err *err)
{
    (void)err;
    put(to, *(const char *)user ? user : piece);
    return DRGEN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 2);
    if (!line) return 0;
    memcpy(line, data, size);
    line[size] = line[size + 1] = '\0';
    g2p_voice voice = {answer, line + strlen(line) + 1, "1.51"};
    if (strlen(line) == size) voice.user = line + size; /* no answer: the piece itself */
    g2p *g;
    if (g2p_open_voice(&g, &voice, NULL) == DRGEN_OK) {
        for (int compat = 0; compat < 2; compat++) {
            int32_t *ids;
            size_t count;
            const char *silent;
            if (g2p_line(g, line, compat, &ids, &count, &silent, NULL) != DRGEN_OK && (ids || count)) abort();
            for (size_t i = 0; i < count; i++)
                if (!g2p_symbol(ids[i])) abort();
            free(ids);
        }
        g2p_close(g);
    }
    free(line);
    return 0;
}
