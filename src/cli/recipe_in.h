/* recipe_in.h - a recipe given to `drgen generate`: where it is read from, and what of it the command line leaves. */
#ifndef CLI_RECIPE_IN_H
#define CLI_RECIPE_IN_H

#include "cli/generate_opts.h"
#include "drgen.h"

/* From a JSON file, a sound file, or ("-") JSON on standard input; NULL with err. */
drgen_recipe *recipe_in_open(const char *path, drgen_err *err);

/* Puts the recipe's numbers, flags and names where nothing was typed. Texts point into the recipe. */
void recipe_in_apply(const drgen_recipe *r, generate_opts *o);
/* The same for bits and quality: for a file of the format the recipe's was. */
void recipe_in_apply_format(const drgen_recipe *r, generate_opts *o);

/* The format of the file the recipe came with, as a file name's ending: "wav" when it does not say. */
const char *recipe_in_format(const drgen_recipe *r);

#endif
