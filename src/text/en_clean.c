/* en_clean.c - see en.h: section 3.3, punctuation and signs of an English text. Source: DiffRhythm
 * g2p/g2p/text_tokenizers and english.py. */
#include <string.h>

#include "base/utf8.h"
#include "text/en.h"

enum { ELLIPSIS = 0x2026 };

int en_is_mark(uint32_t cp)
{
    return cp == ELLIPSIS || (cp && cp < 128 && strchr(",.?!;:'", (int)cp));
}

static uint32_t plain_mark(uint32_t cp)
{
    static const struct {
        uint32_t from, to;
    } marks[] = {{0xFF0C, ','}, {0x3002, '.'}, {0xFF01, '!'},  {0xFF1F, '?'},  {0xFF1B, ';'},
                 {0xFF1A, ':'}, {0x3001, ','}, {0x2018, '\''}, {0x2019, '\''}, {0x22EF, ELLIPSIS}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (marks[i].from == cp) return marks[i].to;
    return cp;
}

typedef struct {
    str *out;
    int blank;      /* white space was seen and not yet written */
    int after_mark; /* the last character written is a mark */
} cleaner;

static void put(cleaner *c, uint32_t cp)
{
    int mark = en_is_mark(cp);
    if (!mark && utf8_is_space(cp)) {
        c->blank = 1;
        return;
    }
    if (!mark && !utf8_is_word(cp)) return; /* gone without leaving a blank */
    if (c->blank && !mark && !c->after_mark) str_puts(c->out, " ");
    char bytes[4];
    str_add(c->out, bytes, utf8_encode(cp, bytes));
    c->blank = 0;
    c->after_mark = mark;
}

void en_clean(str *out, const char *text, size_t size)
{
    text = utf8_trim(text, &size);
    cleaner c = {.out = out};
    uint32_t run = 0; /* one or two equal dots: three make an ellipsis */
    size_t dots = 0;
    for (size_t at = 0; at <= size;) {
        uint32_t cp = 0;
        size_t n = utf8_decode(text + at, size - at, &cp);
        cp = n ? plain_mark(cp) : 0;
        if (dots && cp != run)
            for (; dots; dots--) put(&c, run);
        if (n == 0) break;
        at += n;
        if (cp == '.' || cp == 0xB7 || cp == 0x30FB) {
            run = cp;
            if (++dots < 3) continue;
            dots = 0;
            cp = ELLIPSIS;
        }
        put(&c, cp);
    }
    if (c.blank && !c.after_mark) str_puts(out, " ");
}
