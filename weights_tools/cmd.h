/* cmd.h - the tools as commands of the program. argv[0] is the command's name; the result is the exit code: 0 done,
 * 1 failed (one line on stderr), 2 not understood. */
#ifndef WEIGHTS_TOOLS_CMD_H
#define WEIGHTS_TOOLS_CMD_H

int cmd_convert(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_synth(int argc, char **argv);

#endif
