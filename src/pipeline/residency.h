/* residency.h - which mapped weights should be in memory: a phase asks for its file and drops it when it is done, so
 * that peak memory is the largest phase and not the sum. Hints only; the bytes stay readable throughout. */
#ifndef PIPELINE_RESIDENCY_H
#define PIPELINE_RESIDENCY_H

#include "pipeline/engine.h"

/* f may be NULL. The model inside the program is left alone: it is small, and its pages are not ours. */
void residency_want(const drgen *g, const st_file *f);
void residency_drop(const drgen *g, const st_file *f);

#endif
