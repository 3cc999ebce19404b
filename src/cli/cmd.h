/* cmd.h - the program's own commands. argv[0] is the command's name; the result is the exit code: 0 done, 1 failed,
 * 2 not understood, 128 + n stopped by signal n. */
#ifndef CLI_CMD_H
#define CLI_CMD_H

int cmd_generate(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_master(int argc, char **argv);
int cmd_qc(int argc, char **argv);
int cmd_licenses(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_phonemes(int argc, char **argv);
int cmd_time(int argc, char **argv);
int cmd_style(int argc, char **argv);
int cmd_prompt(int argc, char **argv);
int cmd_encode(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_prepare(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_judge(int argc, char **argv);

#endif
