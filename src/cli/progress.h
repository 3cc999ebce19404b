/* progress.h - tells a person or a program how far a song is: one status line on a terminal, a line now and then in a
 * pipe, JSON lines with --json. Everything the command prints while it works goes through here. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "drgen.h"

typedef enum { PROGRESS_HUMAN, PROGRESS_QUIET, PROGRESS_JSON } progress_mode;

typedef struct {
    progress_mode mode;
    int terminal;           /* stderr is one */
    int shown;              /* a status line stands unfinished on the terminal */
    int started;            /* a phase has begun */
    drgen_phase phase;
    double began, printed;  /* of the phase; when something was printed last */
    int done;               /* of the phase, and since when */
    double done_at;
    int tenth;              /* last tenth of the phase that was printed */
} progress;

progress progress_init(progress_mode mode);
/* Work stands at done of total. */
void progress_update(progress *p, drgen_phase phase, int done, int total);
/* A line for people, on stderr; nothing in the other modes. */
void progress_say(progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, also when quiet. */
void progress_insist(progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes the status line away before something else is printed. */
void progress_clear(progress *p);

/* text in JSON quotes. */
void progress_json_text(const char *text);
/* Seconds of a clock that only goes forward. */
double progress_now(void);

#endif
