/* main.c - the program's commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/opts.h"
#include "drgen.h"
#include "weights_tools/cmd.h"

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

static const struct {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"generate", "make a song from lyrics and a style", cmd_generate},
    {"master", "bring a sound to loudness, true peak and tone, ready to publish", cmd_master},
    {"qc", "measure a sound and judge whether it is ready to publish", cmd_qc},
    {"info", "what a sound file is, and the recipe of the song in it", cmd_info},
    {"check", "what of the lyrics will be sung, and where", cmd_check},
    {"time", "give plain lyrics time stamps", cmd_time},
    {"phonemes", "how a text is pronounced", cmd_phonemes},
    {"prompt", "build a style prompt from keywords", cmd_prompt},
    {"style", "make a style vector from words or a recording, or compare two", cmd_style},
    {"encode", "turn a sound into latents", cmd_encode},
    {"decode", "turn latents back into sound", cmd_decode},
    {"prepare", "turn recordings and their lyrics into data to train on", cmd_prepare},
    {"train", "train an adapter or a model on prepared songs", cmd_train},
    {"judge", "score a model's songs by what their words asked for", cmd_judge},
    {"convert", "turn downloaded checkpoints into a model folder", cmd_convert},
    {"inspect", "show what is in a checkpoint or a model folder", cmd_inspect},
    {"synth", "make a model folder with made-up weights", cmd_synth},
    {"licenses", "what drgen, its libraries and the models are under", cmd_licenses},
    {"version", "print the version", cmd_version},
    {"help", "this text, or the help of a command", cmd_help},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void print_help(FILE *out)
{
    fputs("drgen makes songs from timed lyrics and a style.\n\nusage: drgen COMMAND [options]\n\n", out);
    for (size_t i = 0; i < COUNT(commands); i++) fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n`drgen COMMAND --help` explains one. To begin:\n"
          "  drgen generate -l song.lrc -p \"folk, acoustic guitar, warm\" -o song.wav\n", out);
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("drgen %s\n", drgen_version());
    return 0;
}

/* OpenBLAS reads its environment while it is loaded, so to follow the library's advice the program starts itself
 * again. It does so once: the variable is set then. */
static void follow_blas_advice(char **argv)
{
    const char *core = drgen_blas_advice(), *set = getenv("OPENBLAS_CORETYPE");
    if (!core || (set && *set) || setenv("OPENBLAS_CORETYPE", core, 1) != 0) return;
    execv("/proc/self/exe", argv); /* when that fails we go on, only slower */
}

/* argv[0] is the program, argv[1] the command; commands see their own name as argv[0]. */
static int run(int argc, char **argv)
{
    const char *names[COUNT(commands) + 1] = {0};
    for (size_t i = 0; i < COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
        names[i] = commands[i].name;
    }
    const char *near = opts_nearest(argv[1], names);
    if (near) fprintf(stderr, "drgen: unknown command \"%s\"; did you mean %s?\n", argv[1], near);
    else fprintf(stderr, "drgen: unknown command \"%s\"; `drgen help` lists them\n", argv[1]);
    return 2;
}

static int cmd_help(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    char help[] = "--help";
    return run(3, (char *[]){argv[0], argv[1], help, NULL});
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return cmd_help(1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) return cmd_version(1, argv + 1);
    if (strcmp(argv[1], "generate") == 0) follow_blas_advice(argv);
    return run(argc, argv);
}
