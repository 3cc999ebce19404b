/* golden.h - the one golden runner: walks folders of cases, finds a folder's kind from its files, recomputes every
 * tensor of the expectation and compares. Nothing about particular cases is compiled in. A kind is one file
 * golden_<kind>.c that exports one golden_kind, listed in golden.c. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "base/pool.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "kernels/kern.h"

typedef struct {
    const char *dir;         /* folder of the case */
    const char *temp;        /* an existing folder for scratch files (model parts), emptied by the kind */
    const json_doc *doc;     /* manifest.json or NULL */
    const json_node *root, *config; /* of the manifest; NULL without */
    const st_file *inputs, *expected; /* NULL without */
    const kern_table *kern;
    pool *pool;
    int type;                /* pack_dtype of the weights: --f16 and --q8 report errors without judging them, but for
                              * golden_alike */
    const char *only;        /* substring a case name must hold, or NULL */
} golden;

typedef struct {
    const char *name;
    int (*match)(const golden *g); /* 1 when this folder is of the kind */
    void (*run)(golden *g);
    int shared; /* 1: other kinds may work on the same folder */
} golden_kind;

/* 1 when the case is wanted (g->only). */
int golden_wanted(const golden *g, const char *name);
/* Prints "case tensor max-error bound ok|FAIL" and counts. label is "<folder>/<case>". NaN fails. */
void golden_report(const golden *g, const char *name, const char *tensor, double max_error, double bound);
/* Compares with expected tensor "<name>.<tensor>" (any type, count must match; got is float32). Absolute error;
 * relative != 0: error divided by the expectation's largest magnitude. A missing expectation is a failure. */
void golden_compare(const golden *g, const char *name, const char *tensor, const float *got, size_t count, double bound,
                    int relative);
/* The same for one item of a batch: the expectation holds several times count values. */
void golden_compare_item(const golden *g, const char *name, const char *tensor, size_t item, const float *got,
                         size_t count, double bound, int relative);
/* For weights that are not float32: cosine with the expectation (item of a batch) of at least `cosine` and an rms error of
 * at most `rms` times its rms. */
void golden_alike(const golden *g, const char *name, const char *tensor, size_t item, const float *got, size_t count, double cosine,
                  double rms);
int golden_expects(const golden *g, const char *name, const char *tensor); /* expectation present */
/* Exact cases: ok or not, one line only when bad or at the end: golden_report with error = mismatches, bound 0. */
void golden_skip(const golden *g, const char *name, const char *why); /* printed and counted */
void golden_broken(const golden *g, const char *name, const char *why); /* a failure that is no comparison */

/* An input by name: from inputs.safetensors, or from the manifest's synthetic "inputs" list. Widened to float32,
 * malloc'd; NULL when absent. shape gets up to ST_MAX_DIMS entries. */
float *golden_input(const golden *g, const char *name, int *dims, size_t shape[ST_MAX_DIMS], size_t *count);
char *golden_path(const golden *g, const char *file); /* dir/file, malloc'd */

#endif
