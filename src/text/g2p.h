/* g2p.h - lyrics to token ids, front door of text/: one line -> phoneme tokens. Source: spec lyrics.md. */
#ifndef TEXT_G2P_H
#define TEXT_G2P_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct g2p g2p;

/* espeak_data: folder holding espeak-ng-data (or that folder itself), or NULL for the system's. espeak-ng is
 * started with the first English line, so opening needs no data and instrumental songs never do. It is
 * process-wide state behind one lock, started once and kept: NULL later takes the folder it runs with,
 * another folder is an error at the first English line. Built without it: opening works, English lines fail
 * with a message that says so. */
drgen_status g2p_open(g2p **out, const char *espeak_data, drgen_err *err);
void g2p_close(g2p *g); /* NULL is fine */

/* Version of espeak-ng in use, "" without. */
const char *g2p_espeak_version(const g2p *g);
/* One line to show the user when that version writes other phonemes than those the model was trained on, else
 * NULL. */
const char *g2p_espeak_warning(const g2p *g);

/* Token ids (1..363) of one lyric line, Chinese, English or both. *ids is malloc'd, NULL when there are none. TEXT error
 * when the line cannot be read (the caller adds the line number). compat: exactly the original; lines without a Chinese or
 * Latin letter are an error there. Otherwise such lines give no tokens and *silent is set to why and what to do (static
 * string), unless they are blank or hold only digits, which are read; and {k|æ|t} inside the line stands for these
 * phonemes. *silent is NULL in every other case. */
drgen_status g2p_line(g2p *g, const char *line, int compat, int32_t **ids, size_t *count, const char **silent,
                      drgen_err *err);

/* Takes the readings of Chinese words from the original's chinese_lexicon.txt (word TAB pinyin) where it has them. */
drgen_status g2p_set_lexicon(g2p *g, const char *path, drgen_err *err);

/* Which language a line of digits is read in: 1 Chinese, 0 English (the default). */
void g2p_digits_in(g2p *g, int chinese);
/* 1 when the line holds a Chinese character. */
int g2p_is_chinese(const char *line);

/* The symbol of a token id, or NULL. */
const char *g2p_symbol(int32_t id);

/* Where English phonemes come from: espeak's notation (IPA, "_" between phonemes, " " between words) of one
 * piece of text that holds no punctuation, appended through `put`. For tests that replay recorded output. */
typedef struct {
    drgen_status (*phonemes)(void *user, const char *piece, void (*put)(void *to, const char *ipa), void *to,
                             drgen_err *err);
    void *user;
    const char *version; /* of espeak-ng; must outlive the handle */
} g2p_voice;

/* Like g2p_open with another voice. */
drgen_status g2p_open_voice(g2p **out, const g2p_voice *voice, drgen_err *err);

#endif
