/* adapters.h - "--lora FILE[:STRENGTH]" onto a handle. */
#ifndef CLI_ADAPTERS_H
#define CLI_ADAPTERS_H

#include "cli/opts.h"
#include "drgen.h"

/* Attaches all in order. A number behind the last colon is the strength, unless a file has that whole name; anything else
 * there, short of a folder's name, is an ARG error. */
drgen_status adapters_attach(drgen *g, const opts_list *list, drgen_err *err);

#endif
