/* stop.h - Ctrl-C for the commands that write folders: they finish the piece they are at and clean up behind them. */
#ifndef WEIGHTS_TOOLS_STOP_H
#define WEIGHTS_TOOLS_STOP_H

/* From now on SIGINT, SIGTERM and SIGHUP are noted; a second one ends the program at once. For programs, not libraries. */
void stop_on_signals(void);
/* The signal that came, or 0. */
int stop_asked(void);

#endif
