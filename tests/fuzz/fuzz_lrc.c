/* fuzz_lrc.c - any bytes as timed lyrics, both grammars, placed on a small grid. */
#include <stdlib.h>
#include <string.h>

#include "text/frames.h"
#include "text/lrc.h"

static void ignore(void *user, int line, const char *message)
{
    *(size_t *)user += strlen(message) + (size_t)(line > 0);
}

static void place(const lrc *l, int compat, size_t *notes)
{
    enum { FRAMES = 430 };
    static const int32_t ids[] = {9, 2, 1, 5, 363};
    int32_t grid[FRAMES];
    frames_line *lines = calloc(l->count + 1, sizeof *lines);
    for (size_t i = 0; lines && i < l->count; i++)
        lines[i] = (frames_line){.seconds = l->lines[i].seconds,
                                 .ids = ids,
                                 .count = strlen(l->lines[i].text) % 6,
                                 .line = l->lines[i].line};
    if (lines) frames_place(grid, FRAMES, compat ? 2048 : 512, 20, lines, l->count, compat, ignore, notes);
    free(lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int compat = 0; compat < 2; compat++) {
        lrc l;
        size_t notes = 0;
        if (lrc_parse(&l, (const char *)data, size, compat, ignore, &notes, NULL) == DRGEN_OK)
            place(&l, compat, &notes);
        lrc_free(&l);
    }
    return 0;
}
