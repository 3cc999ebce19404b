/* zh_lexicon.c - the user's own readings of Chinese words: a text file, mapped, with an index of its words. */
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "text/zh.h"

struct zh_lexicon {
    file_bytes bytes;
    strmap index; /* word to offset of its reading */
};

drgen_status zh_lexicon_open(zh_lexicon **out, const char *path, drgen_err *err)
{
    *out = NULL;
    zh_lexicon *l = calloc(1, sizeof *l);
    if (!l) return err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
    drgen_status status = file_map(&l->bytes, path, (size_t)1 << 28, err);
    const char *start = (const char *)l->bytes.data, *end = start + l->bytes.size;
    for (const char *line = start; status == DRGEN_OK && line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line)), *tab;
        if (!stop) stop = end;
        tab = memchr(line, '\t', (size_t)(stop - line));
        if (tab && tab > line && tab + 1 < stop && !strmap_put(&l->index, line, (size_t)(tab - line), (int32_t)(tab + 1 - start), 1))
            status = err_fail(err, DRGEN_ERR_NOMEM, "%s: out of memory", path);
        line = stop + (stop < end);
    }
    if (status == DRGEN_OK && l->index.count == 0)
        status = err_fail(err, DRGEN_ERR_FORMAT, "%s: no line of the form word TAB pinyin; is it chinese_lexicon.txt?", path);
    if (status != DRGEN_OK) zh_lexicon_close(l);
    else *out = l;
    return status;
}

void zh_lexicon_close(zh_lexicon *l)
{
    if (!l) return;
    strmap_free(&l->index);
    file_close(&l->bytes);
    free(l);
}

const char *zh_lexicon_find(const zh_lexicon *l, const char *word, size_t word_size, size_t *size)
{
    int32_t at = strmap_get(&l->index, word, word_size, -1);
    if (at < 0) return NULL;
    const char *reading = (const char *)l->bytes.data + at, *end = (const char *)l->bytes.data + l->bytes.size;
    *size = 0;
    while (reading + *size < end && reading[*size] != '\n' && reading[*size] != '\r' && reading[*size] != '\t') ++*size;
    return reading;
}
