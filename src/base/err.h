/* err.h - errors at the edges: files, user text, options, memory, cancellation. Mathematics cannot fail. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "drgen.h"

#if defined(__GNUC__)
#define ERR_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define ERR_PRINTF(a, b)
#endif

/* Fills err (may be NULL) unless it already holds an error - the first message wins - and returns code.
 * The message is one line: what, where, wanted, found. */
drgen_status err_fail(drgen_err *err, drgen_status code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Forgets an earlier error; every public call does this first. err may be NULL. */
void err_clear(drgen_err *err);

/* Returns from the calling function with the status of call, if it is not DRGEN_OK. Only for functions that own
 * nothing; owners go to their one exit label instead. */
#define ERR_TRY(call)                                     \
    do {                                                  \
        drgen_status err_try_status = (call);             \
        if (err_try_status != DRGEN_OK) return err_try_status; \
    } while (0)

#endif
