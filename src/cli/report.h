/* report.h - quality reports as people and programs read them. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdio.h>

#include "drgen.h"

/* One line: loudness, true peak, range, and what is wrong. */
void report_line(char *out, size_t room, const drgen_qc *qc, const drgen_master_report *master);
/* Figures and checks as a table. */
void report_table(FILE *out, const drgen_qc *qc, const drgen_master_report *master);
/* All of it as JSON on standard output, with a newline. Returns 0, or -1 with one line in message. */
int report_print(const drgen_qc *qc, const drgen_qc_options *options, char *message, size_t room);
/* A picture of the sound on standard output, in colour when that is a terminal and as wide as it. */
int report_show(const drgen_audio *audio, double target, char *message, size_t room);

#endif
