/* g2p.h - lyrics to token ids, front door of text/: one line -> phoneme tokens. Source: spec lyrics.md. */
#ifndef TEXT_G2P_H
#define TEXT_G2P_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct g2p g2p;

/* espeak_data: folder holding espeak-ng-data, or NULL for the system's. espeak-ng is process-wide state behind one
 * lock. Built without it: opening works, English lines fail with a message that says so. */
drgen_status g2p_open(g2p **out, const char *espeak_data, drgen_err *err);
void g2p_close(g2p *g); /* NULL is fine */
/* Version of espeak-ng in use, "" without. */
const char *g2p_espeak_version(const g2p *g);

/* Token ids (1..363) of one lyric line. *ids is malloc'd. TEXT error when the line cannot be read (the caller adds
 * the line number). compat: lines without a Chinese or Latin letter are an error like in the original; otherwise they
 * give no tokens and *silent is set to why (static string, else NULL). */
drgen_status g2p_line(g2p *g, const char *line, int compat, int32_t **ids, size_t *count, const char **silent,
                      drgen_err *err);

/* The symbol of a token id, or NULL. */
const char *g2p_symbol(int32_t id);

#endif
