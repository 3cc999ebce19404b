/* main_mknano.c - writes the folder of the model that is packed into the program. Runs at build time. */
#include <stdio.h>
#include <string.h>

#include "weights_tools/nano.h"

int main(int argc, char **argv)
{
    drgen_err err = {0};
    int half = argc == 4 && strcmp(argv[3], "f16") == 0;
    if (argc != 3 && !half) {
        fprintf(stderr, "usage: mknano DIR TRAINED [f16]\n");
        return 2;
    }
    if (nano_write(argv[1], argv[2], !half, &err) == DRGEN_OK) return 0;
    fprintf(stderr, "mknano: %s\n", err.message);
    return 1;
}
